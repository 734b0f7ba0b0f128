"""An encoder, and heads that were trained beside it, asked for passages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from isogloss.errors import UsageError
from isogloss.match.neighbours import unit
from isogloss.match.search import Neighbours, nearest
from isogloss.settings import Count, Settings
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.retrieve.task import Collection, named
from isogloss.task.solver import Told

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder
    from isogloss.encode.vectors import Vectors
    from isogloss.task.retrieve.pairs import Scored
    from isogloss.task.retrieve.rerank import Scorer
    from isogloss.task.retrieve.tokens import Projection

By = Literal["vectors", "late", "cross", "poly"]
HOW: Mapping[By, str] = {
    "vectors": "", "late": "late interaction", "cross": "a cross-encoder",
    "poly": "a poly-encoder",
}  # fmt: skip
DEPTH = 100
"""Places that are filled."""


class Finding(Settings):
    """How passages are found.

    Attributes:
        by: `vectors`, one a text; `late`, one a token, projected by the head that
            `late_interaction.v1` left beside the model; `cross` and `poly`, the nearest by vectors
            in the order of the head that `rank_pairs.v1` or `poly_encoder.v1` left.
        candidates: of `late`, passages that are scored in full; of `cross` and `poly`, those that
            are put in order. The first 100 places are filled, fewer by fewer candidates.
        bits: of `late`, of a number of the index: 1, 2, or 16, which is nearly exact.
        read_as: the language whose modules read queries and passages, where a model has modules of
            languages; their own by default.
    """

    by: By = "vectors"
    candidates: Count = 256
    bits: Literal[1, 2, 16] = 2
    read_as: str = ""

    @property
    def told(self) -> str:
        """What is to be said beside the name of a model; nothing of plain vectors."""
        read = f"read as {self.read_as}" if self.read_as else ""
        return ", ".join(filter(None, (f"by {HOW[self.by]}" if HOW[self.by] else "", read)))


class Found(NamedTuple):
    """What was found, and what it took.

    Attributes:
        places: rows of the collection for each query, best first.
        truncated: queries and passages that were cut to the window.
        costs: see `FindPassages.costs`.
    """

    places: Neighbours
    truncated: int
    costs: Mapping[str, float]


@dataclass
class FindPassages:
    """The passages of a collection that answer a query best, as `find` of a subclass says.

    Attributes:
        encoder: any.
        collection: what is found; its language says how its passages are read.
        depth: places that are filled.
        read_as: canonical tag of what queries are read as; their own language by default.
        seconds: none, as nothing is taught.
        kept: which weights were kept.
        classes: none.
        costs: of the last `tell`: `index_seconds` of reading the collection, less what of it lay
            in the cache, `index_bytes` of what is searched, `passages`, and `query_ms`, of one
            among many, reading it included.
    """

    encoder: Encoder
    collection: Collection
    depth: int = DEPTH
    read_as: str = ""
    seconds: float = 0.0
    kept: str = "nothing was taught"
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)

    def find(self, queries: Sequence[str], language: str) -> Found:
        """Rows of the collection for each query."""
        raise TypeError(f"{type(self).__name__} does not say how it finds")

    def tell(self, examples: Examples) -> Told:
        """Ids of passages for each query, best first."""
        start = time.perf_counter()
        texts = examples.column("text")
        there = [row for row, text in enumerate(texts) if text]
        guesses: list[Guess | None] = [None] * len(examples)
        truncated = 0
        if there:
            asked = [texts[row] for row in there]
            found, truncated, self.costs = self.find(asked, self.read_as or examples.language)
            for row, ids in zip(there, named(found, self.collection.ids), strict=True):
                guesses[row] = Guess(ids)
        dropped = {"no text": len(examples) - len(there)} if len(there) < len(examples) else {}
        return Told(guesses, dropped, truncated, time.perf_counter() - start)

    def save(self, folder: Path) -> None:
        """Nothing was learned that could be kept.

        Raises:
            UsageError: always.
        """
        raise UsageError("an encoder that finds passages has learned nothing to save")

    def _costs(self, begun: float, read: float, size: int, queries: int) -> dict[str, float]:
        """What was spent from `begun` on the collection, and from `read` on queries until now."""
        return {
            "index_seconds": read - begun, "index_bytes": size,
            "passages": len(self.collection.texts),
            "query_ms": 1000 * (time.perf_counter() - read) / queries,
        }  # fmt: skip


@dataclass
class NearestPassages(FindPassages):
    """The passages of a collection in memory whose vectors are nearest to a query's, by cosine.

    Prefer `dense` for a collection that memory does not hold.
    """

    def find(self, queries: Sequence[str], language: str) -> Found:
        """By cosine; vectors are kept in the cache."""
        begun = time.perf_counter()
        known = self._vectors(self.collection.texts, self.collection.language)
        passages = unit(np.asarray(known.array, np.float32))  # [m, d]
        read = time.perf_counter()
        asked = self._vectors(queries, language)
        vectors = unit(np.asarray(asked.array, np.float32))  # [q, d]
        found = nearest(vectors, passages, min(self.depth, len(passages)))
        truncated = int(asked.truncated) + int(known.truncated)
        return Found(found, truncated, self._costs(begun, read, passages.nbytes, len(queries)))

    def _vectors(self, texts: Sequence[str], language: str) -> Vectors:
        from isogloss.encode.cache import encode_cached

        return next(reversed(encode_cached(self.encoder, texts, language=language).values()))


@dataclass(kw_only=True)
class LatePassages(FindPassages):
    """The passages with the largest MaxSim, from an index on disk; see `retrieve.late`.

    Attributes:
        projection: of states to what is compared.
        folder: where the index lies; one that lies there is used if it is the same.
        candidates: passages that are scored in full.
        bits: of a number of the index.
    """

    projection: Projection
    folder: Path
    candidates: int = 256
    bits: Literal[1, 2, 16] = 2

    def find(self, queries: Sequence[str], language: str) -> Found:
        """By centres of the query's tokens, then by MaxSim; nothing is cut."""
        from isogloss.task.retrieve.late import build_index, encode_late, find_late

        begun = time.perf_counter()
        index = build_index(
            self.encoder, self.collection.texts, self.folder, language=self.collection.language,
            projection=self.projection, bits=self.bits,
        )  # fmt: skip
        read = time.perf_counter()
        asked = encode_late(self.encoder, queries, index, language=language)
        found = find_late(asked, index, min(self.depth, self.candidates),
                          candidates=self.candidates)  # fmt: skip
        return Found(found, 0, self._costs(begun, read, index.size, len(queries)))


