"""Token vectors in few bytes: the nearest centre, and what is left in one or two bits a number."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit

Bits = Literal[1, 2, 16]
_PART = 2**15  # vectors that are compared with the centres together
_CUT = 2**14  # vectors whose numbers tell where to cut; they are many millions already


class Codec(NamedTuple):
    """How vectors are kept.

    Attributes:
        centres: `[c, p]` float32 unit vectors.
        cuts: `[2^bits - 1]` rising, between the values of a residual's number.
        values: `[2^bits]` what a number between two cuts is restored to.
        bits: of a number; 16 keeps the vector itself as float16, and nothing is quantised.
    """

    centres: np.ndarray
    cuts: np.ndarray
    values: np.ndarray
    bits: int


def default_centres(tokens: int) -> int:
    """The power of two nearest to 4 sqrt(tokens).

    A quarter of what ColBERTv2 takes: assigning passages to centres is most of what indexing costs
    beside the encoder.
    """
    return 2 ** max(0, round(np.log2(4 * max(tokens, 1) ** 0.5)))


def fit_codec(sample: np.ndarray, centres: int, bits: Bits = 2, seed: int = 0) -> Codec:
    """Centres by spherical k-means, and cuts at quantiles of all numbers of the residuals.

    A number is restored to the mean of those between the same cuts, which makes the squared error
    least; ColBERTv2 takes the quantile in the middle.

    Args:
        sample: `[t, p]` unit vectors.
        centres: how many; at most t.
        bits: of a number: 1, 2, or 16 for none lost.
        seed: of the first centres.

    Raises:
        UsageError: other bits, or more centres than vectors.

    Source: Santhanam et al. (2022), ColBERTv2, section 3.3 (residual compression).
    """
    import torch

    from isogloss.match.inverted import spherical_centres

    if bits not in (1, 2, 16):
        raise UsageError(f"{bits} bits a number; there is 1, 2 and 16")
    if not 1 <= centres <= len(sample):
        raise UsageError(
            f"{centres} centres of {len(sample)} token vectors",
            remedy="ask for fewer centres, or leave their number out",
        )
    with torch.inference_mode():
        found = spherical_centres(torch.from_numpy(sample), centres, seed).numpy()
    if bits == 16:
        return Codec(found, np.empty(0, np.float32), np.empty(0, np.float32), bits)
    few = np.ascontiguousarray(sample[:: max(1, len(sample) // _CUT)])
    left = (few - found[nearest_centres(few, found)]).ravel()
    cuts = np.quantile(left, np.arange(1, 2**bits) / 2**bits).astype(np.float32)
    level = np.searchsorted(cuts, left, side="right")
    counts = np.maximum(np.bincount(level, minlength=2**bits), 1)
    values = np.bincount(level, left, minlength=2**bits) / counts
    return Codec(found, cuts, values.astype(np.float32), bits)


def nearest_centres(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The centre with the largest product of each vector: `[t]` int32."""
    import torch

    from isogloss.encode.products import affine

    with torch.inference_mode():
        product = affine((torch.from_numpy(centres), None))
        parts = torch.from_numpy(vectors).split(max(1, min(_PART, 2**24 // len(centres))))
        found = [product(part).argmax(1).int() for part in parts if len(part)]
    return torch.cat(found).numpy() if found else np.empty(0, np.int32)


def compress(vectors: np.ndarray, codec: Codec) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors `[t, p]` as centres `[t]` and residuals `[t, bytes]`, or `[t, p]` float16.

    Raises:
        VectorError: other than the width of the centres.
    """
    if vectors.shape[1] != codec.centres.shape[1]:
        raise VectorError(
            f"vectors of width {vectors.shape[1]}, and centres of {codec.centres.shape[1]}"
        )
    codes = nearest_centres(vectors, codec.centres)
    if codec.bits == 16:
        return codes, vectors.astype(np.float16)
    packed = []
    for at in range(0, len(vectors), _PART):  # levels are eight times as large as what they are in
        part = slice(at, at + _PART)
        left = vectors[part] - codec.centres[codes[part]]
        level = np.searchsorted(codec.cuts, left, side="right").astype(np.uint8)  # [t, p]
        planes = [(level >> bit) & 1 for bit in reversed(range(codec.bits))]
        packed.append(np.packbits(np.stack(planes, 2).reshape(len(left), -1), axis=1))
    width = -(-codec.centres.shape[1] * codec.bits // 8)
    return codes, np.concatenate([np.empty((0, width), np.uint8), *packed])


def restore(codes: np.ndarray, residuals: np.ndarray, codec: Codec) -> np.ndarray:
    """Unit vectors `[t, p]` float32, as near to those that were compressed as the bits allow."""
    if codec.bits == 16:
        return unit(residuals)
    width = codec.centres.shape[1]
    left = _table(codec)[residuals].reshape(len(residuals), -1)[:, :width]
    return unit(codec.centres[codes] + left)


def _table(codec: Codec) -> np.ndarray:
    """The numbers that each byte stands for: `[256, 8 / bits]`."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)  # [256, 8]
    weights = 2 ** np.arange(codec.bits)[::-1]
    return codec.values[bits.reshape(256, -1, codec.bits) @ weights]


def write_codec(codec: Codec, path: Path) -> None:
    """Write it as `.npz`."""
    from isogloss.files import atomic_write

    with atomic_write(path, "wb") as file:
        np.savez(file, **codec._asdict())


def read_codec(path: Path) -> Codec:
    """What `write_codec` wrote.

    Raises:
        VectorError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            codec = Codec(kept["centres"], kept["cuts"], kept["values"], int(kept["bits"]))
    except (OSError, ValueError, KeyError) as error:
        raise VectorError(
            f"the centres cannot be read: {error}", file=path, remedy="make the index again"
        ) from None
    return codec
