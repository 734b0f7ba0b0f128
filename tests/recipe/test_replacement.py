"""Another tokenizer for a body: who is who, what is put around a text, what must be there."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import tiny_models as shapes
from isogloss.encode.resolve import find_model
from isogloss.errors import CorpusError, ModelError, UnknownName
from isogloss.recipe.initial_rows import Aids
from isogloss.recipe.replacement import read_target, replace_vocabulary
from isogloss.recipe.vocabulary import extend_vocabulary
from isogloss.vocabulary.check import run
from isogloss.vocabulary.initialise.rows import Rows
from isogloss.vocabulary.surgery import columns, open_model

OLD = [f"the {a} fish and a {b}" for a in ("red", "blue", "old") for b in ("cat", "dog", "sun")] * 3
NEW = [f"punainen {a} ja {b} the fish" for a in ("kala", "kissa", "koira", "talo")
       for b in ("aurinko", "kuu", "laiva")] * 3  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    known = {}

    def make(shape):
        if shape not in known:
            tokenizer = shapes.learn(shapes.SHAPES[shape], OLD, 420)
            if shape == "bert":
                tokenizer.post_processor = around(tokenizer)
            known[shape] = tmp_path_factory.mktemp(shape)
            shapes.save_model(shape, tokenizer, known[shape])
        return known[shape]

    return make


def around(tokenizer):
    from tokenizers import processors

    pair = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    return processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=pair
    )


@pytest.fixture
def file(tmp_path):
    """A WordPiece tokenizer whose special tokens are called and numbered in another way."""
    from tokenizers import Tokenizer

    state = json.loads(shapes.learn("wordpiece", NEW, 200).to_str())
    names = {
        "[PAD]": "<pad>",
        "[UNK]": "<unk>",
        "[CLS]": "<s>",
        "[SEP]": "</s>",
        "[MASK]": "<mask>",
    }
    vocabulary = state["model"]["vocab"]
    order = sorted(vocabulary, key=lambda name: (name in names, vocabulary[name]))
    at = {names.get(name, name): i for i, name in enumerate(order)}
    state["model"] |= {"vocab": at, "unk_token": "<unk>"}
    state["added_tokens"] = [
        t | {"content": names[t["content"]], "id": at[names[t["content"]]]}
        for t in state["added_tokens"]
    ]
    path = tmp_path / "new.json"
    Tokenizer.from_str(json.dumps(state)).save(str(path))
    return path


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_body_gets_another_tokenizer_and_its_roles(model, file, tmp_path):
    text = write(tmp_path / "t.txt", OLD)
    made = replace_vocabulary(
        model("bert"), tmp_path / "out", tokenizer=file, initialise="mean.v1", text=text
    )
    facts = made.facts
    assert sum(facts["rows made"].values()) == facts["rows"][1] == facts["tokens"][1]
    assert facts["rows made"]["copied"] >= 5 and facts["smoke"] is None
    assert len(facts["bits_per_character"]) == 2
    old, new = (open_model(find_model(str(p))) for p in (model("bert"), tmp_path / "out"))
    at, was = new.tokenizer.get_vocab(), old.tokenizer.get_vocab()
    assert new.model.config.pad_token_id == at["<pad>"] > 50
    assert new.tokenizer.encode("fish").tokens[0] == "<s>"
    assert new.tokenizer.encode("fish", "the").tokens.count("</s>") == 2
    assert new.wrapper.mask_token == "<mask>" and new.wrapper.pad_token == "<pad>"
    for ours, theirs in (("fish", "fish"), ("<s>", "[CLS]"), ("<mask>", "[MASK]")):
        np.testing.assert_array_equal(columns(new)[at[ours]], columns(old)[was[theirs]])
    again = replace_vocabulary(
        model("bert"), tmp_path / "out", tokenizer=file, initialise="mean.v1", text=text
    )
    assert again.facts == json.loads(json.dumps(facts))


def test_a_decoder_and_an_encoder_decoder_too(model, tmp_path):
    for shape, kind in (("llama-untied", "bpe"), ("t5", "unigram")):
        target = tmp_path / shape
        shapes.save_model(shape, shapes.learn(kind, NEW, 380), target)
        out = tmp_path / f"{shape}-out"
        facts = replace_vocabulary(
            model(shape), out, tokenizer=target, initialise="overlap.v1", multiple=32
        ).facts
        assert facts["rows"][1] % 32 == 0 and facts["rows made"]["copied"] > 10
        opened = open_model(find_model(str(out)))
        assert opened.model.config.eos_token_id == opened.wrapper.eos_token_id
        inputs = opened.wrapper("punainen kala", return_tensors="pt")
        made = opened.model.generate(**inputs, max_new_tokens=3, min_new_tokens=3)
        assert made.shape[1] >= 3


def test_positions_that_are_counted_from_the_padding_stay(tmp_path):
    """RoBERTa reads its position from the padding token's id on; another id must not shift them."""
    import torch
    import transformers

    tokenizer = shapes.learn("wordpiece", OLD, 120)
    tokenizer.post_processor = around(tokenizer)
    config = transformers.RobertaConfig(
        vocab_size=120, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=40, pad_token_id=0, bos_token_id=2,
        eos_token_id=3,
    )  # fmt: skip
    torch.manual_seed(0)
    config.vocab_size = tokenizer.get_vocab_size()
    transformers.RobertaModel(config).save_pretrained(tmp_path / "old")
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"),
                     ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), strict=True))  # fmt: skip
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{role}_token": name for role, name in names.items()}
    )
    wrapped.save_pretrained(tmp_path / "old")
    state = json.loads(tokenizer.to_str())  # the same tokens, the padding somewhere else
    vocabulary = state["model"]["vocab"]
    vocabulary["[PAD]"], vocabulary["[MASK]"] = vocabulary["[MASK]"], vocabulary["[PAD]"]
    for token in state["added_tokens"]:
        token["id"] = vocabulary[token["content"]]
    (tmp_path / "new.json").write_text(json.dumps(state))
    replace_vocabulary(
        tmp_path / "old", tmp_path / "out", tokenizer=tmp_path / "new.json", initialise="overlap.v1"
    )
    old, new = (open_model(find_model(str(tmp_path / name))) for name in ("old", "out"))
    assert (old.model.config.pad_token_id, new.model.config.pad_token_id) == (0, 4)
    assert new.model.config.max_position_embeddings == 44
    text = "the red fish and a cat"
    np.testing.assert_array_equal(run(old, [text]).states[0], run(new, [text]).states[0])


