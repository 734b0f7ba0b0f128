"""Which weights change: a table alone, or only its new rows; the body stays, bit for bit."""

from functools import partial

import numpy as np
import pytest
import torch

from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.parallel import ParallelViews
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.student import student_of
from isogloss.vocabulary.extend import extend_wordpiece
from isogloss.vocabulary.save import special_roles

NEW = ["moskva", "slovo", "gorod"]
POINTS = {"full.v1": {}, "embeddings.v1": {}, "factors.v1": {"rank": 5}}


def lesson(folder, new=NEW):
    """A folder, its tokenizer with some more words, and rows for them."""
    from tokenizers import Tokenizer

    tokenizer = extend_wordpiece(Tokenizer.from_file(str(folder / "tokenizer.json")), new)
    rows = np.random.default_rng(0).normal(0, 0.05, (len(new), 32)).astype(np.float32)
    return folder, tokenizer, rows


def mixture(tokenizer, last):
    """Short texts in two languages that use the new words too."""
    rng = np.random.default_rng(1)
    size = tokenizer.get_vocab_size()
    tokens = {
        lang: [np.append(rng.integers(5, size, 6), last - i % 3) for i in range(40)]
        for lang in ("eng_Latn", "rus_Cyrl")
    }
    return ParallelViews(tokens, np.zeros((40, 1), np.float32), "eng_Latn", size=8, views=2)


def taught(parameters, *, steps=4, checkpoint=None, stop_at=None):
    def progress(step, loss):
        if step == stop_at:
            raise KeyboardInterrupt

    last = parameters.tokenizer.get_vocab_size() - 1
    trained = train(
        parameters, [Lesson(mixture(parameters.tokenizer, last), [(1.0, ContrastViews())])],
        LoopSettings(steps=steps, learning_rate=1e-3, threads=1, checkpoint_every=2),
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return parameters, trained


def weights(parameters, folder):
    """Weights of the model as others load what is saved, its table apart."""
    from transformers import AutoModel

    parameters.save(folder)
    state = AutoModel.from_pretrained(folder).state_dict()
    return state.pop("embeddings.word_embeddings.weight"), state


@pytest.mark.parametrize("point", POINTS)
def test_what_changes_and_what_stays(point, model_folder, tmp_path):
    build = partial(student_of, point)
    parts = lesson(model_folder("bert"))
    table, before = weights(build(*parts, **POINTS[point]), tmp_path / "before")
    after_table, after = weights(taught(build(*parts, **POINTS[point]))[0], tmp_path / "after")
    assert len(table) == len(after_table) == parts[1].get_vocab_size()
    assert not torch.equal(table, after_table)
    same = all(torch.equal(before[name], after[name]) for name in before)
    assert same == (point != "full.v1")


@pytest.mark.parametrize("point", ["embeddings.v1", "factors.v1"])
def test_rows_before_the_first_stay(point, model_folder, tmp_path):
    parts = lesson(model_folder("bert"))
    old = parts[1].get_vocab_size() - len(NEW)
    build = partial(student_of, point)
    before, _ = weights(build(*parts, **POINTS[point], first=old), tmp_path / "a")
    after, _ = weights(taught(build(*parts, **POINTS[point], first=old))[0], tmp_path / "b")
    assert torch.equal(before[:old], after[:old])
    assert (before[old:] != after[old:]).any(1).all()


@pytest.mark.parametrize("point", ["embeddings.v1", "factors.v1"])
def test_a_killed_run_ends_with_the_same_bits_and_keeps_what_changes(point, model_folder, tmp_path):
    from safetensors.numpy import load_file

    build = partial(student_of, point)
    parts, options = lesson(model_folder("bert")), POINTS[point]
    whole, undisturbed = taught(build(*parts, **options), steps=5)
    with pytest.raises(KeyboardInterrupt):
        taught(build(*parts, **options), steps=5, checkpoint=tmp_path / "c", stop_at=5)
    kept = load_file(tmp_path / "c" / "step-000000004" / "weights.safetensors")
    assert all("word_embeddings" in name for name in kept) and len(kept) <= 2
    resumed, trained = taught(build(*parts, **options), steps=5, checkpoint=tmp_path / "c")
    assert trained.resumed_at == 4 and trained.log == undisturbed.log
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name


def test_the_table_has_the_gradient_that_it_has_when_all_trains(model_folder):
    parts = lesson(model_folder("bert"))
    batch = mixture(parts[1], parts[1].get_vocab_size() - 1).batch(0, 0)
    found = []
    for point in ("full.v1", "embeddings.v1"):
        module = student_of(point, *parts).module.eval()
        ContrastViews()(module(batch), batch).total.backward()
        found.append(module.body.get_input_embeddings().weight.grad)
    torch.testing.assert_close(*found)


def test_what_is_saved_reads_its_tokenizer(model_folder, tmp_path):
    from transformers import AutoTokenizer

    parts = lesson(model_folder("bert"))
    student_of("embeddings.v1", *parts).save(tmp_path / "s")
    wrapper = AutoTokenizer.from_pretrained(tmp_path / "s")
    assert wrapper.tokenize("gorod") == ["gorod"] and special_roles(wrapper)["mask"] == "[MASK]"
