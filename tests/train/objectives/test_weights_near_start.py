"""The distance of weights from their start against the plain sum."""

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.train.batch import stack_texts
from isogloss.train.objectives.weights_near_start import WeightsNearStart


def moved(norm=1):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double()
    model[1].bias.requires_grad_(False)
    objective = WeightsNearStart(norm=norm)
    objective.begin(model)
    start = [w.detach().clone() for w in model.parameters()]
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight += torch.randn_like(weight)
        model[0].bias[0] = start[1][0]
    return objective, model, start


def case(rng):
    ids = [rng.integers(0, 9, 4) for _ in range(6)]
    return moved()[0], {}, stack_texts([ids], [["eng_Latn"] * 6])


CASES = {"weights_near_start.v1": case}


@pytest.mark.parametrize("norm", [1, 2])
def test_it_is_the_mean_distance_and_its_slope(norm):
    objective, model, start = moved(norm)
    size = sum(w.numel() for w in model.parameters())
    away = [w.detach() - s for w, s in zip(model.parameters(), start, strict=True)]
    loss = objective({}, {})
    plain = sum(float((one.abs() ** norm).sum()) for one in away) / size
    np.testing.assert_allclose(float(loss.total.detach()), plain)
    loss.total.backward()
    for weight, one in zip(model.parameters(), away, strict=True):
        if weight.requires_grad:
            slope = one.sign() if norm == 1 else 2 * one
            torch.testing.assert_close(weight.grad, slope / size)
    assert model[1].bias.grad is None and model[0].bias.grad[0] == 0


def test_what_begins_beside_the_model_has_no_start():
    _, model, _ = moved()
    model.made = tuple(model[1].parameters())
    objective = WeightsNearStart()
    objective.begin(model)
    with torch.no_grad():
        model[1].weight += 1
    assert not objective({}, {}).parts["weights_near_start"]
