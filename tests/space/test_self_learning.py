"""Self-learning against plain formulas, and on spaces whose true map is known."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.space.linear import fit
from isogloss.space.normalise import USUAL, normalise
from isogloss.space.self_learning import (
    POINTS,
    draw_dictionary,
    self_learning,
    weighted_maps,
)


def spaces(n=400, d=20, noise=0.05, seed=0):
    """A clustered cloud of unequal variances, and the same turned, moved and in another order."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n // 8, d))
    x = centres[rng.integers(0, len(centres), n)] + 0.6 * rng.normal(size=(n, d))
    x *= np.linspace(2, 0.4, d)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    y = x @ turn + noise * rng.normal(size=(n, d)) + 0.3
    order = rng.permutation(n)
    return x.astype(np.float32), y[order].astype(np.float32), np.argsort(order)


def accuracy(learned, x, y, gold):
    found = nearest(learned.source.apply(x), learned.target.apply(y), score="csls").ids[:, 0]
    return (found == gold).mean()


def csls(x, y, k):
    cosines = x.astype(np.float64) @ y.T
    r = [np.sort(c, 1)[:, -k:].mean(1) for c in (cosines, cosines.T)]
    return 2 * cosines - r[0][:, None] - r[1], cosines


def test_a_dictionary_of_all_candidates_is_csls_both_ways():
    rng = np.random.default_rng(0)
    x, y = unit(rng.normal(size=(60, 5))), unit(rng.normal(size=(50, 5)))
    pairs, value = draw_dictionary(x, y, 1.0, rng, neighbourhood=4)
    scores, cosines = csls(x, y, 4)
    there, back = scores.argmax(1), scores.argmax(0)
    assert pairs[:60].tolist() == [[i, j] for i, j in enumerate(there)]
    assert pairs[60:].tolist() == [[i, j] for j, i in enumerate(back)]
    best = (cosines[range(60), there].mean() + cosines[back, range(50)].mean()) / 2
    assert value == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("keep", [0.1, 0.5])
def test_a_drawn_rank_is_that_of_the_best_of_a_random_subset(keep):
    rng = np.random.default_rng(1)
    x, y = unit(rng.normal(size=(200, 6))), unit(rng.normal(size=(300, 6)))
    scores, _ = csls(x, y, 10)
    place = np.argsort(np.argsort(-scores, 1), 1)  # rank of every candidate
    ranks, plain = [], []
    for _ in range(20):
        pairs, _ = draw_dictionary(x, y, keep, rng)
        there = pairs[: (np.diff(pairs[:, 0], append=-1) <= 0).argmax() + 1]
        ranks += place[there[:, 0], there[:, 1]].tolist()
        kept = np.where(rng.random(scores.shape) < keep, scores, -np.inf)
        plain += place[range(200), kept.argmax(1)].tolist()
    assert np.mean(ranks) == pytest.approx(np.mean(plain), rel=0.1)
    assert np.mean(np.array(ranks) == 0) == pytest.approx(keep, abs=0.03)
    assert len(ranks) > 0.98 * 200 * 20


def test_maps_without_weights_are_procrustes():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 6)), rng.normal(size=(30, 6))
    to_x, to_y = weighted_maps(x, y, 0)
    [step] = fit("procrustes", source=x, target=y).steps
    np.testing.assert_allclose(to_x @ to_y.T, step.matrix, atol=1e-5)


def test_weighted_maps_are_the_four_steps_one_after_the_other():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 5))

    def root(a, power):
        values, axes = np.linalg.eigh(a)
        return axes * values**power @ axes.T

    white = [root(side.T @ side, -0.5) for side in (x, y)]
    u, s, vt = np.linalg.svd((x @ white[0]).T @ (y @ white[1]))
    made = []
    for side, first, turn in ((x, white[0], u), (y, white[1], vt.T)):
        turned = side @ first @ turn @ np.diag(np.sqrt(s))
        made.append(turned @ turn.T @ root(side.T @ side, 0.5) @ turn)
    to_x, to_y = weighted_maps(x, y, 0.5)
    np.testing.assert_allclose(x @ to_x, made[0], atol=1e-8)
    np.testing.assert_allclose(y @ to_y, made[1], atol=1e-8)


