"""A text-to-text model that learned to name the spans of a sentence, and names those of others."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isogloss.encode.folder import read_object
from isogloss.errors import ModelError, TrainingError, UsageError
from isogloss.files import write_json
from isogloss.language import read_language
from isogloss.task.cutting import Cutter
from isogloss.task.examples import Examples
from isogloss.task.ledger import LAST
from isogloss.task.projection.contract import Labelled, join
from isogloss.task.solver import PLAIN, TASK, Tuning, Watch
from isogloss.task.spans import spans
from isogloss.task.writing import (
    Written,
    end_of,
    learn_pairs,
    open_writer,
    search,
    search_settings,
)

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.progress import Begin
    from isogloss.train.mixtures.paired import Pair

KIND = "<span:{}>"
"""The token that asks for a span of a kind, and stands before one."""
PROPOSER = "proposer.json"
"""Where in a folder's `task` it says what was taught."""
BEAMS, LONGEST = 20, 64


@dataclass
class Proposer:
    """A model that names spans of a sentence by kind.

    It reads a token for each span that is to be named, then the sentence, and writes each token
    again with the words of a span behind it: `<span:PER><span:LOC>Ann saw Kano` becomes
    `<span:PER>Ann<span:LOC>Kano`.

    Attributes:
        student: the model.
        cutter: how texts become token ids; a kind's token that stands in a text is text.
        kinds: ids of the tokens by kind.
        languages: canonical tags of all it learned from, in the order of their numbers.
        beams: of the search, all of which are read.
        longest: tokens that are written for a sentence.
        within: whether nothing is written but stretches of the sentence's tokens behind the kinds
            in turn, so that few beams are lost to what does not stand there; parts of words are. A
            small model else names what it learned by heart, or translates.
        seconds: that teaching took.
        notes: what training told, and which translations were read in part.
        kept: which weights were kept.
    """

    student: Any
    cutter: Cutter
    kinds: Mapping[str, int]
    languages: Sequence[str]
    beams: int = BEAMS
    longest: int = LONGEST
    within: bool = False
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    kept: str = LAST

    @property
    def numbers(self) -> dict[str, int]:
        """Of the languages, for the column `language`."""
        return {tag: number for number, tag in enumerate(self.languages)}

    def propose(
        self, source: Sequence[Labelled], target: Sequence[Sequence[str]], *, language: str
    ) -> list[list[list[str]]]:
        """Of each sentence and each of its spans, what the beams name of its kind, likeliest first.

        The translation is asked for as many spans of each kind as the source has. A proposal is a
        text, and need not stand in the translation. Of a translation over the model's window the
        beginning is read, which is noted.

        Args:
            source: sentences with their spans.
            target: words of their translations.
            language: canonical tag of these.

        Raises:
            UsageError: a kind that it was not taught.
        """
        every = {span.kind for one in source for span in one.spans}
        if unknown := sorted(every - self.kinds.keys()):
            raise UsageError(
                f"the proposer was taught {', '.join(self.kinds)}, and not {', '.join(unknown)}",
                remedy="teach one on labels that have these",
            )
        script = read_language(language).script
        texts = self.cutter.texts([join(words, script) for words in target])
        kinds = [[self.kinds[span.kind] for span in one.spans] for one in source]
        asked, longest, over = [], self.cutter.longest, 0
        for own, text in zip(kinds, texts, strict=True):
            there = bool(own) and len(text.ids) > 0
            over += there and len(own) + len(text.ids) > longest
            ids = [*own, *text.ids][:longest] if there else []
            asked.append(np.array(ids, np.int64))
        if over:
            self.notes.append(f"translations into {language} that a proposer read the first "
                              f"{longest} tokens of alone: {over} of {len(target)}")  # fmt: skip
        end = end_of(self.student.module)

        def allowed(row: int, written: list[int]) -> list[int]:
            return following(written, kinds[row], asked[row].tolist()[len(kinds[row]) :], end)

        settings = search_settings(
            self.student.module, self.longest, self.beams, num_return_sequences=self.beams
        )
        told = search(
            self.student.module, asked, language, settings, allowed if self.within else None
        )
        made = []
        for row, one in enumerate(source):
            named = self._named(told.get(row, ()))
            made.append([named.get(span.kind, []) for span in one.spans])
        return made

    def _named(self, beams: Sequence[Written]) -> dict[str, list[str]]:
        """By kind the texts of all beams, each once, in their order."""
        found: dict[str, dict[str, None]] = {}
        for one in beams:
            for kind, text in self._read(one):
                found.setdefault(kind, {})[text] = None
        return {kind: list(texts) for kind, texts in found.items()}

    def _read(self, written: Written) -> Iterator[tuple[str, str]]:
        """Kinds and texts of what was written; a last one that did not end is cut, and left out."""
        kinds = {number: kind for kind, number in self.kinds.items()}
        at = [place for place, one in enumerate(written.ids) if one in kinds]
        if written.whole:
            at.append(len(written.ids))
        for first, stop in itertools.pairwise(at):
            ids = written.ids[first + 1 : stop]
            text = self.cutter.tokenizer.decode(ids, skip_special_tokens=True).strip()
            if text:
                yield kinds[written.ids[first]], text

    def save(self, folder: Path) -> None:
        """A folder that `transformers` loads, and that `open_proposer` opens."""
        self.student.save(folder)
        (folder / TASK).mkdir()
        about = {"kinds": list(self.kinds), "languages": self.languages, "seconds": self.seconds}
        write_json(folder / TASK / PROPOSER, about)


