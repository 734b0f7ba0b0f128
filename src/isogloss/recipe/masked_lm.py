"""Steps that go on training a model by masked language modelling, and make it a head for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from isogloss.encode.weights import load_tokenizer, read_window
from isogloss.errors import ModelError, UsageError
from isogloss.files import write_json
from isogloss.measure.measured import item_key
from isogloss.recipe.step import Step, Workplace, full_name
from isogloss.registry import register
from isogloss.score import Score, Scores, bootstrap_mean

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.encode.folder import ModelFolder
    from isogloss.train.loop import Trained
    from isogloss.train.mixtures.masked import MaskedText

MEASURE = "masked_loss"
_HEAD = "head.safetensors"
_CHANGING = ("full.v1", "embeddings.v1", "factors.v1")


class _Masking(Step):
    """What both steps are told.

    Attributes:
        model: `teacher`, or an earlier step that made a model.
        text: the corpus; it needs no parallel rows.
        read: the languages that are read, `all` of the run, the `languages` without the pivot, or
            the `pivot` alone.
        steps: optimiser steps.
        batch: windows of text in a batch.
        learning_rate: its peak.
        alpha: of p_l ~ n_l^alpha, by which a window's language is drawn.
        share: of tokens that are hidden.
        longest: tokens of a window; longer texts are cut into several, and nothing is left out.
        tuning_rows: the last rows of the text, kept out of training to tell the loss on; by default
            a twentieth, at most 300.
        threads: CPU threads, a setting because sums depend on it.
        checkpoint_every: steps between checkpoints.
    """

    together: ClassVar[bool] = True
    alone: ClassVar[bool] = True
    model: str = "teacher"
    text: str
    read: Literal["all", "languages", "pivot"] = "all"
    steps: int = Field(default=150, ge=1)
    batch: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    alpha: float = Field(default=0.3, ge=0)
    share: float = Field(default=0.15, gt=0, lt=1)
    longest: int = Field(default=126, ge=4)
    tuning_rows: int | None = Field(default=None, ge=2)
    threads: int = Field(default=2, ge=1)
    checkpoint_every: int = Field(default=50, ge=1)

    def needs(self) -> dict[str, str]:
        """The model and the text."""
        return {"model": self.model, "text": self.text}

    def key_settings(self) -> dict[str, Any]:
        """All but how often a checkpoint is written."""
        return {k: v for k, v in super().key_settings().items() if k != "checkpoint_every"}


@register("step", "masked_lm.v1")
class MaskedLM(_Masking):
    """Train a model on text of some languages to say what hidden tokens were.

    It needs no translations. With `embeddings.v1` or `factors.v1` a vocabulary is learned under a
    body that stays as it is. A head that the model has is part of it; a model without one is given
    one for the training, which is not saved: by the step `head`, or from random weights that
    train beside.

    Attributes:
        parameters: what changes: `full.v1`, `embeddings.v1` or `factors.v1`.
        rank: numbers a token that change (factors).
        source: the model whose table gives the projection that stays (factors): `teacher`, or an
            earlier step; by default the model itself.
        head: a step `word_head.v1` that made a head for this body.
    """

    parameters: str = "full.v1"
    rank: int = Field(default=100, ge=1)
    source: str | None = None
    head: str | None = None

    @field_validator("parameters")
    @classmethod
    def _known(cls, value: str) -> str:
        name = full_name("parameters", value)
        if name not in _CHANGING:
            raise ValueError(f"a model is trained by {', '.join(_CHANGING)}, not by {name}")
        return name

    def needs(self) -> dict[str, str]:
        """The model, the text, the head and the model of the projection."""
        named = {"head": self.head, "source": self.source}
        return super().needs() | {field: name for field, name in named.items() if name}

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`head` must be a step that makes one."""
        step = earlier.get(self.head or "")
        if step is None or isinstance(step, MakeWordHead):
            return []
        return [f"head: {step.name!r} is a {step.use}, not a word_head.v1"]

    def run(self, place: Workplace) -> None:
        """Train, save, tell the loss before and after."""
        from safetensors.torch import load_file

        from isogloss.train.readers import words
        from isogloss.train.student import student_of

        made = load_file(place.done[self.head] / _HEAD) if self.head else None
        lesson = _lesson(self, place)
        told: dict[str, Any] = {}
        if self.parameters == "factors.v1":
            told["rank"] = self.rank
            if self.source:
                from isogloss.recipe.students import input_rows

                told["source"] = input_rows(place.model_folder(self.source).body)
        student = student_of(
            self.parameters, lesson.folder.body, lesson.tokenizer,
            reader=partial(words, seed=place.seed, head=made), **told,
        )  # fmt: skip
        if student.module.made:
            place.notes.append(
                f"{self.name}: the model has no language head; one of random weights trained "
                "beside and is not saved"
            )
        trained, scores, items = _train(self, student, lesson, place)
        (place.folder / "model").mkdir()
        student.save(place.folder / "model")
        write_json(
            place.folder / "training.json",
            {
                "parameters": self.parameters,
                "objectives": {"mlm.v1": 1.0},
                "on": "text of single languages",
                "steps": trained.steps,
                "sentences": lesson.rows,
                "tuning_sentences": lesson.held_rows,
                "held_out_loss": {
                    stage: {r.language: r.value for r in scores.where(stage=stage)}
                    for stage in ("before", "after")
                },
                "final_loss": trained.final_loss,
                "tokens_by_language": trained.read,
                "log": trained.log,
                "teacher": lesson.folder.name if self.model == "teacher" else self.model,
                "teacher_fingerprint": lesson.folder.fingerprint,
            },
        )
        place.write(scores, items)


