"""Texts of a test that training has seen: the same, nearly the same, or their translations."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.match.search import nearest
from isogloss.task.examples import Examples

BLOCK = 2048  # texts whose n-grams are held at once
PAIRS = 20_000  # candidates that are compared at once
BUCKET = 64  # candidates that one band gives a text; more are counted and left out
_PRIME = np.uint64(0x9E3779B97F4A7C15)

Vectors = Callable[[list[str]], np.ndarray] | tuple[np.ndarray, np.ndarray]
"""What makes unit vectors of texts, or those of training and of the test."""


class Leak(NamedTuple):
    """A test example that training has seen in some way.

    Attributes:
        kind: `exact`, `near`, `same id`, `translation` or `article`.
        train: id of the first, or the most alike, of the examples to train on.
        test: id of the example to test on.
        alike: 1 for the same, the Jaccard index of `near`, the cosine of `translation`.
    """

    kind: str
    train: str
    test: str
    alike: float


class Leaks(NamedTuple):
    """What a check found.

    Attributes:
        found: at most one of each kind a test example, the test's examples in order.
        tested: examples of the test.
        settings: how it was looked for.
    """

    found: list[Leak]
    tested: int
    settings: Mapping[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """Test examples by the kind of their leak."""
        return dict(Counter(leak.kind for leak in self.found))

    def told(self, who: str = "training") -> str:
        """A sentence for the report; it begins with `WARNING` where something leaked.

        `who` saw the first set of examples.
        """
        checked = ", ".join(self.settings)
        if not self.found:
            return f"no leak in {self.tested:,} test examples ({checked})"
        rows = len({leak.test for leak in self.found})
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        return f"WARNING: {who} saw {rows:,} of {self.tested:,} test examples ({kinds})"


def find_leaks(
    train: Examples,
    test: Examples,
    *,
    parallel: bool = False,
    vectors: Vectors | None = None,
    cosine: float = 0.9,
    margin: float = 1.06,
    **near: Any,
) -> Leaks:
    """All checks that apply to two sets of examples.

    Args:
        train: what was trained on, or what it was translated from.
        test: with or without labels.
        parallel: ids of the two mean the same example in every language, as in SIB-200. Where both
            sides count their rows from 1 they name nothing, and are not looked at.
        vectors: see `translated`; without them translations are found by id only.
        cosine: from which a nearest neighbour may be a translation.
        margin: ratio margin from which it is one.
        near: `n`, `bands`, `rows` and `threshold` of `near_duplicates`.
    """
    left, right = texts_of(train), texts_of(test)
    same = exact_duplicates(left, right)
    alike, how = near_duplicates(left, right, skip={j for _, j, _ in same}, **near)
    found = {"exact": same, "near": alike}
    settings: dict[str, Any] = {
        "exact": "NFKC, case folded, without white space, punctuation and marks of format",
        "near": how,
    }
    if parallel and not all(
        one.ids == [*map(str, range(1, len(one) + 1))] for one in (train, test)
    ):
        rows = {one: i for i, one in enumerate(train.ids)}
        found["same id"] = [(rows[one], j, 1.0) for j, one in enumerate(test.ids) if one in rows]
        settings["same id"] = "ids of an n-way set"
    if vectors is not None:
        sides = vectors if isinstance(vectors, tuple) else (vectors(left), vectors(right))
        _fit(sides, (len(train), len(test)))
        found["translation"] = translated(*sides, cosine=cosine, margin=margin)
        settings["translation"] = {"cosine": cosine, "ratio margin": margin}
    if "context" in train.shape.columns and "context" in test.shape.columns:
        found["article"] = _articles(train, test)
        settings["article"] = "the same context or title"
    leaks = [
        (j, Leak(kind, train.ids[i], test.ids[j], alike))
        for kind, rows in found.items() for i, j, alike in rows
    ]  # fmt: skip
    leaks.sort(key=lambda pair: pair[0])
    return Leaks([leak for _, leak in leaks], len(test), settings)


def texts_of(examples: Examples) -> list[str]:
    """What a model reads of each example, as one text: of a question not its context."""
    shape = examples.shape
    read = [
        name for name, kind in shape.columns.items()
        if name not in (*shape.labels, *shape.optional, "context", "to")
        and kind in ("string", "list<string>")
    ]  # fmt: skip
    read += [name for name in ("second",) if name in shape.optional]
    columns = [examples.column(name) for name in read]
    return ["\n".join(filter(None, map(_plain, values))) for values in zip(*columns, strict=True)]


def normalised(text: str) -> str:
    """NFKC, case folded, without white space, punctuation and characters that only format.

    A text of nothing else keeps it, so that `?` and `!` differ.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _clutter().sub("", folded) or "".join(folded.split())


