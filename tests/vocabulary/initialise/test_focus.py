"""FOCUS against a slow version that takes token by token, as the paper tells it."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.initialise.focus import focus
from isogloss.vocabulary.initialise.mean import mean
from isogloss.vocabulary.initialise.rows import Help, Source, overlap
from isogloss.vocabulary.pieces import read_pieces


def case(tokenizer_of, kinds, c=12):
    source, target = tokenizer_of(kinds[0], 700), tokenizer_of(kinds[1])
    rng = np.random.default_rng(0)
    table = rng.normal(2, 1, (source.get_vocab_size() + 9, 6)).astype(np.float32)
    vectors = rng.normal(0.3, 1, (len(read_pieces(target)), c)).astype(np.float32)
    vectors[rng.random(len(vectors)) < 0.1] = 0
    return Source(table, source), target, vectors


def plain(source, target, vectors):
    """Rows by the definition; None for those that are drawn."""
    shared = dict(zip(*overlap(source.tokenizer, target), strict=True))
    anchors = [i for i in shared if vectors[i].any()]
    rows = []
    for i, a in enumerate(vectors):
        if i in shared:
            rows.append(source.rows[shared[i]])
        elif not a.any():
            rows.append(None)
        else:
            others = vectors[anchors].astype(float)
            z = others @ a / np.linalg.norm(a) / np.linalg.norm(others, axis=1)
            falling = np.sort(z)[::-1]
            sums, k = np.cumsum(falling), np.arange(1, len(z) + 1)
            h = k[1 + k * falling > sums].max()
            weights = np.maximum(z - (sums[h - 1] - 1) / h, 0)
            rows.append(weights @ source.rows[[shared[j] for j in anchors]])
    return rows


@pytest.mark.parametrize("kinds", [("unigram", "unigram"), ("wordpiece", "bpe")])
def test_rows_are_those_of_the_definition(tokenizer_of, kinds):
    source, target, vectors = case(tokenizer_of, kinds)
    made = focus(source, target, Help(target_tokens=vectors))
    wanted = plain(source, target, vectors)
    drawn = [row is None for row in wanted]
    assert (made.made == 0).tolist() == drawn and 10 < sum(drawn) < 200
    for row, right in zip(made.rows, wanted, strict=True):
        if right is not None:
            np.testing.assert_allclose(row, right, atol=2e-5)
    several = made.parts[made.made == 2]
    assert len(several) > 200 and several.max() < len(source.rows) / 2  # sparse, yet mixtures
    assert not np.allclose(made.rows, mean(source, target, Help()).rows, atol=0.1)
    assert abs(made.rows[made.made == 0].mean() - 2) < 0.2


def test_a_token_just_like_a_shared_one_is_mostly_that_one(tokenizer_of):
    source, target, vectors = case(tokenizer_of, ("unigram", "unigram"), c=400)
    shared = overlap(source.tokenizer, target)
    new = np.setdiff1d(np.flatnonzero(vectors.any(1)), shared.target)[0]
    anchor = next(n for n, i in enumerate(shared.target) if vectors[i].any())
    vectors -= 0.3 * vectors.any(1, keepdims=True)  # no direction that all share
    vectors[new] = 3 * vectors[shared.target[anchor]]
    row = focus(source, target, Help(target_tokens=vectors)).rows[new]
    near = np.abs(source.rows - row).sum(1).argmin()
    assert near == shared.source[anchor]


def test_what_is_missing_is_said(tokenizer_of):
    source, target, vectors = case(tokenizer_of, ("unigram", "unigram"))
    with pytest.raises(UsageError, match=r"focus\.v1 needs target_tokens"):
        focus(source, target, Help())
    with pytest.raises(VectorError, match="tokens"):
        focus(source, target, Help(target_tokens=vectors[1:]))
    vectors[overlap(source.tokenizer, target).target] = 0
    with pytest.raises(UsageError, match="shared tokens none has a vector"):
        focus(source, target, Help(target_tokens=vectors))


def test_the_same_vocabulary_is_copied(tokenizer):
    table = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 3)).astype(np.float32)
    made = focus(Source(table, tokenizer), tokenizer, Help(target_tokens=np.ones((len(table), 2))))
    np.testing.assert_array_equal(made.rows, table)
