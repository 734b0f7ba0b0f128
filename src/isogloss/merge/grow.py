"""A wider and deeper model that begins with what a smaller one knows, written a slice at a time.

    growth = Growth(hidden=768, layers=12)
    grow_weights(weights, config, Path("out"), growth)

Width: each axis is read again from its beginning until it is as long as asked, g(i) = i mod n; what
sums over a repeated axis weighs each of the c copies 1 / c. So a model whose hidden size grows by a
whole multiple, to any inner size, gives what the small one gives, repeated. Otherwise some columns
have a copy more than others, and the normalisation, which takes means over columns, sees that.

Source: Chen et al. (2022), bert2BERT: Towards Reusable Pretrained Language Models, sections 3.2
(`fpi`) and 3.3 (`aki`), which draws the copies at random and not in turn; layers by repeating them
all: Gong et al. (2019), Efficient Training of BERT by Progressively Stacking; each beside its copy,
and heads within their groups: AquilaMoE (2024), on scaling up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from isogloss.encode.folder import read_object
from isogloss.errors import ModelError, UsageError
from isogloss.files import write_json
from isogloss.merge.layouts import (
    BY_LAYERS,
    Axes,
    Layout,
    axes_of,
    check_layers,
    depth_key,
    is_tied,
    layer_of,
    layout_of,
    rename,
)
from isogloss.merge.plan import Weights
from isogloss.merge.stream import SLICE
from isogloss.merge.tensors import (
    INDEX,
    WEIGHTS,
    Tensor,
    header_bytes,
    read,
    read_tensors,
    slices,
    stored,
    write,
)
from isogloss.progress import Start, silent
from isogloss.settings import Settings

_LENGTH = 8


class Growth(Settings):
    """How large a model becomes; what is not said stays, the inner size in its proportion.

    Attributes:
        hidden: the hidden size.
        inner: the size inside the feed-forward layers.
        layers: how many.
        width: `fpi`, copies of the same layer; `aki`, where the layer above has rows of its own,
            the further rows of its matrices: not the same function, and copies that learn apart.
        depth: `interpolate`, each layer beside its copies; `stack`, all layers again on top.
    """

    hidden: int | None = Field(default=None, ge=1)
    inner: int | None = Field(default=None, ge=1)
    layers: int | None = Field(default=None, ge=1)
    width: Literal["fpi", "aki"] = "fpi"
    depth: Literal["interpolate", "stack"] = "interpolate"


class Repeat(NamedTuple):
    """An axis that is read again.

    Attributes:
        source: `[m]` the place in the small model of each of the large one's.
        shared: `[m]` how many places have the same source.
        again: `[m]` whether an earlier place has the same source.
    """

    source: np.ndarray
    shared: np.ndarray
    again: np.ndarray


@dataclass(frozen=True)
class Grown:
    """What is settled before anything is written.

    Attributes:
        config: of the large model.
        layout: names of the architecture.
        repeats: by axis; none where only layers are added.
        layers: for each layer of the large model, which of the small one it is.
        count: of layers of the small model.
        notes: what of the function is not kept.
    """

    config: dict[str, Any]
    layout: Layout
    repeats: dict[str, Repeat]
    layers: list[int]
    count: int
    notes: list[str]


@dataclass(frozen=True)
class _Job:
    """One tensor of the large model, its source, and that of the layer above if it gives rows."""

    to: Tensor
    source: Tensor
    above: Tensor | None
    axes: Axes


def repeat(small: int, large: int, *, groups: int = 1, size: int = 1) -> Repeat:
    """Read an axis again from its beginning, g(i) = i mod n.

    Args:
        small: units of the axis.
        large: units that it becomes.
        groups: of units; each group is filled with its own.
        size: places of a unit, such as the width of a head.
    """
    inside, wanted = small // groups, large // groups
    place = np.arange(large) % wanted
    units = np.arange(large) // wanted * inside + place % inside  # [large]
    shared = np.bincount(units, minlength=small)[units]
    parts = np.arange(size)
    return Repeat(
        (units[:, None] * size + parts).ravel(),
        np.repeat(shared, size),
        np.repeat(place >= inside, size),
    )


def plan_growth(config: Mapping[str, Any], growth: Growth) -> Grown:
    """The configuration, axes and layers of the large model.

    Raises:
        UsageError: sizes that are smaller, or that heads cannot share.
        ModelError: an architecture that is not known here, or a configuration that lacks a size.
    """
    wide = growth.hidden is not None or growth.inner is not None
    layout = layout_of(config) if wide else BY_LAYERS
    key = depth_key(config)
    layers = _size(config, key)
    sizes, repeats = _wider(config, growth) if wide else ({}, {})
    deep = growth.layers or layers
    sizes |= {key: deep}
    for name, value in sizes.items():
        if value < config[name]:
            raise UsageError(
                f"{name} is {config[name]} and would become {value}", remedy="a model only grows"
            )
    if all(config[name] == value for name, value in sizes.items()):
        raise UsageError("nothing would grow", remedy="give hidden, inner or layers")
    order = [i * layers // deep if growth.depth == "interpolate" else i % layers
             for i in range(deep)]  # fmt: skip
    made = {**config, **sizes}
    for name, value in config.items():
        if isinstance(value, list) and name.startswith("layer") and len(value) == layers:
            made[name] = [value[i] for i in order]  # what kind each layer is
    notes = []
    if repeats and len({*repeats["hidden"].shared}) > 1:
        notes.append(
            f"{sizes['hidden_size']} columns are no whole multiple of {config['hidden_size']}: "
            "some have a copy more than others, which the normalisation sees, so outputs are near "
            "and not the same"
        )
    if deep > layers:
        notes.append("layers that are there twice change what the model gives: train it on")
    if repeats and growth.width == "aki":
        notes.append("rows from the layer above change what the model gives: train it on")
    return Grown(made, layout, repeats, order, layers, notes)


def _wider(config: Mapping[str, Any], growth: Growth) -> tuple[dict[str, int], dict[str, Repeat]]:
    """Sizes by their names in a configuration, and what becomes of each axis."""
    hidden, inner, heads = (
        _size(config, key) for key in ("hidden_size", "intermediate_size", "num_attention_heads")
    )
    head = config.get("head_dim") or hidden // heads
    groups = config.get("num_key_value_heads") or heads
    to = growth.hidden or hidden
    wide, more = growth.inner or round(inner * to / hidden), heads * to // hidden
    if heads * to % hidden or (groups != heads and more % groups):
        raise UsageError(
            f"{heads} heads{f' in {groups} groups' if groups != heads else ''} cannot become "
            f"{heads * to / hidden:g} with a hidden size of {to}",
            remedy=f"take a multiple of {_step(hidden, heads, groups)}",
        )
    sizes = {"hidden_size": to, "intermediate_size": wide, "num_attention_heads": more}
    # Heads of their own keys and values come with them; those that share them share them on.
    shared = groups != heads
    if "num_key_value_heads" in config:
        sizes["num_key_value_heads"] = groups if shared else more
    return sizes, {
        "hidden": repeat(hidden, to),
        "inner": repeat(inner, wide),
        "heads": repeat(heads, more, groups=groups if shared else 1, size=head),
        "groups": repeat(groups, groups if shared else more, size=head),
    }


def grow_weights(
    model: Weights,
    config: Mapping[str, Any],
    into: Path,
    growth: Growth,
    *,
    size: int = SLICE,
    start: Start = silent,
) -> Grown:
    """Write the weights of the large model, in files of the names that the small one's have.

    Args:
        model: the small one; of its dense modules the first reads the repeated vector.
        config: of its body.
        into: an existing folder.
        growth: how large.
        size: values of a slice; at least a row is held.
        start: starts the progress bar.

    Raises:
        UsageError: sizes that cannot be.
        ModelError: an architecture or tensors that are not known here.
    """
    grown = plan_growth(config, growth)
    jobs: list[_Job] = []
    for number, part in enumerate(model.parts):
        own = read_tensors(model.path / part)
        if number == 0:
            check_layers(own, grown.layout, grown.count)
            found = list(_body_jobs(own, config, grown, growth))
        else:
            reads = Axes(None, "hidden", True) if grown.repeats else Axes()
            found = [
                _job(t, t, None, reads if number == 1 and len(t.shape) == 2 else Axes(), grown)
                for t in own.values()
            ]
        jobs += _lay_out(found, model.path, into)
    total = sum(-(-job.to.count // size) for job in jobs)
    advance = start("grow, slice by slice", total)
    for job in jobs:
        for first, count in slices(job.to.shape[0] if job.to.shape else 1, _rows(job.to, size)):
            write(job.to, first * _width(job.to), _values(job, first, count, grown))
        advance(-(-job.to.count // size))
    return grown


def _size(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    if not isinstance(value, int) or value < 1:
        raise ModelError(f"its configuration has no {key}")
    return value


def _step(hidden: int, heads: int, groups: int) -> int:
    """Of what the hidden size must be a multiple for heads to be whole, and groups to be full."""
    unit = hidden // heads
    return unit if groups == heads else unit * groups


def _body_jobs(
    own: Mapping[str, Tensor],
    config: Mapping[str, Any],
    grown: Grown,
    growth: Growth,
) -> Iterator[_Job]:
    """The tensors of the large body in the order of the small one's."""
    layout, tied = grown.layout, is_tied(config, grown.layout)
    for name, source in own.items():
        axes = axes_of(name, layout, tied) if source.is_float else Axes()
        layer = layer_of(name, layout)
        if layer is None:
            yield _job(source, source, None, axes, grown)
            continue
        gives = growth.width == "aki" and "norm" not in name.lower()
        above = own.get(rename(name, layout, layer + 1)) if gives else None
        for number, known in enumerate(grown.layers):
            if known == layer:
                named = replace(source, name=rename(name, layout, number))
                yield _job(named, source, above, axes, grown)


