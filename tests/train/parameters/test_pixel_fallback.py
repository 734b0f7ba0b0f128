"""Only the network changes, covered words stay as they are, unseen words profit from seen ones."""

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.encode.fallback_words import Rule
from isogloss.encode.folder import open_folder
from isogloss.encode.pixel_network import word_rows
from isogloss.encode.pixels import Bytes
from isogloss.match.neighbours import unit
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.parallel import ParallelViews
from isogloss.train.mixtures.word_rows import WordRows
from isogloss.train.objectives.contrast import Contrast
from isogloss.train.objectives.distil import Distil
from isogloss.train.objectives.lexical import Lexical
from isogloss.train.parameters.pixel_fallback import PixelFallbackParameters

SMALL = {"layers": 1, "heads": 2, "width": 64}
GREEK = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβψδεφγηιξκλμνοπζρστθωχςυϊ")


@pytest.fixture(scope="module")
def lesson(model_folder, texts):
    """A tiny body, texts, the same in letters it does not know, and its vectors of the first."""
    folder = open_folder(model_folder("bert"), "tiny")
    known = sorted({text.lower() for text in texts if text.isascii() and text.isalpha()})
    words = [word for word in known if 3 <= len(word) <= 7]
    other = [word.translate(GREEK) for word in words]
    read = load_encoder(folder.path).encode(words, language="eng_Latn", pooling="mean")
    vectors = next(iter(read.values())).array
    return folder, words, other, vectors - vectors.mean(0), vectors.mean(0)


class Centred:
    """An objective on vectors around their mean: all texts of a random body are nearly one."""

    def __init__(self, inner, mean):
        self.inner, self.mean = inner, torch.from_numpy(mean)

    def __call__(self, outputs, batch):
        return self.inner({"vectors": outputs["vectors"] - self.mean}, batch)


def made(lesson, rule=None, renderer=None, **options):
    rule = rule or Rule(pieces=None)
    return PixelFallbackParameters(lesson[0], rule, renderer or Bytes(), 0, **{**SMALL, **options})


def mixture(lesson, parameters, rows=slice(None), **options):
    tokens = {
        "eng_Latn": parameters.read(lesson[1][rows], 30),
        "ell_Grek": parameters.read(lesson[2][rows], 30),
    }
    settings = {"size": 32, "views": 2, "drop": 0.0, "with_pivot": False, **options}
    return ParallelViews(tokens, lesson[3][rows], "eng_Latn", **settings)


