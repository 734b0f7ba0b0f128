"""Rough maps become good ones without a dictionary, and the consensus is the one of known pairs."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.space.barycentre import barycentre
from isogloss.space.many import generalised_procrustes, to_hub
from isogloss.space.map import Affine, Map

D = 8


def world(seed=0, n=80, noise=0.3, languages="abc", turned=0.15):
    """Turned, noisy, shuffled copies, the order of each, and maps that undo the turns roughly."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, D))
    vectors, order, start = {}, {}, {}
    for lang in languages:
        turn = np.linalg.qr(rng.normal(size=(D, D)))[0]
        order[lang] = rng.permutation(n)
        vectors[lang] = unit((truth @ turn + noise * rng.normal(size=(n, D)))[order[lang]])
        astray, signs = np.linalg.qr(np.eye(D) + turned * rng.normal(size=(D, D)))
        start[lang] = Map((Affine(matrix=turn.T @ (astray * np.sign(np.diag(signs)))),))
    return vectors, order, start


def accuracies(vectors, order, maps):
    """Between any two languages, the share of words whose nearest word is the translation."""
    found = []
    for a in vectors:
        for b in set(vectors) - {a}:
            sides = [unit(maps[lang].apply(vectors[lang])) for lang in (a, b)]
            found.append((order[b][nearest(*sides).ids[:, 0]] == order[a]).mean())
    return np.array(found)


def between(maps, a, b):
    """The turn from one language to another through the common space."""
    return maps[a].steps[0].matrix @ maps[b].steps[0].matrix.T


@pytest.mark.parametrize("seed", range(3))
def test_it_induces_the_lexicons_that_its_start_does_not(seed):
    vectors, order, start = world(seed, noise=0.1)
    maps = barycentre(vectors, start=start)
    assert accuracies(vectors, order, start).mean() < 0.85
    assert accuracies(vectors, order, maps).min() > 0.97
    for made in maps.values():
        np.testing.assert_allclose(
            made.steps[0].matrix.T @ made.steps[0].matrix, np.eye(D), atol=1e-5
        )


@pytest.mark.parametrize("seed", range(2))
def test_under_noise_it_improves_every_lexicon_and_lowers_the_cost(seed):
    vectors, order, start = world(seed)
    maps = barycentre(vectors, start=start)
    assert (accuracies(vectors, order, maps) > accuracies(vectors, order, start) + 0.1).all()
    costs = maps["a"].about["costs"]
    assert max(np.diff(costs)) < 1e-4 and costs[-1] < costs[0] / 2


def test_where_plans_are_right_it_is_the_consensus_of_known_translations():
    vectors, order, start = world(noise=0.15, turned=0.02)
    tight = {"start": start, "regularisation": 0.005, "tolerance": 1e-7}
    ours = barycentre(vectors, **tight)
    known = generalised_procrustes(vectors, order)
    hub = to_hub(vectors, order, "a")
    from_hub = hub["b"].steps[0].matrix @ hub["c"].steps[0].matrix.T
    np.testing.assert_allclose(between(ours, "b", "c"), between(known, "b", "c"), atol=2e-3)
    assert np.abs(between(ours, "b", "c") - from_hub).max() > 5e-3
    all_on_one = barycentre(vectors, weights={"a": 1, "b": 0, "c": 0}, **tight)
    np.testing.assert_allclose(between(all_on_one, "b", "c"), from_hub, atol=2e-3)


def test_languages_may_be_of_unequal_size_and_starts_of_any_steps():
    vectors, order, start = world(noise=0.05)
    vectors["b"], order["b"] = vectors["b"][:60], order["b"][:60]
    centred = {lang: Map((*m.steps, Affine(shift=np.full(D, 0.05)))) for lang, m in start.items()}
    maps = barycentre(vectors, start=centred, iterations=8)
    before, after = (accuracies(vectors, order, m) for m in (start, maps))
    assert after.mean() > before.mean() + 0.1
    assert maps["b"].about["n"] == 60
    assert barycentre(vectors, start=start, size=50, iterations=1)["a"].about["n"] == 50


def test_bad_input_is_refused():
    vectors, _, start = world()
    with pytest.raises(VectorError, match="2 languages"):
        barycentre({"a": vectors["a"]}, start=start)
    with pytest.raises(VectorError, match="no start for b, c"):
        barycentre(vectors, start={"a": Map()})
    with pytest.raises(VectorError, match="no weight for c"):
        barycentre(vectors, start=start, weights={"a": 1, "b": 1})
    with pytest.raises(VectorError, match="not all 0"):
        barycentre(vectors, start=start, weights=dict.fromkeys(vectors, 0))
    with pytest.raises(VectorError, match="one width"):
        barycentre({**vectors, "b": vectors["b"][:, :3]}, start=start)
    with pytest.raises(UsageError, match="positive"):
        barycentre(vectors, start=start, regularisation=0)
