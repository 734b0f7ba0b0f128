"""Many languages of a suite at once: what was read, and what does not fit together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.errors import CorpusError, UnknownLanguage, UsageError
from isogloss.task.examples import Examples
from isogloss.task.spans import scheme_of, spans
from isogloss.task.suites.directions import Asked, Direction, choose
from isogloss.task.suites.suite import Part, Suite

if TYPE_CHECKING:
    from rich.table import Table


class Loaded(NamedTuple):
    """Examples and the task of the suite that they belong to."""

    task: str
    examples: Examples


class Read(NamedTuple):
    """What was loaded, and what is worth knowing of it, in sentences."""

    parts: list[Loaded]
    notes: list[str]


def load(
    suite: Suite,
    *,
    languages: Sequence[str] | None = None,
    splits: Sequence[str] = ("test",),
    tasks: Sequence[str] | None = None,
    data: str | Path | None = None,
    network: bool = False,
) -> Read:
    """The examples of some tasks, languages and splits; nothing else is opened.

    Args:
        suite: what to read.
        languages: any spellings; all by default.
        splits: a task without one of them is told in a note.
        tasks: all by default.
        data: the folder of the data; by default what ISOGLOSS_DATA names.
        network: allow the network for Hugging Face sets.

    Raises:
        UnknownLanguage: no task has a language that is wanted.
        CorpusError: what reading finds, or unequal labels where the suite says they are the same.
    """
    chosen = [suite.part(name) for name in tasks] if tasks else list(suite.tasks)
    notes = list(suite.notes)
    plan = _plan(suite, chosen, languages, splits, data, notes)
    parts: list[Loaded] = []
    for part, split, tags in plan:
        read = [
            suite.examples(part.name, str(tag), split, data=data, network=network) for tag in tags
        ]
        notes += unequal(part, read)
        parts += [Loaded(part.name, one) for one in read]
    return Read(parts, list(dict.fromkeys(notes)))


def _plan(
    suite: Suite,
    chosen: Sequence[Part],
    languages: Sequence[str] | None,
    splits: Sequence[str],
    data: str | Path | None,
    notes: list[str],
) -> list[tuple[Part, str, list[Asked]]]:
    """What is to be read, before anything is."""
    plan: list[tuple[Part, str, list[Asked]]] = []
    everywhere: dict[Asked, str] = {}
    found: set[str] = set()
    for part in chosen:
        for split in splits:
            if split not in part.splits:
                notes.append(f"{part.name} has no {split}")
                continue
            there = suite.languages(part.name, split, data=data)
            everywhere |= there
            wanted = [tag for tag in languages or () if _has(tag, there)]
            found.update(wanted)
            if absent := [tag for tag in languages or () if tag not in wanted]:
                notes.append(f"{part.name} has no {split} of {', '.join(absent)}")
            tags = list(there) if languages is None else choose(wanted, there, note=notes.append)
            plan.append((part, split, list(dict.fromkeys(tags))))
    if not plan:
        there = dict.fromkeys(split for part in chosen for split in part.splits)
        raise UsageError(
            f"{suite.name} has no {', '.join(splits)}", remedy=f"its splits are {', '.join(there)}"
        )
    choose([tag for tag in languages or () if tag not in found], everywhere)
    return plan


def spoken(suite: Suite, part: Part, tests: Sequence[Examples], **how: Any) -> Sequence[Examples]:
    """Text of the languages of a task, by which they can be told apart.

    Of a task with directions one from each language, of its `train` if it has that; so what tells
    them apart is the same whichever of them are asked. Of another task the tests themselves.

    Args:
        suite: of the task.
        part: the task.
        tests: that are asked.
        how: `data` and `network`, as `load` takes them.
    """
    if not part.directed:
        return tests
    split = "train" if "train" in part.splits else tests[0].split
    there = suite.languages(part.name, split, data=how.get("data"))
    firsts = {one.source: one for one in reversed(list(there)) if isinstance(one, Direction)}
    return [suite.examples(part.name, str(one), split, **how) for one in firsts.values()]


def _has(tag: str, there: Iterable[Asked]) -> bool:
    try:
        return bool(choose([tag], there))
    except UnknownLanguage:
        return False


def label_set(examples: Examples) -> frozenset[str]:
    """The labels, tags, or types of entities that occur."""
    columns = [n for n in ("label", "labels", "tags") if n in examples.shape.labels]
    found: set[str] = set()
    for name in columns:
        values = [v for v in examples.column(name) if v is not None]
        if name == "label":
            found.update(map(str, values))
        elif name == "tags" and scheme_of(values):
            found.update(one.kind for tags in values for one in spans(tags))
        else:
            found.update(label for one in values for label in one)
    return frozenset(found)


def unequal(part: Part, read: Sequence[Examples]) -> list[str]:
    """Sentences about labels and ids that languages of a task do not share.

    Raises:
        CorpusError: unequal labels where the suite says that they are the same.
    """
    return unequal_labels(part, read) + (_unequal_ids(part, read) if part.n_way else [])


def unequal_labels(part: Part, read: Sequence[Examples]) -> list[str]:
    """A sentence about labels that some of these examples lack; none where all have the same.

    Args:
        part: the task, which says whether labels must be the same.
        read: of several languages; of several splits, each is named with its own. Those without
            any label, as of text to be labelled, lack none.

    Raises:
        CorpusError: unequal labels where the suite says that they are the same.
    """
    named = [one for one in read if "choices" not in one.shape.columns]  # labels are places there
    sets = [(one, found) for one in named if (found := label_set(one))]
    splits = list(dict.fromkeys(one.split for one, _ in sets))
    names = [one.tag if len(splits) == 1 else f"{one.tag} {one.split}" for one, _ in sets]
    languages: Mapping[str, list[str]] = defaultdict(list)
    for name, (_, found) in zip(names, sets, strict=True):
        for label in found:
            languages[label].append(name)
    said = []
    for label, having in sorted(languages.items()):
        lacking = [name for name in names if name not in having]
        if lacking and len(lacking) <= len(having):
            said.append(f"{', '.join(lacking)} without {label}")
        elif lacking:
            said.append(f"only {', '.join(having)} with {label}")
    if not said:
        return []
    where = " and ".join(splits)
    sentence = f"{part.name}: labels are not the same in {where}: {'; '.join(said)}"
    if part.labels == "same":
        raise CorpusError(
            f"{sentence}, and the suite {read[0].name} says that they are",
            remedy="leave those languages out, rename or keep labels in the suite, or take "
            'labels = "same" out of it',
        )
    return [sentence]


def _unequal_ids(part: Part, read: Sequence[Examples]) -> list[str]:
    if not read:
        return []
    every = set().union(*(one.ids for one in read))
    lacking = {one.tag: len(every) - len(one) for one in read if len(one) < len(every)}
    if not lacking:
        return []
    listed = ", ".join(f"{language} ({count})" for language, count in lacking.items())
    return [f"{part.name}: not every row of {read[0].split} is in every language: {listed} lack"]


class Count(NamedTuple):
    """How much was read of a language.

    Attributes:
        task: of the suite.
        language: canonical tag, or direction.
        split: which.
        rows: examples.
        labels: different ones.
        dropped: examples that were left out, for any reason.
    """

    task: str
    language: str
    split: str
    rows: int
    labels: int
    dropped: int


def counts(parts: Iterable[Loaded]) -> list[Count]:
    """How much was read, one row a task, language and split."""
    return [
        Count(task, e.tag, e.split, len(e), len(label_set(e)), sum(e.dropped.values()))
        for task, e in parts
    ]


def counts_table(rows: Iterable[Count]) -> Table:
    """The same for a terminal."""
    from rich.table import Table

    table = Table(header_style="bold")
    for name in Count._fields:
        table.add_column(name, justify="left" if name in Count._fields[:3] else "right")
    for row in rows:
        table.add_row(*(f"{v:,}" if isinstance(v, int) else v for v in row))
    return table
