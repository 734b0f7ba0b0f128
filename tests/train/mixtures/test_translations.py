"""Prompts with a source, and with the target itself, before the same answer."""

import itertools

import numpy as np
import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError, UsageError
from isogloss.train.batch import UNKNOWN
from isogloss.train.material import Material
from isogloss.train.mixtures.translations import translations

TEXTS = {
    "eng_Latn": ["one two", "three", None, "four four four four"],
    "deu_Latn": ["eins zwei", "drei drei", "x", "vier"],
}
TEMPLATE = "to {target} {text} ="


def run(told=None, **texts):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    every = " ".join(t or "" for column in TEXTS.values() for t in column).split()
    words = sorted({*every, "to", "=", "eng_Latn", "deu_Latn", "<s>", "</s>", "<end>"})
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, "<s>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[(name, made.token_to_id(name)) for name in ("<s>", "</s>")],
    )
    corpus = make_corpus("mine", list("abcd"), texts or TEXTS)
    material = Material(
        {"train": corpus}, made, [], None, "eng_Latn", ["deu_Latn"], 9,
        note=(told if told is not None else []).append,
    )  # fmt: skip
    return material, words


def views(batch, words):
    """Words of each text, and for each told token what it is told after."""
    ids = np.split(batch["ids"].numpy(), batch["offsets"][1:].numpy())
    gold = np.split(batch["gold"].numpy(), batch["offsets"][1:].numpy())
    texts = [" ".join(words[i] for i in each) for each in ids]
    told = [
        [(words[i], words[g]) for i, g in zip(a, b, strict=True) if g != UNKNOWN]
        for a, b in zip(ids, gold, strict=True)
    ]
    half = len(texts) // 2
    return list(zip(texts[:half], texts[half:], told[:half], told[half:], strict=True))


def test_both_views_tell_the_target_and_its_end():
    told = []
    material, words = run(told)
    mixture = translations(material, text="train", template=TEMPLATE, batch=8)
    seen = {}
    for step in range(20):
        for first, second, a, b in views(mixture.batch(0, step), words):
            assert a == b, "the same tokens are told, after the same tokens"
            seen[first] = (second, a)
    assert seen["to deu_Latn one two = eins zwei"] == (
        "to deu_Latn eins zwei = eins zwei",
        [("=", "eins"), ("eins", "zwei"), ("zwei", "</s>")],
    )
    assert "to eng_Latn drei drei = three" in seen and len(seen) == 5
    assert told == [
        "train: 1 rows from deu_Latn to eng_Latn that are over 9 tokens or have none were not "
        "trained on"
    ], "four words twice and the prompt are eleven tokens"


def test_an_end_can_be_named_and_the_tags_of_the_languages_too():
    material, words = run()
    mixture = translations(material, text="train", template="{source} {text} to", end="<end>")
    [*_, last] = views(mixture.batch(0, 0), words)
    assert last[2][-1][1] == "<end>" and last[0].split()[0] in ("eng_Latn", "deu_Latn")
    batch = mixture.batch(0, 0)
    assert set(batch["read"]) == {"eng_Latn", "deu_Latn"}


def test_what_cannot_be_read_is_refused():
    material, _ = run()
    with pytest.raises(UsageError, match=r"no \{text\}"):
        translations(material, text="train", template="{target}")
    with pytest.raises(UsageError, match="'<no>' is no token"):
        translations(material, text="train", end="<no>")
    with pytest.raises(TrainingError, match="eng_Latn and another language are needed"):
        translations(run(deu_Latn=["eins", "drei", None, None])[0], text="train")
    material.longest = 3
    with pytest.raises(TrainingError, match="no row fits the model's window"):
        translations(material, text="train", template=TEMPLATE)


def test_a_decoder_tells_both_views_and_is_pulled_to_agree(model_folder):
    """The loss is that of the model read plainly, one text at a time."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    from isogloss.train.objectives.cross_consistency import CrossConsistency
    from isogloss.train.readers import words
    from isogloss.train.student import student_of

    folder = model_folder("llama")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    names = list("abcd")
    corpus = make_corpus("mine", names, {t: [f"{n} {t[0]}" for n in names] for t in TEXTS})
    material = Material({"train": corpus}, tokenizer, [], None, "eng_Latn", ["deu_Latn"], 60)
    batch = translations(material, text="train", batch=3).batch(0, 0)
    module = student_of("full.v1", folder, tokenizer, reader=words).module.eval()
    found = CrossConsistency()(module(batch, ("logits",)), batch).total
    model, (before, behind) = AutoModelForCausalLM.from_pretrained(folder).eval(), module.ends
    starts = [*batch["offsets"].tolist(), len(batch["ids"])]
    told = []
    for a, b in itertools.pairwise(starts):
        ids = torch.tensor([[*before, *batch["ids"][a:b].tolist(), *behind]])
        logits = model(input_ids=ids).logits[0, len(before) : len(before) + b - a]
        told.append(torch.log_softmax(logits[batch["gold"][a:b] != UNKNOWN], -1))
    p, q = torch.cat(told[:3]), torch.cat(told[3:])
    plain = (p.exp() * (p - q)).sum(-1).mean()
    torch.testing.assert_close(found, plain)
    assert found > 1e-6
