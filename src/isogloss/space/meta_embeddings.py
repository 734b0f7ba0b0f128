"""Meta-embeddings: several sets of word vectors made into one that has every word of any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.space.many import to_hub
from isogloss.space.normalise import USUAL, finite, normalise


@dataclass(frozen=True, eq=False)
class MetaEmbeddings:
    """One set of vectors made of several.

    Attributes:
        words: of all sources, in the order of the first that has each.
        vectors: `[words, d]` unit vectors.
        counts: per source how many words had an `own` vector, how many were `generated`, and how
            many are `lacking`: no source that has the word shares any with this one.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    counts: dict[str, dict[str, int]]


def meta_embeddings(
    sources: Mapping[str, tuple[Sequence[str], np.ndarray]],
    *,
    neighbours: int = 10,
    fill: bool = True,
) -> MetaEmbeddings:
    """The mean of a word's vectors in all sources, once these are turned into one space.

    1. Each source is normalised (unit, centre, unit) and turned onto the first by Procrustes on
       the words they share.
    2. A word that a source lacks gets one there: the mean of the source's vectors of the word's
       nearest neighbours, weighted by their cosine, found in another source that has the word
       among the words that both share. Where several sources have it, the mean over them.
    3. All are averaged and scaled to unit length.

    Without the second step a word of few sources would lie where those happen to differ from the
    rest. Sources may be of several languages, their words then being marked by language, as long
    as each shares words with the first.

    Args:
        sources: per name the words and their vectors `[n, d]`; the first is turned onto.
        neighbours: of a word to generate its vector from.
        fill: whether words that a source lacks get one there; else the mean is over those that
            have it, the baseline.

    Raises:
        CorpusError: a source with a word twice, or with unequal numbers of words and vectors.
        VectorError: fewer than 2 sources, unequal widths, or one that shares fewer than 2 words
            with the first.
        UsageError: a number of neighbours that is not positive.

    Source: García-Ferrero, Agerri and Rigau (2021), Benchmarking Meta-embeddings: What Works and
    What Does Not, section 3; generated vectors of García, Agerri and Rigau (2020), A Common
    Semantic Space for Monolingual and Cross-Lingual Meta-Embeddings.
    """
    if neighbours < 1:
        raise UsageError(f"neighbours is {neighbours}; it must be 1 at least")
    if len(sources) < 2:
        raise VectorError("there must be 2 sources at least")
    words = tuple(dict.fromkeys(word for known, _ in sources.values() for word in known))
    number = {word: i for i, word in enumerate(words)}
    rows = {name: _rows(name, *source, number) for name, source in sources.items()}
    placed = _turned({name: v for name, (_, v) in sources.items()}, rows)
    total = np.zeros((len(words), next(iter(placed.values())).shape[1]), np.float32)
    times, counts = np.zeros(len(words), int), {}
    for name in sources:
        made, has = _completed(name, placed, rows, len(words), neighbours if fill else 0)
        total[has] += made[has]
        times += has
        own = len(rows[name])
        counts[name] = {"own": own, "generated": int(has.sum()) - own,
                        "lacking": int((~has).sum())}  # fmt: skip
    return MetaEmbeddings(words, unit(total / times[:, None]), counts)


def _rows(
    name: str, words: Sequence[str], vectors: np.ndarray, number: Mapping[str, int]
) -> np.ndarray:
    """Which word of all each vector is, `[n]`."""
    if len(words) != len(vectors) or len(set(words)) < len(words):
        raise CorpusError(
            f"{name} has {len(words)} words, {len(set(words))} different ones, and {len(vectors)} "
            "vectors; there must be one vector for each word, and each word once"
        )
    return np.array([number[word] for word in words], np.int64)


def _turned(
    vectors: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """All sources in the space of the first."""
    widths = {name: finite(v, name).shape[1] for name, v in vectors.items()}
    if len(set(widths.values())) > 1:
        raise VectorError(f"rotations need sources of one width, got {widths}")
    first = next(iter(vectors))
    for name in vectors:
        if (shared := len(np.intersect1d(rows[name], rows[first]))) < 2:
            raise VectorError(f"{name} shares {shared} words with {first}; 2 are needed")
    made = {name: normalise(v, USUAL).apply(v) for name, v in vectors.items()}
    maps = to_hub(made, rows, first)
    return {name: unit(maps[name].apply(v)) for name, v in made.items()}


def _completed(
    name: str,
    placed: Mapping[str, np.ndarray],
    rows: Mapping[str, np.ndarray],
    words: int,
    neighbours: int,
) -> tuple[np.ndarray, np.ndarray]:
    """A source's vectors `[words, d]`, its own and the generated, and which words have one."""
    made, times = np.zeros((words, placed[name].shape[1]), np.float32), np.zeros(words)
    lacking = np.setdiff1d(np.arange(words), rows[name])
    for other in placed:
        shared, ours, theirs = np.intersect1d(rows[name], rows[other], return_indices=True)
        wanted = np.flatnonzero(np.isin(rows[other], lacking))
        if other == name or not neighbours or not len(shared) or not len(wanted):
            continue
        found = nearest(placed[other][wanted], placed[other][theirs], min(neighbours, len(shared)))
        weights = np.maximum(found.scores, 0) + 1e-9  # equal ones where no cosine is positive
        weights /= weights.sum(1, keepdims=True)  # [w, k]
        for at, share in zip(found.ids.T, weights.T, strict=True):
            made[rows[other][wanted]] += share[:, None] * placed[name][ours[at]]
        times[rows[other][wanted]] += 1
    made[times > 0] /= times[times > 0, None]
    made[rows[name]], times[rows[name]] = placed[name], 1
    return made, times > 0
