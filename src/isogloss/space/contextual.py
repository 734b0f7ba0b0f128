"""Rotating vectors of words in context onto those of another language.

The word pairs that the rotation is fitted on come from aligned parallel sentences, or from a
dictionary and any text of both languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from isogloss.encode.words import TokenVectors
from isogloss.errors import CorpusError, VectorError
from isogloss.match.word_alignment import Links, mean_words, word_rows
from isogloss.space.linear import fit
from isogloss.space.map import Map
from isogloss.space.normalise import normalise

Sentences = Sequence[Sequence[str]]


class WordPairs(NamedTuple):
    """Words that translate each other.

    Attributes:
        source: `[p, d]` one vector a pair.
        target: `[p, e]` of its translation.
        dropped: links or entries left out, by reason.
    """

    source: np.ndarray
    target: np.ndarray
    dropped: dict[str, int]


class Rotation(NamedTuple):
    """Maps of both sides into the space of the normalised target."""

    source: Map
    target: Map


def contextual_rotation(
    source: TokenVectors,
    target: TokenVectors,
    links: Sequence[Links] | WordPairs,
    *,
    normalisers: Sequence[str] = ("centre", "unit"),
) -> Rotation:
    """W = argmin sum over word pairs of |n_s(x_p) W - n_t(y_p)|^2 over W^T W = I.

    n_s and n_t normalise each language by all its words, not by those alone that have a partner:
    languages of a multilingual encoder lie beside each other, and no rotation takes an offset out.
    Without `centre` the rotation is spent on it.

    The maps take vectors of tokens and of words in any sentence. Prefer it to fine-tuning where
    there is little parallel text, or the model must stay as it is.

    Args:
        source: tokens of n sentences.
        target: tokens of their n translations, or of any text if the pairs are of a dictionary.
        links: of each sentence pair, see `match.word_alignment`; or pairs of `dictionary_pairs`.
        normalisers: registered ones, fitted in this order on each language's words.

    Raises:
        VectorError: links that are not of these sentences, fewer than 2 pairs, different widths.
        UnknownName: a normaliser that does not exist.

    Source: Kulshreshtha, Redondo-García and Chang (2020), Cross-lingual Alignment Methods for
    Multilingual BERT: A Comparative Study, section 3; parallel supervision of Aldarmaki and Diab
    (2019), Context-Aware Cross-Lingual Mapping; anchors of Schuster et al. (2019), Cross-Lingual
    Alignment of Contextual Word Embeddings, section 4.
    """
    pairs = links if isinstance(links, WordPairs) else linked_pairs(source, target, links)
    ours, theirs = (normalise(mean_words(side).array, normalisers) for side in (source, target))
    turn = fit("procrustes", source=ours.apply(pairs.source), target=theirs.apply(pairs.target))
    about = {**turn.about, "dropped": pairs.dropped}
    return Rotation(ours.then(Map(turn.steps, about)), theirs)


def linked_pairs(source: TokenVectors, target: TokenVectors, links: Sequence[Links]) -> WordPairs:
    """One pair a link; a word's vector is the mean of its tokens.

    Links of words without a token, such as a lone control character, are left out and counted.

    Raises:
        VectorError: links that are not of these sentences, or none.
    """
    if not len(source) == len(target) == len(links):
        raise VectorError(
            f"{len(source)} and {len(target)} sentences and links of {len(links)}; sentence i of "
            "one must be the translation of sentence i of the other"
        )
    lengths = np.array([one.lengths for one in links], np.int64).reshape(-1, 2)
    wrong = (lengths != np.stack([source.lengths, target.lengths], 1)).any(1)
    if wrong.any():
        i = int(wrong.argmax())
        raise VectorError(
            f"sentence pair {i} has {source.lengths[i]} and {target.lengths[i]} words, its links "
            f"are of {lengths[i, 0]} and {lengths[i, 1]}"
        )
    sentence = np.repeat(np.arange(len(links)), [len(one.source) for one in links])  # [l]
    nothing = np.empty(0, np.int64)
    sides, found = (mean_words(source), mean_words(target)), []
    for side, words in zip(
        sides, ([one.source for one in links], [one.target for one in links]), strict=True
    ):
        found.append(word_rows(side, sentence, np.concatenate([nothing, *words])))
    spoken = (found[0] >= 0) & (found[1] >= 0)  # [l]
    if not spoken.any():
        raise VectorError("no two words are linked", remedy="align with another method")
    silent = int((~spoken).sum())
    return WordPairs(
        sides[0].array[found[0][spoken]],
        sides[1].array[found[1][spoken]],
        {"a word without tokens": silent} if silent else {},
    )


def dictionary_pairs(
    source: TokenVectors,
    target: TokenVectors,
    words: tuple[Sentences, Sentences],
    entries: Iterable[tuple[str, str]],
) -> WordPairs:
    """One pair an entry: the mean vector of a word's occurrences, and that of its translation's.

    The two texts need not be parallel. Words are compared without case. The mean over contexts is
    the word's anchor; senses that differ are blurred in it, which is what links of parallel
    sentences avoid.

    Args:
        source: tokens of the source sentences.
        target: tokens of the target sentences.
        words: the words of both, as they were given to the encoder.
        entries: words and translations, such as `Lexicon.entries`.

    Raises:
        VectorError: words that are not those of the sentences.
        CorpusError: no entry of which both words occur.
    """
    wanted = list(dict.fromkeys((a.casefold(), b.casefold()) for a, b in entries))
    sides = (
        _anchors(side, text, {entry[at] for entry in wanted})
        for at, (side, text) in enumerate(zip((source, target), words, strict=True))
    )
    (left, x), (right, y) = sides
    rows, dropped = [], {}
    for a, b in wanted:
        if a in left and b in right:
            rows.append((left[a], right[b]))
        else:
            reason = f"not in the {'target' if a in left else 'source'} text"
            dropped[reason] = dropped.get(reason, 0) + 1
    if not rows:
        raise CorpusError(
            f"of {len(wanted)} entries none has both words in the texts: {dropped}",
            remedy="check the languages, or give more text",
        )
    at = np.array(rows)  # [p, 2]
    return WordPairs(x[at[:, 0]], y[at[:, 1]], dropped)


def _anchors(
    side: TokenVectors, text: Sentences, wanted: set[str]
) -> tuple[dict[str, int], np.ndarray]:
    """Rows of the wanted words that occur, and their mean vectors `[t, d]`."""
    lengths = [len(sentence) for sentence in text]
    if lengths != side.lengths.tolist():
        raise VectorError(
            f"{len(lengths)} sentences of {sum(lengths)} words are not those of the vectors: "
            f"{len(side)} of {int(side.lengths.sum())}"
        )
    spoken = mean_words(side)
    forms = [
        text[i][w].casefold()
        for i, w in zip(spoken.sentences.tolist(), spoken.words.tolist(), strict=True)
    ]
    at: dict[str, int] = {}
    rows = np.array([at.setdefault(f, len(at)) if f in wanted else -1 for f in forms], np.int64)
    used = rows >= 0
    sums = np.zeros((len(at), spoken.array.shape[1]))
    np.add.at(sums, rows[used], spoken.array[used])
    counts = np.bincount(rows[used], minlength=len(at))
    return at, (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
