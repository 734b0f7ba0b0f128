"""What is to be done with each tensor, settled from headers alone before anything is written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from isogloss.encode.folder import ModelFolder, refuse_kinds
from isogloss.errors import ModelError, UsageError
from isogloss.merge.family import Point, default_weight
from isogloss.merge.tensors import Tensor, read_tensors
from isogloss.merge.tokens import compare_tokens

_SHOWN = 3  # names in a message
T = TypeVar("T")


@dataclass(frozen=True)
class Weights:
    """The tensors of a model.

    Attributes:
        name: as the user gave it.
        path: its folder.
        parts: folders inside it that hold weights, relative; `.` is the model's own.
        vocabulary: rows that its configuration says its vocabulary has, or None.
    """

    name: str
    path: Path
    parts: tuple[str, ...] = (".",)
    vocabulary: int | None = None

    @property
    def body(self) -> Path:
        """The folder of its tokenizer."""
        return self.path / self.parts[0]

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """By name; those of a part have its folder before theirs, `2_Dense/linear.weight`."""
        return {
            name if part == "." else f"{part}/{name}": tensor
            for part in self.parts
            for name, tensor in read_tensors(self.path / part).items()
        }


@dataclass(frozen=True)
class Upon(Weights):
    """What changes a base, as the model that it makes of it.

    Attributes:
        base: the model that it was trained from.
    """

    base: Weights | None = None

    @property
    def body(self) -> Path:
        """The folder of the base's tokenizer."""
        assert self.base is not None
        return self.base.body


@dataclass(frozen=True)
class Asked:
    """What the user wants of a merge.

    Attributes:
        point: of the family.
        weights: one a model; the point's own by default.
        rules: patterns of names with other weights for those tensors; the first that is found in a
            name counts.
        grafts: patterns of names, and the model that those tensors are taken from as they are.
        groups: a name a model. Each group is merged for itself, and the groups' differences are
            averaged, so that a group counts the same however many models it has.
        only_shared: leave tensors that a model lacks, or has in another shape, as the base has
            them, and those that the base lacks out; both are counted.
        seed: of what is dropped.
    """

    point: Point
    weights: tuple[float, ...] | None = None
    rules: tuple[tuple[str, tuple[float, ...]], ...] = ()
    grafts: tuple[tuple[str, Weights], ...] = ()
    groups: tuple[str, ...] | None = None
    only_shared: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Job:
    """What becomes of one tensor.

    Attributes:
        name: with its part.
        to: how the base has it, which is how it is written.
        sources: of the models that count here.
        numbers: which models these are.
        weights: of each.
        form: of the point; or `copy`, the bytes of the first source.
        groups: for each group the places of its models in `sources`.
        origin: what is subtracted, of differences.
        same: tensors that must hold the same, of a copy.
    """

    name: str
    to: Tensor
    sources: tuple[Tensor, ...]
    numbers: tuple[int, ...] = (0,)
    weights: tuple[float, ...] = (1.0,)
    form: Literal["copy", "mean", "differences", "arc"] = "copy"
    groups: tuple[tuple[int, ...], ...] = ()
    origin: Tensor | None = None
    same: tuple[Tensor, ...] = ()


@dataclass
class Plan:
    """All jobs, and how many tensors are treated how.

    Attributes:
        jobs: one a tensor of the base.
        counts: of tensors by what happens to them, with the reason.
        notes: on tokenizers that differ in what does not matter.
    """

    jobs: list[Job] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


_REFUSED = {
    "pixel_fallback.v1": (
        "draws words, by a network that fits its own body alone",
        "merge copies of the folders without pixel_fallback.json, and train it anew",
    ),
    "inserted.v1": (
        "has modules put into its body, which the merged body would not have",
        "merge copies of the folders without inserted.json",
    ),
    "connected.v1": (
        "is two models with a connector between them",
        "merge its encoder or its decoder, and train a connector for the result",
    ),
}


def weights_of(folder: ModelFolder) -> Weights:
    """The tensors of an opened model folder; its dense modules are part of it.

    Raises:
        ModelError: a model that draws words, or with modules put into it.
    """
    refuse_kinds(folder, _REFUSED)
    config = folder.config
    inner = config.get("text_config")
    size = config.get("vocab_size", inner.get("vocab_size") if isinstance(inner, dict) else None)
    if folder.kind == "static.v1":  # its configuration says nothing of its one table
        size = max(
            (t.shape[0] for t in read_tensors(folder.body).values() if t.shape), default=None
        )
    body = folder.body.resolve().relative_to(folder.path.resolve()).as_posix()
    root = folder.path.resolve()
    dense = [part.resolve().relative_to(root).as_posix() for part in folder.dense]
    return Weights(
        folder.name, folder.path, (body, *dense), size if isinstance(size, int) else None
    )


