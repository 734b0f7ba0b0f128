"""Distances of posteriors against matrices and samples, and what each term sees."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from isogloss.errors import UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.posterior_transport import (
    Gaussians,
    PosteriorTransport,
    discrepancy,
    wasserstein,
)

ROWS, WIDTH, SIZE = 5, 6, 3
BODY = SimpleNamespace(config=SimpleNamespace(hidden_size=WIDTH))


def begun(**settings):
    torch.manual_seed(0)
    made = PosteriorTransport(size=SIZE, **settings)
    made.begin(SimpleNamespace(body=BODY))
    return made.double()


def views(rng, count=3):
    texts = [[rng.integers(0, 9, 3) for _ in range(ROWS)] for _ in range(count)]
    batch = stack_texts(texts, [["eng_Latn"] * ROWS] * count)
    return {"vectors": torch.from_numpy(rng.normal(size=(count, ROWS, WIDTH)))}, batch


CASES = {"posterior_transport.v1": lambda rng: (begun(aggregate=2.0), *views(rng))}


def gaussians(rng, count, shift=0.0):
    return Gaussians(
        torch.from_numpy(rng.normal(shift, 1, size=(count, SIZE))),
        torch.from_numpy(rng.uniform(0.3, 2, size=(count, SIZE))),
    )


def test_the_distance_of_pairs_is_that_of_matrices():
    rng = np.random.default_rng(0)
    left, right = gaussians(rng, 4), gaussians(rng, 4)
    for i, found in enumerate(wasserstein(left, right)):
        a, b = (np.diag(each.spread[i].numpy() ** 2) for each in (left, right))
        root = sqrtm(a)
        plain = (left.mean[i] - right.mean[i]).square().sum()
        plain = float(plain) + np.trace(a + b - 2 * sqrtm(root @ b @ root)).real
        assert float(found) == pytest.approx(plain)


def test_the_discrepancy_is_the_mean_of_kernels_over_samples():
    rng = np.random.default_rng(0)
    left, right = gaussians(rng, 3), gaussians(rng, 2, shift=1.5)
    scales = (0.2, 1.0)
    count = 4000

    def drawn(each):
        which = rng.integers(len(each.mean), size=count)
        noise = rng.normal(size=(count, SIZE))
        return each.mean[which].numpy() + each.spread[which].numpy() * noise

    def kernel(a, b):
        away = ((a[:, None] - b[None]) ** 2).sum(-1)
        return sum(np.exp(-away / (2 * s * SIZE)).mean() for s in scales)

    one, two, three, four = drawn(left), drawn(left), drawn(right), drawn(right)
    plain = kernel(one, two) + kernel(three, four) - 2 * kernel(one, three)
    assert float(discrepancy(left, right, scales)) == pytest.approx(plain, abs=0.02)
    assert plain > 0.15
    assert float(discrepancy(left, left, scales)) == pytest.approx(0, abs=1e-12)


def test_languages_as_wholes_do_not_see_which_rows_belong_together_and_pairs_do():
    outputs, batch = views(np.random.default_rng(0), 2)
    turned = {"vectors": torch.stack([outputs["vectors"][0], outputs["vectors"][1].roll(1, 0)])}
    for weights, same in (({"individual": 0.0}, True), ({"aggregate": 0.0}, False)):
        objective = begun(**weights)
        one, other = (float(objective(o, batch).total.detach()) for o in (outputs, turned))
        assert (one == pytest.approx(other)) == same
    vectors = {"vectors": outputs["vectors"][:1].expand(2, -1, -1)}
    parts = begun()(vectors, batch).parts
    assert parts["posterior_individual"] == pytest.approx(0)
    assert parts["posterior_aggregate"] == pytest.approx(0, abs=1e-12)
    assert parts["posterior_prior"] > 0


def test_spreads_count_beside_means():
    one, other = (Gaussians(torch.zeros(2, 3), torch.full((2, 3), s)) for s in (1.0, 2.0))
    assert wasserstein(one, other).tolist() == [3.0, 3.0]
    assert float(discrepancy(one, other, (1.0,))) > 0.01


def test_the_prior_keeps_posteriors_from_falling_together():
    class Free(torch.nn.Module):
        body = BODY

        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.vectors = torch.nn.Parameter(torch.randn(2, ROWS, WIDTH))

        def forward(self, batch, wanted):
            return {"vectors": self.vectors}

    spreads = []
    for prior in (0.0, 5.0):
        model, objective = Free(), PosteriorTransport(size=SIZE, prior=prior, factor=1.0)
        mixture = SimpleNamespace(batch=lambda seed, step: views(np.random.default_rng(0), 2)[1])
        parameters = SimpleNamespace(module=model, groups=lambda m=model: [{"params": [m.vectors]}])
        settings = LoopSettings(steps=150, threads=1, learning_rate=0.05)
        log = train(parameters, [Lesson(mixture, [(1.0, objective)])], settings).log
        found = objective.posterior(model.vectors.detach().flatten(0, 1))
        total = found.mean.var(0) + found.spread.square().mean(0)  # of all posteriors together
        spreads.append(float(total.mean().detach()))
        assert log[-1]["posterior_individual"] < 0.1 * log[0]["posterior_individual"]
    assert spreads[0] < 0.7 and spreads[1] == pytest.approx(1, abs=0.2)


def test_one_view_and_odd_weights_are_told():
    outputs, batch = views(np.random.default_rng(0), 1)
    with pytest.raises(UsageError, match="one view has nothing"):
        begun()(outputs, batch)
    with pytest.raises(UsageError, match="weights from 0"):
        PosteriorTransport(prior=-1.0)
    with pytest.raises(UsageError, match="not all 0"):
        PosteriorTransport(individual=0.0, aggregate=0.0, prior=0.0)
