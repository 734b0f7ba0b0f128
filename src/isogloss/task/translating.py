"""A model of source and target that is taught translations, and translates."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import ModelError, TrainingError
from isogloss.files import write_json
from isogloss.registry import name_of
from isogloss.task.contracts import Guess
from isogloss.task.cutting import Cutter, cutter_of
from isogloss.task.examples import Examples
from isogloss.task.ledger import LAST
from isogloss.task.pieces import in_turn
from isogloss.task.solver import PLAIN, TASK, Told, Tuning, Watch, learn, read_task
from isogloss.train.mixtures.paired import Pair, stack_pairs

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.encode.folder import ModelFolder
    from isogloss.task.tasks.translate import TranslateTask
    from isogloss.train.batch import Texts
    from isogloss.train.body import Body

TAG = "<2{}>"
"""The token that asks for a language."""
_TOKENS = 4096  # of sources that are read at once, padding included, by a search of one beam


@dataclass(frozen=True)
class Translations:
    """Pairs drawn without replacement, in another order each time all were read.

    Attributes:
        pairs: the source behind its tag, and the target.
        languages: canonical tags of the source and of the target of each.
        size: pairs in a batch.
        numbers: of the languages, for the column `language`.
    """

    pairs: Sequence[Pair]
    languages: Sequence[tuple[str, str]]
    size: int
    numbers: Mapping[str, int]

    def batch(self, seed: int, step: int) -> Texts:
        """The next pairs."""
        chosen = in_turn(len(self.pairs), self.size, seed, step)
        sources, targets = zip(*(self.languages[i] for i in chosen), strict=True)
        return stack_pairs([self.pairs[i] for i in chosen], sources, self.numbers, targets)


@dataclass
class Translating:
    """A model that translates into the languages it has tags of.

    Attributes:
        task: how it searches.
        student: the model.
        cutter: how texts become token ids; a tag that stands in a text is text.
        tags: ids of the tags by canonical tag.
        classes: the languages that can be asked for.
        languages: canonical tags of all it learned from, in the order of their numbers.
        seconds: that teaching took.
        notes: what training told.
        kept: which weights were kept where no label chose them.
    """

    task: TranslateTask
    student: Any
    cutter: Cutter
    tags: Mapping[str, int]
    classes: Mapping[str, Sequence[str]]
    languages: Sequence[str] = ()
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    kept: str = LAST

    @property
    def numbers(self) -> dict[str, int]:
        """Of the languages, for the column `language`."""
        return {tag: number for number, tag in enumerate(self.languages)}

    @property
    def size(self) -> int:
        """Bytes of the weights, shared ones once."""
        weights = {id(weight): weight for weight in self.student.module.parameters()}
        return sum(weight.numel() * weight.element_size() for weight in weights.values())

    @cached_property
    def begins(self) -> list[int]:
        """What stands before the first token of a target: the decoder's start, and more."""
        import torch

        from isogloss.train.reading import before_target

        module = self.student.module
        target = torch.tensor([[*module.ends[0], end_of(module)]])
        return before_target(module.body, target)[0].tolist()

    def tell(self, examples: Examples) -> Told:
        """The translation of each text."""
        start = time.perf_counter()
        rows, sources, dropped, truncated = self._sources(examples)
        guesses: list[Guess | None] = [None] * len(examples)
        for at, (ids, whole) in self._translated(sources, examples.language).items():
            text = self.cutter.tokenizer.decode(ids, skip_special_tokens=True)
            guesses[rows[at]] = Guess(text.strip())
            truncated[rows[at]] |= not whole
        return Told(guesses, dropped, int(truncated.sum()), time.perf_counter() - start)

    def _sources(
        self, examples: Examples
    ) -> tuple[list[int], list[np.ndarray], dict[str, int], np.ndarray]:
        """Rows, their sources behind tags, examples left out by reason, and which were cut."""
        rows, sources, dropped = [], [], Counter[str]()
        truncated = np.zeros(len(examples), bool)
        room = self.cutter.longest - self.task.tagged  # beside the tag
        read = self.cutter.texts([text or "" for text in examples.column("text")])
        for row, (one, to) in enumerate(zip(read, examples.column("to"), strict=True)):
            if to not in self.classes["to"]:
                dropped[f"no training towards {to}"] += 1
            elif not len(one.ids):
                dropped["no text"] += 1
            else:
                truncated[row] = len(one.ids) > room
                rows.append(row)
                sources.append(np.append(asks(self, to), one.ids[:room]).astype(np.int64))
        return rows, sources, dict(dropped), truncated

    def _translated(
        self, sources: Sequence[np.ndarray], language: str
    ) -> dict[int, tuple[list[int], bool]]:
        """Of each source the ids that were told, and whether they came to an end."""
        from isogloss.encode.batches import pack
        from isogloss.train.batch import stack_texts
        from isogloss.train.reading import padded

        module, found = self.student.module, {}
        module.eval()
        end, begins = end_of(module), self.begins
        device = next(module.parameters()).device
        search = module.body.generation_config = self._search(end)
        lengths = np.array([len(ids) for ids in sources], np.int64)
        for at in pack(lengths, _TOKENS // self.task.beams):
            batch = stack_texts([[sources[i] for i in at]], [[language] * len(at)])
            ids, mask = padded(batch, *module.ends, module.pad)
            made = module.body.generate(
                input_ids=ids.to(device), attention_mask=mask.long().to(device),
                decoder_input_ids=ids.new_tensor([begins] * len(at)).to(device),
                generation_config=search,
            )  # fmt: skip
            for place, told in zip(at.tolist(), made[:, len(begins) :].tolist(), strict=True):
                whole = end in told
                found[place] = (told[: told.index(end)] if whole else told, whole)
        return found

    def _search(self, end: int) -> Any:
        """Settings of the search, with none of those that the model came with."""
        from transformers import GenerationConfig

        return GenerationConfig(
            max_new_tokens=self.task.longest, num_beams=self.task.beams, do_sample=False,
            eos_token_id=end, pad_token_id=self.student.module.pad,
            decoder_start_token_id=self.begins[0], suppress_tokens=list(self.tags.values()) or None,
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """A folder that `transformers` loads and translates with, a tag before each text."""
        self.student.module.body.generation_config = self._search(end_of(self.student.module))
        self.student.save(folder)
        (folder / TASK).mkdir()
        about = {
            "task": name_of("task", self.task), "tagged": self.task.tagged, "classes": self.classes,
            "languages": self.languages, "seconds": self.seconds,
        }  # fmt: skip
        write_json(folder / TASK / "task.json", about)


def tune_translator(
    folder: ModelFolder,
    task: TranslateTask,
    train: Sequence[Examples],
    tuning: Tuning,
    *,
    seed: int,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
    advance: Any = None,
) -> Translating:
    """Teach a model of source and target translations of any directions, all mixed.

    A pair of which a side is over the model's window is not learned from, and noted.

    Args:
        folder: of the model, such as T5, mBART, M2M-100 or Marian with a fast tokenizer. One that
            translates already goes on, with tags of more languages where they are new.
        task: how it learns and searches.
        train: translations with their targets.
        tuning: how.
        seed: of batches, dropout and the first rows of new tags.
        watch: keep the weights that are best on these, one direction each; the last by default.
        checkpoint: folder for checkpoints, from which the same training goes on.
        advance: of a progress bar, told of each step.

    Raises:
        ModelError: not a model of source and target with a fast tokenizer.
        TrainingError: nothing to train on.
    """
    from isogloss.train.contracts import Lesson
    from isogloss.train.objectives.seq2seq import Seq2seq

    start = time.perf_counter()
    solver = open_translator(folder, task, tuning.parameters, train, seed)
    pairs: list[Pair] = []
    languages: list[tuple[str, str]] = []
    for one in train:
        made, tags, dropped = _pairs(solver, one)
        pairs, languages = pairs + made, languages + tags
        left = ", ".join(f"{n} with {reason}" for reason, n in dropped.items())
        solver.notes += [f"{one.name} in {one.language}, not learned from: {left}"] if left else []
    if not pairs:
        raise TrainingError(
            "no pair can be trained on: " + ("; ".join(solver.notes) or "there is none"),
            remedy="give texts with their translations that fit the model's window",
        )
    mixture = Translations(pairs, languages, min(tuning.batch, len(pairs)), solver.numbers)
    lesson = Lesson(mixture, [(1.0, Seq2seq(smoothing=task.smoothing))])
    solver.notes += learn(
        solver, lesson, tuning.steps(len(pairs)), tuning, seed=seed, watch=watch,
        checkpoint=checkpoint, advance=advance,
    )  # fmt: skip
    solver.seconds += time.perf_counter() - start
    return solver


def open_translator(
    folder: ModelFolder,
    task: TranslateTask,
    parameters: Mapping[str, Any] = PLAIN,
    train: Sequence[Examples] = (),
    seed: int = 0,
) -> Translating:
    """A model with tags of the languages it was taught, and of those that are to be learned.

    Args:
        folder: of the model.
        task: how it searches.
        parameters: `use` and the settings of registered parameters: what may change.
        train: translations to be learned; none for a solver that only tells.
        seed: of the rows of new tags.

    Raises:
        ModelError: not a model of source and target with a fast tokenizer; nothing to learn, and
            it was taught nothing.
    """
    from isogloss.train.objectives.seq2seq import Seq2seq
    from isogloss.train.student import student_of

    if folder.kind != "transformer.v1":
        raise ModelError("only a transformer is taught to translate", file=folder.path)
    about = read_task(folder.path)
    known = about.get("classes", {}).get("to", ())
    if not (known or train):
        raise ModelError(
            "was taught no translations", file=folder.path,
            remedy="teach it some: isogloss transfer --help",
        )  # fmt: skip
    task = replace(task, tagged=about.get("tagged", task.tagged))
    to = dict.fromkeys([*known, *(tag for one in train for tag in sorted(set(one.column("to"))))])
    languages = dict.fromkeys([*about.get("languages", ()), *(one.language for one in train), *to])
    cutter = cutter_of(folder)
    tokenizer, tags = with_tags(cutter.tokenizer, list(to) if task.tagged else ())
    new = [tags[tag] for tag in tags if cutter.tokenizer.token_to_id(TAG.format(tag)) is None]
    settings = {key: value for key, value in parameters.items() if key != "use"}
    student = student_of(
        parameters["use"], folder.body, tokenizer, reader=_reader(new, seed),
        tags=list(languages), **settings,
    )  # fmt: skip
    Seq2seq().begin(student.module)
    if student.module.head is not None or student.module.before_head is not None:
        raise ModelError(
            "has no language head of its own to translate with", file=folder.path,
            remedy="take a model saved with it, such as T5ForConditionalGeneration",
        )  # fmt: skip
    return Translating(
        task, student, replace(cutter, tokenizer=_literal(tokenizer)), tags, {"to": list(to)},
        tuple(languages), about.get("seconds", 0.0),
    )  # fmt: skip


def with_tags(tokenizer: Tokenizer, languages: Sequence[str]) -> tuple[Tokenizer, dict[str, int]]:
    """A copy that has a tag of each language, behind its own tokens, and the ids of the tags."""
    from tokenizers import AddedToken, Tokenizer

    made = Tokenizer.from_str(tokenizer.to_str())
    names = {tag: TAG.format(tag) for tag in languages}
    made.add_special_tokens([AddedToken(n, special=True, normalized=False) for n in names.values()])
    return made, {tag: made.get_vocab()[name] for tag, name in names.items()}


def _literal(tokenizer: Tokenizer) -> Tokenizer:
    """A copy to which special tokens in a text are text, so that no text asks for a language."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(tokenizer.to_str())
    made.encode_special_tokens = True
    return made


def _reader(new: Sequence[int], seed: int) -> Callable[..., Body]:
    """Opens a model with a row of its table for each new id, drawn like those that are there.

    Rows that pad the table serve first.
    """

    def read(folder: Path, tokenizer: Tokenizer, rows: np.ndarray | None = None) -> Body:
        import torch

        from isogloss.train.readers import append_rows, words
        from isogloss.vocabulary.initialise.rows import normal

        module = words(folder, tokenizer, rows)
        table = module.body.get_input_embeddings().weight
        drawn = normal(table.detach().numpy(), len(new), seed)  # [new, d]
        lacking = max(0, max(new, default=0) + 1 - len(table))
        if lacking:
            module.added = append_rows(module.body, drawn[-lacking:])
        with torch.no_grad():
            module.body.get_input_embeddings().weight[list(new)] = torch.from_numpy(drawn)
        return module

    return read


def asks(solver: Translating, to: str) -> list[int]:
    """What stands before a source that is to become a language; nothing without tags."""
    return [solver.tags[to]] if solver.task.tagged else []


def end_of(module: Body) -> int:
    """The token that ends a target.

    Raises:
        ModelError: the configuration names none.
    """
    named = module.body.config.eos_token_id
    named = named[0] if isinstance(named, list) else named
    if named is None:
        raise ModelError(
            "names no token that ends a text", file=module.body.name_or_path,
            remedy='set "eos_token_id" in its config.json',
        )  # fmt: skip
    return int(named)


def _pairs(
    solver: Translating, examples: Examples
) -> tuple[list[Pair], list[tuple[str, str]], Counter[str]]:
    """Sources behind their tags and targets, their languages, and those left out by reason."""
    module, longest = solver.student.module, solver.cutter.longest
    first, end = module.ends[0], end_of(module)
    columns = [examples.column(name) for name in ("text", "translation")]
    sources, targets = (solver.cutter.texts([t or "" for t in column]) for column in columns)
    pairs, tags, dropped = [], [], Counter[str]()
    for one, other, to in zip(sources, targets, examples.column("to"), strict=True):
        if not len(one.ids) or not len(other.ids):
            dropped["no text or no translation"] += 1
        elif max(len(one.ids) + len(asks(solver, to)), len(other.ids)) > longest:
            dropped[f"more than {longest} tokens on a side"] += 1
        else:
            source = np.append(asks(solver, to), one.ids).astype(np.int64)
            pairs.append((source, np.array([*first, *other.ids, end], np.int64)))
            tags.append((examples.language, to))
    return pairs, tags, dropped