def exact_duplicates(train: Sequence[str], test: Sequence[str]) -> list[tuple[int, int, float]]:
    """`(i, j, 1)` for each text of the test that is one of training after `normalised`.

    i is the first of them. Empty texts are no duplicates.
    """
    first: dict[str, int] = {}
    for i, text in enumerate(train):
        first.setdefault(normalised(text), i)
    found = ((first.get(normalised(text)), j) for j, text in enumerate(test) if text.strip())
    return [(i, j, 1.0) for i, j in found if i is not None]


def near_duplicates(
    train: Sequence[str],
    test: Sequence[str],
    *,
    n: int = 3,
    bands: int = 24,
    rows: int = 5,
    threshold: float = 0.7,
    skip: set[int] | frozenset[int] = frozenset(),
    seed: int = 0,
) -> tuple[list[tuple[int, int, float]], dict[str, Any]]:
    """For each text of the test the most alike of training, if they are alike enough.

    Texts are sets of the n characters from each of theirs on (fewer at the end) after `normalised`,
    characters rather than words since not all scripts have spaces. Two texts of Jaccard index s
    are compared, exactly, if all minima of one band agree, which MinHash gives the chance
    1 - (1 - s^rows)^bands: of 24 bands of 5 rows 0.99 at s = 0.7, and 0.0002 at 0.1. Signatures
    (4 bytes a band and text, twice) are kept for all texts, n-grams for a block of them.

    Args:
        train: texts that were trained on.
        test: texts to test on.
        n: characters of an n-gram.
        bands: of a signature.
        rows: minima of a band; more rows ask for more likeness.
        threshold: Jaccard index from which texts are near duplicates.
        skip: texts of the test that need no answer.
        seed: of the hash functions.

    Returns:
        `(i, j, Jaccard index)` in the order of the test, and the settings, with the candidates that
        were left out of bands in which over `BUCKET` texts agree.

    Raises:
        UsageError: a setting that cannot work.

    Source: Broder (1997), On the resemblance and containment of documents, section 4 (MinHash);
    Leskovec, Rajaraman and Ullman (2014), Mining of Massive Datasets, section 3.4 (banding).
    """
    if min(n, bands, rows) < 1 or not 0 < threshold <= 1:
        raise UsageError(
            f"near duplicates by n = {n}, {bands} bands of {rows} rows from {threshold}",
            remedy="take at least 1 of each, and a threshold over 0 up to 1",
        )
    settings: dict[str, Any] = {
        "n": n, "bands": bands, "rows": rows, "threshold": threshold, "left_out": 0
    }  # fmt: skip
    left, right = [normalised(text) for text in train], [normalised(text) for text in test]
    asked = np.array([j for j, text in enumerate(right) if text and j not in skip], np.int64)
    held = np.array([i for i, text in enumerate(left) if text], np.int64)
    if not len(asked) or not len(held):
        return [], settings
    draws = np.random.default_rng(seed).integers(0, 2**63, (2, bands * rows), np.uint64)
    of_train = band_keys([left[i] for i in held], n, bands, draws)  # [bands, held]
    of_test = band_keys([right[j] for j in asked], n, bands, draws)  # [bands, asked]
    best: dict[int, tuple[float, int]] = {}
    for pairs, dropped in _candidates(of_train, of_test):
        settings["left_out"] += dropped
        for at in range(0, len(pairs), PAIRS):
            i, j = held[pairs[at : at + PAIRS, 0]], asked[pairs[at : at + PAIRS, 1]]
            alike = jaccard([left[a] for a in i], [right[b] for b in j], n)
            for a, b, s in zip(i.tolist(), j.tolist(), alike.tolist(), strict=True):
                if s >= threshold and (s, -a) > best.get(b, (0.0, 0)):
                    best[b] = (s, -a)
    return [(-i, j, s) for j, (s, i) in sorted(best.items())], settings


