"""What strategies cost beside what they score, and which of them no other beats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

ALIKE = 0.2
"""Times that differ by less than this share of the longer one count as equal."""
NOT_KNOWN = "not known"


class Attempt(NamedTuple):
    """A score and what it cost.

    Attributes:
        strategy: its name.
        language: canonical tag of the target.
        value: the score; None where it is not defined.
        settings: as `Ledger.settings` has them; what is absent is not known.
    """

    strategy: str
    language: str
    value: float | None
    settings: Mapping[str, Any]


class Cost(NamedTuple):
    """What a strategy costs for one language, beside what it scores.

    Every number is a mean over attempts, `memory` and `latency_ms` their median, since the first of
    a process loads libraries too; None where no attempt says it. Time of a training that served
    several languages stands in each of their attempts, since a user who wants one of them pays all
    of it.

    Attributes:
        strategy: its name.
        score: mean over the languages that all strategies have, each the mean over its seeds.
        languages: how many those are.
        train_seconds: of teaching, and of telling what was learned from.
        translate_seconds: of all translations, those of the test too.
        align_seconds: of aligning and projecting labels.
        predict_ms: of one example among many.
        latency_ms: of one example that is asked alone.
        translate_ms: of translating one example that is asked.
        memory: bytes at the peak, over those that were resident before.
        model_bytes: what has to be deployed.
        calls: of a translator.
        characters: that were translated.
        used_characters: of them those of one example that is asked.
        train_labels: labels that were trained on.
        select_labels: labels that chose something.
        target_labels: labels of the target that did either.
        before_seconds: all that is spent before the first answer.
        before_characters: that are translated before the first answer.
    """

    strategy: str
    score: float | None
    languages: int
    train_seconds: float | None
    translate_seconds: float | None
    align_seconds: float | None
    predict_ms: float | None
    latency_ms: float | None
    translate_ms: float | None
    memory: float | None
    model_bytes: float | None
    calls: float | None
    characters: float | None
    used_characters: float | None
    train_labels: float | None
    select_labels: float | None
    target_labels: float | None
    before_seconds: float | None
    before_characters: float | None

    @property
    def use_ms(self) -> float | None:
        """Milliseconds until an example that is asked alone is answered, translated if need be."""
        if self.latency_ms is None:
            return None
        return self.latency_ms + (self.translate_ms or 0.0)


def costs(attempts: Sequence[Attempt]) -> list[Cost]:
    """One row a strategy, in the order in which they come.

    Source: Rosa et al. (2021), A cost-benefit analysis of cross-lingual transfer methods (accuracy
    beside the costs of training, translation and use).
    """
    strategies = list(dict.fromkeys(one.strategy for one in attempts))
    values = {name: _by_language(attempts, name) for name in strategies}
    shared = set.intersection(*map(set, values.values())) if values else set()
    made = []
    for name in strategies:
        told = [one.settings for one in attempts if one.strategy == name]
        of_shared = [values[name][language] for language in sorted(shared)]
        labels = [s["labels"] for s in told if "labels" in s]
        numbers = {field: _mean([of(s) for s in told]) for field, of in _TOLD.items()}
        made.append(
            Cost(
                name, _mean(of_shared), len(shared), **numbers,
                latency_ms=_median([s.get("latency_ms") for s in told]),
                memory=_median([s.get("peak_memory") for s in told]),
                train_labels=_mean([sum(found.get("train", {}).values()) for found in labels]),
                select_labels=_mean([sum(found.get("select", {}).values()) for found in labels]),
            )
        )  # fmt: skip
    return made


def _translated(what: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda settings: settings.get("translations", {}).get(what)


def _used(what: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda settings: settings.get("in_use", {}).get(what)


def _used_characters(settings: Mapping[str, Any]) -> float | None:
    asked = _used("examples")(settings)
    return settings["in_use"]["characters"] / asked if asked else None


def _before(what: str) -> Callable[[Mapping[str, Any]], float | None]:
    """Of translations, less those that the test needed; None where these are not told apart."""

    def read(settings: Mapping[str, Any]) -> float | None:
        every, used = _translated(what)(settings), _used(what)(settings)
        return None if every is None or used is None else max(0.0, every - used)

    return read


def _before_seconds(settings: Mapping[str, Any]) -> float | None:
    parts = [settings.get("train_seconds"), settings.get("align_seconds"),
             _before("seconds")(settings)]  # fmt: skip
    return None if None in parts else sum(part for part in parts if part is not None)


_TOLD: dict[str, Callable[[Mapping[str, Any]], float | None]] = {
    "train_seconds": lambda s: s.get("train_seconds"),
    "translate_seconds": _translated("seconds"),
    "align_seconds": lambda s: s.get("align_seconds"),
    "predict_ms": lambda s: s.get("predict_ms"),
    "translate_ms": lambda s: s.get("translate_ms"),
    "model_bytes": lambda s: s.get("model_bytes") or None,
    "calls": _translated("calls"),
    "characters": _translated("characters"),
    "used_characters": _used_characters,
    "target_labels": lambda s: s.get("target_labels"),
    "before_seconds": _before_seconds,
    "before_characters": _before("characters"),
}
"""What of the settings of an attempt is averaged."""


class Worth(NamedTuple):
    """A strategy beside the others.

    Attributes:
        cost: what it scores and costs.
        beaten_by: those that are as good in every respect and better in one.
    """

    cost: Cost
    beaten_by: tuple[str, ...]


class Respect(NamedTuple):
    """What strategies are compared in; of a cost less is better.

    Attributes:
        title: for people.
        field: of `Cost`.
        timed: whether it is a time, which varies from run to run.
        shown: as text.
    """

    title: str
    field: str
    timed: bool
    shown: Callable[[float | None], str]


def worths(found: Sequence[Cost]) -> list[Worth]:
    """Each strategy with those that beat it: the Pareto front is those that none does.

    One beats another where it scores no less, costs no more in any of `RESPECTS`, and is better in
    one of all these. Where one of two is not known in some respect, neither beats the other. Scores
    are means: whether a difference is more than chance is for the paired tests.

    Source: Rosa et al. (2021), A cost-benefit analysis of cross-lingual transfer methods, whose
    respects these are: effectiveness, development cost, deployment cost and latency. What they
    count as money is counted here as what it is paid for: time, labels, characters, bytes.
    """
    return [Worth(one, tuple(o.strategy for o in found if beats(o, one))) for one in found]


def beats(one: Cost, other: Cost) -> bool:
    """Whether it is as good in every respect, and better in one."""
    signs = [_better(one.score, other.score, timed=False)]
    signs += [
        _better(getattr(other, r.field), getattr(one, r.field), timed=r.timed) for r in RESPECTS
    ]
    return None not in signs and min(signs, default=0) >= 0 and max(signs, default=0) > 0  # ty: ignore


def _better(more: float | None, less: float | None, *, timed: bool) -> int | None:
    """1 where it is more, 0 where they are equal, -1 where it is less; None if one is unknown."""
    if more is None or less is None:
        return 0 if more is less else None
    if timed and abs(more - less) <= ALIKE * max(more, less):
        return 0
    return (more > less) - (more < less)


def worth_table(attempts: Sequence[Attempt]) -> list[dict[str, str]]:
    """`worths` as people read them: one dictionary a strategy, the same keys in each.

    The last, `beaten by`, is empty for those on the front.
    """
    return [
        {
            "strategy": one.cost.strategy,
            "score": _score(one.cost.score),
            **{r.title: r.shown(getattr(one.cost, r.field)) for r in RESPECTS},
            "beaten by": ", ".join(one.beaten_by),
        }
        for one in worths(costs(attempts))
    ]


def cost_table(attempts: Sequence[Attempt]) -> list[dict[str, str]]:
    """`costs` as people read them: one dictionary a strategy, the same keys in each."""
    return [
        {
            "strategy": row.strategy,
            "score": _score(row.score),
            "languages": str(row.languages),
            "training": _seconds(row.train_seconds),
            "translating": _seconds(row.translate_seconds),
            "aligning": _seconds(row.align_seconds),
            "an example": _ms(row.predict_ms),
            "one alone": _ms(row.latency_ms),
            "translating one": _ms(row.translate_ms),
            # A ledger that was kept and has no memory is of a system that cannot tell.
            "memory": _bytes(row.memory) or ("" if row.train_seconds is None else NOT_KNOWN),
            "model": _bytes(row.model_bytes),
            "translator's calls": _count(row.calls),
            "characters translated": _count(row.characters),
            "labels to train": _count(row.train_labels),
            "labels to choose": _count(row.select_labels),
        }
        for row in costs(attempts)
    ]


def spent_on(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Columns of such a table in which some strategy has more than nothing: those to show."""
    nothing = {"", "0", "0 s", "0 ms", "0 MiB"}
    return [key for key in (rows[0] if rows else {}) if any(r[key] not in nothing for r in rows)]


def _by_language(attempts: Sequence[Attempt], strategy: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for one in attempts:
        if one.strategy == strategy and one.value is not None:
            values.setdefault(one.language, []).append(one.value)
    return {language: sum(found) / len(found) for language, found in values.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return median(known) if known else None


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    if not value:
        return "" if value is None else "0 s"
    if value < 0.1:
        return f"{value:.2g} s"
    return f"{value:.1f} s" if value < 100 else f"{value / 60:.1f} min"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.3g} ms"


def _bytes(value: float | None) -> str:
    if value is None:
        return ""
    if value < 10 * 2**20:
        return f"{value / 2**20:.2g} MiB"
    return f"{value / 2**20:,.0f} MiB" if value < 2**30 else f"{value / 2**30:.1f} GiB"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


RESPECTS = (
    Respect("time before use", "before_seconds", True, _seconds),
    Respect("characters translated before use", "before_characters", False, _count),
    Respect("labels of the target", "target_labels", False, _count),
    Respect("model", "model_bytes", False, _bytes),
    Respect("characters translated an example", "used_characters", False, _count),
    Respect("answer to one example", "use_ms", True, _ms),
)
"""Development cost (the first three), deployment cost, latency."""
