"""Self-training and consistency of word links against loops over pairs and their own formulas."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from isogloss.errors import UsageError
from isogloss.match.extract import softmax
from isogloss.match.grid import make_grid
from isogloss.train.batch import stack_texts
from isogloss.train.objectives.awesome import Consistency, SelfTraining
from isogloss.train.objectives.awesome_psi import ParallelSentences
from loading import load

words = load("train/objectives/test_words.py")


def judged(rng):
    model = SimpleNamespace(
        body=SimpleNamespace(config=SimpleNamespace(hidden_size=5)),
        parameters=lambda: iter([torch.ones(1, dtype=torch.float64)]),
    )
    torch.manual_seed(0)
    objective = ParallelSentences()
    objective.begin(model)
    texts = [rng.integers(0, 9, 4) for _ in range(6)]
    batch = stack_texts(
        [texts], [["deu_Latn"] * 6], rows={"true": np.array([1, 0, 0, 1, 1, 0], np.float32)}
    )
    return objective, {"vectors": torch.from_numpy(rng.normal(size=(1, 6, 5)))}, batch


CASES = {
    "awesome_psi.v1": judged,
    "awesome_so.v1": lambda rng: (SelfTraining(layer=None), *words.linked(rng, rows=4)),
    "awesome_co.v1": lambda rng: (Consistency(layer=None), *words.linked(rng, rows=4)),
}


def pairs_of(states, batch):
    """States `[m, d]` and `[n, d]` of every pair."""
    parts = states.split(batch.lengths().tolist())
    return list(zip(parts[: batch.size], parts[batch.size :], strict=True))


def found(seed=3, scale=3.0):
    outputs, batch = words.linked(np.random.default_rng(seed))
    return (outputs["states"] * scale).requires_grad_(), batch


def test_self_training_makes_the_links_of_the_aligner_surer():
    states, batch = found()
    plain = 0.0
    for x, y in pairs_of(states, batch):
        dots = x @ y.T
        p, q = dots.softmax(1), dots.softmax(0)
        grid = make_grid(
            *(side.detach().float().numpy()[None] for side in (x, y)),
            (np.array([len(x)]), np.array([len(y)])),
        )
        links = torch.from_numpy(softmax(grid).links[0])
        assert 0 < int(links.sum()) < links.numel()
        plain = plain - ((p / len(x) + q / len(y)) * links).sum() / 2 / batch.size
    loss = SelfTraining(layer=None)({"states": states}, batch).total
    torch.testing.assert_close(loss, plain)
    (mine,), (theirs,) = (torch.autograd.grad(one, [states]) for one in (loss, plain))
    torch.testing.assert_close(mine, theirs)
    other = SelfTraining(layer=None, extraction="mwmf")({"states": states}, batch).total
    assert not torch.isclose(loss, other)


def test_consistency_is_the_trace_of_both_directions():
    states, batch = found()
    plain = 0.0
    for x, y in pairs_of(states, batch):
        dots = x @ y.T
        plain = plain - torch.trace(dots.softmax(1).T @ dots.softmax(0)) / min(dots.shape)
    loss = Consistency(layer=None)({"states": states}, batch).total
    torch.testing.assert_close(loss, plain / batch.size)
    (mine,), (theirs,) = (torch.autograd.grad(one, [states]) for one in (loss, plain / batch.size))
    torch.testing.assert_close(mine, theirs)


def test_links_one_to_one_without_doubt_are_the_least_loss():
    eye = torch.eye(4, dtype=torch.float64) * 30
    batch = stack_texts([[np.arange(4)], [np.arange(4)]], [["eng_Latn"], ["deu_Latn"]])
    outputs = {"states": torch.cat([eye, eye[[2, 0, 3, 1]]])}
    for objective in (SelfTraining(layer=None), Consistency(layer=None)):
        torch.testing.assert_close(objective(outputs, batch).total, -torch.ones((), dtype=float))


def test_pairs_are_judged_by_a_head_of_its_own():
    objective, outputs, batch = judged(np.random.default_rng(0))
    vectors = outputs["vectors"][0]
    shares = torch.sigmoid(objective.score(torch.tanh(objective.dense(vectors)))).ravel()
    plain = -torch.stack([torch.log(s if t else 1 - s) for s, t in zip(
        shares, batch["true"].tolist(), strict=True)]).mean()  # fmt: skip
    torch.testing.assert_close(objective(outputs, batch).total, plain)
    optimizer = torch.optim.Adam(objective.parameters(), 0.1)
    for _ in range(60):
        objective(outputs, batch).total.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(objective(outputs, batch).total.detach()) < 0.05


def test_another_layer_or_number_of_views_is_refused():
    outputs, batch = words.linked(np.random.default_rng(0))
    with pytest.raises(UsageError, match=r"no layer 8; the model has 0, its embeddings, to 2"):
        Consistency()(outputs, batch)
    one = stack_texts([[np.arange(4)]], [["eng_Latn"]])
    with pytest.raises(UsageError, match="between 2 views, and the mixture gives 1"):
        Consistency(layer=None)({"states": torch.ones(4, 2)}, one)