@register("step", "word_head.v1")
class MakeWordHead(_Masking):
    """Give a model without a language head one, on text it reads well; nothing else changes.

    A sentence encoder has lost the head that it was trained with. This learns one over the frozen
    model, by default on the pivot, for steps `masked_lm.v1` to train a vocabulary under.
    """

    read: Literal["all", "languages", "pivot"] = "pivot"

    def run(self, place: Workplace) -> None:
        """Train the head and keep it."""
        from safetensors.torch import save_file

        from isogloss.train.readers import words
        from isogloss.train.student import student_of

        lesson = _lesson(self, place)
        student: Any = student_of(
            "head.v1", lesson.folder.body, lesson.tokenizer, reader=partial(words, seed=place.seed)
        )
        _, scores, items = _train(self, student, lesson, place)
        save_file(student.module.head.transform(), place.folder / _HEAD)
        place.write(scores, items)


@dataclass(frozen=True)
class _Lesson:
    """A model, its tokenizer, and what is read and held back; how many rows of either."""

    folder: ModelFolder
    tokenizer: Any
    text: MaskedText
    held: MaskedText | None
    rows: int
    held_rows: int


def _lesson(step: _Masking, place: Workplace) -> _Lesson:
    """Windows of the text's languages, those of the last rows apart.

    Raises:
        ModelError: no transformer with a fast tokenizer, or no mask in it.
        UsageError: windows over that of the model.
    """
    from isogloss.train.mixtures.masked import MaskedText
    from isogloss.vocabulary.trim import untruncated

    folder = place.model_folder(step.model)
    if folder.kind != "transformer.v1" or not (folder.body / "tokenizer.json").is_file():
        raise ModelError(
            "hidden tokens are read by a transformer with a fast tokenizer",
            file=folder.path,
            remedy="give a folder with tokenizer.json, and without pixel_fallback.json; one with "
            "inserted.json is trained by train.v1",
        )
    wrapper = load_tokenizer(folder)
    if wrapper.mask_token_id is None:
        raise ModelError(
            "the tokenizer has no mask",
            file=folder.body,
            remedy="take a model that learned from hidden tokens, such as BERT or XLM-R",
        )
    tokenizer = untruncated(wrapper.backend_tokenizer)
    window, ends = read_window(folder, wrapper), len(tokenizer.encode("").ids)
    if step.longest + ends > window:
        raise UsageError(
            f"longest = {step.longest} and {ends} special tokens are over the model's window of "
            f"{window}",
            remedy=f"set it to {window - ends} at most",
        )
    tags = {
        "all": [place.pivot, *place.languages], "languages": place.languages, "pivot": [place.pivot]
    }[step.read]  # fmt: skip
    corpus = place.texts[step.text].keep(tags)
    held_rows = step.tuning_rows or min(300, max(2, len(corpus) // 20))
    train_text, held = corpus.split(held_rows)
    special = sorted(
        {*wrapper.all_special_ids}
        | {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    )
    cut = partial(cut_windows, step.name, step.longest, tokenizer, folder.lower, special, tags)
    settings: dict[str, Any] = {
        "mask": wrapper.mask_token_id, "special": special, "size": step.batch,
        "tokens": tokenizer.get_vocab_size(), "alpha": step.alpha, "share": step.share,
    }  # fmt: skip
    there = cut(held)
    kept = {tag: found for tag, found in there.items() if len(found) > 1}
    place.notes += [
        f"{step.name}: {tag} has no {MEASURE}, as {len(found)} of its texts are kept apart and 2 "
        "are needed; set tuning_rows"
        for tag, found in there.items()
        if tag not in kept
    ]
    return _Lesson(
        folder, tokenizer, MaskedText(cut(train_text, note=place.notes.append), **settings),
        MaskedText(kept, **settings) if kept else None, len(train_text), held_rows,
    )  # fmt: skip


def cut_windows(
    name: str,
    longest: int,
    tokenizer: Any,
    lower: bool,
    special: list[int],
    tags: list[str],
    corpus: Corpus,
    note: Callable[[str], None] = lambda text: None,
) -> dict[str, list[np.ndarray]]:
    """Windows of ids by language; those in which nothing can be hidden are told."""
    from isogloss.train.mixtures.masked import windows

    found = {}
    for tag in tags:
        texts = [t.lower() if lower else t for t in corpus.texts(tag) if t is not None]
        ids = [np.array(e.ids) for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
        parts = [part for one in ids if len(one) for part in windows(one, longest)]
        found[tag] = [part for part in parts if not np.isin(part, special).all()]
        if lost := sum(not len(one) for one in ids) + len(parts) - len(found[tag]):
            note(f"{name}: {lost} texts of {tag} with nothing to hide were left out")
        if long := sum(len(one) > longest for one in ids):
            note(f"{name}: {long} texts of {tag} over {longest} tokens were read in parts")
    return found


def _train(
    step: _Masking, student: Any, lesson: _Lesson, place: Workplace
) -> tuple[Trained, Scores, dict[str, np.ndarray]]:
    """Train; scores of the held-out loss before and after, and the items behind the latter."""
    import torch

    from isogloss.train.contracts import Lesson
    from isogloss.train.loop import LoopSettings, train
    from isogloss.train.objectives.mlm import Mlm

    torch.set_num_threads(step.threads)
    before, _ = _losses(step, student, lesson, place, "before")
    advance = place.start(f"{step.name}: train", step.steps)
    trained = train(
        student, [Lesson(lesson.text, [(1.0, Mlm())])],
        LoopSettings(
            steps=step.steps, learning_rate=step.learning_rate, clip=1.0, seed=place.seed,
            threads=step.threads, checkpoint_every=step.checkpoint_every,
        ),
        checkpoint=place.scratch / "checkpoint", advance=advance,
    )  # fmt: skip
    place.keep_log(step.name, trained)
    after, items = _losses(step, student, lesson, place, "after")
    return trained, before + after, items


def _losses(
    step: _Masking, student: Any, lesson: _Lesson, place: Workplace, stage: str
) -> tuple[Scores, dict[str, np.ndarray]]:
    """The loss of the held-out windows of each language; the same masks every time."""
    if lesson.held is None:
        return Scores(), {}
    found, items = held_losses(student.module, lesson.held, place, step.name, stage)
    return found.having(dataset=place.texts[step.text].name), items


def held_losses(
    module: Any, held: MaskedText, place: Workplace, system: str, stage: str | None
) -> tuple[Scores, dict[str, np.ndarray]]:
    """The mean loss of each language's windows, and that of each window."""
    from isogloss.train.mixtures.masked import window_losses

    rows: list[Score] = []
    items: dict[str, np.ndarray] = {}
    for tag in held.windows:
        found = window_losses(module, held, tag, place.seed)
        interval = bootstrap_mean(found, seed=place.seed)[0]
        rows.append(
            Score(
                measure=MEASURE, value=interval.value, low=interval.low, high=interval.high,
                interval="bootstrap over texts", n=len(found), language=tag, stage=stage,
                system=system, seed=place.seed,
            )
        )  # fmt: skip
        items[item_key(rows[-1])] = found
    return Scores(rows), items