def translated(
    train: np.ndarray, test: np.ndarray, *, cosine: float = 0.9, margin: float = 1.06
) -> list[tuple[int, int, float]]:
    """For each vector of the test the one of training with the best ratio margin, if it is good.

    Both the cosine and the ratio margin, 2 cos(x, y) / (r(x) + r(y)) with r the mean cosine of the
    four nearest of the other side, must reach what is asked: the cosine alone would flag all texts
    of a narrow subject, the margin alone the least bad of strangers. Cosines are taken in tiles.

    Args:
        train: `[n, d]` unit vectors.
        test: `[m, d]` unit vectors of the same space.
        cosine: the least.
        margin: the least; only the cosine counts where training has one text.

    Raises:
        VectorError: rows that are not unit vectors, or of different widths.

    Source: Artetxe and Schwenk (2019), Margin-based Parallel Corpus Mining, section 3.1 (ratio) and
    4.3 (margins of about 1.06).
    """
    train, test = _units(train), _units(test)
    if not len(train) or not len(test):
        return []
    alone = min(len(train), len(test)) == 1
    found = nearest(test, train, 1, score="cosine" if alone else "ratio", neighbourhood=4)
    i = found.ids[:, 0]
    cosines = np.einsum("qd,qd->q", test, train[i])
    kept = (cosines >= cosine) & (alone | (found.scores[:, 0] >= margin))
    return [(int(i[j]), int(j), float(cosines[j])) for j in np.flatnonzero(kept)]


