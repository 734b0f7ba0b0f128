"""What the attempts of a transfer are worth: scores, means, differences, gaps, forgetting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.score import Score, Scores, defined

if TYPE_CHECKING:
    from isogloss.recipe.transfer_data import TransferData
    from isogloss.task.compare import Seeds
    from isogloss.task.contracts import Tally


class Outcome(NamedTuple):
    """What an attempt brought.

    Attributes:
        tallies: by measure, of the target's test.
        source: the same of the source's test, asked of the model that the target got; empty where
            no one model told it.
        values: what was told of each example of the target's test.
        about: of every score: what was used and what it cost, what was dropped and cut off.
    """

    tallies: Mapping[str, Tally]
    source: Mapping[str, Tally]
    values: Sequence[Any]
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of all attempts, and what their scores say besides.

    Attributes:
        found: by strategy and target, one a seed.
        data: what was learned from and asked.
        seeds: in their order.
        plain: names of the strategies, those first whose models show what the source can do.
        drawn: seed of intervals and tests.
        about: of every score.
    """

    found: Mapping[tuple[str, str], Sequence[Outcome]]
    data: TransferData
    seeds: Sequence[int]
    plain: Sequence[str]
    drawn: int
    about: Mapping[str, Any]

    def scores(self, notes: list[str]) -> tuple[list[Score], dict[str, np.ndarray]]:
        """Scores by seed and over seeds, and what each strategy has over the first.

        With the counts behind the scores of each seed, by measure, target, strategy and seed. What
        could not be told is added to the notes.
        """
        rows: list[Score] = []
        items: dict[str, np.ndarray] = {}
        for (name, target), outcomes in self.found.items():
            here = {**self.about, "strategy": name, "language": target}
            for seed, outcome in zip(self.seeds, outcomes, strict=True):
                for measure in self._measures(outcomes):
                    tally = outcome.tallies[measure]
                    rows.append(_row(measure, tally, outcome, seed, self.drawn, here))
                    items[f"{measure}|{target}|{name}|{seed}"] = tally.columns
        for measure in self._measures([one for some in self.found.values() for one in some]):
            rows += over_seeds_rows(
                self.found, measure, self.seeds, self.about, parallel=self.data.parallel,
                drawn=self.drawn,
            )  # fmt: skip
        return [*rows, *self._changes(notes), *self._gaps(), *self._forgotten(notes)], items

    def _measures(self, outcomes: Sequence[Outcome]) -> list[str]:
        """What all outcomes have been scored by, the suite's own measure first."""
        return [one for one in self.data.asked.measures
                if all(one in outcome.tallies for outcome in outcomes)]  # fmt: skip

    def _changes(self, notes: list[str]) -> Scores:
        """What each strategy has over the first by the suite's measure, means over seeds."""
        from isogloss.task.changes import changes
        from isogloss.task.compare import together

        measure, whole = self.data.asked.measures[0], {}
        for (name, target), outcomes in self.found.items():
            tallies = [outcome.tallies[measure] for outcome in outcomes]
            whole.setdefault(name, {})[target] = together(tallies)
        return changes(
            whole, measure=measure, parallel=self.data.parallel, seed=self.drawn, notes=notes,
            **self.about,
        )  # fmt: skip

    def _gaps(self) -> list[Score]:
        """How far each strategy falls from the source to each target, by the suite's measure."""
        from isogloss.task.compare import together
        from isogloss.task.gap import transfer_gap

        measure, rows = self.data.asked.measures[0], []
        for (name, target), outcomes in self.found.items():
            sides = [[one.source.get(measure) for one in outcomes],
                     [one.tallies[measure] for one in outcomes]]  # fmt: skip
            if not all(sides[0]):
                continue
            source, reached = (together([one for one in side if one]) for side in sides)
            rows.append(transfer_gap(
                source, reached, of=measure, parallel=self.data.translations_of_source(target),
                seed=self.drawn, language=target, strategy=name, **self.about,
            ))  # fmt: skip
        return rows

    def _forgotten(self, notes: list[str]) -> list[Score]:
        """What the models of each strategy do in the source, beside those of zero-shot transfer.

        Without that, or where no one model tells for it, beside those of the first that has some.
        """
        from isogloss.task.compare import together
        from isogloss.task.forgetting import forgetting

        measure, source, rows = self.data.asked.measures[0], self.data.sources[0], []
        told = {key: [one.source[measure] for one in every] for key, every in self.found.items()
                if all(measure in one.source for one in every)}  # fmt: skip
        targets = {target for _, target in self.found}
        silent = dict.fromkeys(name for name, target in self.found if (name, target) not in told)
        if silent and self.data.has(source, "test"):
            notes.append(
                f"{', '.join(silent)}: no one model told a target, so what became of "
                f"{source} is not told"
            )
        base = next((name for name in self.plain
                     if all((name, target) in told for target in targets)), None)  # fmt: skip
        for (name, target), tallies in told.items():
            if base is None or name == base:
                continue
            before, after = together(told[base, target]), together(tallies)
            rows += forgetting(before, after, measure=measure, language=source, target=target,
                               base=base, strategy=name, **self.about)  # fmt: skip
        return rows