@dataclass(kw_only=True)
class RankedPassages(NearestPassages):
    """The nearest passages by vectors, in the order of a scorer of pairs.

    Attributes:
        scorer: from the language of the queries to a scorer, see `rerank`.
        candidates: passages of each query that are put in order.
    """

    scorer: Callable[[str], Scorer]
    candidates: int = DEPTH

    def find(self, queries: Sequence[str], language: str) -> Found:
        """By cosine, then by the scorer; `pairs_truncated` are pairs cut to the window."""
        from isogloss.task.retrieve.rerank import rerank_found

        self.depth = self.candidates
        found, truncated, spent = super().find(queries, language)
        score, start, cut = self.scorer(language), time.perf_counter(), 0

        def counted(asked: Sequence[str], passages: Sequence[str]) -> Scored:
            nonlocal cut
            scored = score(asked, passages)
            cut += scored.truncated
            return scored

        found = rerank_found(queries, found, self.collection.texts, counted)
        more = 1000 * (time.perf_counter() - start) / len(queries)
        costs = {**spent, "query_ms": spent["query_ms"] + more, "pairs_truncated": cut}
        places = Neighbours(*(each[:, :DEPTH] for each in found))
        return Found(places, truncated, costs)


def open_finder(
    encoder: Encoder, collection: Collection, finding: Finding, model: Path, folder: Path
) -> FindPassages:
    """What finds passages by a model and the head that was trained beside it.

    Args:
        encoder: of the model.
        collection: what is found.
        finding: how.
        model: its folder, with `heads`.
        folder: where an index may lie.

    Raises:
        ModelError: it has no such head.
    """
    from isogloss.language import read_language

    given: dict[str, Any] = {"encoder": encoder, "collection": collection}
    if finding.read_as:
        tag = str(read_language(finding.read_as))
        given |= {"collection": collection._replace(language=tag), "read_as": tag}
    if finding.by == "vectors":
        return NearestPassages(**given)
    if finding.by == "late":
        from isogloss.task.retrieve.tokens import trained_projection

        return LatePassages(
            **given, projection=trained_projection(model), folder=folder,
            candidates=finding.candidates, bits=finding.bits,
        )  # fmt: skip
    make = _cross if finding.by == "cross" else _poly
    scorer = make(encoder, model, given["collection"].language)
    return RankedPassages(**given, scorer=scorer, candidates=finding.candidates)


def _cross(encoder: Encoder, model: Path, passages: str) -> Callable[[str], Scorer]:
    from isogloss.task.retrieve.rerank import cross_encoder
    from isogloss.train.label_head import read_head

    _, weights = read_head(model, "rank_pairs.v1")
    weight, bias = (weights[name].float().numpy() for name in ("weight", "bias"))
    return lambda queries: cross_encoder(encoder, weight, float(bias[0]), language=passages)


def _poly(encoder: Encoder, model: Path, passages: str) -> Callable[[str], Scorer]:
    from isogloss.task.retrieve.rerank import poly_encoder
    from isogloss.train.label_head import read_head

    codes = read_head(model, "poly_encoder.v1")[1]["codes"].float().numpy()
    return lambda queries: poly_encoder(encoder, codes, language=passages, asked=queries)
