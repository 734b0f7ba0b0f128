"""The labelled examples of a transfer: what is learned from, and what is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from isogloss.errors import UsageError
from isogloss.task.suites import Asked, Part, Suite, choose, read_suite
from isogloss.task.suites.loading import label_set, spoken, unequal_labels
from isogloss.task.tasks.tag import NONE

if TYPE_CHECKING:
    from isogloss.task.contracts import Task
    from isogloss.task.examples import Examples


def suite_and_task(named: str) -> tuple[str, str]:
    """`ner_english:wikigold` taken apart; the task is "" where none is named."""
    head, mark, tail = named.rpartition(":")
    told = bool(mark) and not {"/", "\\", "."} & set(tail)
    return (head, tail) if told else (named, "")


@dataclass
class Side:
    """A task of a suite.

    Attributes:
        named: the suite's name or file, with `:task` behind it where it has several tasks.
        data: the folder of its data.
        network: whether sets of the hub may be fetched.
    """

    named: str
    data: str | None
    network: bool = False
    _there: dict[str, list[Asked]] = field(default_factory=dict)
    _read: dict[tuple[str, str], Examples] = field(default_factory=dict)

    def __post_init__(self) -> None:
        suite, task = suite_and_task(self.named)
        self.suite: Suite = read_suite(suite)
        self.part: Part = self.suite.part(task)
        self.measures = self.part.measures

    def tags(self, wanted: Sequence[str], split: str) -> list[str]:
        """Those of the languages that have the split which are wanted, once; all without any."""
        if split not in self._there:
            self._there[split] = list(self.suite.languages(self.part.name, split, data=self.data))
        there = self._there[split]
        found = choose(list(wanted), there) if wanted else there
        return list(dict.fromkeys(map(str, found)))

    def has(self, tag: str, split: str) -> bool:
        """Whether there are such examples."""
        return split in self.part.splits and tag in self.tags((), split)

    def read(self, tag: str, split: str) -> Examples:
        """The examples, which stay in memory."""
        if (tag, split) not in self._read:
            found = self.suite.examples(
                self.part.name, tag, split, data=self.data, network=self.network
            )
            self._read[tag, split] = found
        return self._read[tag, split]

    def spoken(self, tests: Sequence[Examples]) -> Sequence[Examples]:
        """Texts of all languages of the task, see `spoken`."""
        return spoken(self.suite, self.part, tests, data=self.data, network=self.network)

    def about(self) -> dict[str, Any]:
        """What of it can change an answer, besides its texts."""
        return {"suite": self.suite.model_dump(mode="json"), "task": self.part.name}


class TransferData:
    """What a transfer learns from and what it asks, which may be of two suites.

    Args:
        suite: the side with the sources' labels.
        tests: the side with the targets; "" for the same.
        source: languages with labels.
        targets: all that have a test by default.
        data: the folder of the suites' data.
        network: whether sets of the hub may be fetched.

    Raises:
        UsageError: the two sides are of different tasks, it is one that is not taught, or nothing
            is left to transfer to.
    """

    def __init__(
        self, suite: str, tests: str, source: Sequence[str], targets: Sequence[str],
        data: str | None, network: bool = False,
    ) -> None:  # fmt: skip
        self.learned = Side(suite, data, network)
        self.asked = Side(tests, data, network) if tests else self.learned
        uses = {side.part.use for side in (self.learned, self.asked)}
        if len(uses) > 1:
            raise UsageError(
                f"{suite} and {tests} are of different tasks: {', '.join(sorted(uses))}",
                remedy="name tasks of one kind, with `suite:task` where a suite has several",
            )
        self.task: Task = self.learned.part.task
        if not (hasattr(self.task, "classes") or hasattr(self.task, "tune")):
            raise UsageError(
                f"nothing is taught for {self.learned.part.use}",
                remedy="score an encoder as it is: isogloss evaluate",
            )
        self.notes: list[str] = []
        self.sources = self.learned.tags(source, "train")
        wanted = self.asked.tags(targets, "test")
        self.directed = self.asked.part.directed
        both = self.directed and bool(targets)  # a direction that was learned is worth asking
        self.targets = [tag for tag in wanted if both or tag not in self.sources]
        if targets and not both and (known := [tag for tag in wanted if tag in self.sources]):
            self.notes.append(f"{', '.join(known)}: a source, and so no target")
        if not self.targets:
            raise UsageError("no language to transfer to", remedy="name some with --languages")
        if informed := getattr(self.task, "informed", None):
            self.task = informed(
                self.asked.spoken([self.read(tag, "test") for tag in self.targets])
            )

    def read(self, tag: str, split: str) -> Examples:
        """Examples of a source from the one side, where it has them, else from the other."""
        own = tag in self.sources and self.learned.has(tag, split)
        return (self.learned if own else self.asked).read(tag, split)

    def has(self, tag: str, split: str) -> bool:
        """Whether there are such examples on either side."""
        return (tag in self.sources and self.learned.has(tag, split)) or self.asked.has(tag, split)

    @cached_property
    def parallel(self) -> bool:
        """Whether row i of every target's test is the same example, as the ids say."""
        rows = [self.asked.read(tag, "test").ids for tag in self.targets]
        return self.asked.part.n_way and all(ids == rows[0] for ids in rows)

    def translations_of_source(self, target: str) -> bool:
        """Whether row i of a target's test is that of the first source's."""
        sides = [self.read(tag, "test").ids for tag in (self.sources[0], target)]
        return self.together and sides[0] == sides[1]

    @property
    def together(self) -> bool:
        """Whether the same id means the same example in training and in the tests."""
        return self.learned.suite == self.asked.suite and self.asked.part.n_way

    def alike(self, tag: str, other: str) -> bool:
        """Whether a training and a test may share texts: of directions, if they begin alike."""
        return not self.directed or (
            self.read(tag, "train").language == self.read(other, "test").language
        )

    def unequal(self) -> list[str]:
        """Sentences about labels that languages do not share; of what has labels at all.

        Languages are compared split by split, and a source that has no test by what it is learned
        from; of two suites each for itself.

        Raises:
            CorpusError: unequal labels where a suite says that they are the same.
        """
        splits = self.splits().values()
        train = [self.read(tag, "train") for tag in self.sources]
        tests = [self.read(tag, "test") for tag in self.targets]
        if self.learned is self.asked:
            untested = [one for one in train if not self.has(one.language, "test")]
            groups = [(self.learned.part, every) for every in splits]
            groups += [(self.asked.part, [*untested, *tests])] if untested else []
            return [said for part, every in groups for said in unequal_labels(part, every)]
        sides = ((self.learned, self.sources), (self.asked, self.targets))
        return [
            said for side, tags in sides for every in splits
            for said in unequal_labels(side.part, [one for one in every if one.language in tags])
        ]  # fmt: skip

    def new_labels(self) -> Iterator[str]:
        """A sentence a test with labels, or kinds of spans, that no source has."""
        if "choices" in self.task.shape.columns:  # whose labels are places
            return
        every = (label_set(self.read(tag, "train")) for tag in self.sources)
        known = frozenset({NONE, "O"}).union(*every)
        for tag in self.targets:
            if new := sorted(label_set(self.read(tag, "test")) - known):
                yield (
                    f"{tag}: no source has {', '.join(new)}, so what learns from the sources alone "
                    "tells examples of these wrong"
                )

    def splits(self) -> dict[str, list[Examples]]:
        """All that may be read, by split, in the order of the languages."""
        names = dict.fromkeys([*self.learned.part.splits, *self.asked.part.splits])
        tags = [*self.sources, *self.targets]
        return {
            split: [self.read(tag, split) for tag in tags if self.has(tag, split)]
            for split in names if split in ("train", "dev", "test")
        }  # fmt: skip
