"""Language and script reach the head alone, and are no part of what is saved."""

import numpy as np
import pytest
import torch

from isogloss.errors import TrainingError, UsageError
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.masked import MaskedText
from isogloss.train.mixtures.paired import stack_pairs
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.readers import sentences, words
from isogloss.train.student import student_of

TAGS = ("eng_Latn", "rus_Cyrl", "deu_Latn")
NUMBERS = {tag: number for number, tag in enumerate(TAGS)}


def batch():
    rng = np.random.default_rng(0)
    texts = [rng.integers(5, 400, n) for n in (3, 9, 1, 12, 5, 7)]
    gold = np.where(rng.random(37) < 0.4, rng.integers(5, 400, 37), UNKNOWN)
    return stack_texts([texts], [[*TAGS, *TAGS]], NUMBERS, tokens={"gold": gold})


@pytest.fixture
def student(model_folder, tokenizer_of):
    def make(name="langsamp.v1", shape="bert", kind="wordpiece", reader=words, **settings):
        made = student_of(
            name, model_folder(shape), tokenizer_of(kind), reader=reader, tags=TAGS, **settings
        )
        made.module.eval()
        return made

    return make


def test_logits_are_the_heads_over_states_with_both_vectors(student):
    module, given = student().module, batch()
    torch.nn.init.normal_(module.before_head.language)
    torch.nn.init.normal_(module.before_head.writing)
    found = module(given, ("logits", "states", "vectors"))
    of = torch.repeat_interleave(given["language"], given.lengths())
    script = torch.tensor([1, 0, 1])  # Cyrl, Latn by name
    more = module.before_head.language[of] + module.before_head.writing[script[of]]
    wanted = module.body.cls((found["states"] + more)[given["gold"] != UNKNOWN])
    torch.testing.assert_close(found["logits"], wanted)
    plain = student("full.v1").module(given, ("logits", "states", "vectors"))
    for name in ("states", "vectors"):
        torch.testing.assert_close(found[name], plain[name])
    assert (found["logits"] - plain["logits"]).abs().max() > 0.1


def test_a_head_that_is_made_and_a_decoder_read_them_too(student, tmp_path):
    from transformers import AutoModel

    bare = tmp_path / "bare"
    folder = student().folder
    AutoModel.from_pretrained(folder).save_pretrained(bare)
    module = words(bare, student().tokenizer).eval()
    module.now.languages = TAGS
    from isogloss.train.parameters.langsamp import langsamp

    langsamp(module)
    given = batch()
    with torch.no_grad():
        before = module(given, ("logits",))["logits"]
        module.before_head.writing[0] += 1.0  # Cyrillic
        after = module(given, ("logits",))["logits"]
    of = torch.repeat_interleave(given["language"], given.lengths())[given["gold"] != UNKNOWN]
    moved = (after - before).abs().amax(1) > 1e-4
    assert moved.tolist() == (of == 1).tolist()

    told = student(shape="t5", kind="unigram").module
    pairs = [(np.array([5, 6]), np.array([7, 8, 1])), (np.array([9]), np.array([7, 1]))]
    two = stack_pairs(pairs, ["eng_Latn", "rus_Cyrl"], NUMBERS)
    with torch.no_grad():
        before = told(two, ("logits",))["logits"]
        told.before_head.language[1] += 1.0
        after = told(two, ("logits",))["logits"]
    assert ((after - before).abs().amax(1) > 1e-4).tolist() == [False] * 3 + [True] * 2


def test_languages_of_one_script_share_what_they_learn_of_it(student):
    module, given = student().module, batch()
    Mlm()(module(given, ("logits",)), given).total.backward()
    language, writing = module.before_head.language.grad, module.before_head.writing.grad
    torch.testing.assert_close(writing[1], language[0] + language[2])
    torch.testing.assert_close(writing[0], language[1])


def test_what_is_saved_is_a_plain_model_and_the_vectors_have_learned(student, tmp_path):
    from safetensors.torch import load_file
    from transformers import AutoModelForMaskedLM

    made, plain = student(), student("full.v1")
    first = made.module.before_head.language.detach().clone()
    rng = np.random.default_rng(0)
    windows = {tag: [rng.integers(5, 400, 12) for _ in range(9)] for tag in TAGS}
    text = MaskedText(windows, 4, [0, 1, 2, 3, 4], 400, size=6, alpha=0.0, numbers=NUMBERS)
    train(made, [Lesson(text, [(1.0, Mlm())])], LoopSettings(steps=4, threads=1))
    assert ((made.module.before_head.language - first).abs().amax(1) > 1e-4).all()
    for one, name in ((made, "a"), (plain, "b")):
        (tmp_path / name).mkdir()
        one.save(tmp_path / name)
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert ours.keys() == theirs.keys()
    loaded = AutoModelForMaskedLM.from_pretrained(tmp_path / "a").eval()
    made.module.eval()
    assert torch.equal(
        loaded.get_input_embeddings().weight, made.module.body.get_input_embeddings().weight
    )
    made.save_delta(tmp_path / "delta", "0" * 16, {"use": "langsamp.v1"})
    kept = load_file(tmp_path / "delta" / "delta.safetensors")
    assert kept["before_head.language"].shape == (3, 32) and kept["before_head.writing"].shape == (
        2,
        32,
    )


def test_without_languages_there_is_nothing_to_tell(student, model_folder, tokenizer_of):
    with pytest.raises(UsageError, match="languages of the texts are not known"):
        student_of("langsamp.v1", model_folder("bert"), tokenizer_of("wordpiece"), reader=sentences)
    given = batch()
    given.texts.clear()
    with pytest.raises(TrainingError, match="of which language its texts are"):
        student().module(given, ("logits",))