def learn(lesson, steps=20, checkpoint=None, stop_at=None, rows=slice(None), **options):
    parameters = made(lesson, **options)

    def progress(step, loss):
        if step == stop_at:
            raise KeyboardInterrupt

    trained = train(
        parameters,
        [Lesson(
            mixture(lesson, parameters, rows),
            [(1.0, Centred(Contrast(), lesson[4])), (1.0, Centred(Distil(), lesson[4]))],
        )],
        LoopSettings(steps=steps, learning_rate=3e-3, threads=1, checkpoint_every=5, clip=1.0),
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return parameters, trained


def test_gradient_reaches_the_network_and_not_a_frozen_body(lesson):
    parameters = made(lesson)
    batch = mixture(lesson, parameters).batch(0, 0)
    parameters.module.train()
    assert not parameters.module.body.training
    torch.nn.init.normal_(parameters.module.network.core.leave.weight)
    parameters.module(batch)["vectors"].square().sum().backward()
    for name, weight in parameters.module.network.named_parameters():
        if name != "places":
            assert weight.grad is not None and weight.grad.abs().max() > 0, name
    assert all(weight.grad is None for weight in parameters.module.body.parameters())
    (group,) = parameters.groups()
    assert len(group["params"]) == len(list(parameters.module.network.parameters()))


def test_a_body_that_is_not_frozen_learns_too_and_is_saved(lesson, tmp_path):
    parameters, _ = learn(lesson, steps=3, freeze=False)
    assert [group.get("factor", 1) for group in parameters.groups()] == [1, 1 / 30]
    parameters.save(tmp_path)
    before, after = (
        next(iter(load_encoder(f).encode(lesson[1][:9], language="eng_Latn").values())).array
        for f in (lesson[0].path, tmp_path)
    )
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(before, after, atol=0.05)


def test_rows_of_covered_words_are_those_of_the_table(lesson):
    parameters = made(lesson)
    torch.nn.init.normal_(parameters.module.network.core.leave.weight)
    (ids,) = parameters.read([f"{lesson[1][0]} {lesson[2][0]} {lesson[1][1]}"], 30)
    embedded = parameters.module.embedded(torch.from_numpy(ids.astype("i8"))[None])[0]
    table = parameters.module.body.get_input_embeddings().weight
    size, own = parameters.tokenizer.first, ids < parameters.tokenizer.first
    assert own.sum() == len(ids) - 1
    assert torch.equal(embedded[own], table[ids[own]])
    assert torch.equal(embedded[~own][0], parameters.module.rows([int(ids[~own][0]) - size])[0])


@pytest.mark.parametrize("shape", ["bert", "gpt2", "llama-untied", "t5"])
def test_training_reads_as_the_saved_encoder_does(lesson, model_folder, shape, tmp_path):
    folder = open_folder(model_folder(shape), shape)
    rule = Rule(pieces=None, scripts=("Grek", "Cyrl"))
    parameters = PixelFallbackParameters(folder, rule, Bytes(), 0, **SMALL)
    torch.nn.init.normal_(parameters.module.network.core.leave.weight, std=0.1)
    texts = [f"{a} {b}" for a, b in zip(lesson[1][:7], lesson[2], strict=False)] + ["красный круг"]
    ids = parameters.read(texts, 99)
    lengths = np.array([len(one) for one in ids])
    batch = {
        "ids": torch.from_numpy(np.concatenate(ids).astype("i8")),
        "offsets": torch.from_numpy(lengths.cumsum() - lengths),
        "views": torch.tensor(1),
    }
    with torch.no_grad():
        ours = parameters.module.eval()(batch)["vectors"][0].numpy()
    parameters.save(tmp_path, {"steps": 0})
    encoder = load_encoder(tmp_path)
    read = encoder.encode(texts, language="ell_Grek", pooling=parameters.module.pooling)
    np.testing.assert_allclose(ours, next(iter(read.values())).array, atol=2e-5)
    before = load_encoder(folder.path).encode(lesson[1], language="eng_Latn")
    after = encoder.encode(lesson[1], language="eng_Latn")
    for layer, vectors in before.items():
        np.testing.assert_array_equal(vectors.array, after[layer].array)


def test_long_and_empty_texts_are_left_out(lesson):
    found = made(lesson).read([None, "", "λόγος " * 5, "λόγος " * 6], 5)
    assert [ids if ids is None else len(ids) for ids in found] == [None, None, 5, None]


def test_a_killed_run_ends_with_the_same_weights(lesson, tmp_path):
    whole, _ = learn(lesson, steps=9)
    with pytest.raises(KeyboardInterrupt):
        learn(lesson, steps=9, checkpoint=tmp_path / "c", stop_at=7)
    again, trained = learn(lesson, steps=9, checkpoint=tmp_path / "c")
    assert trained.resumed_at == 5
    for name, value in whole.module.network.state_dict().items():
        assert torch.equal(value, again.module.network.state_dict()[name]), name
    assert not any("body.embeddings" in key for key in _stored(tmp_path / "c"))


def _stored(folder):
    from safetensors import safe_open

    with safe_open(max(folder.iterdir()) / "weights.safetensors", "pt") as file:
        return list(file.keys())


class Scrambled(Bytes):
    """Each word has patches of its own that say nothing of its letters."""

    def draw(self, word):
        rng = np.random.default_rng(list(word.encode()))
        patches = np.zeros_like(super().draw(word))
        patches[np.arange(len(patches)), 0, rng.integers(0, 256, len(patches))] = 255
        return patches


@pytest.mark.parametrize(
    ("renderer", "least", "most"), [(Bytes(), 0.25, 1), (Scrambled(), -1, 0.2)]
)
def test_words_that_training_never_showed_profit_from_those_it_did(lesson, renderer, least, most):
    """The row of a word comes from what the word looks like: from its letters, here."""
    parameters = made(lesson, renderer=renderer)
    parameters.read(lesson[2], 30)
    words = list(parameters.tokenizer.words)
    letters = np.random.default_rng(0).normal(size=(1200, 32)).astype(np.float32)
    gold = np.stack([letters[[ord(c) for c in word]].mean(0) for word in words])
    train(
        parameters,
        [Lesson(WordRows(np.arange(60, len(words)), gold[60:], size=64), [(1.0, Lexical())])],
        LoopSettings(steps=150, learning_rate=3e-3, threads=1, clip=1.0),
    )  # fmt: skip
    with torch.no_grad():
        rows = parameters.module.rows(range(60)).numpy()
    found = unit(rows - rows.mean(0)) * unit(gold[:60] - gold[:60].mean(0))
    assert least < float(found.sum(1).mean()) < most


def test_a_batch_of_words_alone_gives_their_rows(lesson):
    parameters = made(lesson)
    torch.nn.init.normal_(parameters.module.network.core.leave.weight)
    parameters.read(lesson[2][:40], 30)
    gold = np.zeros((40, 32), np.float32)
    batch = WordRows(np.arange(40), gold, size=9).batch(0, 0)
    rows = parameters.module(batch)["rows"]
    assert rows.shape == (9, 32) and batch["shared"].tolist() == list(range(9))
    words = list(parameters.tokenizer.words)
    alone = [
        word_rows(parameters.module.network, Bytes(), [words[i]])[0]
        for i in batch["words"].tolist()
    ]
    torch.testing.assert_close(rows.detach(), torch.stack(alone), atol=1e-5, rtol=1e-5)


def test_a_pivot_that_cannot_change_is_no_view(lesson):
    parameters = made(lesson)
    without = mixture(lesson, parameters).batch(0, 0)
    beside = mixture(lesson, parameters, with_pivot=True).batch(0, 0)
    assert set(without["read"]) == {"ell_Grek"} and int(without["views"]) == 1
    assert set(beside["read"]) == {"eng_Latn", "ell_Grek"} and int(beside["views"]) == 2
    assert torch.equal(without["teacher"], beside["teacher"])


def test_batches_without_a_drawn_word_teach_nothing_and_stop_nothing(lesson, tmp_path):
    parameters = made(lesson)
    before = parameters.module.network.core.leave.bias.detach().clone()
    tokens = {
        "eng_Latn": parameters.read(lesson[1][:10], 30),
        "ell_Grek": parameters.read([lesson[2][0], *lesson[1][1:10]], 30),
    }
    few = ParallelViews(tokens, lesson[3][:10], "eng_Latn", size=2, views=2, drop=0.0)
    settings = LoopSettings(steps=12, threads=1, checkpoint_every=1, clip=1.0)
    drawn = [bool((few.batch(0, step)["ids"] >= parameters.tokenizer.first).any())
             for step in range(12)]  # fmt: skip
    assert not drawn[0] and any(drawn)
    train(parameters, [Lesson(few, [(1.0, Distil())])], settings, checkpoint=tmp_path / "c")
    assert not torch.equal(before, parameters.module.network.core.leave.bias)