def band_keys(texts: Sequence[str], n: int, bands: int, draws: np.ndarray) -> np.ndarray:
    """What must agree in a band: `[bands, texts]` uint64, a hash of its minima.

    Minimum r of a text is the least of the upper half of a_r x + b_r modulo 2^64 over the hashes x
    of its n-grams.

    Args:
        texts: none of them empty.
        n: characters of an n-gram.
        bands: of a signature.
        draws: `[2, bands * rows]` uint64, a and b.
    """
    scale, shift = draws[0] | np.uint64(1), draws[1]
    keys = np.empty((bands, len(texts)), np.uint64)
    rows = len(scale) // bands
    for at in range(0, len(texts), BLOCK):
        some = texts[at : at + BLOCK]
        hashes, starts = gram_hashes(some, n)
        made = np.zeros((bands, len(some)), np.uint64)
        one = np.empty_like(hashes)
        for r in range(bands * rows):
            np.multiply(hashes, scale[r], out=one)
            one += shift[r]
            least = np.minimum.reduceat(one, starts) >> np.uint64(32)  # [texts]
            made[r // rows] = _mixed(made[r // rows] + least + np.uint64(1))
        keys[:, at : at + len(some)] = made
    return keys


def gram_hashes(texts: Sequence[str], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the n-grams of texts, one a character, and where each text's begin.

    Args:
        texts: none of them empty.
        n: characters of an n-gram, fewer at a text's end.

    Returns:
        `[characters]` uint64 and `[texts]`; a character 0 counts as the end of its text.
    """
    lengths = np.array([len(text) for text in texts])
    padded = ("\0" * (n - 1)).join(texts) + "\0" * (n - 1)
    points = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), np.uint32)
    total = len(padded) - (n - 1)
    hashes = np.zeros(total, np.uint64)
    for offset in range(n):
        hashes = hashes * _PRIME + points[offset : offset + total] + np.uint64(1)
    begin = np.concatenate([[0], np.cumsum(lengths + n - 1)[:-1]])  # in the padded text
    kept = np.ones(total, bool)
    for k in range(n - 1):  # what begins between two texts is no n-gram
        kept[(begin + lengths + k)[:-1]] = False
    return _mixed(hashes[kept]), np.concatenate([[0], np.cumsum(lengths)[:-1]])


def jaccard(left: Sequence[str], right: Sequence[str], n: int) -> np.ndarray:
    """Shared n-grams over all n-grams of each pair of texts, none of them empty: `[pairs]`."""
    sides = []
    for texts in (left, right):
        hashes, starts = gram_hashes(texts, n)
        counts = np.diff([*starts, len(hashes)])
        pair = np.repeat(np.arange(len(texts), dtype=np.uint64), counts)
        sides.append(np.unique(pair << np.uint64(32) | hashes >> np.uint64(32)))
    both = np.sort(np.concatenate(sides))
    shared = both[1:][both[1:] == both[:-1]]
    per_pair = [
        np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(left))
        for keys in (both, shared)
    ]
    return per_pair[1] / (per_pair[0] - per_pair[1])


def _candidates(of_train: np.ndarray, of_test: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Pairs `[pairs, 2]` of a block of the test that agree in a band, and how many were left out.

    Every pair comes once.
    """
    orders = np.argsort(of_train, axis=1, kind="stable")
    ranked = np.take_along_axis(of_train, orders, axis=1)
    for at in range(0, of_test.shape[1], BLOCK):
        block, dropped, made = of_test[:, at : at + BLOCK], 0, []
        for band, (keys, order) in enumerate(zip(ranked, orders, strict=True)):
            low = np.searchsorted(keys, block[band], "left")
            size = np.searchsorted(keys, block[band], "right") - low
            dropped += int(np.maximum(size - BUCKET, 0).sum())
            size = np.minimum(size, BUCKET)
            j = np.repeat(np.arange(len(size)), size)
            inside = np.arange(len(j)) - np.repeat(np.cumsum(size) - size, size)
            made.append(np.stack([order[np.repeat(low, size) + inside], at + j], 1))
        yield np.unique(np.concatenate(made), axis=0), dropped


def _articles(train: Examples, test: Examples) -> list[tuple[int, int, float]]:
    """Questions about a context, or under a title, that training has questions about."""
    found: dict[int, int] = {}
    for name in ("context", "title"):
        left, right = ([one or "" for one in side.column(name)] for side in (train, test))
        for i, j, _ in exact_duplicates(left, right):
            found.setdefault(j, i)
    return [(i, j, 1.0) for j, i in sorted(found.items())]


def _plain(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else value or ""


def _clutter() -> Any:
    import regex

    return regex.compile(r"[\p{P}\p{Z}\p{C}]+")  # kept by regex's own cache


def _mixed(x: np.ndarray) -> np.ndarray:
    """A bijection of 64 bits in which each bit of the outcome hangs on all of x (SplitMix64)."""
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


def _units(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float32)
    if x.ndim != 2 or not np.allclose(np.linalg.norm(x, axis=1), 1, atol=1e-3):
        raise VectorError(
            "translations are looked for among unit vectors, one a row",
            remedy="scale each to length 1 with `isogloss.match.neighbours.unit`; a text without a "
            "vector has no cosine",
        )
    return x


def _fit(sides: tuple[np.ndarray, np.ndarray], sizes: tuple[int, int]) -> None:
    got = tuple(len(side) for side in sides)
    if got != sizes:
        raise CorpusError(
            f"{got[0]} and {got[1]} vectors of {sizes[0]} and {sizes[1]} examples",
            remedy="give one a text, in the order of the examples",
        )
