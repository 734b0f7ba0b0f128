"""Batches that hold each of their rows in every language that has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, Share
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.masked import hide

Ragged = Sequence[np.ndarray | None]
Tell = Literal["hidden", "next"]


@dataclass
class BatchAligned:
    """Rows in all their languages at once, each a text of its own, whose tokens are to be told.

    Attributes:
        tokens: token ids per language and row; all that a row has are read.
        mask: id of the mask; None tells the next token in place of hidden ones.
        special: ids that are never hidden.
        vocabulary: ids below this may take a hidden token's place.
        size: rows in a batch, each of as many texts as it has languages.
        share: of tokens hidden.
        numbers: of the languages, in the column `language`; without, there is none.

    Raises:
        TrainingError: no row that two languages have.
    """

    tokens: Mapping[str, Ragged]
    mask: int | None
    special: Sequence[int]
    vocabulary: int
    size: int = 8
    share: float = 0.15
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        there = [[ids is not None for ids in rows] for rows in self.tokens.values()]
        self._rows = np.flatnonzero(np.sum(there, 0) > 1)
        if not len(self._rows):
            raise TrainingError("no row is in two languages, so there is nothing to align")
        self._ordinary = np.setdiff1d(np.arange(self.vocabulary), self.special)

    def batch(self, seed: int, step: int) -> Texts:
        """Texts row by row; `gold` `[tokens]` is what was hidden, or what follows."""
        rng = np.random.default_rng([seed, step])
        rows = rng.choice(self._rows, min(self.size, len(self._rows)), replace=False)
        found = [
            (tag, ids)
            for row in rows
            for tag, column in self.tokens.items()
            if (ids := column[row]) is not None
        ]
        texts, gold = [], []
        for _, ids in found:
            if self.mask is None:
                made, told = ids, np.append(ids[1:], UNKNOWN)
            else:
                made, told = hide(ids, rng, self.share, self.mask, self.special, self._ordinary)
            texts.append(made)
            gold.append(told)
        return stack_texts(
            [texts], [[tag for tag, _ in found]], self.numbers,
            tokens={"gold": np.concatenate(gold)},
        )  # fmt: skip


@register("mixture", "batch_aligned.v1")
def batch_aligned(
    material: Material,
    *,
    text: str,
    tell: Tell = "hidden",
    batch: Count = 8,
    share: Share = 0.15,
    longest: Count | None = None,
) -> BatchAligned:
    """Rows of parallel text, in every batch in all their languages, as texts of their own.

    A step then moves the model by what the languages of a sentence have in common more than by
    what one of them has alone. Its control is the same text in `masked.v1` or `causal.v1`, where
    nothing keeps a row's languages together.
    Source: after Aligning LLMs for Multilingual Consistency in Enterprise Applications (2025),
    where tasks are tuned in such batches; here the words of the text are what is told.

    Args:
        material: of the run.
        text: the parallel corpus.
        tell: `hidden` tokens, for `mlm.v1`, or the `next` one, for `clm.v1`.
        batch: rows in a batch.
        share: of tokens that are hidden.
        longest: rows of more tokens are left out; the model's window by default.

    Raises:
        TrainingError: the tokenizer has no mask, for `hidden`.
    """
    if tell == "hidden" and material.mask is None:
        raise TrainingError(
            "the tokenizer has no mask", remedy="set tell = 'next', for a model that reads forward"
        )
    tokens, bare = material.columns_of(text, longest), material.special if tell == "hidden" else []
    for tag, rows in tokens.items():
        empty = [
            place for place, ids in enumerate(rows)
            if ids is not None and (np.isin(ids, bare).all() or (tell == "next" and len(ids) < 2))
        ]  # fmt: skip
        for place in empty:
            rows[place] = None
        if empty:
            material.note(f"{text}: {len(empty)} texts of {tag} with nothing to tell were left out")
    made = BatchAligned(
        tokens, material.mask if tell == "hidden" else None, material.special,
        material.tokenizer.get_vocab_size(), size=batch, share=share, numbers=material.numbers,
    )  # fmt: skip
    alone = len(material.corpus(text)) - len(made._rows)
    if alone:
        material.note(f"{text}: {alone} rows in fewer than two languages were not trained on")
    return made
