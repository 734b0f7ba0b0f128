"""Rows of several texts whose languages are pooled in a batch: questions and answers, triplets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.train.batch import Texts, stack_texts
from isogloss.train.material import Material

Ragged = Sequence[np.ndarray | None]
Pooling = Literal["x-x", "x-x-mono", "x-y"]


@dataclass
class PooledRows:
    """Rows of texts that belong together, each row in languages of its own.

    - `x-x`: a row's texts are in one language, drawn for each row; the candidates of a query are
      then of all languages, and the wrong ones in its own language are what is easiest to tell.
    - `x-x-mono`: the whole batch is in one language, drawn for each batch: no row ever sees a
      candidate of another language, which is the control of the paper.
    - `x-y`: the language of the query and that of what it is looked up among are drawn apart, so a
      language is of no help in finding the answer.

    Attributes:
        sides: texts that belong together row by row, ids by language: the query, what is sought,
            then negatives. All but the query are in one language.
        pooling: one of the above.
        size: rows in a batch.
        negatives: how many of the last sides are marked in the column `negative`.
        numbers: of the languages, in the column `language`; without, there is none.

    Raises:
        TrainingError: a language in which no row has all it needs.

    Source: Roy et al. (2020), LAReQA: Language-agnostic answer retrieval from a multilingual pool,
    where En-En, X-X, X-X-mono and X-Y name what models are trained on.
    """

    sides: Sequence[Mapping[str, Ragged]]
    pooling: Pooling = "x-y"
    size: int = 48
    negatives: int = 0
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tags = sorted({tag for side in self.sides for tag in side})
        asks, *rest = [self._there(side) for side in self.sides]  # [rows, tags] each
        self._answers = np.logical_and.reduce(rest)
        self._asks = asks
        # One text on both sides is a corpus and its translations: a query must not find itself.
        self._apart = self.pooling == "x-y" and self.sides[0] is self.sides[1]
        whole = self._asks & self._answers
        if self.pooling == "x-y":
            least = 2 if self._apart else 1
            good = (self._asks.sum(1) >= least) & (self._answers.sum(1) >= least)
            used = (self._asks | self._answers)[good]
        else:
            good, used = whole.any(1), whole
        self._whole, self._rows = whole, np.flatnonzero(good)
        lacking = [tag for tag, count in zip(self._tags, used.sum(0), strict=True) if count < 2]
        if lacking:
            raise TrainingError(
                f"{', '.join(lacking)}: fewer than 2 rows have all that {self.pooling} needs",
                remedy="leave the language out, or give texts that share more rows",
            )

    def _there(self, side: Mapping[str, Ragged]) -> np.ndarray:
        rows = len(next(iter(side.values())))
        none: Ragged = [None] * rows
        return np.array([[ids is not None for ids in side.get(t, none)] for t in self._tags]).T

    def batch(self, seed: int, step: int) -> Texts:
        """One view a side."""
        rng = np.random.default_rng([seed, step])
        if self.pooling == "x-x-mono":
            tag = int(rng.integers(len(self._tags)))
            rows = self._drawn(np.flatnonzero(self._whole[:, tag]), rng)
            asks = answers = np.full(len(rows), tag)
        else:
            rows = self._drawn(self._rows, rng)
            apart = self.pooling == "x-y"
            asks = _one_of((self._asks if apart else self._whole)[rows], rng)
            others = np.arange(len(self._tags)) != asks[:, None]  # [B, tags]
            may = self._answers[rows] & others if self._apart else self._answers[rows]
            answers = _one_of(may, rng) if apart else asks
        tags = [asks, *[answers] * (len(self.sides) - 1)]  # [B] each
        views, languages = [], []
        for side, own in zip(self.sides, tags, strict=True):
            names = [self._tags[number] for number in own]
            views.append([_ids(side[tag][row]) for tag, row in zip(names, rows, strict=True)])
            languages.append(names)
        marks = np.repeat(np.arange(len(views)) >= len(views) - self.negatives, len(rows))
        return stack_texts(
            views, languages, self.numbers, texts={"negative": marks} if self.negatives else {}
        )

    def _drawn(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.choice(rows, min(self.size, len(rows)), replace=False)


def _one_of(may: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A column that may be, all alike, for each row `[B, tags]`."""
    return np.where(may, rng.random(may.shape), -1.0).argmax(1)


