"""The step that reads results of MTEB, so that they stand in a run as our own do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import DirectoryPath, FilePath

from isogloss.errors import UsageError
from isogloss.files import sha256_file
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores

MTEB = "MTEB"
"""The data set of a task that none of our suites has."""


@register("step", "mteb_results.v1")
class MtebResults(Step):
    """Scores of one model from MTEB's result files, by language, and their means.

    Files that `evaluate` wrote with `--mteb` come back as they were, intervals and all. Of others
    each number is a score, without an interval and with `n` 0, since MTEB records neither; a task
    that one of our suites has stands under that suite. A mean over languages is a plain mean.

    Attributes:
        results: a result file, or a folder of them: of one model.
        split: whose scores are taken; those of others are counted in a note.
    """

    alone: ClassVar[bool] = True
    results: DirectoryPath | FilePath
    split: str = "test"

    def key_settings(self) -> dict[str, Any]:
        """With the content of the files."""
        files = [self.results] if self.results.is_file() else sorted(self.results.rglob("*.json"))
        return {**super().key_settings(), "files": [sha256_file(file) for file in files]}

    def run(self, place: Workplace) -> None:
        """Read, name as our suites do, and take means.

        Raises:
            UsageError: results of several models, or of several revisions of one; no such split.
            CorpusError: what `read_mteb` raises.
        """
        from isogloss.task.mteb import read_mteb

        rows = read_mteb(self.results)
        models = dict.fromkeys((row.system, row.model_fingerprint) for row in rows)
        if len(models) > 1:
            there = ", ".join(f"{name} ({revision})" for name, revision in models)
            raise UsageError(
                f"{self.results} has results of {len(models)} models: {there}",
                remedy="name the folder of one, such as results/org__model/revision",
            )
        splits = Counter(str(row.settings.get("split", "test")) for row in rows)
        if self.split not in splits:
            raise UsageError(
                f"{self.results} has no score of {self.split}",
                remedy=f"there are {', '.join(splits)}: name one with --split",
            )
        place.notes += [f"{n} scores of {split} are left out" for split, n in splits.items()
                        if split != self.split]  # fmt: skip
        kept = [row for row in rows if str(row.settings.get("split", "test")) == self.split]
        suites = _suites()
        named = [_ours(row, suites) for row in kept]
        others = dict.fromkeys(str(row.task) for row in named if row.dataset == MTEB)
        place.notes += [f"{task}: a task of MTEB that no suite here has" for task in others]
        place.write(Scores(_with_means(named)))


def _suites() -> dict[str, tuple[str, str]]:
    """Suite and task by what MTEB calls them."""
    from isogloss.task.mteb import mteb_name
    from isogloss.task.suites import list_suites, read_suite

    return {mteb_name(suite, part): (suite.name, part.name)
            for suite in map(read_suite, list_suites()) for part in suite.tasks}  # fmt: skip


def _ours(row: Score, suites: Mapping[str, tuple[str, str]]) -> Score:
    """A score under the names of our suites, if one of them has the task."""
    if row.task:
        return row
    dataset, task = suites.get(str(row.dataset), (MTEB, row.dataset))
    return replace(row, dataset=dataset, task=task)


def _with_means(rows: Sequence[Score]) -> Iterator[Score]:
    """The scores of each task, the main measure first, and their means over languages."""
    for dataset, task in dict.fromkeys((row.dataset, row.task) for row in rows):
        own = [row for row in rows if (row.dataset, row.task) == (dataset, task)]
        main = _main(own)
        own.sort(key=lambda row: row.measure != main)  # stable: the rest stays as it was
        yield from own
        for measure in dict.fromkeys(row.measure for row in own):
            some = [row for row in own if row.measure == measure]
            values = [row.value for row in some if row.value is not None]
            if 1 < len(some) == len(values):
                yield replace(
                    some[0], language=None, value=sum(values) / len(values), low=None, high=None,
                    interval=None, n=sum(row.n for row in some), dropped={}, truncated=None,
                    corpus_fingerprint=None,
                    settings={"split": some[0].settings.get("split", "test"),
                              "languages": [row.language for row in some]},
                )  # fmt: skip


def _main(rows: Sequence[Score]) -> str:
    """The measure that is everywhere what the files call their main score; else the first."""
    foreign = [row for row in rows if "main_score" in row.settings]
    for measure in dict.fromkeys(row.measure for row in rows):
        own = [row for row in foreign if row.measure == measure]
        if own and all(row.value == row.settings["main_score"] for row in own):
            return measure
    return rows[0].measure
