"""fastText's own binary models: a vector is the mean of a word's row and its n-grams' rows."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.encode.word_vectors.table import FASTTEXT, Rows, Start, WordVectors, decoded
from isogloss.errors import CorpusError
from isogloss.registry import register

_HEADER = struct.Struct("<4s13id")  # magic, version, 12 arguments, sampling threshold
_COUNTS = struct.Struct("<3i2q")  # entries, words, labels, tokens, pruned n-grams
_ENTRY = struct.Struct("<qb")  # count and kind, after the bytes of a word and a NUL
_MATRIX = struct.Struct("<?2q")  # quantised, rows, columns
_MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
_END_OF_SENTENCE = b"</s>"
_GATHERED = 1 << 14  # rows of the matrix held at a time


@dataclass(frozen=True)
class Subwords:
    """How the n-grams of a word are found.

    Attributes:
        shortest: characters of the shortest n-gram.
        longest: characters of the longest; 0 for none.
        buckets: how many rows n-grams share.
    """

    shortest: int
    longest: int
    buckets: int


def accepts(start: Start) -> int:
    """Surely where the file begins with fastText's magic number."""
    return 2 if start.head.startswith(FASTTEXT) else 0


@register("word_vectors", "fasttext_binary.v1")
def read(start: Start, rows: Rows) -> WordVectors:
    """Read the words of a model and compute their vectors, the file memory-mapped.

    `v(w) = (E[w] + sum_g E[n + hash(g) mod buckets]) / (1 + number of n-grams g)`, over the
    n-grams of `<w>`; the end of sentence `</s>` has none. Labels of a supervised model are no
    words. Versions 11 and 12, supervised or not.

    Raises:
        CorpusError: gzip, a quantised model, another version, or a damaged one.

    Source: Bojanowski et al. (2017), section 3.2; the binary format of fastText 0.9.2.
    """
    if start.packed:
        raise CorpusError(
            "is a packed fastText model, whose rows are needed in any order",
            file=start.path,
            remedy="unpack it first, with gunzip",
        )
    try:
        with start.path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return _read(data, rows)
    except (struct.error, OverflowError):
        rows.refuse(None, "is a fastText model that ends too early", "it was cut: get it again")


def _read(data: mmap.mmap, rows: Rows) -> WordVectors:
    _, version, *arguments, _ = _HEADER.unpack_from(data)
    names = ("dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket")
    about: dict[str, Any] = dict(
        zip((*names, "minn", "maxn", "lr_update_rate"), arguments, strict=True)
    )
    if version not in (11, 12):
        rows.refuse(None, f"is a fastText model of version {version}", "11 and 12 can be read")
    about["model"] = _MODELS.get(about["model"], str(about["model"]))
    if version == 11 and about["model"] == "supervised":
        about["maxn"] = 0  # such models had none, whatever they say
    entries, n, labels, _, pruned = _COUNTS.unpack_from(data, _HEADER.size)
    if entries != n + labels or min(n, labels, about["minn"]) < 0:
        _damaged(rows, f"{entries} entries, {n} words, {labels} labels")
    words, at = _words(data, _HEADER.size + _COUNTS.size, entries, n, rows)
    quantised, height, width = _MATRIX.unpack_from(data, at + 8 * max(pruned, 0))
    if quantised or pruned >= 0:
        rows.refuse(
            None,
            "is a quantised fastText model: its vectors are rounded to codes",
            "give the model it was made from, or its .vec file",
        )
    subwords = Subwords(about["minn"], about["maxn"], about["bucket"])
    at += _MATRIX.size
    if width < 1 or width != about["dim"] or height != n + max(subwords.buckets, 0):
        _damaged(rows, f"a matrix [{height}, {width}] for {n} words and {subwords}")
    if subwords.longest > 0 and subwords.buckets < 1:
        _damaged(rows, f"n-grams without buckets, {subwords}")
    if len(data) - at < 4 * height * width:
        raise struct.error("too short")
    # Where it stands is not a multiple of 4, so rows are gathered, which copies, before any sum.
    matrix = np.ndarray((height, width), "<f4", buffer=data, offset=at)
    rows.expect(n, width, n)
    while rows.seen < n and rows.room:
        part = words[rows.seen : rows.seen + rows.room]
        numbers = range(rows.seen + 1, rows.seen + len(part) + 1)
        vectors = _means(matrix, *_row_ids(part, rows.seen, n, subwords))
        rows.add(numbers, [decoded(word) for word in part], vectors)
    return rows.finish(n, fasttext={"version": version, **about, "labels": labels})