def test_few_pairs_are_enough_once_the_rest_is_learnt():
    x, y, gold = spaces(noise=0.1)
    pairs = np.stack([np.arange(8), gold[:8]], 1)
    alone = self_learning("orthogonal", source=x, target=y, pairs=pairs)
    learnt = self_learning("semi_supervised", source=x, target=y, pairs=pairs, patience=5)
    assert not alone.objective and len(learnt.objective) > 10
    assert accuracy(learnt, x, y, gold) > 0.95 > 0.7 > accuracy(alone, x, y, gold)


def test_the_shape_alone_is_enough_for_like_spaces_and_identical_words_for_cognates():
    x, y, gold = spaces(noise=0.02)
    learnt = self_learning("unsupervised", source=x, target=y, patience=5)
    assert accuracy(learnt, x, y, gold) > 0.95
    names = [f"w{i}" if i % 20 else f"same{i}" for i in range(len(x))]
    other = [""] * len(y)
    for i, j in enumerate(gold):
        other[j] = names[i] if i % 20 == 0 else f"v{i}"
    twins = self_learning("identical", source=x, target=y, words=(names, other), patience=5)
    assert accuracy(twins, x, y, gold) > 0.95


def test_a_seed_repeats_and_the_maps_take_raw_vectors():
    x, y, gold = spaces(200)
    pairs = np.stack([np.arange(10), gold[:10]], 1)
    first, again, other = (
        self_learning("semi_supervised", source=x, target=y, pairs=pairs, seed=s, rounds=3)
        for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.pairs, again.pairs)
    assert first.objective == again.objective
    assert first.pairs.shape != other.pairs.shape or (first.pairs != other.pairs).any()
    prepared = normalise(x, USUAL).apply(x)
    matrix = first.source.steps[-2].matrix
    np.testing.assert_allclose(first.source.apply(x), unit(prepared @ matrix), atol=1e-5)


def test_words_beyond_the_cutoff_are_mapped_but_not_learnt_from():
    x, y, gold = spaces(200)
    pairs = np.stack([np.arange(10), gold[:10]], 1)
    learnt = self_learning("semi_supervised", source=x, target=y, pairs=pairs, cutoff=50, rounds=2)
    assert learnt.pairs.max() < 50 and len(learnt.source.apply(x)) == 200


def test_what_cannot_be_learnt_says_so():
    x, y, _ = spaces(50)
    with pytest.raises(UsageError, match="no point 'vecmap'"):
        self_learning("vecmap", source=x, target=y)
    with pytest.raises(UsageError, match="needs pairs"):
        self_learning("supervised", source=x, target=y)
    with pytest.raises(UsageError, match="need both vocabularies"):
        self_learning("identical", source=x, target=y)
    with pytest.raises(VectorError, match="the first dictionary has 0 pairs"):
        self_learning("identical", source=x, target=y, words=(["a"] * 50, ["b"] * 50))
    with pytest.raises(VectorError, match="beyond the 50 and 50"):
        self_learning("supervised", source=x, target=y, pairs=np.array([[0, 50], [1, 2]]))
    with pytest.raises(VectorError, match="widths 20 and 19"):
        self_learning("unsupervised", source=x, target=y[:, :19])
    x[3, 0] = np.nan
    with pytest.raises(VectorError, match="source: 1 of 50 rows hold NaN"):
        self_learning("unsupervised", source=x, target=y)
    assert set(POINTS) >= {"supervised", "semi_supervised", "identical", "unsupervised"}


def test_more_candidates_are_looked_at_as_learning_stalls_until_it_ends():
    x, y, gold = spaces(200)
    pairs = np.stack([np.arange(30), gold[:30]], 1)
    learnt = self_learning("semi_supervised", source=x, target=y, pairs=pairs, patience=2)
    assert len(learnt.objective) < 200  # with a tenth of them it would go on to the last round
    assert len(learnt.pairs) == 2 * 200  # the last dictionary leaves no word out