def test_what_is_missing_is_named_and_nothing_is_left(model, file, tmp_path):
    from tokenizers import Tokenizer

    state = json.loads(Tokenizer.from_file(str(file)).to_str())
    last = state["added_tokens"][-1]
    assert last["content"] == "<mask>"
    state["added_tokens"] = state["added_tokens"][:-1]
    del state["model"]["vocab"]["<mask>"]
    lacking = tmp_path / "lacking.json"
    lacking.write_text(json.dumps(state))
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "tokenizer.model").write_bytes(b"x")
    broken = write(tmp_path / "broken.json", ["{}"])
    state["model"] = {"type": "BPE", "dropout": 0.5, "vocab": {"a": 0}, "merges": []}
    random = write(tmp_path / "random.json", [json.dumps(state | {"added_tokens": []})])
    strange = tmp_path / "strange"
    greek = ["ξανθή γάτα", "μαύρη γάτα και σκύλος"] * 9
    shapes.save_model("bert", shapes.learn("wordpiece", greek, 60), strange)
    for target, said in (
        (lacking, r"no token for what the model calls mask \('\[MASK\]'\)"),
        (slow, "no fast tokenizer, tokenizer.json, only tokenizer.model"),
        (broken, "is not a tokenizer"), (tmp_path / "none.json", "no fast tokenizer"),
        (strange, "no row but at random"), (random, "cuts words at random"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=said):
            replace_vocabulary(
                model("bert"), tmp_path / "out", tokenizer=target, initialise="mean.v1"
            )
        assert not (tmp_path / "out").exists()
    other = write(tmp_path / "other.txt", greek)
    with pytest.raises(ModelError, match="no row but at random"):
        extend_vocabulary(model("bert"), tmp_path / "out", text=other)
    with pytest.raises(CorpusError, match="splits no word that occurs 99 times"):
        extend_vocabulary(model("bert"), tmp_path / "out", text=other, least=99)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UnknownName, match="initialiser"):
        replace_vocabulary(model("bert"), tmp_path / "out", tokenizer=file, initialise="nothing.v1")
    assert read_target(strange).settings["pad_token"] == "[PAD]"


