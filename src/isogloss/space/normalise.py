"""Normalisers: maps of one space onto itself, fitted on its own vectors, applied in a named order.

Each is one way to take out what a constant, a few dimensions or unequal variances put between
vectors that should be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from isogloss import registry
from isogloss.errors import VectorError
from isogloss.registry import register
from isogloss.space.map import Affine, Map, Unit

USUAL = ("unit", "centre", "unit")
"""What word vectors go through first (Artetxe, Labaka and Agirre 2018, section 3.1)."""

Normaliser = Callable[[np.ndarray], Map]
"""Fits vectors `[n, d]` and gives the map that normalises them."""


def normalise(x: np.ndarray, names: Sequence[str]) -> Map:
    """Fit normalisers one after the other, each on what the last one made.

    `["unit", "centre", "unit"]` is what VecMap does first (Artetxe, Labaka and Agirre 2018,
    section 3.1). Fitted on each language apart, `["centre"]` is per-language centring (Libovický,
    Rosa and Fraser 2020, section 3).

    Args:
        x: `[n, d]` vectors of one language.
        names: registered normalisers, in order; one may come twice.

    Raises:
        VectorError: no vectors, or some that are not numbers.
        UnknownName: a normaliser that does not exist.
    """
    x = finite(x, "vectors")
    made, done = Map(about={"chain": []}), x
    for name in names:
        step = registry.get("normaliser", name)(done)
        done, made = step.apply(done), made.then(step)
    return made


def normalise_languages(
    vectors: Mapping[str, np.ndarray], names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Each language's vectors normalised by what was fitted on them alone."""
    return {language: normalise(x, names).apply(x) for language, x in vectors.items()}


def finite(x: np.ndarray, what: str) -> np.ndarray:
    """The array as float32 `[n, d]`.

    Raises:
        VectorError: not a matrix, empty, or with values that are not numbers.
    """
    x = np.asarray(x, np.float32)
    if x.ndim != 2 or not x.size:
        raise VectorError(f"{what} must be [n, d] and not empty, got {list(x.shape)}")
    bad = ~np.isfinite(x).all(1)
    if bad.any():
        raise VectorError(
            f"{what}: {int(bad.sum())} of {len(x)} rows hold NaN or infinity, the first is row "
            f"{int(bad.argmax())}"
        )
    return x


def _map(method: str, x: np.ndarray, *steps: Any, **settings: Any) -> Map:
    return Map(steps, {"method": method, "n": len(x), **settings})


@register("normaliser", "unit.v1")
def unit(x: np.ndarray) -> Map:
    """Scale to length 1, x / |x|: a dot product is then a cosine. Zero vectors stay zero."""
    return _map("unit.v1", x, Unit())


@register("normaliser", "centre.v1")
def centre(x: np.ndarray) -> Map:
    """Subtract the mean vector. Fit it on each language apart to take out what names the language.

    Source: Libovický, Rosa and Fraser (2020), On the Language Neutrality of Pre-trained
    Multilingual Representations, section 3.
    """
    return _map("centre.v1", x, Affine(shift=x.mean(0)))


@register("normaliser", "all_but_the_top.v1")
def all_but_the_top(x: np.ndarray, *, components: int | None = None) -> Map:
    """Centre, then remove the first principal components: x - sum_i (u_i . x) u_i.

    Args:
        x: `[n, d]`.
        components: how many; d / 100, at least 1, as the authors advise.

    Source: Mu and Viswanath (2018), All-but-the-Top, algorithm 1.
    """
    count = max(1, round(x.shape[1] / 100)) if components is None else components
    mean = x.mean(0)
    top = directions(x - mean)[1][:, :count]  # [d, count]
    keep = np.eye(x.shape[1], dtype=np.float32) - top @ top.T
    return _map("all_but_the_top.v1", x, Affine(mean, keep), components=count)


@register("normaliser", "drop_outlier_dimensions.v1")
def drop_outlier_dimensions(x: np.ndarray, *, deviations: float = 3.0) -> Map:
    """Leave out the dimensions whose mean lies over `deviations` from the mean of all dimensions.

    The vectors keep their width, the dimensions become zero, so that cosines are those of the
    shorter vectors and other maps still fit.
    Source: Rajaee and Pilehvar (2022), section 4.2; outliers of Kovaleva et al. (2021).
    """
    mean = x.mean(0)
    out = np.abs(mean - mean.mean()) > deviations * mean.std()
    keep = np.diag((~out).astype(np.float32))
    dropped = np.flatnonzero(out).tolist()
    return _map("drop_outlier_dimensions.v1", x, Affine(matrix=keep), dropped=dropped)


@register("normaliser", "zca.v1")
def zca(x: np.ndarray, *, floor: float = 1e-6) -> Map:
    """Whiten without turning: (x - mean) U diag(s^-1/2) U^T, U and s of the covariance.

    Of all whitenings the one that moves vectors least. Directions whose variance is under `floor`
    of the largest carry no more than rounding and become zero.
    Source: Kessy, Lewin and Strimmer (2018), Optimal Whitening and Decorrelation, section 2.
    """
    mean = x.mean(0)
    variances, axes = directions(x - mean)
    kept = variances > floor * variances[0]
    scale = np.where(kept, 1 / np.sqrt(np.where(kept, variances, 1)), 0)
    matrix = ((axes * scale) @ axes.T).astype(np.float32)
    return _map("zca.v1", x, Affine(mean, matrix), kept=int(kept.sum()))


def directions(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances `[d]`, largest first, and principal directions `[d, d]` in columns."""
    covariance = centred.T.astype(np.float64) @ centred / len(centred)
    variances, axes = np.linalg.eigh(covariance)
    return np.maximum(variances[::-1], 0), axes[:, ::-1].astype(np.float32)
