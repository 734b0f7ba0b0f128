"""What a strategy may use to reach one language, and what all of it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from isogloss.errors import UsageError
from isogloss.files import atomic_folder, fingerprint
from isogloss.progress import Start, silent
from isogloss.task.contracts import Guess, Task
from isogloss.task.examples import Examples
from isogloss.task.ledger import Ledger, Translations, Use, labels_used, timed
from isogloss.task.solver import Solver, Watch, size_of

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.encode.folder import ModelFolder
    from isogloss.encode.protocol import Encoder
    from isogloss.task.translate.contract import Translator

KEPT = 4
"""Solvers that are held in memory."""


class Strategy(Protocol):
    """From a job and a target language to what is told of its test; registered as `strategy`."""

    def __call__(self, job: Job, target: str) -> Sequence[Guess | None]:
        """One guess an example of `job.test(target)`."""
        ...


@dataclass(frozen=True)
class Means:
    """What a user brings besides labels.

    Attributes:
        translator: of texts.
        lexicons: dictionaries from the source language, by canonical tag.
        parallel: n-way text.
        folders: other models of the same shape, by canonical tag.
        encoder: gives vectors of words for alignments.
        model: the folder of the model, for what it can do untaught.
    """

    translator: Translator | None = None
    lexicons: Mapping[str, Path] = field(default_factory=dict)
    parallel: Corpus | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    encoder: Encoder | None = None
    model: ModelFolder | None = None

    def need(self, name: str, what: str, option: str) -> Any:
        """One of these.

        Raises:
            UsageError: the user has not brought it.
        """
        if not (found := getattr(self, name)):
            raise UsageError(f"the strategy needs {what}", remedy=f"give {option}")
        return found


class Learner(Protocol):
    """How a model is taught: by tuning it, or by a probe over its vectors."""

    def teach(
        self, task: Task, train: Sequence[Examples], *, seed: int, after: Path | None,
        watch: Watch | None, start: Start, changes: Mapping[str, Any], name: str,
    ) -> Solver:  # fmt: skip
        """A solver; `after` is the folder of one that it goes on from, `name` that of no other."""
        ...


@dataclass
class Job:
    """The job of one seed: labels of source languages, tests of targets, and means.

    Everything that a strategy takes from here is written into `ledger`.

    Attributes:
        task: what is to be told.
        source: canonical tags of the languages with labels, the first one first.
        load: gives the examples of a language and a split.
        learner: how a model is taught.
        seed: of everything random.
        means: what the user brings besides labels.
        scratch: folder that outlives a crash; solvers lie there.
        watched: whether the best weights by the source's `dev` are kept, not the last.
        start: starts a progress bar.
        ledger: of the attempt that is under way.
        last: the solver that was asked last in it.
        kept: the one that was saved last.
        truncated: texts that were cut off in it.
        dropped: examples of which nothing could be told in it, by reason.
    """

    task: Task
    source: Sequence[str]
    load: Callable[[str, str], Examples]
    learner: Learner
    seed: int
    means: Means
    scratch: Path
    watched: bool = False
    start: Start = silent
    ledger: Ledger = field(default_factory=Ledger)
    last: Solver | None = None
    kept: Solver | None = None
    truncated: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    _solvers: dict[str, Solver] = field(default_factory=dict)
    _made: dict[str, tuple[Solver, Ledger]] = field(default_factory=dict)

    def labelled(
        self,
        language: str,
        split: str = "train",
        *,
        use: Use = "train",
        pick: Callable[[Examples], Sequence[int]] | None = None,
    ) -> Examples:
        """Examples with labels, which are not those of a test.

        Args:
            language: canonical tag.
            split: `train` or `dev`.
            use: `train`, or `select` for what chooses among models.
            pick: the rows that are used; all by default.

        Raises:
            UsageError: the split is the test.
        """
        if split == "test":
            raise UsageError("a strategy does not see the labels of a test")
        found = self.load(language, split)
        found = found.take(pick(found)) if pick else found
        self.ledger += labels_used(found, use)
        return found

    def unlabelled(self, language: str, split: str = "train") -> Examples:
        """Examples without their labels."""
        found = self.load(language, split).sealed()
        self.ledger += Ledger(unlabelled={language: len(found)})
        return found

    def test(self, language: str) -> Examples:
        """The test without labels."""
        return self.load(language, "test").sealed()

    def sources(self, split: str = "train", *, use: Use = "train") -> list[Examples]:
        """Examples with labels of all source languages."""
        return [self.labelled(tag, split, use=use) for tag in self.source]

    def train(
        self,
        examples: Sequence[Examples],
        *,
        after: Solver | Path | None = None,
        watch: Watch | None = None,
        **changes: Any,
    ) -> Solver:
        """A solver of these examples; the same again is not taught again, but counts again.

        Args:
            examples: with labels, which `labelled` has given, or made of those.
            after: a solver that it goes on from, or the folder of a model; by default the model of
                the job.
            watch: keep the weights that are best on these; the source's `dev` if `watched`.
            changes: of how it is taught: `epochs`, `learning_rate` ...
        """
        if watch is None and self.watched:
            watch = Watch(self.sources("dev", use="select"))
        for one in watch.examples if watch else ():
            self.ledger += labels_used(one, "select")
        begun = self._begun(after)
        key = fingerprint(
            [one.fingerprint for one in examples], self.seed, dict(changes), begun,
            [one.fingerprint for one in watch.examples] if watch else [],
        )  # fmt: skip
        solver = self._solvers.pop(key, None) or self._taught(
            key, examples, after if isinstance(after, Path) else begun, watch, changes
        )  # fmt: skip
        _hold(self._solvers, key, solver, len(self.source) + 1)
        self.ledger = timed(self.ledger, train_seconds=solver.seconds, kept=solver.kept)
        return solver

    def _begun(self, after: Solver | Path | None) -> str:
        """What names the solver or the model that is gone on from; empty for that of the job."""
        if isinstance(after, Path):
            from isogloss.encode.folder import open_folder

            return open_folder(after, after.name).fingerprint
        begun = next((key for key, one in self._solvers.items() if one is after), "")
        if after is not None and not begun:
            raise UsageError("the solver to go on from is not one of this job")
        return begun

    def _taught(
        self, key: str, examples: Sequence[Examples], begun: str | Path, watch: Watch | None,
        changes: Mapping[str, Any],
    ) -> Solver:  # fmt: skip
        after = self.scratch / begun if begun else None  # a whole path stays as it is
        if isinstance(begun, str) and after and not after.is_dir():
            with atomic_folder(after) as folder:
                self._solvers[begun].save(folder)
        return self.learner.teach(
            self.task, examples, seed=self.seed, after=after, watch=watch, start=self.start,
            changes=changes, name=key,
        )  # fmt: skip

    def once(self, name: str, make: Callable[[], Solver]) -> Solver:
        """A solver that a strategy makes of others; the same again is not made again, but counts.

        Args:
            name: of what is made, of these sources.
            make: makes it, labels included.
        """
        before, self.ledger = self.ledger, Ledger()
        found = self._made.pop(name, None)
        try:
            made = found or (make(), self.ledger)
        finally:
            self.ledger = before
        _hold(self._made, name, made, 0)
        self.ledger += made[1]
        return made[0]

    def tell(self, solver: Solver, examples: Examples) -> list[Guess | None]:
        """What a solver says of examples."""
        told, self.last = solver.tell(examples), solver
        asked = examples.split == "test"  # guesses of other text are work before the first answer
        spent = {"predict_seconds" if asked else "train_seconds": told.seconds}
        self.ledger = timed(self.ledger, **spent, model_bytes=size_of(solver))
        self.truncated += told.truncated
        self.dropped += Counter(told.dropped)
        return told.guesses

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """Texts in another language, by the translator of the job.

        Raises:
            UsageError: there is none.
        """
        from isogloss.task.translate.contract import batch_of

        translator = self.means.need("translator", "a translator", "--translator")
        made = translator.translate(texts, source, target)
        # What a cache answers was paid for once; the next user pays for all of it.
        calls = -(-len(texts) // batch_of(translator))
        spent = Translations(len(texts), sum(map(len, texts)), calls)
        self.ledger += Ledger(translations=spent)
        return made


def _hold(held: dict[str, Any], key: str, value: Any, least: int) -> None:
    """Put it in as the newest, and let the oldest go; a model of each source stays."""
    held[key] = value
    while len(held) > max(KEPT, least):
        held.pop(next(iter(held)))


def attempt(job: Job, strategy: Strategy, target: str) -> list[Guess | None]:
    """What a strategy tells of a target's test; what it took is in the job's ledger.

    Raises:
        UsageError: it told more or fewer guesses than there are examples.
    """
    job.ledger, job.last = Ledger(target=target), None
    job.truncated, job.dropped = 0, Counter()
    guesses, asked = list(strategy(job, target)), len(job.test(target))
    if len(guesses) != asked:
        raise UsageError(
            f"the strategy told {len(guesses)} of {asked} examples of {target}",
            remedy="give a guess, or None, an example",
        )
    job.ledger = timed(job.ledger, predicted=asked)
    return guesses
