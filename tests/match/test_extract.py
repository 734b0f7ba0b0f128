"""Every way to choose links equals a plain one written for a single pair, padded or not."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss import registry
from isogloss.match.extract import entmax15
from isogloss.match.grid import PADDING, make_grid

METHODS = registry.names("extraction")


def grids(sizes, seed, distortion=0.0):
    """A grid of pairs, and the same pairs one by one."""
    rng = np.random.default_rng(seed)
    m, n = (max(side) for side in zip(*sizes, strict=True))
    x, y = (rng.normal(size=(len(sizes), k, 5)).astype(np.float32) for k in (m, n))
    lengths = tuple(np.array(side) for side in zip(*sizes, strict=True))
    alone = [
        make_grid(x[[i], :a], y[[i], :b], (lengths[0][[i]], lengths[1][[i]]), distortion)
        for i, (a, b) in enumerate(sizes)
    ]
    return make_grid(x, y, lengths, distortion), alone


sizes = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=5)


@pytest.mark.parametrize("method", METHODS)
@given(sizes=sizes, seed=st.integers(0, 999))
def test_a_padded_batch_gives_what_each_pair_gives_alone(method, sizes, seed):
    extract = registry.get("extraction", method)
    together, alone = grids(sizes, seed)
    made = extract(together)
    assert ((made.scores[made.links] >= 0) & (made.scores[made.links] <= 1)).all()
    for i, ((m, n), grid) in enumerate(zip(sizes, alone, strict=True)):
        one = extract(grid)
        np.testing.assert_array_equal(made.links[i, :m, :n], one.links[0])
        assert made.links[i].sum() == one.links.sum()
        np.testing.assert_allclose(made.scores[i, :m, :n], one.scores[0], atol=2e-3)


def plain_itermax(s, rounds, discount=0.9):
    """Algorithm 1 of SimAlign, one cell at a time."""
    m, n = s.shape
    links = {
        (i, j) for i in range(m) for j in range(n) if s[i].argmax() == j and s[:, j].argmax() == i
    }
    for _ in range(rounds - 1):
        rows = set(range(m)) - {i for i, _ in links}
        columns = set(range(n)) - {j for _, j in links}
        if not rows or not columns or min(m, n) <= 2:
            break
        w = np.array([
            [s[i, j] * (1 if i in rows and j in columns else discount * (i in rows or j in columns))
             for j in range(n)] for i in range(m)
        ])  # fmt: skip
        links |= {
            (i, j) for i in range(m) for j in range(n)
            if w[i].argmax() == j and w[:, j].argmax() == i and (i in rows or j in columns)
        }  # fmt: skip
    return links


@given(m=st.integers(1, 8), n=st.integers(1, 8), seed=st.integers(0, 999), rounds=st.integers(1, 4))
def test_itermax_is_the_algorithm(m, n, seed, rounds):
    grid, _ = grids([(m, n)], seed)
    links = registry.get("extraction", "itermax.v1")(grid, rounds=rounds).links[0]
    assert set(zip(*map(np.ndarray.tolist, links.nonzero()), strict=True)) == plain_itermax(
        grid.similarity[0], rounds
    )


@given(m=st.integers(1, 4), n=st.integers(1, 5), seed=st.integers(0, 99))
def test_mwmf_has_the_largest_sum_of_all_matchings(m, n, seed):
    grid, _ = grids([(m, n)], seed)
    s = grid.similarity[0] if m <= n else grid.similarity[0].T
    best = max(
        sum(s[i, j] for i, j in enumerate(chosen))
        for chosen in itertools.permutations(range(s.shape[1]), s.shape[0])
    )
    links = registry.get("extraction", "mwmf.v1")(grid).links[0]
    assert links.sum() == min(m, n) and links.sum(0).max() == links.sum(1).max() == 1
    assert grid.similarity[0][links].sum() == pytest.approx(best, abs=1e-5)


def test_softmax_is_over_dot_products_in_both_directions():
    grid, _ = grids([(4, 5)], 1)
    dots = grid.dots[0]
    forward = np.exp(dots) / np.exp(dots).sum(1, keepdims=True)
    backward = np.exp(dots) / np.exp(dots).sum(0, keepdims=True)
    made = registry.get("extraction", "softmax.v1")(grid, threshold=0.1)
    np.testing.assert_array_equal(made.links[0], (forward > 0.1) & (backward > 0.1))
    np.testing.assert_allclose(made.scores[0], np.minimum(forward, backward), rtol=1e-5)


@given(size=st.integers(1, 8), scale=st.sampled_from([0.1, 1, 20]), seed=st.integers(0, 99))
def test_entmax_is_the_published_one(size, scale, seed):
    entmax = pytest.importorskip("entmax")
    torch = pytest.importorskip("torch")
    z = scale * np.random.default_rng(seed).normal(size=(3, size))
    wanted = entmax.entmax15(torch.from_numpy(z), dim=-1).numpy()
    np.testing.assert_allclose(entmax15(z), wanted, atol=1e-6)
    np.testing.assert_allclose(entmax15(z).sum(-1), 1, atol=1e-6)
    wider = np.concatenate([z, np.full((3, 2), -np.inf)], 1)
    np.testing.assert_allclose(entmax15(wider)[:, :size], wanted, atol=1e-6)


def test_partial_and_unbalanced_transport_leave_a_stranger_alone():
    x = np.eye(5, dtype=np.float32)[None, :4]  # the last source token has no translation
    y = np.eye(5, dtype=np.float32)[None, [0, 1, 2]]
    grid = make_grid(x, y, (np.array([4]), np.array([3])))
    even = {"threshold": 0.1, "regularisation": 0.1}
    settings = {
        "transport.v1": even,
        "unbalanced_transport.v1": {**even, "relaxation": 0.1},
        "partial_transport.v1": {**even, "mass": 0.7},
    }
    linked = {
        name: registry.get("extraction", name)(grid, **given).links[0].any(1).tolist()
        for name, given in settings.items()
    }
    assert linked["transport.v1"] == [True] * 4
    assert linked["partial_transport.v1"] == linked["unbalanced_transport.v1"]
    assert linked["partial_transport.v1"] == [True] * 3 + [False]


def test_distortion_lowers_what_is_far_from_the_diagonal():
    flat, _ = grids([(5, 3), (1, 4)], 0)
    bent, _ = grids([(5, 3), (1, 4)], 0, distortion=0.5)
    for i, j in itertools.product(range(5), range(3)):
        factor = 1 - 0.5 * (i / 4 - j / 2) ** 2
        assert bent.similarity[0, i, j] == pytest.approx(
            flat.similarity[0, i, j] * factor, abs=1e-6
        )
    np.testing.assert_array_equal(bent.similarity[1], flat.similarity[1])
    assert (bent.similarity[0, :, 3] == PADDING).all()