def _row(
    measure: str, tally: Tally, outcome: Outcome, seed: int, drawn: int, about: Mapping[str, Any]
) -> Score:
    """A score of one seed."""
    from isogloss.task.evaluate import score_of

    made = score_of(
        measure, tally, {"seed": drawn}, dropped=outcome.about["dropped"],
        truncated=outcome.about["truncated"], seed=seed, **about,
    )  # fmt: skip
    return replace(made, settings={**tally.settings, **outcome.about["settings"]})


def over_seeds_rows(
    found: Mapping[tuple[str, str], Sequence[Outcome]], measure: str, seeds: Sequence[int],
    about: Mapping[str, Any], *, parallel: bool, drawn: int,
) -> list[Score]:  # fmt: skip
    """Means over seeds of each language, and of all of them."""
    from isogloss.task.compare import over_languages, over_values, together

    rows: list[Score] = []
    for name in dict.fromkeys(name for name, _ in found):
        own = {target: outcomes for (n, target), outcomes in found.items() if n == name}
        every: list[list[Tally]] = []
        for target, outcomes in own.items():
            every.append([outcome.tallies[measure] for outcome in outcomes])
            made, n = _over_seeds(every[-1], drawn), len(every[-1][0].columns)
            rows.append(_mean_row(measure, made, n, target, name, seeds, outcomes, about))
        by_seed = list(zip(*every, strict=True))
        values = [float(np.mean([one.value for one in tallies])) for tallies in by_seed]
        if parallel:
            mean = _over_seeds([together(tallies) for tallies in by_seed], drawn)
        elif not np.isfinite(values).all():
            mean = _undefined(values)
        else:
            pooled = {str(at): together(tallies) for at, tallies in enumerate(every)}
            ends = over_languages(pooled, seed=drawn)
            mean = over_values(values)._replace(
                low=ends.low, high=ends.high, interval="bootstrap over examples"
            )
        n = sum(len(tallies[0].columns) for tallies in every)
        every_one = [outcome for outcomes in own.values() for outcome in outcomes]
        rows.append(_mean_row(measure, mean, n, None, name, seeds, every_one, about))
    return rows


def _over_seeds(tallies: Sequence[Tally], drawn: int) -> Seeds:
    """`over_seeds`; without a mean where a seed has no value."""
    from isogloss.task.compare import over_seeds

    values = [one.value for one in tallies]
    return over_seeds(tallies, seed=drawn) if np.isfinite(values).all() else _undefined(values)


def _undefined(values: Sequence[float]) -> Seeds:
    from isogloss.task.compare import Seeds

    return Seeds(np.nan, None, None, None, tuple(values), None)


def _mean_row(
    measure: str, found: Seeds, n: int, target: str | None, name: str, seeds: Sequence[int],
    outcomes: Sequence[Outcome], about: Mapping[str, Any],
) -> Score:  # fmt: skip
    """A score over seeds; without a target, over languages too."""
    told = {"values": [*map(defined, found.values)], "spread": found.spread, "seeds": list(seeds)}
    return Score(
        measure=measure, value=defined(found.mean), low=found.low, high=found.high, n=n,
        language=target, interval=found.interval, strategy=name,
        settings={**_of_all(outcomes), **told}, **about,
    )  # fmt: skip


def _of_all(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What several attempts used and cost: means of numbers, and what else is alike in all."""
    every = [outcome.about["settings"] for outcome in outcomes]
    made: dict[str, Any] = {}
    for key, first in every[0].items():
        values = [one.get(key) for one in every]
        if all(value == first for value in values):
            made[key] = first
        elif (mean := _mean_of(values)) is not None:
            made[key] = mean
    return made


def _mean_of(values: Sequence[Any]) -> Any:
    """The mean of numbers, or of each of the same several; None of anything else."""
    if all(isinstance(value, int | float) for value in values):
        return float(np.mean(values))
    if not all(isinstance(value, Mapping) and value for value in values):
        return None
    keys = values[0].keys()
    means = {key: _mean_of([one.get(key) for one in values]) for key in keys}
    alike = all(one.keys() == keys for one in values)
    return means if alike and None not in means.values() else None
