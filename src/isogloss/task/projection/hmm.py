"""A hidden Markov model of tags that were projected with gaps and errors."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError
from isogloss.task.projection.aligned import UNKNOWN
from isogloss.task.projection.contract import check_lengths

BATCH = 256  # sentences at once


class Hmm(NamedTuple):
    """A first-order model of k tags.

    Attributes:
        tags: their names.
        start: `[k]` probability of each as the first.
        transition: `[k, k]` from one to the next; a row and its `end` sum to 1.
        end: `[k]` probability of ending after each.
        words: the row of each word in `emission`; of rare ones that of their `kind`.
        emission: `[words, k]` probability of the word given the tag.
        weights: by feature `[k]`, of a model of features; and under "" the log of each tag's sum.
        allowed: `[k]` which tags a word may have; every one where a word is not there.
    """

    tags: list[str]
    start: np.ndarray
    transition: np.ndarray
    end: np.ndarray
    words: Mapping[str, int]
    emission: np.ndarray
    weights: Mapping[str, np.ndarray]
    allowed: Mapping[str, np.ndarray]


class Findings(NamedTuple):
    """What a model thinks of sentences.

    Attributes:
        posterior: `[words, k]` a sentence.
        pairs: `[k, k]` expected transitions, of all.
        log_p: of each sentence.
    """

    posterior: list[np.ndarray]
    pairs: np.ndarray
    log_p: list[float]


def fit_hmm(
    sentences: Sequence[Sequence[str]],
    projected: Sequence[Sequence[str]],
    *,
    emission: Literal["words", "features"] = "words",
    share: float = 0.2,
    rounds: int = 10,
    smooth: float = 0.1,
    rare: int = 2,
    penalty: float = 1.0,
) -> tuple[Hmm, list[float]]:
    """Learn a tagger from projected tags, where words without one are `UNKNOWN`.

    Counts of the projected tags are where it begins; expectation maximisation over all words goes
    on from there, each word confined to tags that a good share of its projections have. So single
    wrong links are outvoted, and words without a link get the tag that their neighbours ask for.
    Prefer it to training on projections as they are where these are sparse or noisy and no encoder
    reads the language.

    Args:
        sentences: words of n sentences.
        projected: a tag a word, of `aligned_tags`.
        emission: `words`: a probability each, rare words by capitals, digits and ending together;
            `features`: log-linear in the word, its endings and its shape, slower, and better with
            little text.
        share: least share of a word's projected tags that one must have to be allowed.
        rounds: of expectation maximisation; with 0 the projected counts are all there is.
        smooth: pseudo-count of every cell.
        rare: words that occur less often are known by their kind alone.
        penalty: of the square of the weights of features.

    Returns:
        The model, and the log probability of the text before each round.

    Raises:
        CorpusError: another number of tags than words, or no tag at all.
        UsageError: a setting that means nothing.

    Source: Chopra (2024), Zero Resource Cross-Lingual Part Of Speech Tagging; type
    constraints as in Täckström, Das, Petrov, McDonald and Nivre (2013), Token and Type Constraints,
    section 3; features: Berg-Kirkpatrick et al. (2010), Painless Unsupervised Learning with
    Features, section 3.
    """
    if emission not in ("words", "features") or not 0 <= share <= 1 or smooth <= 0 or rounds < 0:
        raise UsageError(
            f"emission {emission!r}, share {share}, smooth {smooth}, rounds {rounds}",
            remedy="emission is words or features, share from 0 to 1, smooth positive",
        )
    _check(sentences, projected)
    tags = sorted({tag for one in projected for tag in one} - {UNKNOWN})
    if not tags:
        raise CorpusError("no word has a projected tag", remedy="project with better links")
    at = {tag: n for n, tag in enumerate(tags)}
    allowed = type_constraints(sentences, projected, tags, share)
    words = _vocabulary(sentences, rare if emission == "words" else 1)
    ids = [[words[_known(word, words)] for word in one] for one in sentences]
    seen, pairs = _counted(ids, projected, at, max(words.values()) + 1)
    emit = _Emission(words, emission == "features", smooth, penalty)
    model = _model(tags, allowed, words, emit, seen, pairs, smooth)
    told = []
    for _ in range(rounds):
        found = expect(model, sentences)
        told.append(sum(found.log_p))
        seen = np.zeros_like(seen)
        pairs = np.zeros_like(pairs)
        pairs[:-1, :-1] = found.pairs
        for row, posterior in zip(ids, found.posterior, strict=True):
            if row:
                np.add.at(seen, row, posterior)
                pairs[-1, :-1] += posterior[0]
                pairs[:-1, -1] += posterior[-1]
        model = _model(tags, allowed, words, emit, seen, pairs, smooth)
    return model, told


def _counted(
    ids: Sequence[Sequence[int]], projected: Sequence[Sequence[str]], at: Mapping[str, int],
    words: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """How often a word has a projected tag `[words, k]`, and a tag follows another.

    The last of `[k + 1, k + 1]` is what stands around a sentence.
    """
    seen, pairs = np.zeros((words, len(at))), np.zeros((len(at) + 1, len(at) + 1))
    for row, labels in zip(ids, projected, strict=True):
        for word, tag in zip(row, labels, strict=True):
            if tag != UNKNOWN:
                seen[word, at[tag]] += 1
        ends = [-1, *(at.get(tag) for tag in labels), -1] if labels else []
        for left, right in pairwise(ends):
            if left is not None and right is not None:
                pairs[left, right] += 1
    return seen, pairs


def type_constraints(
    sentences: Sequence[Sequence[str]],
    projected: Sequence[Sequence[str]],
    tags: Sequence[str],
    share: float,
) -> dict[str, np.ndarray]:
    """`[k]` tags that each word may have: those of a share of its projected ones, and the usual.

    Words without a projected tag are left out.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for words, labels in zip(sentences, projected, strict=True):
        for word, tag in zip(words, labels, strict=True):
            if tag != UNKNOWN:
                counts[word][tag] += 1
    return {
        word: np.array([found[tag] >= min(share * found.total(), max(found.values()))
                        and found[tag] > 0 for tag in tags])
        for word, found in counts.items()
    }  # fmt: skip