def make_plan(
    models: Sequence[Weights], base: Weights, asked: Asked, origin: Weights | None = None
) -> Plan:
    """Settle every tensor of the base.

    Args:
        models: that are merged.
        base: whose names, shapes, types and files the result has; for differences, what they are
            added to.
        asked: how.
        origin: what is subtracted from the models, if it is not the base.

    Raises:
        UsageError: weights, patterns or groups that do not fit.
        ModelError: models that do not fit together; the tensor and the model are named.
    """
    _check(models, asked, base)
    others = [*models, *([origin] if origin else [])]
    plan, used = Plan(), {pattern: 0 for pattern, _ in (*asked.rules, *asked.grafts)}
    for model in others:
        _compare_names(model, base, asked, plan.counts)
    for name, to in base.tensors.items():
        graft = _first(asked.grafts, name, used)
        rule = _first(asked.rules, name, used)
        if graft is not None:
            plan.jobs.append(_graft(name, to, graft, base))
            if _is_table(to, base):
                _compare_tokens([graft], base, plan)
            plan.counts["grafted"] += 1
        elif reason := _left(name, to, others, base, asked):
            plan.jobs.append(Job(name, to, (to,)))
            plan.counts[reason] += 1
        else:
            weights = _weights(models, asked) if rule is None else rule
            job = _job(name, to, models, asked, weights, origin)
            plan.jobs.append(job)
            plan.counts[
                "copied, being integers or masks, the same in all" if job.same else "merged"
            ] += 1
            for model in others if to.is_float else ():
                found = model.tensors[name]
                if found.kind != to.kind and not found.computed:
                    how = f"of {model.name} read as {found.kind} and saved as {to.kind}"
                    plan.counts[how] += 1
    if any(job.form != "copy" and _is_table(job.to, base) for job in plan.jobs):
        _compare_tokens(others, base, plan)
    for pattern, times in used.items():
        if not times:
            raise UsageError(
                f"no tensor's name has {pattern!r}",
                remedy=f"names are such as {', '.join(list(base.tensors)[:_SHOWN])}",
            )
    return plan


def _check(models: Sequence[Weights], asked: Asked, base: Weights) -> None:
    """Numbers and patterns that do not need a look at the models."""
    point, count = asked.point, len(models)
    if not models:
        raise UsageError("there is no model to merge")
    if point.form == "arc" and count != 2:
        raise UsageError(
            f"an arc is between two models, not {count}", remedy="merge several with linear"
        )
    if asked.groups is not None and (len(asked.groups) != count or point.form == "arc"):
        raise UsageError(f"{len(asked.groups)} groups for {count} models", remedy="give each one")
    for what, given in [("weights", asked.weights), *asked.rules]:
        if given is None:
            continue
        if len(given) != count:
            raise UsageError(f"{what}: {len(given)} weights for {count} models")
        if not all(abs(weight) < float("inf") for weight in given):
            raise UsageError(f"{what}: weights must be numbers")
        if point.form != "differences" and not sum(given) > 0:
            raise UsageError(
                f"{what}: the weights of a mean must have a sum over 0",
                remedy="to subtract a model use task_arithmetic with a base",
            )
        if point.form == "arc" and min(given) < 0:
            raise UsageError(f"{what}: an arc ends at its models; weights are 0 or more")
    for pattern, _ in (*asked.rules, *asked.grafts):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{pattern!r} is not a pattern: {error}") from None


def _first(rules: Sequence[tuple[str, T]], name: str, used: dict[str, int]) -> T | None:
    """What the first pattern that is found in a name stands for."""
    for pattern, value in rules:
        if re.search(pattern, name):
            used[pattern] += 1
            return value
    return None


def _compare_names(model: Weights, base: Weights, asked: Asked, counts: Counter[str]) -> None:
    """Refuse, or count, names that only one of the two has."""
    taken = [pattern for pattern, _ in asked.grafts]
    lacks = [
        name
        for name in base.tensors
        if name not in model.tensors and not any(re.search(p, name) for p in taken)
    ]
    more = [name for name in model.tensors if name not in base.tensors]
    if not asked.only_shared:  # whole numbers, such as places, are no weights: some save them
        buffers = [name for name in more if not model.tensors[name].is_float]
        if buffers:
            counts[f"of {model.name} left out, as {base.name} has none"] += len(buffers)
        lacks = [name for name in lacks if base.tensors[name].is_float]
        more = [name for name in more if name not in buffers]
    if lacks and len(lacks) == len(base.tensors):
        raise ModelError(
            f"shares no tensor with {base.name}: it has {_some(more)}, not {_some(lacks)}",
            file=model.path, remedy=_prefixes(lacks, more),
        )  # fmt: skip
    if asked.only_shared:
        if more:
            counts[f"of {model.name} left out, as {base.name} has none"] += len(more)
        return
    if lacks or more:
        has, without = (base, model) if lacks else (model, base)
        raise ModelError(
            f"{without.name} lacks {len(lacks or more)} tensors that {has.name} has: "
            f"{_some(lacks or more)}",
            file=without.path, remedy=_prefixes(lacks, more),
        )  # fmt: skip


def _prefixes(lacks: Sequence[str], more: Sequence[str]) -> str:
    """What to do about names that differ, by whether they do so only at the beginning."""
    ends = {name.partition(".")[2] for name in more} | set(more)
    if any(name in ends or name.partition(".")[2] in ends for name in lacks):
        return "the names differ at the beginning: save both by the same class of transformers"
    return "merge models of one architecture, or those tensors alone with --only-shared"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")


