"""Parallel text as one text: sentences in turn with their translations."""

from __future__ import annotations

from typing import Literal

import numpy as np

from isogloss.corpus.records import Corpus
from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.train.transforms.apply import with_texts

First = Literal["pivot", "other", "either"]


@register("transform", "interleave.v1")
def interleave(
    corpus: Corpus,
    pivot: str,
    rng: np.random.Generator,
    *,
    rows: Count = 4,
    first: First = "pivot",
    between: str = " ",
    keep_pivot: bool = False,
) -> Corpus:
    """Rows in turn with their translations, so many rows a text: p1 t1 p2 t2 ...

    The text stands in the first of its rows under the tag of the other language; its further rows
    are missing there, as they have been told. Rows that one of the two lacks are left out. A model
    of words learns from it that what follows may be a translation. `rows = 1` is concatenation.
    Source: a sentence beside its translation as in Conneau and Lample (2019), Cross-lingual
    Language Model Pretraining, section 3.4, here over several sentences and without masks.

    Args:
        corpus: parallel rows.
        pivot: canonical tag.
        rng: what is drawn from.
        rows: sentence pairs of a text, at least 1.
        first: which of the two comes first; `either` is drawn for each text.
        between: what is put between sentences.
        keep_pivot: whether the pivot's own texts stay beside.

    Raises:
        UsageError: fewer than one row.
        TrainingError: no row in two languages.
    """
    if rows < 1:
        raise UsageError(f"rows = {rows}: a text has one row at least")
    ours = corpus.texts(pivot)
    found: dict[str, list[str | None]] = {pivot: ours} if keep_pivot else {}
    lost, told = 0, 0
    for tag in (tag for tag in map(str, corpus.languages) if tag != pivot):
        theirs = corpus.texts(tag)
        there = [row for row, pair in enumerate(zip(ours, theirs, strict=True)) if all(pair)]
        found[tag] = [None] * len(ours)
        lost += sum(text is not None for text in theirs) - len(there)
        told += len(there)
        for start in range(0, len(there), rows):
            group = there[start : start + rows]
            turned = first == "other" or (first == "either" and rng.random() < 0.5)
            sides = (theirs, ours) if turned else (ours, theirs)
            parts = [side[row] or "" for row in group for side in sides]
            found[tag][group[0]] = between.join(parts)
    if not told:
        raise TrainingError(f"{corpus.name}: no row of {pivot} has a translation to stand beside")
    note = f"{corpus.name}: {told} rows stand beside their translation in {pivot}"
    return with_texts(corpus, found, None, note + (f", {lost} have none" if lost else ""))


@register("transform", "concatenate.v1")
def concatenate(
    corpus: Corpus,
    pivot: str,
    rng: np.random.Generator,
    *,
    first: First = "either",
    between: str = " ",
    keep_pivot: bool = False,
) -> Corpus:
    """A row and its translation as one text; plain text, where no mask has to know of the seam.

    Args:
        corpus: parallel rows.
        pivot: canonical tag.
        rng: what is drawn from.
        first: which of the two comes first; `either` is drawn for each row.
        between: what is put between them.
        keep_pivot: whether the pivot's own texts stay beside.

    Raises:
        TrainingError: no row in two languages.
    """
    return interleave(
        corpus, pivot, rng, rows=1, first=first, between=between, keep_pivot=keep_pivot
    )
