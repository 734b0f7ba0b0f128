"""Predicted rows: what they are made of, before training and after, and what is saved."""

import numpy as np
import pytest
import torch

from isogloss import registry
from isogloss.errors import ModelError, UsageError, VectorError
from isogloss.train.hypernetwork import (
    Hypernetwork,
    Shape,
    load_hypernetwork,
    padded_pieces,
    predict,
    save_hypernetwork,
)
from isogloss.vocabulary.initialise.rows import MADE, Help, Source, overlap
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.respell import respell


def _network(columns=6, **shape):
    torch.manual_seed(0)
    return Hypernetwork(Shape(columns=columns, **{"width": 8, "heads": 2, "layers": 2, **shape}))


def _trained(columns=6, **shape):
    """One whose last map is not zero, as after training."""
    made = _network(columns, **shape)
    torch.nn.init.normal_(made.core.leave.weight, std=0.3)
    return made


@pytest.fixture(scope="module")
def source(tokenizer_of):
    tokenizer = tokenizer_of("wordpiece", 600)
    table = np.random.default_rng(0).normal(1, 3, size=(tokenizer.get_vocab_size(), 6))
    return Source(table.astype(np.float32), tokenizer)


def test_before_training_a_row_is_the_mean_of_its_pieces(source, tokenizer_of):
    target, network = tokenizer_of("unigram", 1200), _network()
    network.core.scale(source.rows)
    found = predict(network, source, target)
    for ids, row in zip(respell(source.tokenizer, target), found.rows, strict=True):
        wanted = source.rows[ids].mean(0) if ids else source.rows.mean(0)
        np.testing.assert_allclose(row, wanted, atol=1e-4)
    copied = {"copied": 3, "predicted": len(found.rows) - 3}  # unknown, padding, end
    assert found.counts() == copied


def test_after_training_order_counts_and_padding_does_not(source):
    network = _trained()
    network.core.scale(source.rows)
    table = torch.from_numpy(source.rows)
    with torch.no_grad():
        rows = network(padded_pieces([[7, 9, 30], [9, 7, 30], [50]]), table)
        alone = network(padded_pieces([[50]]), table)
    assert (rows[0] - rows[1]).abs().max() > 0.05  # the mean alone would not tell them apart
    torch.testing.assert_close(rows[2:], alone)


def test_pieces_over_the_longest_are_in_the_mean(source):
    network, table = _trained(longest=2), torch.from_numpy(source.rows)
    with torch.no_grad():
        a, b, c = network(padded_pieces([[7, 9, 30, 31], [7, 9, 31, 30], [7, 9, 40, 41]]), table)
    torch.testing.assert_close(a, b)
    assert (a - c).abs().max() > 0.05


def test_special_tokens_are_copied_and_columns_of_a_head_predicted_too(tokenizer_of):
    one, two = tokenizer_of("bpe", 800), tokenizer_of("bpe", 1200)
    table = np.random.default_rng(0).normal(size=(one.get_vocab_size(), 12)).astype(np.float32)
    network = _trained(12)
    found = predict(network, Source(table, one), two)
    pieces, shared = read_pieces(two), overlap(one, two)
    for target, own in zip(shared.target, shared.source, strict=True):
        same = np.array_equal(found.rows[target], table[own])
        assert same == pieces.special[target] == (found.made[target] == MADE.index("copied"))
    assert found.rows.shape == (two.get_vocab_size(), 12) and found.counts()["copied"] == 3


def test_the_registered_initialiser_reads_what_was_saved(source, tokenizer_of, tmp_path):
    network, target = _trained(), tokenizer_of("unigram", 600)
    network.core.scale(source.rows)
    save_hypernetwork(tmp_path / "h", network, {"steps": 3})
    initialise = registry.get("initialiser", "hypernetwork.v1")
    found = initialise(source, target, Help(), folder=tmp_path / "h")
    np.testing.assert_array_equal(found.rows, predict(network, source, target).rows)
    # Rows of a model that was tuned further move what is predicted with them.
    moved = initialise(source._replace(rows=source.rows + 1), target, Help(), folder=tmp_path / "h")
    assert (moved.rows - found.rows).mean() > 0.5


def test_other_widths_and_broken_folders_are_refused(source, tokenizer_of, tmp_path):
    with pytest.raises(VectorError, match="rows of 6 columns; the hypernetwork predicts 5"):
        predict(_network(5), source, tokenizer_of("unigram", 600))
    with pytest.raises(UsageError, match="needs the folder"):
        registry.get("initialiser", "hypernetwork.v1")(source, tokenizer_of("unigram", 600), Help())
    with pytest.raises(ModelError, match="holds no hypernetwork"):
        load_hypernetwork(tmp_path)
    save_hypernetwork(tmp_path / "h", _network())
    (tmp_path / "h" / "hypernetwork.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="cannot be read"):
        load_hypernetwork(tmp_path / "h")
    save_hypernetwork(tmp_path / "h", _network())
    (tmp_path / "h" / "hypernetwork.json").write_text('{"shape": {"columns": 6}}')
    with pytest.raises(ModelError, match="cannot be read"):
        load_hypernetwork(tmp_path / "h")