def _graft(name: str, to: Tensor, source: Weights, base: Weights) -> Job:
    """Take a tensor as another model has it."""
    found = source.tensors.get(name)
    if found is None:
        raise ModelError(f"{source.name} has no {name} to graft", file=source.path)
    if found.shape != to.shape:
        raise ModelError(
            f"{name} is {list(found.shape)} in {source.name}, and the configuration of {base.name} "
            f"wants {list(to.shape)}",
            file=source.path,
            remedy=f"take {source.name} as --base, so that its configuration and tokenizer come "
            "along, and graft the other tensors",
        )
    if found.kind != to.kind and not (found.is_float and to.is_float):
        raise ModelError(f"{name} is {found.kind} in {source.name} and {to.kind} in {base.name}")
    same = found.kind == to.kind and not found.computed
    return Job(name, to, (found,), form="copy" if same else "mean")


def _is_table(tensor: Tensor, base: Weights) -> bool:
    """Whether a tensor has a row a token, as far as its height tells."""
    return tensor.shape[:1] == (base.vocabulary,)


def _compare_tokens(models: Sequence[Weights], base: Weights, plan: Plan) -> None:
    """Refuse rows of other tokens than the base's, whose tokenizer the result has."""
    for model in models:
        note = compare_tokens(model.body, base.body)
        if note and (told := f"{model.name}: {note}") not in plan.notes:
            plan.notes.append(told)


def _left(
    name: str, to: Tensor, others: Sequence[Weights], base: Weights, asked: Asked
) -> str | None:
    """Why a tensor stays as the base has it, if it does.

    Raises:
        ModelError: it has another shape in some model, or another type that cannot be computed.
    """
    for model in others:
        found = model.tensors.get(name)
        if found is None:
            return f"as in {base.name}, since {model.name} has none"
        if found.shape != to.shape:
            _refuse_vocabularies(name, found, to, model, base)
            if asked.only_shared:
                return f"as in {base.name}, since {model.name} has another shape"
            raise ModelError(
                f"{name} is {list(found.shape)} in {model.name} and {list(to.shape)} in "
                f"{base.name}",
                file=model.path,
                remedy="merge models of one architecture and size, or the tensors that fit with "
                "--only-shared",
            )
        if found.kind != to.kind and not (found.is_float and to.is_float):
            raise ModelError(
                f"{name} is {found.kind} in {model.name} and {to.kind} in {base.name}",
                file=model.path,
            )
    return None


def _refuse_vocabularies(
    name: str, found: Tensor, to: Tensor, model: Weights, base: Weights
) -> None:
    """Refuse a table with a row a token that another vocabulary has more or fewer of."""
    alike = found.shape[1:] == to.shape[1:]
    if alike and found.shape[0] == model.vocabulary and to.shape[0] == base.vocabulary:
        raise ModelError(
            f"{name} has {found.shape[0]:,} rows in {model.name} and {to.shape[0]:,} in "
            f"{base.name}: they have other vocabularies",
            file=model.path,
            remedy="give both one vocabulary first, by isogloss vocabulary replace or swap; or "
            "keep the table of the base by --graft 'NAME=BASE'",
        )


def _weights(models: Sequence[Weights], asked: Asked) -> tuple[float, ...]:
    return asked.weights or (default_weight(asked.point, len(models)),) * len(models)


def _job(
    name: str,
    to: Tensor,
    models: Sequence[Weights],
    asked: Asked,
    given: Sequence[float],
    origin: Weights | None,
) -> Job:
    """Sources that count, with weights that sum to one for a mean."""
    sources = [model.tensors[name] for model in models]
    if not to.is_float:
        more = (origin.tensors[name],) if origin else ()
        return Job(name, to, (to,), same=(*sources, *more))
    point, labels = asked.point, asked.groups or ("",) * len(models)
    if point.form != "differences":
        given = _shares(given, labels)
    elif not point.elect:  # a sum is linear, so groups need only be weighted
        given = [weight / len(set(labels)) for weight in given]
    numbers = [i for i, weight in enumerate(given) if weight or point.form == "arc"]
    if not numbers:
        return Job(name, to, (to,))
    groups = {label: [at for at, i in enumerate(numbers) if labels[i] == label] for label in labels}
    return Job(
        name, to, tuple(sources[i] for i in numbers), tuple(numbers),
        tuple(given[i] for i in numbers), point.form, tuple(map(tuple, groups.values())),
        origin.tensors[name] if origin else to,
    )  # fmt: skip


def _shares(given: Sequence[float], labels: Sequence[str]) -> list[float]:
    """Weights with the sum 1 in every group, over the number of groups.

    Raises:
        UsageError: a group whose weights have no sum.
    """
    sums: dict[str, float] = {}
    for weight, label in zip(given, labels, strict=True):
        sums[label] = sums.get(label, 0.0) + weight
    if not all(sums.values()):
        raise UsageError("a group's weights have the sum 0", remedy="leave its models out")
    return [weight / sums[label] / len(sums) for weight, label in zip(given, labels, strict=True)]
