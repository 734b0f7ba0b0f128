"""Word vectors of several corpora in one space by training alone: a compass and its slices.

A word that changed its use between times, regions or newspapers has another vector in each, all
of one space, with no words taken to be stable as a map would need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import expit

from isogloss.errors import CorpusError, UsageError
from isogloss.match.neighbours import unit

Sentences = Sequence[Sequence[str]]
TOKENS = 50_000  # whose pairs are made and shuffled together


@dataclass(frozen=True, kw_only=True)
class Training:
    """How skip-gram with negative sampling is trained.

    Attributes:
        width: of the vectors.
        window: words on either side that may be context; each word draws how many, 1 to all.
        negatives: noise words to each pair.
        epochs: passes.
        min_count: occurrences that a word needs, in all corpora for the compass, in a slice for it.
        sample: share of the text over which words are thinned out, 0 to keep all.
        rate: of the row-wise AdaGrad steps.
        batch: pairs to a step.
        seed: of everything drawn.
    """

    width: int = 100
    window: int = 5
    negatives: int = 5
    epochs: int = 5
    min_count: int = 5
    sample: float = 1e-3
    rate: float = 0.1
    batch: int = 1024
    seed: int = 0

    def __post_init__(self) -> None:
        counts = (self.width, self.window, self.negatives, self.epochs, self.min_count, self.batch)
        if min(counts) < 1 or self.rate <= 0 or self.sample < 0:
            raise UsageError("counts and rate must be positive, sample at least 0")


@dataclass(frozen=True, eq=False)
class Compass:
    """What all slices are trained against.

    Attributes:
        words: with at least `min_count` occurrences, most frequent first.
        contexts: `[words, d]` context vectors, which no slice changes; not writable.
        vectors: `[words, d]` the words' own vectors over all corpora.
    """

    words: tuple[str, ...]
    contexts: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class Slice:
    """The vectors of one corpus in the space of the compass.

    Attributes:
        words: of the compass that occur often enough here, in its order.
        vectors: `[words, d]`.
        dropped: how many different words were left out, by reason.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    dropped: dict[str, int]


def cade(corpora: Mapping[str, Sentences], training: Training | None = None) -> dict[str, Slice]:
    """Vectors of every corpus, comparable between them.

    1. Skip-gram with negative sampling on all corpora together: the compass.
    2. Its context vectors C are frozen, and each slice's word vectors w are trained anew, from one
       random start, on that slice alone: log s(w c) + sum over noise n of log s(-w n). With C
       common, words used alike come to lie alike.

    Prefer it to maps between spaces trained apart where it is change of meaning that is measured.
    The authors train by CBOW unless asked for skip-gram, which is what this is.

    Args:
        corpora: per slice its sentences, each a sequence of words.
        training: settings, for the compass and the slices.

    Raises:
        CorpusError: no corpora, or too little text for a word to reach `min_count`.

    Source: Bianchi, Di Carlo, Nicoli and Palmonari (2020), Compass-aligned Distributional
    Embeddings for Studying Semantic Differences across Corpora, section 2; skip-gram of Mikolov et
    al. (2013).
    """
    training = training or Training()
    compass = train_compass(corpora.values(), training)
    return {name: train_slice(text, compass, training) for name, text in corpora.items()}


def train_compass(corpora: Iterable[Sentences], training: Training) -> Compass:
    """Skip-gram vectors of all corpora together, and the context vectors for `train_slice`.

    Raises:
        CorpusError: no word occurs often enough.
    """
    text = [sentence for corpus in corpora for sentence in corpus]
    counts = Counter(word for sentence in text for word in sentence)
    words = tuple(word for word, n in counts.most_common() if n >= training.min_count)
    if len(words) < 2:
        raise CorpusError(f"{len(words)} words occur {training.min_count} times; 2 are needed")
    vectors = _start(len(words), training)
    contexts = np.zeros_like(vectors)
    _train(_encode(text, words), vectors, contexts, training, frozen=False)
    contexts.flags.writeable = False
    return Compass(words, contexts, vectors)


def train_slice(sentences: Sentences, compass: Compass, training: Training) -> Slice:
    """The vectors of one corpus against the frozen contexts of the compass.

    Raises:
        CorpusError: fewer than 2 words of the compass occur often enough.
        UsageError: another width than the compass'.
    """
    if training.width != compass.contexts.shape[1]:
        raise UsageError(f"the compass has width {compass.contexts.shape[1]}, not {training.width}")
    counts = Counter(word for sentence in sentences for word in sentence)
    known = set(compass.words)
    kept = np.array([counts[word] >= training.min_count for word in compass.words])
    if kept.sum() < 2:
        raise CorpusError(
            f"{kept.sum()} words of the compass occur {training.min_count} times in the slice; "
            "2 are needed"
        )
    words = tuple(word for word, keep in zip(compass.words, kept, strict=True) if keep)
    vectors = _start(len(compass.words), training)[kept]
    _train(_encode(sentences, words), vectors, compass.contexts[kept], training, frozen=True)
    here = sum(word in known for word in counts)
    dropped = {
        "not in the compass": len(counts) - here,
        f"under {training.min_count} times in the slice": here - len(words),
    }
    return Slice(words, vectors, {reason: n for reason, n in dropped.items() if n})


