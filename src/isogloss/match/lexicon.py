"""Lexicon induction: translations of words as nearest neighbours between two spaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.score import Score, Scores, bootstrap_mean

DEPTHS = (1, 5, 10)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A test dictionary as rows of two spaces.

    Attributes:
        queries: `[q]` rows of the source space, each once.
        gold: per query the rows of the target space that are right.
        dropped: entries that cannot be asked, by reason: nothing is left out quietly.
        words: source words of the dictionary in all, for the coverage.
    """

    queries: np.ndarray
    gold: tuple[np.ndarray, ...]
    dropped: dict[str, int]
    words: int

    @property
    def coverage(self) -> float:
        """Share of the dictionary's source words that can be asked."""
        return len(self.queries) / self.words


def dictionary_rows(
    entries: Iterable[tuple[str, str]], source: Sequence[str], target: Sequence[str]
) -> Dictionary:
    """Find the words of a dictionary in two vocabularies.

    A source word with several translations is one query, and any of them is right. A word is left
    out if its space lacks it, or if the other lacks all its translations.

    Raises:
        CorpusError: a vocabulary with a word twice, an empty dictionary, or one of which nothing
            is in the spaces.
    """
    at = [_positions(side, name) for side, name in ((source, "source"), (target, "target"))]
    wanted: dict[str, list[str]] = {}
    for word, translation in entries:
        wanted.setdefault(word, []).append(translation)
    if not wanted:
        raise CorpusError("the dictionary has no entry")
    queries, gold, dropped = [], [], {}
    for word, translations in wanted.items():
        rows = sorted({at[1][t] for t in translations if t in at[1]})
        if word in at[0] and rows:
            queries.append(at[0][word])
            gold.append(np.array(rows))
        else:
            reason = "no translation in the target space"
            if word not in at[0]:
                reason = "not in the source space"
            dropped[reason] = dropped.get(reason, 0) + 1
    if not queries:
        why = ", ".join(f"{n:,} {reason}" for reason, n in dropped.items())
        raise CorpusError(
            f"of the dictionary's {len(wanted):,} words none can be asked: {why}",
            remedy="check the languages, and whether words are lower-cased in the spaces",
        )
    return Dictionary(np.array(queries), tuple(gold), dropped, len(wanted))


def induce(
    source: np.ndarray,
    target: np.ndarray,
    dictionary: Dictionary,
    *,
    score: str = "csls",
    seed: int = 0,
    **where: Any,
) -> Scores:
    """P@1, P@5, P@10 and MRR of a dictionary between two spaces, with intervals over words.

    P@k is the share of queries with a right word among the k best of the whole target space; MRR
    the mean of 1 / rank of the first right one, 0 beyond rank 10. Coverage goes with them:
    accuracies over different words are not comparable.

    Args:
        source: `[n, d]` unit vectors, mapped into the target's space.
        target: `[m, d]` unit vectors.
        dictionary: what is asked.
        score: how neighbours are ranked, see `match.search`.
        seed: of the bootstrap.
        where: columns of the rows, such as `language`, `pivot`, `direction`, `system`.

    Source: Conneau et al. (2018), section 3.1; coverage as asked for by the users of MUSE and
    VecMap.
    """
    depth = min(DEPTHS[-1], len(target))
    best = nearest(source, target, depth, score=score, rows=dictionary.queries)
    hit = [np.isin(row, right) for row, right in zip(best.ids, dictionary.gold, strict=True)]
    rank = np.array([h.argmax() + 1 if h.any() else np.inf for h in hit])  # [q]
    columns = np.stack([*(rank <= k for k in DEPTHS), 1 / rank], 1)  # [q, 4]
    names = [*(f"lexicon_p{k}" for k in DEPTHS), "lexicon_mrr"]
    rows = [
        Score(
            measure=name, value=found.value, low=found.low, high=found.high, n=len(rank),
            interval="bootstrap over words", dropped=dict(dictionary.dropped), seed=seed,
            settings={"score": score, "coverage": round(dictionary.coverage, 4)}, **where,
        )
        for name, found in zip(names, bootstrap_mean(columns, seed=seed), strict=True)
    ]  # fmt: skip
    return Scores(rows)


class Centring(NamedTuple):
    """What centring each side does to the nearest words.

    Attributes:
        changed: share of the words asked whose nearest word changes.
        plain: share that is right as the vectors are; None where the right words are not known.
        centred: share that is right once sides are centred.
    """

    changed: float
    plain: float | None = None
    centred: float | None = None


def centring(
    source: np.ndarray,
    target: np.ndarray,
    rows: np.ndarray,
    gold: Sequence[np.ndarray] | None = None,
) -> Centring:
    """Whether centring each side changes which target word is nearest, and for the better.

    Vectors that share a constant are all near to each other, and the nearest is then a hub: users
    of MUSE saw an accuracy of 0 until they had centred.

    Args:
        source: `[n, d]` unit vectors.
        target: `[m, d]` unit vectors.
        rows: `[q]` source words to look at.
        gold: the right target words of each.
    """
    moved = [unit(side - side.mean(0)) for side in (source, target)]
    plain, centred = (
        nearest(x, y, rows=rows).ids[:, 0] for x, y in ((source, target), (moved[0], moved[1]))
    )
    changed = float((plain != centred).mean())
    if gold is None:
        return Centring(changed)
    right = (
        float(np.mean([at in words for at, words in zip(ids, gold, strict=True)]))
        for ids in (plain, centred)
    )
    return Centring(changed, *right)


def _positions(vocabulary: Sequence[str], name: str) -> dict[str, int]:
    at = {word: i for i, word in enumerate(vocabulary)}
    if len(at) < len(vocabulary):
        twice = next(w for i, w in enumerate(vocabulary) if at[w] != i)
        raise CorpusError(f"the {name} vocabulary holds {twice!r} twice")
    return at
