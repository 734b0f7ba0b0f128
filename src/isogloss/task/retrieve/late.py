"""Retrieval by late interaction: a compressed vector for every token of a collection."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isogloss.encode.protocol import Encoder
from isogloss.encode.texts import choose_layers
from isogloss.errors import UsageError
from isogloss.files import fingerprint, fingerprint_texts, write_json
from isogloss.match.neighbours import k_largest
from isogloss.match.search import Neighbours
from isogloss.progress import Start, silent
from isogloss.task.retrieve.codec import (
    Bits,
    Codec,
    compress,
    default_centres,
    fit_codec,
    read_codec,
    restore,
    write_codec,
)
from isogloss.task.retrieve.dense import merged
from isogloss.task.retrieve.maxsim import Tokens, maxsim, runs
from isogloss.task.retrieve.shards import Arrays, check_passages, in_shards
from isogloss.task.retrieve.tokens import (
    Projection,
    check_dimensions,
    pca_projection,
    read_states,
    read_tokens,
)

SIZE = 1024  # passages a shard: their states are in memory together
SAMPLE = 2**18  # tokens that centres are fitted on
PRINCIPAL = 2**16  # tokens that principal directions are fitted on
LEAST_A_CENTRE = 8  # tokens of the sample
DIMENSIONS = 128
QUERIES_AT_ONCE = 256
_NAMES = ("lengths", "codes", "residuals", "windowed")


class Lists(NamedTuple):
    """The passages that have a token at each centre.

    Attributes:
        passages: `[e]` rising within a centre, centre after centre.
        starts: `[c + 1]` where each centre begins.
    """

    passages: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True, eq=False)
class LateIndex:
    """The tokens of a collection, and which passages are near which centre.

    Attributes:
        codec: how token vectors are kept.
        projection: from states to what is kept.
        layer: whose states they are.
        parts: `codes` and `residuals` of each shard, mapped from disk.
        lengths: `[n]` tokens of each passage.
        codes: `[t]` centre of each token.
        lists: passages by centre.
        windowed: passages over the encoder's window, read in overlapping parts.
    """

    codec: Codec
    projection: Projection
    layer: int
    parts: Sequence[Arrays]
    lengths: np.ndarray
    codes: np.ndarray
    lists: Lists
    windowed: int

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> np.ndarray:
        """`[n]` where each passage begins among all tokens."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(array.nbytes for part in self.parts for array in part.values())

    def tokens(self, passages: np.ndarray) -> Tokens:
        """Restored token vectors of some passages, in this order."""
        lengths = self.lengths[passages]
        places = runs(self.starts[passages], lengths)
        ends = np.cumsum([len(part["codes"]) for part in self.parts])
        of = np.searchsorted(ends, places, side="right")
        kept = self.parts[0]["residuals"]
        residuals = np.empty((len(places), kept.shape[1]), kept.dtype)
        for number in np.unique(of):
            part = self.parts[number]["residuals"]
            mine = of == number
            residuals[mine] = part[places[mine] - (ends[number] - len(part))]
        return Tokens(restore(self.codes[places], residuals, self.codec), lengths)


def build_index(
    encoder: Encoder,
    texts: Sequence[str],
    folder: Path,
    *,
    language: str,
    projection: Projection | None = None,
    dimensions: int | None = None,
    bits: Bits = 2,
    centres: int | None = None,
    layer: int | None = None,
    seed: int = 0,
    size: int = SIZE,
    progress: Start = silent,
) -> LateIndex:
    """Index every token of a collection; a run that was killed goes on where it was.

    Centres, cuts and, where no projection is given, principal directions are fitted on passages
    drawn at random; then passages are read shard by shard, and what is kept of a token is its
    centre and `bits` a number.

    Args:
        encoder: one that has vectors of tokens.
        texts: the passages.
        folder: where the index lies.
        language: canonical tag.
        projection: as `trained_projection` reads it; principal directions of a sample by default,
            which nothing was trained for.
        dimensions: of that default, 128 or the width of the states if that is less.
        bits: of a number: 1, 2, or 16, with which scores are exact up to the rounding of float16.
        centres: by default a power of two near 4 sqrt(tokens).
        layer: whose states; the last by default.
        seed: of the sample and the first centres.
        size: passages that are read at once.
        progress: is told of passages.

    Raises:
        CorpusError: no passage, or one that is None.
        UsageError: bits, dimensions or centres that cannot be, or passages without any token.
        OutputError: the folder cannot be written.

    Source: Khattab and Zaharia (2020), ColBERT; Santhanam et al. (2022), ColBERTv2, section 3.3;
    Santhanam et al. (2022), PLAID, section 4. With a body that has modules of each language this
    is how ColBERT-XM (Louis et al. 2024) retrieves.
    """
    check_passages(texts)
    [at] = choose_layers(None if layer is None else [layer], encoder.layers, encoder.name)
    if projection is not None and dimensions is not None:
        raise UsageError("a projection has its own dimensions", remedy="leave dimensions out")
    given = projection.about if projection is not None else {"pca": dimensions}
    key = fingerprint(
        "late.v1", encoder.fingerprint, encoder.window, language, at, given, bits, centres, seed,
        fingerprint_texts(texts),
    )  # fmt: skip
    reading: dict[str, Any] = {"language": language, "layer": at}
    codec, projection = _known(folder, key) or _fitted(
        encoder, texts, projection, dimensions, bits, centres, seed, reading
    )
    _keep(folder, key, codec, projection)

    def make(part: list[str]) -> Arrays:
        tokens = read_tokens(encoder, part, projection, **reading)
        codes, residuals = compress(tokens.array, codec)
        return {"lengths": tokens.lengths, "codes": codes, "residuals": residuals,
                "windowed": np.array([tokens.windowed])}  # fmt: skip

    parts = in_shards(texts, folder, make, (key,), _NAMES, size=size, progress=progress)
    return _index(parts, codec, projection, at)


