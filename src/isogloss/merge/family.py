"""One family of merges, and the named points in it.

    merged = base + scale * sum_i w_i f_i(theta_i - origin)

Without a base the weights sum to one and it is a mean. `f` drops values at random, keeps those that
changed most, and keeps those that agree on a sign; a point says which of these it does. What needs
to know a whole tensor or model (how large the k-th largest change is, the angle of two tensors) is
given; all else is done value by value, so that slices of any size have the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from isogloss.errors import UnknownName, UsageError
from isogloss.merge.draws import draws, kept
from isogloss.merge.magnitude import keys
from isogloss.settings import Settings, read_settings

BLOCK = 4096  # values whose products are summed as one; slices are multiples of it
_STRAIGHT = 1e-6  # sine of an angle under which an arc is a line, or could go anywhere


class Point(Settings):
    """What a merge does with each model before the sum.

    Attributes:
        form: `mean` of the models, `differences` added to a base, or an arc between two models.
        moved: whether differences are from another base than they are added to.
        elect: let the models vote on the sign of each value, and take the mean of those that agree.
        drop: probability that a change is dropped; the others are divided by 1 - drop.
        share: of changes that are kept, the largest ones; all that tie with the last are.
        over: what the share is of: the whole `model`, or each `tensor`.
        scale: of the sum of differences.
    """

    form: Literal["mean", "differences", "arc"] = "differences"
    moved: bool = False
    elect: bool = False
    drop: float = Field(default=0.0, ge=0, lt=1)
    share: float = Field(default=1.0, gt=0, le=1)
    over: Literal["model", "tensor"] = "model"
    scale: float = Field(default=1.0, allow_inf_nan=False)


POINTS = {
    # Wortsman et al. (2022), Model Soups, section 2, the uniform soup; of the checkpoints of one
    # run or of several: Schmidt, Vulić and Glavaš (2023), Free Lunch.
    "linear": Point(form="mean"),
    # Shoemake (1985), Animating Rotation with Quaternion Curves, section 3.3; here of a tensor.
    "slerp": Point(form="arc"),
    # Ilharco et al. (2023), Editing Models with Task Arithmetic, section 2; of languages and tasks:
    # Chronopoulou et al. (2024), Language and Task Arithmetic with
    # Parameter-Efficient Layers.
    "task_arithmetic": Point(),
    # Lin et al. (2025), Efficient Model Development through Fine-tuning Transfer.
    "diff_vector": Point(moved=True),
    # Ansell et al. (2022), Composable Sparse Fine-Tuning, section 3.2: the sum of differences that
    # are sparse by training; `share` makes others so.
    "sparse": Point(),
    # Yadav et al. (2023), TIES-Merging, algorithm 1.
    "ties": Point(elect=True, share=0.2),
    # Yu et al. (2024), Language Models are Super Mario, section 3.
    "dare": Point(drop=0.9),
    "dare_ties": Point(elect=True, drop=0.9, share=0.2),
}
_NUMBERS = ("drop", "over", "scale", "share")


def read_point(name: str, settings: Mapping[str, Any] | None = None) -> Point:
    """A named point with some of its numbers changed.

    Raises:
        UnknownName: there is none of that name.
        SettingsError: a setting that it does not have, or a value that means nothing.
    """
    if name not in POINTS:
        raise UnknownName(
            f"there is no way to merge called {name!r}", remedy=f"one of {', '.join(POINTS)}"
        )
    point, given = POINTS[name], dict(settings or {})
    if point.form != "differences" and given:
        raise UsageError(
            f"{name} has no settings, and was given {', '.join(given)}",
            remedy=f"{', '.join(_NUMBERS)} are of methods that add differences to a base",
        )
    if unknown := [key for key in given if key not in _NUMBERS]:
        raise UsageError(
            f"{name} has no setting {unknown[0]!r}", remedy=f"known: {', '.join(_NUMBERS)}"
        )
    return read_settings(Point, {**point.model_dump(), **given})


def default_weight(point: Point, models: int) -> float:
    """Of each model when none are given: an equal share of a mean, else all of each."""
    return 1.0 if point.form == "differences" else 1 / models


class Place(NamedTuple):
    """Where a slice stands, which is all that its random draws depend on."""

    seed: int
    name: str
    start: int


def difference(
    model: np.ndarray, origin: np.ndarray, point: Point, number: int, place: Place
) -> np.ndarray:
    """`[n]` what the model has more than the origin, some of it dropped and the rest enlarged.

    delta = m (theta - origin) / (1 - drop), m ~ Bernoulli(1 - drop) of each value.

    Args:
        model: `[n]` values; they are overwritten.
        origin: `[n]` values.
        point: says how many are dropped.
        number: of the model, as each has draws of its own.
        place: of the slice.

    Source: Yu et al. (2024), Language Models are Super Mario, section 3.
    """
    model -= origin
    if point.drop:
        model *= kept(point.drop, draws(place.seed, place.name, number, place.start, len(model)))
        model /= 1 - point.drop
    return model


def trim(changes: np.ndarray, least: int) -> np.ndarray:
    """`[n]` the same without those whose `magnitude.keys` are under the least; in place.

    Source: Yadav et al. (2023), TIES-Merging, algorithm 1, step 1.
    """
    if least:
        changes *= keys(changes) >= least
    return changes


def add_up(parts: Iterable[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """`[n]` sum_i w_i x_i; a weight of 1 alone gives the values to the bit. Parts are changed."""
    total: np.ndarray | None = None
    for part, weight in zip(parts, weights, strict=True):
        if weight != 1:
            part *= weight
        if total is None:
            total = part
        else:
            total += part
    assert total is not None
    return total


def agree(parts: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """`[n]` mean of the changes that have the sign of the weighted sum of all.

    gamma = sgn(sum_i v_i) with v_i = w_i x_i; the result is sum v_i / sum |w_i| over those with
    sgn(v_i) = gamma, 0 where there are none. So weights say how much a model counts, and a negative
    one votes for the opposite; how far all go is the point's scale. Parts are changed.

    Source: Yadav et al. (2023), TIES-Merging, algorithm 1, steps 2 and 3; all weights are 1 there.
    """
    for part, weight in zip(parts, weights, strict=True):
        part *= weight
    sign = np.sign(sum(parts[1:], parts[0]))
    total, counted = np.zeros_like(sign), np.zeros_like(sign)
    for part, weight in zip(parts, weights, strict=True):
        same = (part * sign) > 0
        part *= same
        total += part
        counted += same * np.array(abs(weight), sign.dtype)
    total /= np.maximum(counted, counted == 0)  # where nobody counts, nothing stays nothing
    return total


def products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`[blocks, 3]` float64 sums of a*a, b*b and a*b over blocks of `BLOCK` values."""
    whole = len(one) - len(one) % BLOCK
    found = []
    for a, b in ((one, one), (other, other), (one, other)):
        by = np.multiply(a, b, dtype=np.float64)
        sums = by[:whole].reshape(-1, BLOCK).sum(1)
        found.append(np.append(sums, by[whole:].sum()) if whole < len(by) else sums)
    return np.stack(found, 1)


def arc(share: float, sums: np.ndarray) -> tuple[float, float]:
    """What two tensors are multiplied by on the arc from the one to the other.

    sin((1 - t) O) / sin O and sin(t O) / sin O, O the angle between them; 1 - t and t where they
    point the same way or opposite ways, or one is zero.

    Args:
        share: t, 0 for the first and 1 for the second.
        sums: `[blocks, 3]` of `products`.

    Source: Shoemake (1985), Animating Rotation with Quaternion Curves, section 3.3.
    """
    squares, others, both = (math.fsum(column) for column in sums.T)
    norms = math.sqrt(squares * others)
    angle = math.acos(max(-1.0, min(1.0, both / norms))) if norms > 0 else 0.0
    sine = math.sin(angle)
    if not sine > _STRAIGHT:
        return 1 - share, share
    return math.sin((1 - share) * angle) / sine, math.sin(share * angle) / sine