def _ids(ids: np.ndarray | None) -> np.ndarray:
    assert ids is not None, "only rows that a language has are drawn"
    return ids


def joined(
    material: Material, texts: Sequence[str], longest: int | None
) -> list[dict[str, Ragged]]:
    """Ids of the rows that all of some texts have, by the row's id, in the order of the first.

    Raises:
        TrainingError: fewer than 2 rows in common.
    """
    columns = {text: material.columns_of(text, longest) for text in dict.fromkeys(texts)}
    places = {
        text: {name: place for place, name in enumerate(material.corpus(text).ids)}
        for text in columns
    }
    common = [n for n in places[texts[0]] if all(n in there for there in places.values())]
    if len(common) < 2:
        raise TrainingError(
            f"{', '.join(columns)}: {len(common)} rows have an id in common",
            remedy="give texts whose rows have the same ids",
        )
    for text, there in places.items():
        if left := len(there) - len(common):
            material.note(f"{text}: {left} rows that the other texts lack were not trained on")
    made: dict[str, dict[str, Ragged]] = {
        text: {tag: [ids[places[text][n]] for n in common] for tag, ids in column.items()}
        for text, column in columns.items()
    }
    return [made[text] for text in texts]


@register("mixture", "pooled.v1")
def pooled(
    material: Material,
    *,
    text: str,
    answer_text: str | None = None,
    pooling: Pooling = "x-y",
    batch: Count = 48,
    longest: Count | None = None,
) -> PooledRows:
    """Questions and answers, or sentences and translations, with all languages in one pool.

    Args:
        material: of the run.
        text: the questions in the languages of the run, a parallel corpus.
        answer_text: the answers, whose rows have the ids of their questions; without it a sentence
            is to find its own translations, for which pooling is `x-y`.
        pooling: `x-x`, `x-x-mono` or `x-y`, see `PooledRows`.
        batch: rows in a batch.
        longest: rows of more tokens are left out; the model's window by default.

    Raises:
        UsageError: one text and a pooling in which a sentence would have to find itself.
    """
    if answer_text is None and pooling != "x-y":
        raise UsageError(
            f"with {pooling} a sentence of one text would have to find itself",
            remedy="name answer_text, or take pooling = 'x-y'",
        )
    sides = joined(material, [text, answer_text or text], longest)
    return PooledRows(sides, pooling, size=batch, numbers=material.numbers)


@register("mixture", "triplets.v1")
def triplets(
    material: Material,
    *,
    text: str,
    positive_text: str,
    negative_text: str,
    pooling: Pooling = "x-x",
    batch: Count = 48,
    longest: Count | None = None,
) -> PooledRows:
    """Anchors with what they entail and what contradicts them, from three texts of equal ids.

    In `x-x`, the default, a triplet is in one language and a batch in many: translated NLI of all
    languages pooled. With `x-y` an anchor also has to find its hypothesis in another language.

    Args:
        material: of the run.
        text: the premises.
        positive_text: the hypotheses that they entail.
        negative_text: the hypotheses that contradict them.
        pooling: `x-x`, `x-x-mono` or `x-y`, see `PooledRows`.
        batch: rows in a batch.
        longest: rows of more tokens are left out; the model's window by default.

    Source: Reimers and Gurevych (2019), Sentence-BERT, for NLI triplets; Deode et al. (2023),
    L3Cube-IndicSBERT, for translated NLI of all languages in one pool.
    """
    sides = joined(material, [text, positive_text, negative_text], longest)
    return PooledRows(sides, pooling, size=batch, negatives=1, numbers=material.numbers)