def encode_late(
    encoder: Encoder, texts: Sequence[str], index: LateIndex, *, language: str, masks: int = 0
) -> Tokens:
    """Token vectors of queries, made as those of the collection were; see `read_states`."""
    return read_tokens(
        encoder, texts, index.projection, language=language, layer=index.layer, masks=masks
    )


def find_late(
    queries: Tokens, index: LateIndex, k: int = 10, *, probes: int = 16, candidates: int = 256
) -> Neighbours:
    """The k passages with the largest MaxSim, looked for near the centres of the query's tokens.

    Passages with a token at one of the `probes` centres nearest to a token of the query are taken
    by what they gain there over the last of these centres; four times as many as `candidates` are
    then scored with centres in the place of their tokens, and the best `candidates` by MaxSim over
    their restored vectors, which is their score. A query that so finds fewer than k passages is
    answered by `find_every`.

    Args:
        queries: token vectors of each, see `encode_late`.
        index: of the collection.
        k: passages to give; all, where there are fewer.
        probes: centres a token of the query; more find more, where vectors are not trained for it
            above all.
        candidates: passages that are scored in full, k at least.

    Raises:
        UsageError: k, probes or candidates under 1.

    Source: Santhanam et al. (2022), PLAID, section 4 (centroid interaction); that tokens elsewhere
    are taken to be worth the last centre looked at is as in Scheerer et al. (2025), WARP.
    """
    if min(k, probes, candidates) < 1:
        raise UsageError(f"k {k}, probes {probes} and candidates {candidates} are to be 1 or more")
    k = min(k, len(index))
    probes, candidates = min(probes, len(index.codec.centres)), max(k, candidates)
    ids = np.full((len(queries.lengths), k), -1, np.int64)
    scores = np.full(ids.shape, -np.inf, np.float32)
    starts, short = index.starts, []
    for row in range(len(ids)):
        query = queries.take(np.array([row]))
        near = query.array @ index.codec.centres.T  # [m, c]
        found = _gained(near, probes, index.lists, 4 * candidates)
        found = _by_centres(near, found, index, starts, candidates)
        if len(found) < k:
            short.append(row)
            continue
        exact = maxsim(query, index.tokens(found))[0]
        order = np.lexsort((found, -exact))[:k]
        ids[row], scores[row] = found[order], exact[order]
    if short:
        ids[short], scores[short] = find_every(queries.take(np.array(short)), index, k)
    return Neighbours(ids, scores)


