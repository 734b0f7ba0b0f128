"""A consensus of many languages: found where there is one, closer than any hub under noise."""

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.space.many import generalised_procrustes, to_hub


def world(noise, seed=0, n=120, d=6, languages="abcde", missing=0.0):
    """Turned and noisy copies of the same meanings, some left out."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, d))
    vectors, rows = {}, {}
    for language in languages:
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        kept = np.flatnonzero(rng.random(n) >= missing)
        kept = rng.permutation(kept)
        rows[language] = kept
        vectors[language] = truth[kept] @ turn + noise * rng.normal(size=(len(kept), d))
    return vectors, rows


def together(vectors, rows, maps):
    """Mean squared distance of the same meanings over all pairs of languages."""
    found = []
    for a in vectors:
        for b in vectors:
            _, i, j = np.intersect1d(rows[a], rows[b], return_indices=True)
            moved = maps[a].apply(vectors[a])[i] - maps[b].apply(vectors[b])[j]
            found.append((moved**2).sum(1).mean())
    return np.mean(found)


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_turned_copies_fall_together(missing):
    vectors, rows = world(0.0, missing=missing)
    maps = generalised_procrustes(vectors, rows)
    assert together(vectors, rows, maps) < 1e-8
    np.testing.assert_allclose(maps["a"].steps[0].matrix, np.eye(6), atol=1e-6)
    for made in maps.values():
        w = made.steps[0].matrix
        np.testing.assert_allclose(w.T @ w, np.eye(6), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_no_language_as_hub_brings_them_closer_than_the_consensus(seed):
    vectors, rows = world(0.8, seed=seed)
    consensus = together(vectors, rows, generalised_procrustes(vectors, rows))
    hubs = [together(vectors, rows, to_hub(vectors, rows, hub)) for hub in vectors]
    assert consensus <= min(hubs) + 1e-6


def test_iterations_never_raise_the_sum():
    vectors, rows = world(1.5, missing=0.3)
    losses = [
        generalised_procrustes(vectors, rows, iterations=i, tolerance=0)["a"].about["loss"]
        for i in (1, 2, 5, 20)
    ]
    assert losses == sorted(losses, reverse=True) and losses[0] > losses[-1]


def test_what_cannot_be_joined_says_so():
    vectors, rows = world(0.0)
    with pytest.raises(VectorError, match="2 languages"):
        generalised_procrustes({"a": vectors["a"]}, {"a": rows["a"]})
    with pytest.raises(VectorError, match="one width"):
        generalised_procrustes({**vectors, "b": vectors["b"][:, :3]}, rows)
    with pytest.raises(VectorError, match="a: rows must name"):
        generalised_procrustes(vectors, {**rows, "a": rows["a"] * 0})
    with pytest.raises(VectorError, match="e shares 0 meanings"):
        generalised_procrustes(vectors, {**rows, "e": rows["e"] + 1000})