def following(
    written: Sequence[int], kinds: Sequence[int], text: Sequence[int], end: int
) -> list[int]:
    """What may follow, so that behind each kind in turn stands a stretch of a text, then the end.

    Args:
        written: ids so far.
        kinds: ids of the tokens of kinds, which are none of the text's.
        text: its ids.
        end: the id that ends what is written.
    """
    at = [place for place, one in enumerate(written) if one in kinds]
    if not at:
        return [kinds[0]]
    span = list(written[at[-1] + 1 :])
    stop = kinds[len(at)] if len(at) < len(kinds) else end
    more = {text[place + len(span)] for place in range(len(text) - len(span))
            if list(text[place : place + len(span)]) == span}  # fmt: skip
    return [*more, stop] if span else list(more)


@dataclass(frozen=True)
class ProposeTask:
    """How a proposer is taught, as a learner asks for it.

    Attributes:
        fingerprint: that of no task which tells labels.
    """

    fingerprint: ClassVar[str] = "proposer"

    def tune(
        self, *, folder: ModelFolder, train: Sequence[Examples], tuning: Tuning, seed: int,
        watch: Watch | None = None, checkpoint: Path | None = None, begin: Begin | None = None,
    ) -> Proposer:  # fmt: skip
        """See `teach_proposer`.

        Raises:
            UsageError: examples by which weights should be chosen.
        """
        if watch:
            raise UsageError("a proposer keeps its last weights", remedy="leave out what chooses")
        return teach_proposer(folder, train, tuning, seed=seed, checkpoint=checkpoint, begin=begin)


