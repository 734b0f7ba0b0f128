"""Retrieval as a task: queries, a collection, and which passages of it answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.contracts import Tally
from isogloss.task.examples import QUERIES, Examples
from isogloss.task.metrics.rankings import judge

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.language import Language
    from isogloss.match.search import Neighbours


@register("task", "retrieve.v1")
class Retrieve:
    """Ranked ids of a collection for each query, judged by the ids that are relevant.

    Any way of ranking may be scored: `dense`, `late`, and `rerank` over what either found.
    """

    shape = QUERIES
    measures = ("ndcg@10", "recall@100", "mrr@10", "precision@1")

    def score(self, gold: Examples, told: Sequence[Sequence[str] | None]) -> dict[str, Tally]:
        """What rankings of ids, best first, are worth; see `metrics.rankings`.

        Raises:
            CorpusError: no query has a relevant passage.
            UsageError: other than one ranking a query, or a passage twice in one.
        """
        relevant = gold.column("relevant")
        if not any(relevant):
            raise CorpusError(
                "no query says which passages are relevant", file=gold.source or None,
                remedy="give their ids in the column relevant",
            )  # fmt: skip
        return {name: judge(name, relevant, told) for name in self.measures}


class Collection(NamedTuple):
    """Passages of one language that queries are to find.

    Attributes:
        ids: one each.
        texts: of each.
        language: canonical tag.
        dropped: passages left out, by reason.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    language: str
    dropped: Mapping[str, int] = {}


def collection_of(corpus: Corpus, language: Language | str) -> Collection:
    """The rows of a corpus that have a text of a language, as passages.

    Raises:
        UnknownLanguage: the corpus does not have it.
        CorpusError: no row has a text.
    """
    [tag] = corpus.resolve([language])
    rows = [(i, t) for i, t in zip(corpus.ids, corpus.texts(tag), strict=True) if t and t.strip()]
    if not rows:
        raise CorpusError(f"no passage is in {tag}", file=corpus.source or None)
    lost = len(corpus) - len(rows)
    ids, texts = zip(*rows, strict=True)
    return Collection(ids, texts, str(tag), {f"without a text in {tag}": lost} if lost else {})


def check_relevant(queries: Examples, ids: Sequence[str]) -> int:
    """How many relevant ids the collection does not have: no ranking can find these.

    Raises:
        CorpusError: it has none of them, as where queries are of another collection.
    """
    there = set(ids)
    wanted = [one for known in queries.column("relevant") for one in known or ()]
    missing = sum(one not in there for one in wanted)
    if wanted and missing == len(wanted):
        raise CorpusError(
            f"none of the relevant ids, such as {wanted[0]!r}, is in the collection",
            file=queries.source or None, remedy="name the collection the queries were made for",
        )  # fmt: skip
    return missing


def named(found: Neighbours, ids: Sequence[Any]) -> list[list[Any]]:
    """The ids of found passages `[q, k]`, best first; places that hold none are left out."""
    return [[ids[row] for row in rows if row >= 0] for rows in found.ids.tolist()]
