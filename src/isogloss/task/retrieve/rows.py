"""What a ranker learns from: queries, a passage that answers each, and some that do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isogloss.errors import TrainingError, UsageError
from isogloss.match.search import Neighbours
from isogloss.task.retrieve.pairs import joined
from isogloss.train.batch import Texts, stack_texts

Rows = Sequence[Sequence[int]]
"""Passages of each query, by their number."""


def mine_negatives(found: Neighbours, relevant: Sequence[Collection[int]], count: int) -> Rows:
    """For each query the first `count` passages found that are not relevant; fewer, where so.

    Passages that answer and that nobody judged are among them: with few judgements look for them
    further down, `found._replace(ids=found.ids[:, 10:])`.

    Raises:
        UsageError: other than one set of relevant passages a query.
    """
    if len(found.ids) != len(relevant):
        raise UsageError(f"{len(relevant)} sets of passages for {len(found.ids)} queries")
    return [
        [row for row in rows if row >= 0 and row not in known][:count]
        for rows, known in zip(found.ids.tolist(), map(set, relevant), strict=True)
    ]


@dataclass
class CandidateRows:
    """Queries drawn anew each batch, with one relevant passage and `negatives` others.

    Without `room` the first view is the query, the second its passage, and the further ones are
    marked as `negative`: for `late_interaction.v1`, `poly_encoder.v1` and any contrast. With it
    every view is `query [SEP] passage` as one text, the first with what answers: for
    `rank_pairs.v1`. No passage of a batch answers a query of another row, so that in a
    contrast nothing right counts as wrong.

    Attributes:
        queries: token ids of each.
        passages: token ids of each passage of the collection.
        relevant: passages of each query.
        wrong: passages of each query that do not answer it, see `mine_negatives`.
        languages: canonical tags of queries and passages.
        size: rows in a batch; fewer, where no more fit together.
        negatives: drawn a row.
        between: ids between query and passage.
        room: tokens of a text at most; None reads query and passage apart.
        numbers: of the languages, in the column `language`; without, there is none.

    Raises:
        TrainingError: a query or passage without a token, or no query with enough passages.
    """

    queries: Sequence[np.ndarray]
    passages: Sequence[np.ndarray]
    relevant: Rows
    wrong: Rows
    languages: tuple[str, str]
    size: int = 32
    negatives: int = 0
    between: Sequence[int] = ()
    room: int | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.queries) == len(self.relevant) == len(self.wrong):
            raise TrainingError(
                f"{len(self.queries)} queries with passages for {len(self.relevant)} and others "
                f"for {len(self.wrong)}"
            )
        for name, some in (("query", self.queries), ("passage", self.passages)):
            if empty := [row for row, ids in enumerate(some) if not len(ids)]:
                raise TrainingError(
                    f"{len(empty)} of {len(some)} are without a token, the first is {name} "
                    f"{empty[0] + 1}", remedy="leave them out before training",
                )  # fmt: skip
        self._usable = np.array(
            [row for row in range(len(self.queries))
             if self.relevant[row]
             and len(set(self.wrong[row]) - set(self.relevant[row])) >= self.negatives], np.int64
        )  # fmt: skip
        if not len(self._usable):
            raise TrainingError(
                f"no query has a relevant passage and {self.negatives} others",
                remedy="ask for fewer negatives, or find more passages a query",
            )

    @property
    def without(self) -> int:
        """Queries that have too few passages, and are not read."""
        return len(self.queries) - len(self._usable)

    def batch(self, seed: int, step: int) -> Texts:
        """Column `negative` `[views * B]`."""
        rows, passages = self._drawn(np.random.default_rng([seed, step]))
        asked = [self.queries[row] for row in rows]
        of_query, of_passage = ([tag] * len(rows) for tag in self.languages)
        views = [[self.passages[one] for one in column] for column in passages.T]
        if self.room is None:
            texts, tags = [asked, *views], [of_query, *[of_passage] * len(views)]
        else:
            texts = [
                [joined(q, p, self.between, self.room)[0] for q, p in zip(asked, view, strict=True)]
                for view in views
            ]
            tags = [of_passage] * len(views)
        negative = np.repeat(np.arange(len(texts)) >= len(texts) - self.negatives, len(rows))
        return stack_texts(texts, tags, self.numbers, texts={"negative": negative})

    def _drawn(self, rng: np.random.Generator) -> tuple[list[int], np.ndarray]:
        """Queries `[B]` and their passages `[B, 1 + negatives]`, of which none answers another."""
        right: set[int] = set()
        wrong: set[int] = set()
        rows: list[int] = []
        found: list[list[int]] = []
        for row in rng.permutation(self._usable).tolist():
            own = set(self.relevant[row])
            others = sorted(set(self.wrong[row]) - right - own)
            if own & (right | wrong) or len(others) < self.negatives:
                continue
            drawn = rng.permutation(others)[: self.negatives].astype(int).tolist()
            rows.append(row)
            found.append([int(rng.choice(sorted(own))), *drawn])
            right |= own
            wrong.update(drawn)
            if len(rows) == self.size:
                break
        return rows, np.array(found, np.int64)