def _job(named: Tensor, source: Tensor, above: Tensor | None, axes: Axes, grown: Grown) -> _Job:
    """With the shape that it gets; its place is not known yet.

    Raises:
        ModelError: a tensor of another shape than its configuration says.
    """
    shape = list(source.shape)
    for at, axis in enumerate((axes.rows, axes.columns)):
        if axis is None:
            continue
        repeats = grown.repeats[axis]
        if at >= len(shape) or shape[at] != repeats.source.max() + 1:
            raise ModelError(
                f"{source.name} is {shape}, and by the configuration its axis {at} is "
                f"{repeats.source.max() + 1}",
                file=source.file,
            )
        shape[at] = len(repeats.source)
    return _Job(replace(named, shape=tuple(shape)), source, above, axes)


def _lay_out(jobs: list[_Job], root: Path, into: Path) -> list[_Job]:
    """Headers, and room for all tensors in files as the small model has them."""
    made: list[_Job] = []
    weights: dict[str, str] = {}
    folder = into
    for file in dict.fromkeys(job.source.file for job in jobs):
        inside = sorted((j for j in jobs if j.source.file == file), key=lambda j: j.source.offset)
        target = into / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = target.parent
        header, at = {}, 0
        held = json.loads(header_bytes(file)[_LENGTH:]).get("__metadata__")
        for job in inside:
            end = at + job.to.count * job.to.width
            header[job.to.name] = {
                "dtype": job.to.kind, "shape": job.to.shape, "data_offsets": [at, end]
            }  # fmt: skip
            at, weights[job.to.name] = end, file.name
        text = json.dumps({**({"__metadata__": held} if held else {}), **header}).encode()
        text += b" " * (-len(text) % _LENGTH)
        with target.open("wb") as opened:
            opened.write(len(text).to_bytes(_LENGTH, "little") + text)
            opened.truncate(_LENGTH + len(text) + at)
        begin = _LENGTH + len(text)
        made += [
            replace(
                job,
                to=replace(
                    job.to, file=target, offset=begin + header[job.to.name]["data_offsets"][0]
                ),
            )
            for job in inside
        ]
    if jobs and jobs[0].source.file.name != WEIGHTS:
        index = read_object(jobs[0].source.file.parent / INDEX)
        size = sum(job.to.count * job.to.width for job in jobs)
        about = {**(index.get("metadata") or {}), "total_size": size}
        about.pop("total_parameters", None)
        write_json(folder / INDEX, {**index, "metadata": about, "weight_map": weights})
    return made


