"""What a strategy may use to reach one language, and what all of it costs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from isogloss.errors import UnknownLanguage, UsageError
from isogloss.files import atomic_folder, fingerprint
from isogloss.memory import peak_memory
from isogloss.progress import Start, silent
from isogloss.task.contracts import Guess, Task
from isogloss.task.examples import Examples
from isogloss.task.ledger import Ledger, Translations, Use, labels_used, timed
from isogloss.task.needs import BROUGHT
from isogloss.task.solver import Solver, Watch, size_of

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.encode.folder import ModelFolder
    from isogloss.encode.protocol import Encoder
    from isogloss.task.translate.contract import Translator

KEPT = 4
"""Solvers that are held in memory."""
ALONE = 9
"""Examples of a test that are asked one by one, to know how long one takes."""
_TRANSLATING = "translating"


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
        parallel: n-way text with the source language.
        folders: other models of the same shape, by canonical tag.
        encoder: gives vectors of words for alignments.
        model: the folder of the model, for what it can do untaught.
        models: other models to begin from, by the steps that made them.
        acts: what is done with words of each class, as `read_acts` knows it.
        word_classes: words with their classes.
        proposer: a model of source and target that names spans, or is to be taught to.
    """

    translator: Translator | None = None
    lexicons: Mapping[str, Path] = field(default_factory=dict)
    parallel: Corpus | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    encoder: Encoder | None = None
    model: ModelFolder | None = None
    models: Mapping[str, Path] = field(default_factory=dict)
    acts: Mapping[str, str] = field(default_factory=dict)
    word_classes: Path | None = None
    proposer: ModelFolder | None = None

    def model_of(self, step: str) -> Path:
        """The folder of a model that an earlier step made.

        Raises:
            UsageError: there is none of that name.
        """
        if step not in self.models:
            raise UsageError(
                f"there is no model {step!r} to begin from", remedy="name an earlier step"
            )
        return self.models[step]

    def need(self, name: str) -> Any:
        """One of those that `needs.BROUGHT` names.

        Raises:
            UsageError: the user has not brought it.
        """
        if not (found := getattr(self, name)):
            what, option = BROUGHT[name]
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
        watched: measure by which the best weights on the source's `dev` are kept; "" for the last.
        measure: the suite's, by which models are ranked; "" for the first of the task.
        start: starts a progress bar.
        ledger: of the attempt that is under way.
        last: the solver that was asked last in it.
        kept: what names the one that was saved last, of the strategy that is under way.
        peaks: bytes that each training took, and translating; whoever uses what was made or loaded
            before is told them too. Jobs of other seeds may share them.
        truncated: texts of the test that were cut off in it.
        dropped: examples of which nothing could be told in it, by reason.
        notes: what trainings told in it.
    """

    task: Task
    source: Sequence[str]
    load: Callable[[str, str], Examples]
    learner: Learner
    seed: int
    means: Means
    scratch: Path
    watched: str = ""
    measure: str = ""
    start: Start = silent
    ledger: Ledger = field(default_factory=Ledger)
    last: Solver | None = None
    kept: str = ""
    peaks: dict[str, int | None] = field(default_factory=dict)
    truncated: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    _solvers: dict[str, Solver] = field(default_factory=dict)
    _made: dict[str, tuple[Solver, Ledger]] = field(default_factory=dict)
    _away: float = 0.0  # seconds of teaching, telling and translating

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
            UsageError: the split is the test, is not there, or has no label.
        """
        if split == "test":
            raise UsageError("a strategy does not see the labels of a test")
        found = self._there(language, split, "labels" if use == "train" else "labels to choose by")
        used = labels_used(found, use)
        if not used.labels:
            raise UsageError(
                f"none of {len(found)} examples of {language} {split} has a label",
                remedy="label some, or take a strategy that needs no labels of this language",
            )
        if pick:
            found = found.take(pick(found))
            used = labels_used(found, use)
        self.ledger += used
        return found

    def unlabelled(self, language: str, split: str = "train") -> Examples:
        """Examples without their labels.

        Raises:
            UsageError: there are none.
        """
        found = self._there(language, split, "text, of which labels are not read,").sealed()
        self.ledger += Ledger(unlabelled={language: len(found)})
        return found

    def _there(self, language: str, split: str, what: str) -> Examples:
        try:
            return self.load(language, split)
        except (UnknownLanguage, UsageError) as error:
            raise UsageError(
                f"the strategy reads {what} of {language}, and there is no {split} of it: "
                f"{error.message}",
                remedy="give the suite such examples, leave this language out, or do without: "
                "zero_shot reads no text of a target, and select = last no dev",
            ) from error

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
        task: Any = None,
        **changes: Any,
    ) -> Solver:
        """A solver of these examples; the same again is not taught again, but counts again.

        Args:
            examples: with labels, which `labelled` has given, or made of those.
            after: a solver that it goes on from, or the folder of a model; by default the model of
                the job.
            watch: keep the weights that are best on these; the source's `dev` if `watched`.
            task: another one than the job's, with a fingerprint, whose last weights are kept.
            changes: of how it is taught: `epochs`, `learning_rate` ...
        """
        if watch is None and self.watched and task is None:
            watch = Watch(self.sources("dev", use="select"), measure=self.watched)
        for one in watch.examples if watch else ():
            self.ledger += labels_used(one, "select")
        begun = self._begun(after)
        key = fingerprint(
            [one.fingerprint for one in examples], self.seed, dict(changes), begun,
            [one.fingerprint for one in watch.examples] if watch else [],
            *([task.fingerprint] if task else []),
        )  # fmt: skip
        if not (solver := self._solvers.pop(key, None)):
            with self._away_from_aligning(), peak_memory() as peak:
                solver = self._taught(
                    key, examples, after if isinstance(after, Path) else begun, watch,
                    task or self.task, changes,
                )  # fmt: skip
            self.peaks[key] = peak.added
        _hold(self._solvers, key, solver, len(self.source) + 1)
        # The solver's time has that of what it began as, which was paid when that was trained.
        before = 0.0 if after is None or isinstance(after, Path) else after.seconds
        self.ledger = timed(
            self.ledger, train_seconds=max(0.0, solver.seconds - before), kept=solver.kept,
            peak_memory=self.peaks[key],
        )  # fmt: skip
        self.note(getattr(solver, "notes", ()))
        return solver

    def note(self, notes: Iterable[str]) -> None:
        """Tell what the attempt has not told yet."""
        self.notes += [note for note in notes if note not in self.notes]

    @contextmanager
    def _away_from_aligning(self) -> Generator[None]:
        """Work whose time is never that of aligning: teaching, telling, translating."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._away += time.perf_counter() - began

    @contextmanager
    def spending(
        self, on: Literal["align_seconds", "train_seconds", "predict_seconds"]
    ) -> Generator[None]:
        """Work whose time goes there in the ledger, less what it has taught, asked, translated."""
        began, away = time.perf_counter(), self._away
        try:
            yield
        finally:
            own = max(0.0, time.perf_counter() - began - (self._away - away))
            self.ledger = timed(self.ledger, **{on: own})

    def aligning(self) -> AbstractContextManager[None]:
        """Work whose time is that of aligning and projecting, less what it has taught and asked."""
        return self.spending("align_seconds")

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
        task: Any, changes: Mapping[str, Any],
    ) -> Solver:  # fmt: skip
        after = self.scratch / begun if begun else None  # a whole path stays as it is
        if isinstance(begun, str) and after and not after.is_dir():
            with atomic_folder(after) as folder:
                self._solvers[begun].save(folder)
        return self.learner.teach(
            task, examples, seed=self.seed, after=after, watch=watch, start=self.start,
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
            if not (made := found):
                with peak_memory() as peak:
                    solver = make()
                made = solver, timed(self.ledger, peak_memory=peak.added)
        finally:
            self.ledger = before
        _hold(self._made, name, made, 0)
        self.ledger += made[1]
        return made[0]

    def name_of(self, solver: Solver) -> str:
        """What names a solver, in another process too; empty for one that is not held here."""
        every = self._solvers | {name: made for name, (made, _) in self._made.items()}
        return next((name for name, one in every.items() if one is solver), "")

    def tell(self, solver: Solver, examples: Examples) -> list[Guess | None]:
        """What a solver says of examples."""
        with self._away_from_aligning():
            told, self.last = solver.tell(examples), solver
            asked = examples.split == "test"  # guesses of other text are work before use
            alone = _alone(solver, examples) if asked else ()
        spent = {"predict_seconds" if asked else "train_seconds": told.seconds}
        self.ledger = timed(self.ledger, **spent, alone=alone, model_bytes=size_of(solver))
        # Each text of the test counts once, however many solvers are asked.
        where = "" if asked else f"text of {examples.language}: "
        self.dropped |= Counter({where + why: n for why, n in told.dropped.items()})
        if asked:
            self.truncated = max(self.truncated, told.truncated)
        return told.guesses

    def translate(
        self, texts: Sequence[str], source: str, target: str, *, in_use: bool = False
    ) -> list[str]:
        """Texts in another language, by the translator of the job.

        Args:
            texts: any texts.
            source: canonical tag of their language.
            target: canonical tag of the other.
            in_use: whether they are what the test asks, and not what is learned from.

        Raises:
            UsageError: there is no translator.
            TranslatorError: it gave another number of texts.
        """
        from isogloss.task.translate.contract import check_count, odd_of

        translator = self.means.need("translator")
        began = time.perf_counter()
        with self._away_from_aligning(), peak_memory() as peak:
            made = translator.translate(texts, source, target)
        check_count(translator.name, texts, made)
        spent = _spent(translator, texts, time.perf_counter() - began)
        # What loads a translator is its first call; those after it use what was loaded.
        part = Ledger(peak_memory=peak.added) + Ledger(peak_memory=self.peaks.get(_TRANSLATING))
        self.peaks[_TRANSLATING] = part.peak_memory
        self.ledger += timed(part, translations=spent, in_use=spent if in_use else Translations())
        self.notes += odd_of(translator, len(texts), source, target)
        return made


def _alone(solver: Solver, examples: Examples) -> tuple[float, ...]:
    """Seconds of some examples that are asked one by one, spread over all."""
    count = min(ALONE, len(examples))
    rows = [at * len(examples) // count for at in range(count)]
    return tuple(solver.tell(examples.take([row])).seconds for row in rows)


def _spent(translator: Translator, texts: Sequence[str], seconds: float) -> Translations:
    """What translating cost; what a cache answers, when it was made."""
    from isogloss.task.translate.contract import Spent, batch_of

    told: Spent | None = getattr(translator, "last", None)
    if told is not None:
        return Translations(told.texts, told.characters, round(told.calls, 3), told.seconds)
    calls = -(-len(texts) // batch_of(translator))
    return Translations(len(texts), sum(map(len, texts)), calls, seconds)


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
    job.truncated, job.dropped, job.notes = 0, Counter(), []
    with peak_memory() as peak:
        guesses = list(strategy(job, target))
    asked = len(job.test(target))
    if len(guesses) != asked:
        raise UsageError(
            f"the strategy told {len(guesses)} of {asked} examples of {target}",
            remedy="give a guess, or None, an example",
        )
    job.ledger = timed(job.ledger, predicted=asked, peak_memory=peak.added)
    return guesses
