"""How much of each language is read, and how that changes while training goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from pydantic import Field, model_validator

from isogloss.errors import TrainingError, UsageError
from isogloss.language import read_language, resolve
from isogloss.settings import Settings
from isogloss.train.contracts import weight_at
from isogloss.train.material import Material
from isogloss.vocabulary.sampling import shares

T = TypeVar("T")
_LOOKED_AT = 1000  # steps, evenly spaced, that the expected epochs are taken from


class Phase(Settings):
    """A stretch of training; what it leaves out is as in the mixture.

    Attributes:
        until: the share of the steps at which it ends.
        alpha: of p_l ~ n_l^alpha.
        hidden: share of tokens that are hidden, for mixtures that hide some.
        languages: that are read in it, all by default.
    """

    until: float = Field(gt=0, le=1)
    alpha: float | None = Field(default=None, ge=0)
    hidden: float | None = Field(default=None, gt=0, lt=1)
    languages: tuple[str, ...] = ()


class Sampling(Settings):
    """Shares of languages that are not, or not always, p_l ~ n_l^alpha.

    - By hand: a share a language, or points `[share of the steps, share]` with lines between them:
      a fixed imbalance of two languages, or a schedule of it. What is left goes to the others by
      temperature; where there are none, the named ones are scaled to 1.
    - `epochs`: UniMax instead of temperature, see `unimax`.
    - `phases`: temperature, languages and the share of hidden tokens by stretches, such as tau
      0.7, 0.5, 0.3 with 30%, 15% and 5% hidden and small languages joining late (mmBERT).
    - `easy`: a curriculum. Of each language's windows, easiest first, training begins with this
      share and draws from c(t) = sqrt(t (1 - easy^2) + easy^2) of them, t = 1 at `easy_until`.
      A window is the harder the larger its sum of -log p(token) by the language's own counts.

    Source: Schäfer et al. (2024), The Role of Language Imbalance in Cross-lingual Generalisation;
    Marone et al. (2025), mmBERT; Platanios et al. (2019), Competence-based Curriculum Learning for
    Neural Machine Translation.
    """

    by_hand: dict[str, float | tuple[tuple[float, float], ...]] = Field(default={})
    epochs: float | None = Field(default=None, gt=0)
    phases: tuple[Phase, ...] = ()
    easy: float = Field(default=1.0, gt=0, le=1)
    easy_until: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Sampling:
        ends = [phase.until for phase in self.phases]
        if ends and (ends != sorted(set(ends)) or ends[-1] != 1):
            raise ValueError("phases: `until` must rise from phase to phase and end at 1")
        if self.epochs and self.phases:
            raise ValueError("epochs is of the whole training, so there can be no phases beside")
        given = [v for w in self.by_hand.values() for v in (_values(w) or [-1.0])]
        if any(not 0 <= value <= 1 for value in given):
            raise ValueError("by_hand: shares lie between 0 and 1")
        return self

    @property
    def changes(self) -> bool:
        """Whether the step matters."""
        over_time = any(not isinstance(w, float | int) for w in self.by_hand.values())
        return bool(self.phases or self.epochs or over_time or self.easy < 1)


AS_THERE_IS = Sampling()


def _values(weight: float | Sequence[tuple[float, float]]) -> list[float]:
    if isinstance(weight, float | int):
        return [weight]
    return [value for _, value in weight]


def unimax(counts: Mapping[str, float], budget: float, epochs: float) -> dict[str, float]:
    """Even shares, but no language is read more than `epochs` times over.

    Languages are gone through from the smallest: each takes an even part of what is left of the
    budget, or `epochs` times its text if that is less. Where all are so limited, training is
    longer than the text, and shares are those of the text. Prefer it to temperature where small
    languages would be repeated until they are known by heart.

    Args:
        counts: how much there is of each language.
        budget: how much will be read, in the same unit.
        epochs: N of the paper.

    Source: Chung et al. (2023), UniMax: Fairer and More Effective Language Sampling for
    Large-Scale Multilingual Pretraining, algorithm 1.
    """
    taken: dict[str, float] = {}
    for place, tag in enumerate(sorted(counts, key=lambda tag: (counts[tag], tag))):
        even = (budget - sum(taken.values())) / (len(counts) - place)
        taken[tag] = min(even, epochs * counts[tag])
    total = sum(taken.values())
    return {tag: taken[tag] / total for tag in counts}


@dataclass(frozen=True)
class Plan:
    """Which languages a batch of each step is drawn from.

    Attributes:
        counts: windows of each language, none of them 0.
        alpha: of p_l ~ n_l^alpha where the sampling says nothing else.
        sampling: its tags are canonical.
        steps: of the training, 0 where nothing changes with them.
        size: windows in a batch.

    Raises:
        UsageError: shares by hand over 1, a phase without a language, or a sampling that changes
            with steps whose number is not known.
    """

    counts: Mapping[str, int]
    alpha: float
    sampling: Sampling = AS_THERE_IS
    steps: int = 0
    size: int = 1

    def __post_init__(self) -> None:
        if self.sampling.changes and not self.steps:
            raise UsageError("shares change with the steps, and their number is not known")
        points = {0.0, *(phase.until for phase in self.sampling.phases)}
        for weight in self.sampling.by_hand.values():
            points |= set() if isinstance(weight, float | int) else {at for at, _ in weight}
        for point in sorted(points):
            self.shares(min(int(point * self.steps), max(0, self.steps - 1)))

    def _phase(self, step: int) -> Phase:
        done = step / max(1, self.steps)
        return next((p for p in self.sampling.phases if done < p.until), Phase(until=1))

    def shares(self, step: int) -> dict[str, float]:
        """The probability of each language that is read at a step."""
        phase, hand = self._phase(step), self.sampling.by_hand
        chosen = phase.languages or self.counts
        there = {tag: n for tag, n in self.counts.items() if tag in chosen}
        if not there:
            raise UsageError(f"no language is read until {phase.until:.0%} of the steps")
        done = step / max(1, self.steps)
        named = {tag: weight_at(hand[tag], done) for tag in there if tag in hand}
        rest = {tag: n for tag, n in there.items() if tag not in named}
        left = 1 - sum(named.values())
        if left < -1e-6 or (not rest and left > 1 - 1e-6):
            raise UsageError(
                f"shares by hand sum to {1 - left:.3g} after {done:.0%} of the steps",
                remedy="let them sum to 1 at most, and leave something to read",
            )
        if not rest:
            return {tag: share / (1 - left) for tag, share in named.items()}
        if self.sampling.epochs:
            others = unimax(rest, max(left, 1e-9) * self.steps * self.size, self.sampling.epochs)
        else:
            others = shares(rest, self.alpha if phase.alpha is None else phase.alpha)
        found = named | {tag: max(left, 0.0) * share for tag, share in others.items()}
        total = sum(found.values())  # 1, but for what shares by hand may be over it
        return {tag: found[tag] / total for tag in there}

    def hidden(self, step: int) -> float | None:
        """The share of tokens hidden at a step, if its phase says one."""
        return self._phase(step).hidden

    def reach(self, step: int) -> float:
        """The share of each language's windows, easiest first, that a step draws from."""
        easy = self.sampling.easy
        if easy == 1:
            return 1.0
        t = step / self.steps / self.sampling.easy_until
        return min(1.0, math.sqrt(t * (1 - easy**2) + easy**2))

    def epochs(self) -> dict[str, float]:
        """How often each window of a language is read in all, as can be expected."""
        at = np.unique(np.linspace(0, self.steps - 1, min(self.steps, _LOOKED_AT)).astype(int))
        total = dict.fromkeys(self.counts, 0.0)
        for step in at.tolist():
            for tag, share in self.shares(step).items():
                total[tag] += share
        drawn = self.steps * self.size / max(1, len(at))
        return {tag: total[tag] * drawn / n for tag, n in self.counts.items()}

    def draw(
        self, windows: Mapping[str, Sequence[T]], rng: np.random.Generator, step: int
    ) -> tuple[list[str], list[T]]:
        """The languages and the windows of a batch; within a language all are as likely."""
        found, reach = self.shares(step), self.reach(step)
        tags = rng.choice(list(found), self.size, p=list(found.values()))
        limits = {tag: max(1, math.ceil(reach * len(windows[tag]))) for tag in found}
        chosen = [windows[tag][int(rng.integers(limits[tag]))] for tag in tags]
        return list(map(str, tags)), chosen