def expect(model: Hmm, sentences: Sequence[Sequence[str]]) -> Findings:
    """How probable each tag of each word is, by the forward and backward algorithms."""
    posterior: list[np.ndarray] = [np.zeros((0, len(model.tags)))] * len(sentences)
    log_p = [0.0] * len(sentences)
    pairs = np.zeros((len(model.tags),) * 2)
    for rows, told, lengths in _batches(model, sentences):
        size, longest, _ = told.shape
        forth, scale = np.zeros_like(told), np.ones((size, longest))
        for t in range(longest):
            before = model.start if t == 0 else forth[:, t - 1] @ model.transition
            value = before * told[:, t]
            inside = t < lengths
            scale[inside, t] = value.sum(1)[inside]
            forth[:, t] = value / np.where(inside, scale[:, t], 1)[:, None]
        last = forth[np.arange(size), lengths - 1]
        whole = last @ model.end  # [b]
        back = np.zeros_like(told)
        back[np.arange(size), lengths - 1] = model.end
        for t in range(longest - 2, -1, -1):
            inside = t + 1 < lengths
            ahead = told[:, t + 1] * back[:, t + 1] / scale[:, t + 1, None]  # [b, k]
            back[inside, t] = (ahead @ model.transition.T)[inside]
            ahead[~inside] = 0
            pairs += (forth[:, t] / whole[:, None]).T @ ahead * model.transition
        made = forth * back / whole[:, None, None]
        for n, row in enumerate(rows):
            posterior[row] = made[n, : lengths[n]]
            log_p[row] = float(np.log(scale[n, : lengths[n]]).sum() + np.log(whole[n]))
    return Findings(posterior, pairs, log_p)


