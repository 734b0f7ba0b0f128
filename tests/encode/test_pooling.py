import pytest
import torch

from isogloss.encode.pooling import POOLINGS, check_pooling, pool
from isogloss.errors import UsageError


def test_each_pooling_on_numbers_done_by_hand():
    hidden = torch.tensor([[[1.0], [2.0], [6.0]], [[4.0], [10.0], [99.0]]])  # [2, 3, 1]
    lengths = torch.tensor([3, 2])
    expected = {"mean": [3, 7], "cls": [1, 4], "last": [6, 10], "weighted": [23 / 6, 8]}
    assert set(expected) == set(POOLINGS)
    for name, values in expected.items():
        assert pool(hidden, lengths, name)[:, 0].tolist() == pytest.approx(values)


def test_no_token_gives_zeros():
    for name in POOLINGS:
        assert not pool(torch.ones(1, 2, 3), torch.tensor([0]), name).any()


def test_unknown_pooling():
    with pytest.raises(UsageError, match="known: mean"):
        check_pooling("max")