def easiest_first(windows: Sequence[T]) -> list[T]:
    """Windows of one language by the sum of -log p(token), p by their own counts.

    Of pairs, which are tuples, it is the source that counts.
    """
    read: list[Any] = [each[0] if isinstance(each, tuple) else each for each in windows]
    counts = np.bincount(np.concatenate(read))
    surprise = -np.log(np.maximum(counts, 1) / counts.sum())
    order = np.argsort([surprise[ids].sum() for ids in read], kind="stable")
    return [windows[place] for place in order]


def planned(
    material: Material,
    text: str,
    windows: Mapping[str, Sequence[T]],
    sampling: Sampling,
    *,
    alpha: float,
    size: int,
) -> tuple[dict[str, list[T]], Plan]:
    """Windows in the order that a sampling draws them from, and its plan; epochs are told.

    Raises:
        UnknownLanguage: a tag in the sampling that the run does not have.
        TrainingError: no window at all, or none of a language that the sampling names.
    """
    there = {tag: list(found) for tag, found in windows.items() if len(found)}
    if not there:
        raise TrainingError(f"{text}: there is no text to read")

    def known(tag: str) -> str:
        [found] = resolve([tag], [read_language(each) for each in material.numbers])
        if str(found) not in there:
            raise TrainingError(f"{text}: there is no text of {found}, which the sampling names")
        return str(found)

    canonical = sampling.model_copy(
        update={
            "by_hand": {known(tag): weight for tag, weight in sampling.by_hand.items()},
            "phases": tuple(
                phase.model_copy(update={"languages": tuple(map(known, phase.languages))})
                for phase in sampling.phases
            ),
        }
    )
    if sampling.easy < 1:
        there = {tag: easiest_first(found) for tag, found in there.items()}
    counts = {tag: len(found) for tag, found in there.items()}
    plan = Plan(counts, alpha, canonical, material.steps, size)
    if material.steps:
        told = ", ".join(f"{tag} {times:.3g}" for tag, times in plan.epochs().items())
        material.note(f"{text}: times that a window is read: {told}")
    return there, plan
