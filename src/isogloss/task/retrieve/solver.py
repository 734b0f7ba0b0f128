"""An encoder, and heads that were trained beside it, asked for passages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

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


Find = Callable[[Sequence[str], str], Found]
"""From queries, and the tag of the language they are read as, to what was found."""


@dataclass
class FindPassages:
    """The passages of a collection that answer a query best.

    Attributes:
        find: `nearest_passages`, `late_passages` or `ranked_passages` of the collection.
        ids: of its passages.
        read_as: canonical tag of what queries are read as; their own language by default.
        seconds: none, as nothing is taught.
        kept: which weights were kept.
        classes: none.
        costs: of the last `tell`: `index_seconds` of reading the collection, less what of it lay
            in the cache, `index_bytes` of what is searched, `passages`, and `query_ms`, of one
            among many, reading it included.
    """

    find: Find
    ids: Sequence[str]
    read_as: str = ""
    seconds: float = 0.0
    kept: str = "nothing was taught"
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)

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
            for row, ids in zip(there, named(found, self.ids), strict=True):
                guesses[row] = Guess(ids)
        dropped = {"no text": len(examples) - len(there)} if len(there) < len(examples) else {}
        return Told(guesses, dropped, truncated, time.perf_counter() - start)

    def save(self, folder: Path) -> None:
        """Nothing was learned that could be kept.

        Raises:
            UsageError: always.
        """
        raise UsageError("an encoder that finds passages has learned nothing to save")


def nearest_passages(
    encoder: Encoder, collection: Collection, queries: Sequence[str], language: str,
    depth: int = DEPTH,
) -> Found:  # fmt: skip
    """The passages whose vectors, kept in the cache, are nearest to a query's by cosine.

    Prefer `dense` for a collection that memory does not hold.
    """

    def vectors(texts: Sequence[str], language: str) -> tuple[np.ndarray, int]:
        from isogloss.encode.cache import encode_cached

        made = next(reversed(encode_cached(encoder, texts, language=language).values()))
        return unit(np.asarray(made.array, np.float32)), int(made.truncated)

    begun = time.perf_counter()
    passages, cut = vectors(collection.texts, collection.language)  # [m, d]
    read = time.perf_counter()
    asked, more = vectors(queries, language)  # [q, d]
    found = nearest(asked, passages, min(depth, len(passages)))
    return Found(found, cut + more, _costs(begun, read, passages.nbytes, collection, queries))


def late_passages(
    encoder: Encoder, projection: Projection, folder: Path, finding: Finding,
    collection: Collection, queries: Sequence[str], language: str,
) -> Found:  # fmt: skip
    """The passages with the largest MaxSim, from an index on disk; nothing is cut.

    Args:
        encoder: one that has vectors of tokens.
        projection: of states to what is compared.
        folder: where the index lies; one that lies there is used if it is the same.
        finding: how many candidates are scored in full, and the bits of the index.
        collection: what is found.
        queries: texts.
        language: what they are read as.
    """
    from isogloss.task.retrieve.late import build_index, encode_late, find_late

    begun = time.perf_counter()
    index = build_index(
        encoder, collection.texts, folder, language=collection.language, projection=projection,
        bits=finding.bits,
    )  # fmt: skip
    read = time.perf_counter()
    asked = encode_late(encoder, queries, index, language=language)
    many = finding.candidates
    found = find_late(asked, index, min(DEPTH, many), candidates=many)
    return Found(found, 0, _costs(begun, read, index.size, collection, queries))


def ranked_passages(
    encoder: Encoder, scorer: Callable[[str], Scorer], candidates: int, collection: Collection,
    queries: Sequence[str], language: str,
) -> Found:  # fmt: skip
    """The nearest passages by vectors in the order of a scorer; `pairs_truncated` are pairs cut.

    Args:
        encoder: any.
        scorer: from the language of the queries to a scorer, see `rerank`.
        candidates: passages of each query that are put in order.
        collection: what is found.
        queries: texts.
        language: what they are read as.
    """
    from isogloss.task.retrieve.rerank import rerank_found

    found, truncated, spent = nearest_passages(encoder, collection, queries, language, candidates)
    score, start, cut = scorer(language), time.perf_counter(), 0

    def counted(asked: Sequence[str], passages: Sequence[str]) -> Scored:
        nonlocal cut
        scored = score(asked, passages)
        cut += scored.truncated
        return scored

    found = rerank_found(queries, found, collection.texts, counted)
    more = 1000 * (time.perf_counter() - start) / len(queries)
    costs = {**spent, "query_ms": spent["query_ms"] + more, "pairs_truncated": cut}
    return Found(Neighbours(*(each[:, :DEPTH] for each in found)), truncated, costs)


def _costs(
    begun: float, read: float, size: int, collection: Collection, queries: Sequence[str]
) -> dict[str, float]:
    """What was spent from `begun` on the collection, and from `read` on queries until now."""
    return {
        "index_seconds": read - begun, "index_bytes": size, "passages": len(collection.texts),
        "query_ms": 1000 * (time.perf_counter() - read) / len(queries),
    }  # fmt: skip


def open_finder(
    encoder: Encoder, collection: Collection, finding: Finding, model: Path, folder: Path
) -> FindPassages:
    """What finds passages by a model and the head that was trained beside it.

    Args:
        encoder: of the model.
        collection: what is found; its language says how its passages are read.
        finding: how.
        model: its folder, with `heads`.
        folder: where an index may lie.

    Raises:
        ModelError: it has no such head.
    """
    from isogloss.language import read_language

    read_as = str(read_language(finding.read_as)) if finding.read_as else ""
    there = collection._replace(language=read_as or collection.language)
    if finding.by == "vectors":
        find: Find = partial(nearest_passages, encoder, there)
    elif finding.by == "late":
        from isogloss.task.retrieve.tokens import trained_projection

        find = partial(late_passages, encoder, trained_projection(model), folder, finding, there)
    else:
        make = _cross if finding.by == "cross" else _poly
        scorer = make(encoder, model, there.language)
        find = partial(ranked_passages, encoder, scorer, finding.candidates, there)
    return FindPassages(find, there.ids, read_as)


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
