"""Candidates in a better order: by reading them with the query, its codes or its tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.encode.protocol import Encoder
from isogloss.encode.vectors import check_finite
from isogloss.errors import UsageError
from isogloss.match.search import Neighbours
from isogloss.task.retrieve.maxsim import maxsim
from isogloss.task.retrieve.pairs import Frame, Scored, frame_of, joined
from isogloss.task.retrieve.tokens import Projection, read_states, read_tokens

Scorer = Callable[[Sequence[str], Sequence[str]], Scored]
"""From queries and as many passages to what each pair is worth."""
PAIRS = 2**14  # that are read before their states are let go


class Reranked(NamedTuple):
    """Candidates of each query, best first; of equals the one that stood first.

    Attributes:
        order: `[c]` places among the candidates of a query.
        scores: `[c]` falling.
        truncated: pairs that were cut to the window.
    """

    order: list[np.ndarray]
    scores: list[np.ndarray]
    truncated: int


def rerank(queries: Sequence[str], candidates: Sequence[Sequence[str]], scorer: Scorer) -> Reranked:
    """The order of the candidates of each query by a scorer.

    Args:
        queries: texts.
        candidates: texts of the passages of each query; any number, none too.
        scorer: `cross_encoder`, `poly_encoder` or `late_interaction`, or any function.

    Raises:
        UsageError: other than one list of candidates a query.
        VectorError: scores that are not numbers.
    """
    if len(queries) != len(candidates):
        raise UsageError(f"{len(candidates)} lists of candidates for {len(queries)} queries")
    asked = [query for query, some in zip(queries, candidates, strict=True) for _ in some]
    passages = [one for some in candidates for one in some]
    parts = [scorer(asked[at : at + PAIRS], passages[at : at + PAIRS])
             for at in range(0, len(asked), PAIRS)]  # fmt: skip
    values = np.concatenate([np.empty(0, np.float32), *(part.values for part in parts)])
    check_finite(values[:, None], "scores of pairs")
    cuts = np.cumsum([len(some) for some in candidates])[:-1]
    split = np.split(values, cuts) if len(candidates) else []
    order = [np.argsort(-one, kind="stable") for one in split]
    scores = [one[place] for one, place in zip(split, order, strict=True)]
    return Reranked(order, scores, sum(part.truncated for part in parts))


def rerank_found(
    queries: Sequence[str], found: Neighbours, passages: Sequence[str], scorer: Scorer
) -> Neighbours:
    """What a search found, best first by a scorer: the same passages with other scores.

    Args:
        queries: texts.
        found: `[q, k]` passages of each, as `find` and `find_late` give them.
        passages: texts of the collection.
        scorer: see `rerank`.
    """
    there = [[row for row in rows if row >= 0] for rows in found.ids.tolist()]
    made = rerank(queries, [[passages[row] for row in rows] for rows in there], scorer)
    ids = np.full(found.ids.shape, -1, np.int64)
    scores = np.full(found.ids.shape, -np.inf, np.float32)
    for number, (rows, order, values) in enumerate(zip(there, *made[:2], strict=True)):
        ids[number, : len(rows)] = np.array(rows, np.int64)[order]
        scores[number, : len(rows)] = values
    return Neighbours(ids, scores)


def cross_encoder(
    encoder: Encoder, weight: np.ndarray, bias: float = 0.0, *, language: str
) -> Scorer:
    """Score w . v + b, v the mean state of `query [SEP] passage` as one text; see `rank_pairs.v1`.

    Pairs of like length are read together. A pair over the window loses the end of its passage,
    down to half of the window, then that of its query, and is counted.

    Args:
        encoder: of the body that was trained, `load_encoder(folder)`.
        weight: `[d]`, of `read_head(folder, "rank_pairs.v1")`.
        bias: the same for all.
        language: canonical tag of the passages, for encoders that differ by language.

    Raises:
        UsageError: the encoder reads no token ids, as static models do.
    """
    frame, read = frame_of(encoder), _id_reader(encoder, language)
    weight = np.asarray(weight, np.float32).reshape(-1)

    def score(queries: Sequence[str], passages: Sequence[str]) -> Scored:
        left, right = frame.ids(queries), frame.ids(passages)
        pairs = [joined(q, p, frame.between, frame.room) for q, p in zip(left, right, strict=True)]
        vectors = read([frame.framed(ids) for ids, _ in pairs])
        return Scored(vectors @ weight + np.float32(bias), sum(cut for _, cut in pairs))

    return score


def poly_encoder(
    encoder: Encoder, codes: np.ndarray, *, language: str, asked: str | None = None
) -> Scorer:
    """Candidates read what codes `[m, d]` read of the query; see `poly_encoder.v1`.

    Each text is read once, however many pairs it stands in.

    Args:
        encoder: of the body that was trained.
        codes: of `read_head(folder, "poly_encoder.v1")`.
        language: canonical tag of the passages, for encoders that differ by language.
        asked: that of the queries; the same by default.

    Raises:
        UsageError: the encoder reads no token ids, as static models do.
    """
    frame, read = frame_of(encoder), _id_reader(encoder, language)

    def score(queries: Sequence[str], passages: Sequence[str]) -> Scored:
        import torch

        from isogloss.train.grids import pad_texts
        from isogloss.train.objectives.poly_encoder import poly_scores, read_by_codes

        questions, known, pairs = _apart(queries, passages)
        states = read_states(encoder, questions, language=asked or language)
        vectors, cut = _vectors(frame, read, known)
        values = np.empty(len(queries), np.float32)
        learned = torch.as_tensor(np.asarray(codes, np.float32))
        with torch.inference_mode():
            for row, (places, whose) in enumerate(pairs):
                own = states.take(np.array([row]))
                padded = pad_texts(
                    torch.from_numpy(np.ascontiguousarray(own.array)), torch.zeros(1).long(),
                    torch.from_numpy(own.lengths),
                )  # fmt: skip
                found = poly_scores(
                    read_by_codes(learned, *padded), torch.from_numpy(vectors[whose])
                )
                values[places] = found[0].numpy()
        return Scored(values, int(sum(cut[whose].sum() for _, whose in pairs)))

    return score


def late_interaction(
    encoder: Encoder, projection: Projection, *, language: str, asked: str | None = None,
    masks: int = 0,
) -> Scorer:  # fmt: skip
    """MaxSim of tokens, nothing compressed; see `late_interaction.v1`. Nothing is cut.

    Each text is read once, however many pairs it stands in.

    Args:
        encoder: one that has vectors of tokens.
        projection: `trained_projection(folder)`, or one that was made without training.
        language: canonical tag of the passages, for encoders that differ by language.
        asked: that of the queries; the same by default.
        masks: put behind each query, see `read_states`.
    """

    def score(queries: Sequence[str], passages: Sequence[str]) -> Scored:
        questions, known, pairs = _apart(queries, passages)
        left = read_tokens(encoder, questions, projection, language=asked or language, masks=masks)
        right = read_tokens(encoder, known, projection, language=language)
        values = np.empty(len(queries), np.float32)
        for row, (places, whose) in enumerate(pairs):
            values[places] = maxsim(left.take(np.array([row])), right.take(whose))[0]
        return Scored(values, 0)

    return score


def _apart(
    queries: Sequence[str], passages: Sequence[str]
) -> tuple[list[str], list[str], list[tuple[np.ndarray, np.ndarray]]]:
    """Each query once, each passage once, and of each query its pairs and their passages."""
    asked = {text: row for row, text in enumerate(dict.fromkeys(queries))}
    known = {text: row for row, text in enumerate(dict.fromkeys(passages))}
    of = np.array([asked[text] for text in queries], np.int64)
    whose = np.array([known[text] for text in passages], np.int64)
    places = [np.flatnonzero(of == row) for row in range(len(asked))]
    return [*asked], [*known], [(place, whose[place]) for place in places]


def _vectors(
    frame: Frame, read: Callable[[list[np.ndarray]], np.ndarray], texts: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean states `[n, d]` of texts, what stands around them too, and which were cut `[n]`."""
    ids = frame.ids(texts)
    cut = np.array([len(one) > frame.room for one in ids], bool)
    return read([frame.framed(one[: frame.room]) for one in ids]), cut


def _id_reader(encoder: Encoder, language: str) -> Callable[[list[np.ndarray]], np.ndarray]:
    run: Any = encoder

    def read(ids: list[np.ndarray]) -> np.ndarray:
        return run.encode_ids(ids, language=language, pooling="mean")[encoder.layers[-1]]

    return read
