"""Rows of words: alike for alike words, the same in any company, back from the disk bit by bit."""

import json

import numpy as np
import pytest
import torch

from isogloss.encode.fallback_words import Rule
from isogloss.encode.pixel_network import (
    ABOUT,
    WEIGHTS,
    FallbackNetwork,
    Shape,
    load_fallback,
    save_fallback,
    stack,
    word_rows,
)
from isogloss.encode.pixels import Bytes
from isogloss.errors import ModelError

WORDS = ["a", "abc", "слово", "日本", "a much longer one"]


@pytest.fixture
def made():
    """A network that has left its first values, where all words have one row."""
    torch.manual_seed(0)
    network = FallbackNetwork(Shape(inputs=256, columns=6, longest=20, width=16, heads=2, layers=2))
    torch.nn.init.normal_(network.core.leave.weight)
    return network.eval()


def test_it_begins_at_the_mean_row_and_in_the_scale_of_the_table():
    table = np.random.default_rng(0).normal(3, 2, size=(50, 6)).astype(np.float32)
    network = FallbackNetwork(Shape(inputs=256, columns=6, longest=20, width=16, heads=2))
    network.core.scale(table)
    rows = word_rows(network, Bytes(20), WORDS).numpy()
    np.testing.assert_allclose(rows, np.tile(table.mean(0), (5, 1)), rtol=1e-5)
    torch.nn.init.zeros_(network.core.leave.weight)
    network.core.leave.bias.data.fill_(1)
    raised = word_rows(network, Bytes(20), ["a"]).numpy()[0]
    np.testing.assert_allclose(raised, table.mean(0) + table.std(0), rtol=1e-5)


def test_the_row_of_a_word_does_not_depend_on_its_company(made):
    together = word_rows(made, Bytes(20), WORDS * 60).numpy()  # more than are read at a time
    alone = np.concatenate([word_rows(made, Bytes(20), [word]).numpy() for word in WORDS])
    np.testing.assert_allclose(together, np.tile(alone, (60, 1)), atol=1e-5)
    assert len(np.unique(alone.round(4), axis=0)) == len(WORDS)
    assert word_rows(made, Bytes(20), []).shape == (0, 6)


def test_what_stands_behind_a_word_is_not_read(made):
    patches, lengths = stack([Bytes(20).draw(word) for word in WORDS])
    plain = made(patches, lengths)
    for row, length in zip(patches, lengths, strict=True):
        row[int(length) :] = 255
    torch.testing.assert_close(made(patches, lengths), plain)


def test_the_order_of_letters_counts(made):
    rows = word_rows(made, Bytes(20), ["abc", "cba"])
    assert (rows[0] - rows[1]).abs().max() > 1e-3


def test_it_is_read_as_it_was_written(made, tmp_path):
    rule = Rule(pieces=None, scripts=("Cyrl",))
    save_fallback(tmp_path, made, Bytes(20), rule, {"steps": 7})
    network, renderer, read = load_fallback(tmp_path)
    assert read == rule and renderer.about() == {"kind": "bytes", "longest": 20}
    assert json.loads((tmp_path / ABOUT).read_text())["about"] == {"steps": 7}
    assert not network.training
    torch.testing.assert_close(
        word_rows(network, renderer, WORDS), word_rows(made, Bytes(20), WORDS), rtol=0, atol=0
    )


@pytest.mark.parametrize("damage", ["shape", "weights", "json", "longest"])
def test_damaged_ones_are_refused(made, tmp_path, rewrite, damage):
    save_fallback(tmp_path, made, Bytes(20), Rule(), {})
    if damage == "shape":
        rewrite(tmp_path / ABOUT, shape={"inputs": 256, "columns": 7, "longest": 20})
    elif damage == "weights":
        (tmp_path / WEIGHTS).unlink()
    elif damage == "json":
        (tmp_path / ABOUT).write_text("{}")
    else:
        rewrite(tmp_path / ABOUT, renderer={"kind": "bytes", "longest": 21})
    with pytest.raises(ModelError, match=r"cannot be read|patches of another size"):
        load_fallback(tmp_path)