def ngram_ids(words: list[bytes], subwords: Subwords) -> tuple[np.ndarray, np.ndarray]:
    """The buckets of the n-grams of words that are already in `<` and `>`.

    `h = 2166136261; for each byte: h = (h ^ signed byte) * 16777619 mod 2^32; h mod buckets`, for
    all n-grams of the shortest to the longest number of characters, without `<` and `>` alone. All
    words advance together, a byte of one more character at a time.

    Returns:
        For every n-gram the index of its word, in order, and its bucket.

    Source: FNV-1a (Fowler, Noll and Vo) as fastText computes it, with bytes that carry a sign.
    """
    text = np.frombuffer(b"".join(words), np.uint8)
    sizes = np.array([len(word) for word in words], np.int64)
    begins = np.flatnonzero((text & 0xC0) != 0x80)  # [c] first byte of every character
    lengths = np.diff(begins, append=len(text))  # [c] bytes of it
    word_of = np.repeat(np.arange(len(words)), sizes)[begins]  # [c]
    last = np.cumsum(np.bincount(word_of, minlength=len(words)))  # [w] characters up to its end
    first, end = (last - np.bincount(word_of, minlength=len(words)))[word_of], last[word_of]
    signed = text.view(np.int8).astype(np.uint32)  # a byte over 127 fills the upper bits
    at = np.arange(len(begins))  # characters where an n-gram begins
    state = np.full(len(begins), 2166136261, np.uint32)
    of, ids = [], []
    for n in range(1, subwords.longest + 1):
        fits = at + n <= end[at]
        at, state = at[fits], state[fits]
        if not len(at):
            break
        newest = at + n - 1
        for byte in range(int(lengths[newest].max())):
            has = lengths[newest] > byte
            state[has] = (state[has] ^ signed[begins[newest[has]] + byte]) * np.uint32(16777619)
        if n >= subwords.shortest:
            alone = (n == 1) & ((at == first[at]) | (at + 1 == end[at]))
            of.append(word_of[at[~alone]])
            ids.append((state[~alone] % np.uint32(subwords.buckets)).astype(np.int64))
    if not of:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.argsort(np.concatenate(of), kind="stable")
    return np.concatenate(of)[order], np.concatenate(ids)[order]


def _words(data: mmap.mmap, at: int, entries: int, n: int, rows: Rows) -> tuple[list[bytes], int]:
    """The words to be kept, and where the dictionary ends; labels follow the words."""
    words: list[bytes] = []
    # Which rows are skipped shows later, so a limit can only bound what is kept when none is.
    most = n if rows.limit is None or rows.skip else min(n, rows.limit)
    for entry in range(entries):
        end = data.find(b"\0", at)
        if end < 0:
            raise struct.error("too short")
        _, kind = _ENTRY.unpack_from(data, end + 1)
        if kind != (entry >= n):
            _damaged(rows, f"entry {entry + 1} of {n} words is of kind {kind}")
        if entry < most:
            words.append(data[at:end])
        at = end + 1 + _ENTRY.size
    return words, at


def _row_ids(
    words: list[bytes], start: int, n: int, subwords: Subwords
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the matrix that each word sums: all of them in a row, and where each begins."""
    spelt = [b"" if word == _END_OF_SENTENCE else b"<" + word + b">" for word in words]
    of, buckets = ngram_ids(spelt, subwords)
    counts = 1 + np.bincount(of, minlength=len(words))  # [w]
    begins = np.cumsum(counts) - counts
    ids = np.empty(counts.sum(), np.int64)
    own = np.zeros(len(ids), bool)
    own[begins] = True
    ids[own], ids[~own] = start + np.arange(len(words)), n + buckets
    return ids, begins


def _means(matrix: np.ndarray, ids: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """The mean of the rows of each word, `[w, d]`; a bounded number of rows is held."""
    counts = np.diff(begins, append=len(ids))
    found = np.empty((len(begins), matrix.shape[1]), np.float32)
    start = 0
    while start < len(begins):
        stop = max(
            start + 1, int(np.searchsorted(begins + counts, begins[start] + _GATHERED, "right"))
        )
        part = ids[begins[start] : begins[stop - 1] + counts[stop - 1]]
        with np.errstate(over="ignore", invalid="ignore"):  # `Rows.add` refuses what is not finite
            sums = np.add.reduceat(matrix[part], begins[start:stop] - begins[start], axis=0)
            found[start:stop] = sums / counts[start:stop, None]
        start = stop
    return found


def _damaged(rows: Rows, what: str) -> None:
    rows.refuse(None, f"is a damaged fastText model: {what}", "get it again")
