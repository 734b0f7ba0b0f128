"""Models merged slice by slice: what is in memory does not depend on how large they are.

    asked = Asked(read_point("ties", {"share": 0.2}))
    merge_weights([a, b], base, Path("out"), asked)

A few threads read, compute and write slices, each at its own place of the files. Sums over whole
tensors are of fixed blocks and exact, so the result depends neither on the size of slices nor on
the number of threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import ModelError
from isogloss.merge.family import BLOCK, Place, add_up, agree, arc, difference, products, trim
from isogloss.merge.magnitude import find_bin, high_counts, key_of, low_counts
from isogloss.merge.plan import Asked, Job, Plan, Weights, make_plan
from isogloss.merge.tensors import (
    Tensor,
    floats,
    header_bytes,
    read,
    slices,
    stored,
    write,
)
from isogloss.progress import Advance, Start, silent

SLICE = 1 << 18  # values: a few copies of it fit in the processor's cache
_THREADS = 4
_AHEAD = 4  # slices that wait for each thread


class _Slice(NamedTuple):
    """Some values of one tensor."""

    job: Job
    start: int
    count: int


@dataclass
class _Seen:
    """What was found out about whole tensors or models.

    Attributes:
        least: by model, the key of the smallest change that is kept.
        arcs: by tensor, what the two models are multiplied by.
    """

    least: dict[int, int] = field(default_factory=dict)
    arcs: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Work:
    """What all passes need.

    Attributes:
        asked: how models are merged.
        size: values of a slice.
        run: a function over slices by several threads, results in order.
        advance: progress by slices.
    """

    asked: Asked
    size: int
    run: Callable[[Callable[[_Slice], Any], Iterable[_Slice]], Iterator[Any]]
    advance: Advance

    def over(self, function: Callable[[_Slice], Any], jobs: Sequence[Job]) -> Iterator[Any]:
        """What a function gives for every slice, in order."""
        found = (
            _Slice(job, at, count) for job in jobs for at, count in slices(job.to.count, self.size)
        )
        for result in self.run(function, found):
            self.advance(1)
            yield result


def merge_weights(
    models: Sequence[Weights],
    base: Weights,
    into: Path,
    asked: Asked,
    *,
    origin: Weights | None = None,
    size: int = SLICE,
    threads: int | None = None,
    start: Start = silent,
) -> Plan:
    """Write the merged weights into a folder, under the file names that the base has.

    Names, shapes, types and headers are those of the base, so what reads it reads the result. Sums
    are in float32; those of differences in float64, so that what one model alone changed comes back
    as that model has it.

    Args:
        models: that are merged.
        base: whose layout the result has; differences are added to it.
        into: an existing folder.
        asked: how; see `plan.Asked`.
        origin: what is subtracted from the models, if it is not the base.
        size: values of a slice, rounded up to whole blocks.
        threads: that work at once.
        start: starts the progress bar.

    Returns:
        What was done with each tensor.

    Raises:
        UsageError: weights, patterns or groups that do not fit.
        ModelError: models that do not fit together, or results that are not finite.
    """
    plan = make_plan(models, base, asked, origin)
    files = {file: _lay_out(base, file, into) for file in {job.to.file for job in plan.jobs}}
    size, threads = -(-size // BLOCK) * BLOCK, threads or min(_THREADS, os.cpu_count() or 1)
    passes = 3 if _is_trimmed(asked) else 2 if asked.point.form == "arc" else 1
    total = sum(-(-job.to.count // size) * (passes if _computed(job) else 1) for job in plan.jobs)
    with ThreadPoolExecutor(threads) as pool:
        run = partial(_in_order, pool, threads * _AHEAD)
        work = _Work(asked, size, run, start("merge, slice by slice", total))
        for scope in _scopes(plan.jobs, asked):
            seen = _look(scope, work)
            for _ in work.over(partial(_put, work.asked, seen, files), scope):
                pass
    return plan


def _in_order(
    pool: ThreadPoolExecutor,
    ahead: int,
    function: Callable[[_Slice], Any],
    items: Iterable[_Slice],
) -> Iterator[Any]:
    """`map` that holds only so many results and slices at once."""
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _lay_out(base: Weights, file: Path, into: Path) -> Path:
    """A file with the header of one of the base and room for its tensors."""
    made = into / file.relative_to(base.path)
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.open("wb") as opened:
        opened.write(header_bytes(file))
        opened.truncate(file.stat().st_size)
    return made


def _is_trimmed(asked: Asked) -> bool:
    return asked.point.form == "differences" and asked.point.share < 1


def _computed(job: Job) -> bool:
    """Whether something must be known of the whole tensor or model, where the point asks for it."""
    return job.form in ("differences", "arc")


def _scopes(jobs: list[Job], asked: Asked) -> list[list[Job]]:
    """Jobs that are looked at as one before they are done, a tensor where that is enough.

    A tensor that was just looked at is still in the system's cache when it is merged.
    """
    alone = asked.point.form == "arc" or (_is_trimmed(asked) and asked.point.over == "tensor")
    return [[job] for job in jobs] if alone else [jobs]


def _look(scope: list[Job], work: _Work) -> _Seen:
    """What must be known of these tensors as a whole."""
    jobs, seen = [job for job in scope if _computed(job)], _Seen()
    if work.asked.point.form == "arc":
        for job in jobs:
            sums = list(work.over(_products, [job]))
            weights = job.weights
            seen.arcs[job.name] = (
                arc(weights[1] / sum(weights), np.concatenate(sums)) if sums else (1.0, 0.0)
            )
    elif jobs and _is_trimmed(work.asked):
        seen.least = _least(jobs, work)
    return seen


def _least(jobs: list[Job], work: _Work) -> dict[int, int]:
    """For each model the key of its k-th largest change in these tensors, k the share of them."""
    counts: dict[int, np.ndarray] = {}
    values: dict[int, int] = {}
    for job in jobs:
        for number in job.numbers:
            values[number] = values.get(number, 0) + job.to.count
    for found in work.over(partial(_counts, work.asked, None), jobs):
        for number, one in found.items():
            counts[number] = counts.get(number, 0) + one
    bins = {
        number: find_bin(one, max(1, round(work.asked.point.share * values[number])))
        for number, one in counts.items()
    }
    counts = {}
    for found in work.over(partial(_counts, work.asked, bins), jobs):
        for number, one in found.items():
            counts[number] = counts.get(number, 0) + one
    return {
        number: key_of(high, find_bin(counts[number], k)[0]) for number, (high, k) in bins.items()
    }


def _counts(
    asked: Asked, bins: dict[int, tuple[int, int]] | None, one: _Slice
) -> dict[int, np.ndarray]:
    """Of a slice, how many changes of each model have which bits; the lower ones of given bins."""
    return {
        number: high_counts(change) if bins is None else low_counts(change, bins[number][0])
        for number, change in _changes(asked, one)
    }


def _products(one: _Slice) -> np.ndarray:
    first, second = (_read(tensor, one, _wide(one.job)) for tensor in one.job.sources)
    return products(first, second)


def _wide(job: Job) -> type:
    """The type that sums are made in; in float64, base + (model - base) is the model to the bit."""
    return np.float64 if job.form == "differences" or job.to.kind == "F64" else np.float32


def _read(tensor: Tensor, one: _Slice, wide: type) -> np.ndarray:
    return tensor.values(one.start, one.count, wide)


def _changes(asked: Asked, one: _Slice) -> Iterator[tuple[int, np.ndarray]]:
    """For each model its number and what it has more than the origin, before any is trimmed."""
    job, wide = one.job, _wide(one.job)
    assert job.origin is not None
    origin = _read(job.origin, one, wide)
    place = Place(asked.seed, job.name, one.start)
    for number, tensor in zip(job.numbers, job.sources, strict=True):
        yield number, difference(_read(tensor, one, wide), origin, asked.point, number, place)


def _put(asked: Asked, seen: _Seen, files: dict[Path, Path], one: _Slice) -> None:
    """Compute a slice and write it at its place."""
    job = one.job
    to = replace(job.to, file=files[job.to.file])
    if job.form == "copy":
        values = read(job.sources[0], one.start, one.count)
        for other in job.same:
            if not np.array_equal(values, read(other, one.start, one.count)):
                raise ModelError(
                    f"{job.name} holds {job.to.kind}, which cannot be merged, and is not the same "
                    f"as in {job.to.file.parent}",
                    file=other.file,
                    remedy="take it from one of them: --graft 'NAME=MODEL'",
                )
        write(to, one.start, values)
        return
    with np.errstate(over="ignore", invalid="ignore"):
        made = stored(_merged(asked, seen, one), to.kind)
        finite = np.isfinite(floats(made, to.kind, _wide(job)))
    write(to, one.start, made if finite.all() else _mended(made, finite, one))


def _merged(asked: Asked, seen: _Seen, one: _Slice) -> np.ndarray:
    """The values of a slice."""
    job, wide = one.job, _wide(one.job)
    if job.form != "differences":
        weights = seen.arcs.get(job.name, job.weights)
        used = [(t, w) for t, w in zip(job.sources, weights, strict=True) if w]
        return add_up((_read(t, one, wide) for t, _ in used), [w for _, w in used])
    parts = (trim(change, seen.least.get(number, 0)) for number, change in _changes(asked, one))
    if asked.point.elect:
        found = list(parts)
        total = np.zeros_like(found[0])
        for group in job.groups:
            if group:
                total += agree([found[at] for at in group], [job.weights[at] for at in group])
        total /= len(job.groups)
    else:
        total = add_up(parts, job.weights)
    total *= asked.point.scale
    total += _read(job.to, one, wide)
    return total


def _mended(made: np.ndarray, finite: np.ndarray, one: _Slice) -> np.ndarray:
    """The slice, with what is infinite in all models alike, such as masks, as the base has it.

    Raises:
        ModelError: other values that are not finite; the file is named that holds one.
    """
    tensors = (one.job.to, *one.job.sources)
    values = [_read(tensor, one, np.float64) for tensor in tensors]
    alike = ~np.isfinite(values[0])
    for found in values[1:]:
        alike &= found == values[0]  # a NaN is not: no mask is one
    wrong = np.flatnonzero(~finite & ~alike)
    if len(wrong):
        at, job = int(wrong[0]), one.job
        holds = [t for t, found in zip(tensors, values, strict=True) if not np.isfinite(found[at])]
        which = f"value {one.start + at:,} of {job.name}"
        if holds:
            value = values[tensors.index(holds[0])][at]
            raise ModelError(
                f"{which} is {value}" + ("" if np.isnan(value) else ", and not so in all models"),
                file=holds[0].file, remedy="mend that model, or leave it out",
            )  # fmt: skip
        raise ModelError(
            f"{which} gets too large for {job.to.kind}",
            file=job.to.file, remedy="take smaller weights or a smaller scale",
        )  # fmt: skip
    return np.where(finite, made, read(one.job.to, one.start, one.count))
