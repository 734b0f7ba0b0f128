"""One vector a word of a whole text, whose tokens are never in memory together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from isogloss.encode.words import TokenVectors
from isogloss.match.word_alignment import mean_words

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder

CHARACTERS = 2**18  # read together, over all layers; a token seldom has less than one


def word_means(
    encoder: Encoder, sentences: Sequence[Sequence[str]], *, layers: Sequence[int]
) -> dict[int, TokenVectors]:
    """`mean_words` of a text by layer, read in parts.

    The token vectors of one part at a time are in memory, and one vector a word of what was read.
    Prefer it to `encode_words` wherever words are all that is wanted of a text.

    Args:
        encoder: of the words.
        sentences: words of each.
        layers: of the encoder.
    """
    words = sum(map(len, sentences))
    arrays: dict[int, np.ndarray] = {}  # each [words, d]; filled as far as words have tokens
    lengths = np.array([len(one) for one in sentences], np.int64)
    starts, spoken, windowed = [np.zeros(1, np.int64)], [np.empty(0, np.int64)], 0
    row = 0
    for part in _stretches(sentences, CHARACTERS // len(layers)):
        found = encoder.encode_words(sentences[part], layers=layers)
        made = {layer: mean_words(found.pop(layer)) for layer in layers}
        for layer, means in made.items():
            if layer not in arrays:
                arrays[layer] = np.empty((words, means.array.shape[1]), np.float32)
            arrays[layer][row : row + len(means.array)] = means.array
        one = made[layers[0]]
        starts.append(row + one.starts[1:])
        spoken.append(one.words)
        windowed += one.windowed
        row += len(one.array)
    about = (np.concatenate(starts), np.concatenate(spoken), lengths, windowed)
    return {layer: TokenVectors(array[:row], *about) for layer, array in arrays.items()}


def _stretches(sentences: Sequence[Sequence[str]], characters: int) -> Iterator[slice]:
    """Sentences that follow each other, of so many characters at most, or one that has more."""
    start = size = 0
    for at, words in enumerate(sentences):
        length = sum(map(len, words))
        if size + length > characters and at > start:
            yield slice(start, at)
            start, size = at, 0
        size += length
    yield slice(start, len(sentences))
