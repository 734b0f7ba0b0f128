"""Compression: what is restored is what its bits say, and near to what was kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.task.retrieve.codec import (
    Codec,
    compress,
    default_centres,
    fit_codec,
    read_codec,
    restore,
    write_codec,
)


def vectors(n=400, p=12, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(n, p)))


def plain(x, codec):
    """Nearest centre, then each number of the residual by itself."""
    made = []
    for one in x:
        centre = codec.centres[int(np.argmax(codec.centres @ one))]
        left = [codec.values[sum(number >= cut for cut in codec.cuts)] for number in one - centre]
        made.append(centre + np.array(left))
    return unit(np.array(made))


@pytest.mark.parametrize("bits", [1, 2])
@given(p=st.integers(1, 19), seed=st.integers(0, 5))
def test_packed_numbers_are_restored_one_by_one(bits, p, seed):
    x = vectors(40, p, seed)
    codec = fit_codec(x, 5, bits, seed)
    codes, residuals = compress(x, codec)
    assert residuals.dtype == np.uint8 and residuals.shape == (40, -(-p * bits // 8))
    np.testing.assert_allclose(restore(codes, residuals, codec), plain(x, codec), atol=1e-5)


def test_more_bits_and_more_centres_restore_better():
    x, y = vectors(2000), vectors(300, seed=1)
    lost = {}
    for centres, bits in ((1, 1), (1, 2), (64, 1), (64, 2), (1, 16)):
        codec = fit_codec(x, centres, bits)
        lost[centres, bits] = float((restore(*compress(y, codec), codec) - y).std())
    assert lost[1, 1] > lost[1, 2] > lost[1, 16] < 1e-3
    assert lost[1, 1] > lost[64, 1] > lost[64, 2]


def test_sixteen_bits_keep_the_vector_itself():
    x = vectors()
    codec = fit_codec(x, 3, 16)
    codes, residuals = compress(x, codec)
    assert residuals.dtype == np.float16
    np.testing.assert_allclose(restore(codes, residuals, codec), x, atol=1e-3)


def test_means_between_cuts_lose_least():
    x = vectors(3000)
    codec = fit_codec(x, 8, 2)
    left = x - codec.centres[compress(x, codec)[0]]

    def lost(values):
        other = codec._replace(values=values)
        level = np.searchsorted(other.cuts, left, side="right")
        return float(((other.values[level] - left) ** 2).sum())

    middle = np.quantile(left, (np.arange(4) + 0.5) / 4).astype(np.float32)  # as ColBERTv2 has them
    assert lost(codec.values) < lost(middle)


def test_centres_by_default():
    assert [default_centres(n) for n in (0, 1, 100, 3_500_000)] == [4, 4, 32, 8192]


def test_it_is_written_and_read_again(tmp_path):
    codec = fit_codec(vectors(), 4, 2)
    write_codec(codec, tmp_path / "codec.npz")
    again = read_codec(tmp_path / "codec.npz")
    assert all(np.array_equal(a, b) for a, b in zip(codec, again, strict=True))
    (tmp_path / "codec.npz").write_bytes(b"no")
    with pytest.raises(VectorError, match="make the index again"):
        read_codec(tmp_path / "codec.npz")


def test_what_cannot_be():
    x = vectors(10)
    with pytest.raises(UsageError, match="3 bits a number"):
        fit_codec(x, 2, 3)
    with pytest.raises(UsageError, match="11 centres of 10"):
        fit_codec(x, 11)
    with pytest.raises(VectorError, match="width 5, and centres of 12"):
        compress(vectors(3, 5), Codec(x, np.zeros(3), np.zeros(4), 2))
    empty = compress(x[:0], fit_codec(x, 2))
    assert [len(one) for one in empty] == [0, 0]