def find_every(queries: Tokens, index: LateIndex, k: int = 10) -> Neighbours:
    """The k passages with the largest MaxSim, every passage scored; one shard at a time restored.

    Prefer it for small collections, and to see what `find_late` loses.
    """
    k, rows = min(k, len(index)), len(queries.lengths)
    blocks = [np.arange(a, min(a + QUERIES_AT_ONCE, rows)) for a in range(0, rows, QUERIES_AT_ONCE)]
    asked = [queries.take(block) for block in blocks]
    best: list[Neighbours | None] = [None] * len(blocks)
    start = 0
    for part in index.parts:
        vectors = restore(part["codes"], part["residuals"], index.codec)
        passages = Tokens(vectors, np.asarray(part["lengths"]))
        for number, block in enumerate(asked):
            ids, scores = k_largest(maxsim(block, passages), min(k, len(passages.lengths)))
            best[number] = merged(best[number], Neighbours(ids + start, scores), k)
        start += len(passages.lengths)
    found = [one for one in best if one is not None]
    if not found:
        return Neighbours(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
    return Neighbours(*(np.concatenate(each) for each in zip(*found, strict=True)))


def _gained(near: np.ndarray, probes: int, lists: Lists, count: int) -> np.ndarray:
    """The passages that gain most near the probed centres `[m, c]`, rising: `[count]` at most."""
    if not len(near):
        return np.empty(0, np.int64)
    probed = np.argpartition(-near, probes - 1, axis=1)[:, :probes]  # [m, probes]
    values = np.take_along_axis(near, probed, 1)
    gains = values - values.min(1, keepdims=True)
    order = np.argsort(gains.ravel(), kind="stable")  # the best of a token and a passage comes last
    cells, token = probed.ravel()[order], order // probes
    begin = lists.starts[cells]
    sizes = lists.starts[cells + 1] - begin
    passages = lists.passages[runs(begin, sizes)].astype(np.int64)
    key = passages * len(near) + np.repeat(token, sizes)
    sort = np.argsort(key, kind="stable")
    last = np.flatnonzero(np.diff(key[sort], append=-1))
    found, of = np.unique(passages[sort[last]], return_inverse=True)
    total = np.bincount(of, np.repeat(gains.ravel()[order], sizes)[sort[last]])
    return np.sort(found[np.argsort(-total, kind="stable")[:count]])


def _by_centres(
    near: np.ndarray, passages: np.ndarray, index: LateIndex, starts: np.ndarray, count: int
) -> np.ndarray:
    """The passages with the largest MaxSim of their centres, `near` `[m, c]` to the query."""
    if len(passages) <= count:
        return passages
    lengths = index.lengths[passages]  # none is 0: each has a token at a centre
    cosines = near[:, index.codes[runs(starts[passages], lengths)]]  # [m, t]
    best = np.maximum.reduceat(cosines, np.cumsum(lengths) - lengths, axis=1)  # [m, n]
    return passages[np.argsort(-best.sum(0), kind="stable")[:count]]


def _fitted(
    encoder: Encoder,
    texts: Sequence[str],
    projection: Projection | None,
    dimensions: int | None,
    bits: Bits,
    centres: int | None,
    seed: int,
    reading: dict[str, Any],
) -> tuple[Codec, Projection]:
    """Centres and cuts, and principal directions where no projection is given."""
    drawn = np.random.default_rng(seed).permutation(len(texts))
    kept: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    read = 0
    tokens = 0
    for at in range(0, len(drawn), 256):
        rows = drawn[at : at + 256]
        states = read_states(encoder, [texts[row] for row in rows], **reading).array
        read, tokens = read + len(rows), tokens + len(states)
        waiting.append(states)
        enough = tokens >= SAMPLE or read == len(drawn)
        if projection is None and (tokens >= PRINCIPAL or enough):
            projection = _principal(np.concatenate(waiting), dimensions)
        if projection is not None:
            kept += [projection.apply(one) for one in waiting]
            waiting = []
        if enough:
            break
    sample = np.concatenate(kept)
    if not len(sample) or projection is None:
        raise UsageError("no passage has a token", remedy="check the texts of the collection")
    if centres is None:
        centres = default_centres(round(tokens / read * len(texts)))
        centres = min(centres, max(1, len(sample) // LEAST_A_CENTRE))
    return fit_codec(sample, centres, bits, seed), projection


def _principal(states: np.ndarray, dimensions: int | None) -> Projection:
    if not len(states):
        raise UsageError("no passage has a token", remedy="check the texts of the collection")
    width = states.shape[1]
    if dimensions is not None:
        check_dimensions(dimensions, width)
    return pca_projection(states, dimensions or min(DIMENSIONS, width))


def _known(folder: Path, key: str) -> tuple[Codec, Projection] | None:
    """What was fitted before for the same index."""
    try:
        about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        matrix = np.load(folder / "projection.npy", allow_pickle=False)
    except (OSError, ValueError):
        return None
    if not isinstance(about, dict) or about.get("key") != key:
        return None
    made = Projection(matrix, about["projection"]["made"], about["projection"]["settings"])
    return read_codec(folder / "codec.npz"), made


def _keep(folder: Path, key: str, codec: Codec, projection: Projection) -> None:
    from isogloss.files import atomic_write

    if _known(folder, key) is not None:
        return
    (folder / "index.json").unlink(missing_ok=True)
    write_codec(codec, folder / "codec.npz")
    with atomic_write(folder / "projection.npy", "wb") as file:
        np.save(file, projection.matrix)
    about = {"made": projection.made, "settings": dict(projection.settings)}
    write_json(folder / "index.json", {"key": key, "projection": about, "bits": codec.bits})


def _index(parts: Sequence[Arrays], codec: Codec, projection: Projection, layer: int) -> LateIndex:
    lengths = np.concatenate([part["lengths"] for part in parts])
    codes = np.concatenate([part["codes"] for part in parts])
    return LateIndex(
        codec, projection, layer, parts, lengths, codes,
        _lists(codes, lengths, len(codec.centres)), sum(int(p["windowed"][0]) for p in parts),
    )  # fmt: skip


def _lists(codes: np.ndarray, lengths: np.ndarray, centres: int) -> Lists:
    passages = np.repeat(np.arange(len(lengths)), lengths)
    cells = np.unique(codes.astype(np.int64) * len(lengths) + passages)
    starts = np.searchsorted(cells, np.arange(centres + 1) * len(lengths))
    return Lists((cells % len(lengths)).astype(np.int32), starts)
