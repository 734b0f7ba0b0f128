"""CLP-Transfer against the whole matrix of cosines."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.initialise.clp import clp, weighted
from isogloss.vocabulary.initialise.focus import focus
from isogloss.vocabulary.initialise.rows import Help, Source, overlap


def case(tokenizer_of, shift):
    source, target = tokenizer_of("wordpiece", 700), tokenizer_of("unigram")
    rng = np.random.default_rng(0)
    table = rng.normal(2, 1, (source.get_vocab_size() + 3, 6)).astype(np.float32)
    vectors = rng.normal(shift, 1, (target.get_vocab_size(), 12)).astype(np.float32)
    vectors[rng.random(len(vectors)) < 0.1] = 0
    return Source(table, source), target, vectors


@pytest.mark.parametrize("shift", [2.0, 0.2, 0.0])
def test_rows_are_those_of_the_definition(tokenizer_of, shift):
    source, target, vectors = case(tokenizer_of, shift)
    made = clp(source, target, Help(target_tokens=vectors))
    shared = dict(zip(*overlap(source.tokenizer, target), strict=True))
    anchors = [i for i in shared if vectors[i].any()]
    near = vectors[anchors] / np.linalg.norm(vectors[anchors], axis=1, keepdims=True)
    rows = source.rows[[shared[j] for j in anchors]]
    drawn = combined = 0
    for i, a in enumerate(vectors.astype(float)):
        if i in shared:
            np.testing.assert_array_equal(made.rows[i], source.rows[shared[i]])
            continue
        cosines = near @ a / np.linalg.norm(a) if a.any() else np.ones(1)
        weights = cosines / cosines.sum()
        if not a.any() or cosines.sum() < 0 or (weights**2).sum() > 1:
            assert made.made[i] == 0
            drawn += 1
            continue
        combined += 1
        assert made.parts[i] == len(anchors) and made.made[i] == 2
        np.testing.assert_allclose(made.rows[i], weights @ rows, rtol=1e-3, atol=1e-3)
    assert combined > 100 and drawn > 20
    assert made.counts() == {"random": drawn, "copied": len(shared), "combined": combined}
    assert abs(made.rows[made.made == 0].mean() - 2) < 0.3


def test_every_shared_token_has_a_share_where_focus_takes_the_nearest(tokenizer_of):
    source, target, vectors = case(tokenizer_of, 2.0)
    help = Help(target_tokens=vectors)
    mean, nearest = (f(source, target, help) for f in (clp, focus))
    combined = (mean.made == 2) & (nearest.made == 2)
    assert (mean.parts[combined] > 3 * nearest.parts[combined]).all()
    assert mean.rows[combined].std(0).max() < 0.5 * nearest.rows[combined].std(0).min()


def test_weights_that_cancel_out_are_known():
    y = np.array([[1, 0], [-1, 0.1]], np.float32)
    made = weighted(np.array([[1, 0], [0, 1], [0, -1], [1, 1]], np.float32), y, np.eye(2))
    assert made.sound.tolist() == [False, True, False, False]
    np.testing.assert_allclose(made.rows[1], [0, 1], atol=1e-6)


def test_what_is_missing_is_said(tokenizer_of):
    source, target, vectors = case(tokenizer_of, 2.0)
    with pytest.raises(UsageError, match=r"clp\.v1 needs target_tokens"):
        clp(source, target, Help())
    with pytest.raises(VectorError, match="tokens"):
        clp(source, target, Help(target_tokens=vectors[1:]))
    vectors[overlap(source.tokenizer, target).target] = 0
    with pytest.raises(UsageError, match="shared tokens none has a vector"):
        clp(source, target, Help(target_tokens=vectors))