def teach_proposer(
    folder: ModelFolder,
    train: Sequence[Examples],
    tuning: Tuning,
    *,
    seed: int,
    checkpoint: Path | None = None,
    begin: Begin | None = None,
) -> Proposer:
    """Teach a model of source and target to name the spans of labelled sentences.

    A sentence without a span teaches nothing; one that is over the model's window is left out, and
    noted.

    Args:
        folder: of the model, such as mT5, mBART or Marian with a fast tokenizer. A proposer goes
            on, with kinds that are new.
        train: words with tags of spans, of one or more languages.
        tuning: how.
        seed: of batches, dropout and the first rows of new tokens.
        checkpoint: folder for checkpoints, from which the same training goes on.
        begin: of a progress bar, told how many steps there are.

    Raises:
        ModelError: not a model of source and target with a fast tokenizer.
        TrainingError: no sentence with a span.

    Source: García-Ferrero, Agerri and Rigau (2023), T-Projection, section 3.1, where mT5 reads and
    writes kinds as HTML tags, the last layout seen in their released outputs, the first from
    memory; here each kind is one token of its own, so that any tokenizer has it.
    """
    start = time.perf_counter()
    sentences = [
        (one.language, Labelled(words, spans(tags)))
        for one in train
        for words, tags in zip(one.column("words"), one.column("tags"), strict=True)
        if words and tags
    ]
    kinds = {span.kind for _, one in sentences for span in one.spans}
    if not kinds:
        raise TrainingError("no sentence has a span to name", remedy="give labelled spans")
    tags = dict.fromkeys(one.language for one in train)
    solver = open_proposer(folder, sorted(kinds), list(tags), tuning.parameters, seed)
    pairs, languages, dropped = _pairs(solver, sentences)
    solver.notes += [f"sentences a proposer did not learn from: {n} with {why}"
                     for why, n in dropped.items()]  # fmt: skip
    if not pairs:
        raise TrainingError(
            "; ".join(solver.notes), remedy="give sentences that fit the model's window"
        )
    solver.notes += learn_pairs(
        solver, pairs, languages, tuning, seed=seed, checkpoint=checkpoint, begin=begin
    )
    solver.seconds += time.perf_counter() - start
    return solver


def is_proposer(folder: Path) -> bool:
    """Whether a folder was left by a proposer."""
    return (folder / TASK / PROPOSER).is_file()


def open_proposer(
    folder: ModelFolder,
    kinds: Sequence[str] = (),
    languages: Sequence[str] = (),
    parameters: Mapping[str, Any] = PLAIN,
    seed: int = 0,
) -> Proposer:
    """A proposer with the kinds it was taught, and with those that it is to learn.

    Args:
        folder: of the model.
        kinds: of spans that are to be learned; none for one that only proposes.
        languages: canonical tags of what is to be learned from.
        parameters: `use` and the settings of registered parameters: what may change.
        seed: of the rows of new tokens.

    Raises:
        ModelError: not a model of source and target with a fast tokenizer, or nothing to learn,
            and it was taught nothing.
    """
    about = read_object(folder.path / TASK / PROPOSER) if is_proposer(folder.path) else {}
    known = list(dict.fromkeys([*about.get("kinds", ()), *kinds]))
    if not known:
        raise ModelError("was taught to name no spans", file=folder.path,
                         remedy="teach it on labelled sentences")  # fmt: skip
    tags = tuple(dict.fromkeys([*about.get("languages", ()), *languages]))
    opened = open_writer(folder, [KIND.format(kind) for kind in known], tags, parameters, seed)
    ids = dict(zip(known, opened.ids.values(), strict=True))
    return Proposer(opened.student, opened.cutter, ids, tags, seconds=about.get("seconds", 0.0))


def _pairs(
    solver: Proposer, sentences: Sequence[tuple[str, Labelled]]
) -> tuple[list[Pair], list[tuple[str, str]], Counter[str]]:
    """Sentences behind the kinds of their spans, and the spans; languages; left out by reason."""
    module, longest = solver.student.module, solver.cutter.longest
    first, end = module.ends[0], end_of(module)
    pairs, languages, dropped = [], [], Counter[str]()
    for language, one in sentences:
        script = read_language(language).script
        named = [join(one.words[span.first : span.stop], script) for span in one.spans]
        text, *texts = (found.ids for found in solver.cutter.texts([join(one.words, script),
                                                                    *named]))  # fmt: skip
        kinds = [solver.kinds[span.kind] for span in one.spans]
        told = [token for kind, ids in zip(kinds, texts, strict=True) for token in (kind, *ids)]
        if not kinds:
            dropped["no span"] += 1
        elif max(len(kinds) + len(text), len(told)) > longest:
            dropped[f"more than {longest} tokens on a side"] += 1
        else:
            pairs.append((np.array([*kinds, *text], np.int64),
                          np.array([*first, *told, end], np.int64)))  # fmt: skip
            languages.append((language, language))
    return pairs, languages, dropped
