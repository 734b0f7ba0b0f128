"""Plans have the sums they promise, and the least cost as the regularisation falls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from isogloss.errors import UsageError
from isogloss.match.transport import partial, sinkhorn


def problem(m, n, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random(m) + 0.1, rng.random(n) + 0.1
    return rng.random((m, n)), a / a.sum(), b / b.sum()


@given(m=st.integers(1, 6), n=st.integers(1, 6), seed=st.integers(0, 99))
def test_a_balanced_plan_has_the_sums(m, n, seed):
    cost, a, b = problem(m, n, seed)
    plan = sinkhorn(cost, a, b, iterations=5000, tolerance=1e-10)
    np.testing.assert_allclose(plan.sum(1), a, atol=1e-6)
    np.testing.assert_allclose(plan.sum(0), b, atol=1e-6)


def test_a_sharp_plan_is_the_assignment():
    cost, _, _ = problem(6, 6, 3)
    even = np.full(6, 1 / 6)
    plan = sinkhorn(cost, even, even, regularisation=0.005, iterations=20_000)
    rows, columns = linear_sum_assignment(cost)
    assert plan.argmax(1).tolist() == columns[np.argsort(rows)].tolist()


def test_an_unbalanced_plan_is_the_minimum_of_its_objective():
    cost, a, b = problem(3, 4, 0)
    e, r = 0.1, 0.3

    def kl(p, q):
        return (p * np.log(p / q) - p + q).sum()

    def objective(p):
        entropy = (p * (np.log(p) - 1)).sum()
        return (p * cost).sum() + e * entropy + r * (kl(p.sum(1), a) + kl(p.sum(0), b))

    plan = sinkhorn(cost, a, b, regularisation=e, relaxation=r, iterations=5000, tolerance=1e-12)
    rng = np.random.default_rng(1)
    assert all(
        objective(plan) <= objective(plan * np.exp(size * rng.normal(size=plan.shape)))
        for size in (1e-3, 1e-2, 1e-1) for _ in range(50)
    )  # fmt: skip
    assert abs(plan.sum() - 1) > 0.01  # it is not the balanced one
    wide = sinkhorn(cost, a, b, relaxation=1e9, iterations=5000)
    np.testing.assert_allclose(wide, sinkhorn(cost, a, b, iterations=5000), atol=1e-5)


@given(m=st.integers(1, 5), n=st.integers(1, 5), seed=st.integers(0, 99),
       mass=st.floats(0.05, 1))  # fmt: skip
def test_a_partial_plan_moves_its_mass_and_no_more_than_there_is(m, n, seed, mass):
    cost, a, b = problem(m, n, seed)
    plan = partial(cost, a, b, mass, regularisation=0.2)
    assert (plan >= 0).all()
    assert plan.sum() == pytest.approx(mass, abs=2e-2)
    assert (plan.sum(1) <= a + 1e-2).all() and (plan.sum(0) <= b + 1e-2).all()


def test_problems_in_a_batch_are_those_alone_and_padding_is_not_moved():
    cost, a, b = problem(3, 4, 5)
    batch = np.zeros((2, 4, 6))
    batch[0, :3, :4] = cost
    batch[1] = problem(4, 6, 6)[0]
    masses = [np.array([[*a, 0], [0.25] * 4]), np.array([[*b, 0, 0], [1 / 6] * 6])]
    plan = sinkhorn(batch, *masses, iterations=3000)
    np.testing.assert_allclose(plan[0, :3, :4], sinkhorn(cost, a, b, iterations=3000), atol=1e-7)
    assert not plan[0, 3].any() and not plan[0, :, 4:].any()


def test_settings_that_cannot_work_say_so():
    cost, a, b = problem(2, 2, 0)
    with pytest.raises(UsageError, match=r"regularisation is 0\.0001"):
        sinkhorn(cost, a, b, regularisation=1e-4)
    with pytest.raises(UsageError, match=r"mass is 1\.5"):
        partial(cost, a, b, 1.5)