def _width(tensor: Tensor) -> int:
    """Values of a row."""
    return tensor.count // tensor.shape[0] if tensor.shape and tensor.shape[0] else 1


def _rows(tensor: Tensor, size: int) -> int:
    """Rows of a slice."""
    return max(1, size // max(1, _width(tensor)))


def _values(job: _Job, first: int, count: int, grown: Grown) -> np.ndarray:
    """`[rows * columns]` stored values of rows of the large model."""
    source, axes = job.source, job.axes
    width = _width(source)
    if axes.rows is None and axes.columns is None:
        return read(source, first * width, count * width)
    wide = np.float64 if source.kind == "F64" else np.float32
    if axes.rows is None:
        parts = [source.values(first * width, count * width, wide)]
    else:
        rows = grown.repeats[axes.rows]
        here = slice(first, first + count)
        from_above = rows.again[here] if job.above is not None else np.zeros(count, bool)
        parts = [
            (job.above if above and job.above is not None else source).values(
                int(begin) * width, n * width, wide
            )
            for begin, n, above in _runs(rows.source[here], from_above)
        ]
    values = np.concatenate(parts).reshape(count, width)
    if axes.columns is not None:
        columns = grown.repeats[axes.columns]
        values = values[:, columns.source]
        if axes.summed:
            values /= columns.shared.astype(wide)
    elif axes.summed and axes.rows is not None:
        values = values / grown.repeats[axes.rows].shared[first : first + count, None].astype(wide)
    return stored(values.ravel(), source.kind)


def _runs(rows: np.ndarray, above: np.ndarray) -> Iterator[tuple[int, int, bool]]:
    """Begin and length of rows that follow each other in one tensor, and whether it is above."""
    breaks = np.flatnonzero((np.diff(rows) != 1) | (above[1:] != above[:-1])) + 1
    for part in np.split(np.arange(len(rows)), breaks):
        yield int(rows[part[0]]), len(part), bool(above[part[0]])
