"""Latent concepts: do clusters of one language's words have partners in another's?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.score import Score, bootstrap_mean


class Partners(NamedTuple):
    """Each source concept beside the target concept that translates most of its words.

    Attributes:
        concepts: `[c]` labels of the source concepts that were asked.
        partners: `[c]` label of the target concept; -1 where no word has a translation in any.
        shares: `[c]` share of the concept's words that have a translation in the partner.
        score: `concept_alignment`, the share of concepts whose share is theta or more.
    """

    concepts: np.ndarray
    partners: np.ndarray
    shares: np.ndarray
    score: Score


def concept_alignment(
    source: tuple[Sequence[int] | np.ndarray, Sequence[str]],
    target: tuple[Sequence[int] | np.ndarray, Sequence[str]],
    dictionary: Iterable[tuple[str, str]],
    *,
    theta: float = 0.8,
    size: float | None = 0.4,
    least: int = 1,
    seed: int = 0,
    **where: Any,
) -> Partners:
    """CALIGN: share of source concepts of whose words theta have a translation in one target's.

    A concept is the set of different words whose vectors fell into one cluster, each language
    clustered alone. C_s is aligned with C_t if |{w in C_s: some (w, v) in D, v in C_t}| / |C_s|
    is at least theta. A word without any entry in the dictionary counts as not translated, so the
    dictionary sets a ceiling: `settings["reachable"]` is the share of concepts that could reach
    theta, `settings["untranslatable"]` how many words have no entry.

    Args:
        source: labels `[n]` of the token vectors and their words `[n]`, one language.
        target: the same for the other.
        dictionary: (source word, target word) entries, spelled as the words are.
        theta: share of words from which a concept is aligned.
        size: only concepts whose numbers of words differ by no more than this share of the larger
            may be partners; None lets a small concept vanish in a large one.
        least: concepts of fewer different words are left out, and counted.
        seed: of the bootstrap over concepts.
        where: columns of the row, such as `language`, `pivot`, `layer`.

    Raises:
        UsageError: theta or size that is no share.
        VectorError: labels and words that differ in number, or fewer than 2 concepts.
        CorpusError: an empty dictionary.

    Source: Mousi, Durrani, Dalvi, Hawasly and Abdelali (2024), Exploring Alignment in Shared
    Cross-lingual Spaces, sections 2 and 3; theta and size are theirs.
    """
    if not 0 < theta <= 1 or (size is not None and not 0 <= size < 1):
        raise UsageError(f"theta is {theta} and size {size}; both are shares")
    translations: dict[str, set[str]] = {}
    for word, other in dictionary:
        translations.setdefault(word, set()).add(other)
    if not translations:
        raise CorpusError("the dictionary has no entry")
    every = _concepts(*source)
    asked = {label: words for label, words in every.items() if len(words) >= least}
    if len(asked) < 2:
        raise VectorError(f"{len(asked)} concepts have {least} words or more; 2 are needed")
    partners, shares = _partners(asked, _concepts(*target), translations, size)
    known = np.array([len(words & translations.keys()) / len(words) for words in asked.values()])
    aligned = shares >= theta - 1e-9  # [c]
    found = bootstrap_mean(aligned, seed=seed)[0]
    words = set().union(*asked.values())
    small = len(every) - len(asked)
    score = Score(
        measure="concept_alignment", value=found.value, low=found.low, high=found.high,
        interval="bootstrap over concepts", n=len(asked), seed=seed,
        dropped={f"fewer than {least} words": small} if small else {},
        settings={
            "theta": theta, "size": size, "words": len(words),
            "untranslatable": len(words - translations.keys()),
            "reachable": round(float((known >= theta - 1e-9).mean()), 4),
        },
        **where,
    )  # fmt: skip
    return Partners(np.array(list(asked)), partners, shares, score)


def concept_overlap(
    labels: Sequence[int] | np.ndarray,
    languages: Sequence[str],
    *,
    theta: float = 0.3,
    seed: int = 0,
    **where: Any,
) -> Score:
    """COLAP: share of concepts in which every language makes up theta of the tokens or more.

    The vectors of all languages are clustered together here. Give each language as many tokens:
    one that is a third of all cannot be half of many concepts.

    Args:
        labels: `[n]` concept of each token.
        languages: `[n]` language of each token.
        theta: least share of every language; at most 1 / number of languages.
        seed: of the bootstrap over concepts.
        where: columns of the row.

    Raises:
        UsageError: fewer than 2 languages, or a theta that so many languages cannot reach.
        VectorError: labels and languages that differ in number, or fewer than 2 concepts.

    Source: Mousi et al. (2024), sections 2 and 3; theta is theirs for two languages.
    """
    if len(labels) != len(languages):
        raise VectorError(f"{len(labels)} labels for {len(languages)} tokens")
    names, of = np.unique(np.asarray(languages, dtype=object).astype(str), return_inverse=True)
    if len(names) < 2 or not 0 < theta <= 1 / len(names):
        raise UsageError(
            f"theta is {theta} for {len(names)} languages",
            remedy="give 2 languages or more and a theta of at most 1 / their number",
        )
    concepts, at = np.unique(np.asarray(labels), return_inverse=True)
    counts = np.zeros((len(concepts), len(names)))
    np.add.at(counts, (at, of), 1)
    overlaps = (counts / counts.sum(1, keepdims=True)).min(1) >= theta - 1e-9  # [c]
    found = bootstrap_mean(overlaps, seed=seed)[0]
    tokens = dict(zip(map(str, names), map(int, counts.sum(0)), strict=True))
    return Score(
        measure="concept_overlap", value=found.value, low=found.low, high=found.high,
        interval="bootstrap over concepts", n=len(concepts), seed=seed,
        settings={"theta": theta, "tokens": tokens}, **where,
    )  # fmt: skip


def _concepts(labels: Sequence[int] | np.ndarray, words: Sequence[str]) -> dict[int, set[str]]:
    if len(labels) != len(words):
        raise VectorError(f"{len(labels)} labels for {len(words)} words")
    found: dict[int, set[str]] = {}
    for label, word in zip(labels, words, strict=True):
        found.setdefault(int(label), set()).add(word)
    return dict(sorted(found.items()))


def _partners(
    asked: dict[int, set[str]],
    target: dict[int, set[str]],
    translations: dict[str, set[str]],
    size: float | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the best partners `[c]` and the share of words that each translates `[c]`."""
    homes: dict[str, set[int]] = {}  # the target concepts of each word
    for label, words in target.items():
        for word in words:
            homes.setdefault(word, set()).add(label)
    partners, shares = np.full(len(asked), -1), np.zeros(len(asked))
    for at, words in enumerate(asked.values()):
        reached: Counter[int] = Counter()
        for word in words:
            found = translations.get(word, set())
            reached.update(set().union(*(homes.get(other, set()) for other in found)))
        fitting = [
            (count, -label)
            for label, count in reached.items()
            if size is None or _alike(len(words), len(target[label]), size)
        ]
        if fitting:
            count, label = max(fitting)  # of equal ones the lowest label
            partners[at], shares[at] = -label, count / len(words)
    return partners, shares


def _alike(one: int, other: int, size: float) -> bool:
    return abs(one - other) <= size * max(one, other) + 1e-9