def meaning_shift(a: Slice, b: Slice) -> list[tuple[str, float]]:
    """1 - cosine of each shared word's two vectors, largest first.

    Raises:
        CorpusError: no word is in both.
    """
    at = {word: i for i, word in enumerate(b.words)}
    shared = [(word, i, at[word]) for i, word in enumerate(a.words) if word in at]
    if not shared:
        raise CorpusError("the two slices share no word")
    words, ours, theirs = zip(*shared, strict=True)
    cosines = (unit(a.vectors[list(ours)]) * unit(b.vectors[list(theirs)])).sum(1)
    order = np.argsort(cosines, kind="stable")
    return [(words[i], float(1 - cosines[i])) for i in order]


def _start(words: int, training: Training) -> np.ndarray:
    """The same random vector for a word of the compass wherever it is trained."""
    rng = np.random.default_rng(training.seed)
    return ((rng.random((words, training.width)) - 0.5) / training.width).astype(np.float32)


def _encode(sentences: Sentences, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids `[tokens]` of the known words, and the sentence `[tokens]` each stands in."""
    number = {word: i for i, word in enumerate(words)}
    known = [[number[word] for word in sentence if word in number] for sentence in sentences]
    lengths = [len(ids) for ids in known]
    ids = np.fromiter((i for row in known for i in row), np.int64, sum(lengths))
    return ids, np.repeat(np.arange(len(lengths)), lengths)


def _train(
    text: tuple[np.ndarray, np.ndarray],
    vectors: np.ndarray,
    contexts: np.ndarray,
    training: Training,
    *,
    frozen: bool,
) -> None:
    """Skip-gram with negative sampling, in place; frozen contexts stay as they are."""
    rng = np.random.default_rng([training.seed, 1])
    shares = np.bincount(text[0], minlength=len(vectors)) / len(text[0])
    noise = np.cumsum(shares**0.75)
    noise /= noise[-1]
    of_words, of_contexts = (np.zeros(len(m), np.float32) for m in (vectors, contexts))
    batches = (
        pairs[at : at + training.batch].T
        for _ in range(training.epochs)
        for pairs in _pairs(*text, shares, training, rng)
        for at in range(0, len(pairs), training.batch)
    )
    for word, context in batches:  # [b], [b]
        drawn = rng.random((len(word), training.negatives))
        others = np.searchsorted(noise, drawn, side="right")  # [b, n]
        asked = np.column_stack([context, others])  # [b, 1 + n]
        x, c = vectors[word], contexts[asked]  # [b, d], [b, 1 + n, d]
        error = expit(np.matmul(c, x[:, :, None])[:, :, 0])  # [b, 1 + n]
        error[:, 0] -= 1
        error[:, 1:][others == context[:, None]] = 0  # the context is no noise to itself
        _step(vectors, of_words, word, np.matmul(error[:, None], c)[:, 0], rate=training.rate)
        if not frozen:
            _step(contexts, of_contexts, asked, x, error, rate=training.rate)


def _step(
    matrix: np.ndarray,
    grown: np.ndarray,
    rows: np.ndarray,
    slopes: np.ndarray,
    factors: np.ndarray | None = None,
    *,
    rate: float,
) -> None:
    """Row-wise AdaGrad, in place: slopes `[b, d]` times factors `[b, k]` summed into `rows`."""
    count = rows.size // len(slopes)
    weights = np.ones(rows.size, np.float32) if factors is None else factors.ravel()
    used, at = np.unique(rows, return_inverse=True)
    owner = np.repeat(np.arange(len(slopes)), count)
    summed = sparse.csr_matrix((weights, (at.ravel(), owner)), (len(used), len(slopes))) @ slopes
    grown[used] += (summed**2).mean(1)
    matrix[used] -= rate * summed / np.sqrt(grown[used] + 1e-10)[:, None]


def _pairs(
    ids: np.ndarray,
    sentence: np.ndarray,
    shares: np.ndarray,
    training: Training,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Shuffled pairs `[pairs, 2]` of a word and a context, of some sentences at a time."""
    if training.sample:
        ratio = training.sample / np.maximum(shares, 1e-300)
        kept = rng.random(len(ids)) < (np.sqrt(ratio) + ratio)[ids]
        ids, sentence = ids[kept], sentence[kept]
    for start in range(0, len(ids), TOKENS):
        # Words at the cut lose the context beyond it: a few of many thousand.
        word, inside = ids[start : start + TOKENS], sentence[start : start + TOKENS]
        reach = rng.integers(1, training.window + 1, len(word))
        found = []
        for far in range(1, min(training.window, len(word) - 1) + 1):
            together = inside[far:] == inside[:-far]
            right, left = (together & (side >= far) for side in (reach[:-far], reach[far:]))
            found += [np.column_stack([word[:-far][right], word[far:][right]]),
                      np.column_stack([word[far:][left], word[:-far][left]])]  # fmt: skip
        if found:
            yield rng.permutation(np.concatenate(found))