def test_aids_reach_the_initialiser(model, file, tmp_path, monkeypatch):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    seen = {}

    def spy(source, target, help):
        help.need("all", "dictionary", "source_words", "target_words", "target_tokens")
        seen.update(help=help, rows=len(source.rows))
        size = max(target.get_vocab().values()) + 1
        rows = np.zeros((size, source.rows.shape[1]), np.float32)
        return Rows(rows, np.ones(size, np.int8), np.ones(size, np.int64))

    known = SimpleNamespace(get=lambda kind, name: spy)
    monkeypatch.setattr("isogloss.recipe.initial_rows.registry", known)
    vectors = write(tmp_path / "s.vec", ["3 2", "red 1 0", "cat 0 1", "dog 1 1"])
    pairs = write(tmp_path / "d.tsv", ["cat\tkissa", "dog\tkoira"])
    aids = Aids(pairs, vectors, None, NEW)
    replace_vocabulary(
        model("llama-untied"), tmp_path / "o", tokenizer=model("llama-untied"),
        initialise="mean.v1", aids=aids,
    )  # fmt: skip
    help = seen["help"]
    assert help.dictionary == [("cat", "kissa"), ("dog", "koira")]
    assert list(help.source_words[0]) == ["red", "cat", "dog"]
    assert "punainen" in help.target_words[0] and help.target_words[1].shape[1] == 300
    assert (np.abs(help.target_tokens).sum(1) > 0).sum() > 5
    assert any("tokens got a vector" in note for note in aids.notes)
    assert aids.fingerprint != Aids(pairs, vectors, None, OLD).fingerprint


@pytest.mark.parametrize("shape", ["bert", "gpt2", "llama", "t5"])
def test_extended_models_answer_as_before_on_old_tokens(model, tmp_path, shape):
    text = write(tmp_path / "t.txt", [*NEW, *OLD])
    made = extend_vocabulary(model(shape), tmp_path / "out", text=text, size=9)
    facts = made.facts
    added = facts["added"]
    assert added["words"] == 9 and bool(added["parts of them"]) == (shape in ("gpt2", "llama"))
    assert facts["tokens"][1] == facts["tokens"][0] + sum(added.values())
    assert sum(facts["rows made"].values()) == sum(added.values())
    assert 0 < facts["smoke"]["same_ids"] == facts["smoke"]["same_states"]
    old, new = (open_model(find_model(str(p))) for p in (model(shape), tmp_path / "out"))
    np.testing.assert_array_equal(columns(new)[: old.tokens], columns(old)[: old.tokens])
    word = "punainen"
    assert len(new.tokenizer.encode(word).ids) <= len(old.tokenizer.encode(word).ids)
    if shape == "bert":
        at = new.tokenizer.token_to_id("punainen")
        ids = old.tokenizer.encode(word, add_special_tokens=False).ids
        ids = [i for i in ids if i != old.tokenizer.token_to_id("[UNK]")]
        if ids:
            np.testing.assert_allclose(
                columns(new)[at], columns(old)[ids].mean(0), rtol=1e-4, atol=1e-6
            )
