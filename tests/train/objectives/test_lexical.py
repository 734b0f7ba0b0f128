"""Shared tokens are to keep the source's rows; nothing else is asked."""

import pytest
import torch

from isogloss.train.objectives.lexical import Lexical


def test_it_is_the_mean_distance_as_a_share_of_the_mean_length():
    rows = torch.tensor([[3.0, 4.0], [9.0, 9.0], [0.0, 2.0]])
    batch = {"shared": torch.tensor([0, 2]), "gold": torch.tensor([[3.0, 0.0], [0.0, 2.0]])}
    loss = Lexical()({"rows": rows}, batch)
    assert float(loss.total) == pytest.approx((4 + 0) / (3 + 2))
    assert loss.parts == {"lexical": pytest.approx(4 / 5)}


def test_a_row_that_is_right_and_a_batch_without_any_give_no_gradient():
    rows = torch.ones(2, 3, requires_grad=True)
    for shared in ([0, 1], []):
        batch = {
            "shared": torch.tensor(shared, dtype=torch.long),
            "gold": torch.ones(len(shared), 3),
        }
        loss = Lexical()({"rows": rows}, batch)
        (gradient,) = torch.autograd.grad(loss.total, rows)
        assert float(loss.total.detach()) == 0 and not gradient.any()


def _rows(rng):
    batch = {"shared": torch.tensor([0, 3]), "gold": torch.from_numpy(rng.normal(size=(2, 4)))}
    return Lexical(), {"rows": torch.from_numpy(rng.normal(size=(5, 4)))}, batch


CASES = {"lexical.v1": _rows}