def tag(model: Hmm, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """The most probable tags of each sentence as a whole, by the algorithm of Viterbi."""
    made: list[list[str]] = [[] for _ in sentences]
    with np.errstate(divide="ignore"):
        start, step, end = np.log(model.start), np.log(model.transition), np.log(model.end)
    for rows, told, lengths in _batches(model, sentences):
        with np.errstate(divide="ignore"):
            logs = np.log(told)
        best = start + logs[:, 0]
        came = np.zeros(told.shape, int)
        for t in range(1, told.shape[1]):
            ways = best[:, :, None] + step  # [b, k, k]
            inside = (t < lengths)[:, None]
            came[:, t] = ways.argmax(1)
            best = np.where(inside, ways.max(1) + logs[:, t], best)
        last = (best + end).argmax(1)
        for n, row in enumerate(rows):
            path = [int(last[n])]
            for t in range(lengths[n] - 1, 0, -1):
                path.append(int(came[n, t, path[-1]]))
            made[row] = [model.tags[state] for state in reversed(path)]
    return made


def kind(word: str) -> str:
    """What is seen of a rare word: capitals, digits, punctuation, and its last two letters."""
    if all(unicodedata.category(c)[0] in "PS" for c in word):
        return "\0mark"
    if any(c.isdigit() for c in word):
        return "\0digit"
    return f"\0{'Capital' if word[:1].isupper() else 'small'} {word[-2:].lower()}"


def features(word: str) -> list[str]:
    """The word, what `kind` tells of it, and its last one, two and three letters."""
    small = word.lower()
    return [f"word {word}", kind(word).partition(" ")[0],
            *(f"end {small[-n:]}" for n in (1, 2, 3) if len(small) > n)]  # fmt: skip


class _Emission:
    """How expected counts `[words, k]` become probabilities, and weights where there are some."""

    def __init__(self, words: Mapping[str, int], by_features: bool, smooth: float, penalty: float):
        self.smooth, self.penalty, self.weights = smooth, penalty, np.zeros(0)
        self.names: dict[str, int] = {}
        self.matrix: Any = None
        if by_features:
            from scipy.sparse import csr_matrix

            cells = [(row, self.names.setdefault(name, len(self.names)))
                     for word, row in words.items() for name in features(word)]  # fmt: skip
            rows, columns = zip(*cells, strict=True)
            shape = (len(words), len(self.names))
            self.matrix = csr_matrix((np.ones(len(cells)), (rows, columns)), shape)

    def fit(self, seen: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        if self.matrix is None:
            smoothed = seen + self.smooth
            return smoothed / smoothed.sum(0), {}
        from scipy.optimize import minimize

        k = seen.shape[1]
        shape = (self.matrix.shape[1], k)
        total = seen.sum(0)

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(shape)
            logs = self._logs(weights)
            slope = self.matrix.T @ (seen - np.exp(logs) * total) - 2 * self.penalty * weights
            return -float((seen * logs).sum() - self.penalty * (weights**2).sum()), -slope.ravel()

        begin = self.weights if self.weights.size else np.zeros(shape[0] * k)
        self.weights = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": 30}).x
        weights = self.weights.reshape(shape)
        made = {name: weights[row] for name, row in self.names.items()}
        made[""] = _log_sum(self.matrix @ weights)
        return np.exp(self._logs(weights)), made

    def _logs(self, weights: np.ndarray) -> np.ndarray:
        scores = self.matrix @ weights  # [words, k]
        return scores - _log_sum(scores)


def _log_sum(scores: np.ndarray) -> np.ndarray:
    most = scores.max(0)
    return most + np.log(np.exp(scores - most).sum(0))


def _model(
    tags: list[str],
    allowed: Mapping[str, np.ndarray],
    words: Mapping[str, int],
    emit: _Emission,
    seen: np.ndarray,
    pairs: np.ndarray,
    smooth: float,
) -> Hmm:
    smoothed = pairs + smooth
    smoothed[-1, -1] = 0  # no sentence is empty
    rows = smoothed / smoothed.sum(1, keepdims=True)
    emission, weights = emit.fit(seen)
    return Hmm(
        tags, rows[-1, :-1], rows[:-1, :-1], rows[:-1, -1], words, emission, weights, allowed
    )


def _vocabulary(sentences: Sequence[Sequence[str]], rare: int) -> dict[str, int]:
    counts = Counter(word for one in sentences for word in one)
    names = sorted({word if n >= rare else kind(word) for word, n in counts.items()})
    return {name: n for n, name in enumerate(names)}


def _known(word: str, words: Mapping[str, int]) -> str:
    return word if word in words else kind(word)


def _told(model: Hmm, word: str) -> np.ndarray:
    """`[k]` the probability of a word given each tag; in proportion, where it is new."""
    name = _known(word, model.words)
    if name in model.words:
        told = model.emission[model.words[name]]
    elif model.weights:
        logs = sum((model.weights[f] for f in features(word) if f in model.weights),
                   -model.weights[""])  # fmt: skip
        told = np.exp(logs)
    else:
        told = np.full(len(model.tags), 1 / (len(model.words) + 1))
    return told * model.allowed[word] if word in model.allowed else told


def _batches(
    model: Hmm, sentences: Sequence[Sequence[str]]
) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
    """Rows of sentences of like length, `[b, t, k]` what their words tell, and their lengths."""
    order = sorted((n for n, one in enumerate(sentences) if one), key=lambda n: len(sentences[n]))
    known: dict[str, np.ndarray] = {}
    for at in range(0, len(order), BATCH):
        rows = order[at : at + BATCH]
        lengths = np.array([len(sentences[row]) for row in rows])
        told = np.ones((len(rows), int(lengths.max()), len(model.tags)))
        for n, row in enumerate(rows):
            for t, word in enumerate(sentences[row]):
                if word not in known:
                    known[word] = _told(model, word)
                told[n, t] = known[word]
        yield rows, told, lengths


def _check(sentences: Sequence[Sequence[str]], projected: Sequence[Sequence[str]]) -> None:
    check_lengths(sentences, projected)
    for n, (words, labels) in enumerate(zip(sentences, projected, strict=True), 1):
        if len(words) != len(labels):
            raise CorpusError(f"sentence {n} has {len(words)} words and {len(labels)} tags")
