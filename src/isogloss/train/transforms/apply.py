"""Transforms of a text, one after the other, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from isogloss import registry
from isogloss.corpus.records import Corpus, make_corpus
from isogloss.errors import TrainingError


class Transform(Protocol):
    """From rows of a text to the same rows of another; settings are keywords.

    A row that has nothing left, or is told with another one, becomes missing. Languages may go, and
    a text keeps the tag of the language that most of it is in. What people should know is added to
    the notes of the corpus.
    """

    def __call__(
        self, corpus: Corpus, pivot: str, rng: np.random.Generator, **settings: Any
    ) -> Corpus:
        """The text that training reads in place of the corpus."""
        ...


def transformed(
    corpus: Corpus,
    pivot: str,
    factors: Sequence[Mapping[str, Any]],
    *,
    copies: int = 1,
    seed: int = 0,
) -> tuple[Corpus, Corpus]:
    """A text as it is and as transforms make it, row for row.

    Args:
        corpus: rows of it.
        pivot: canonical tag.
        factors: each with `use`, the name of a transform, and its settings; in order.
        copies: how often the rows are taken, one behind the other, each time with other draws.
        seed: of what is drawn.

    Raises:
        TrainingError: nothing is left.
    """
    whole = repeated(corpus, copies)
    made = whole
    for place, factor in enumerate(factors):
        settings = {key: value for key, value in factor.items() if key != "use"}
        rng = np.random.default_rng([seed, place])
        made = registry.get("transform", factor["use"])(made, pivot, rng, **settings)
        if not any(text for tag in made.languages for text in made.texts(tag)):
            raise TrainingError(f"{factor['use']}: nothing is left of {corpus.name}")
    return whole, made


def repeated(corpus: Corpus, copies: int) -> Corpus:
    """The rows of a corpus so often, with ids of their own."""
    if copies == 1:
        return corpus
    ids = [f"{row_id} ({copy})" for copy in range(1, copies + 1) for row_id in corpus.ids]
    return with_texts(corpus, {str(t): corpus.texts(t) * copies for t in corpus.languages}, ids)


def with_texts(
    corpus: Corpus,
    texts: Mapping[str, Sequence[str | None]],
    ids: Sequence[str] | None = None,
    *notes: str,
) -> Corpus:
    """The same rows with other texts, and more to know."""
    made = make_corpus(corpus.name, ids or corpus.ids, texts, least=0)
    return replace(corpus, table=made.table, notes=(*corpus.notes, *notes))
