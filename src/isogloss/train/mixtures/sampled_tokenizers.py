"""Mixtures that teach a hypernetwork: text cut by tokenizers that are drawn anew each step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isogloss.errors import TrainingError
from isogloss.train.hypernetwork import padded_pieces
from isogloss.vocabulary.pieces import METASPACE
from isogloss.vocabulary.respell import Identity, Speller

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_UNKNOWN = "<unk>"
_NOISE = (float(np.log(1e-5)), 4.0)  # of the log-normal that a tokenizer's noise is drawn from


def sample_tokenizer(
    words: Counter[str], rng: np.random.Generator, *, size: int, longest: int = 16
) -> Tokenizer:
    """A UnigramLM tokenizer of about `size` pieces, drawn from the substrings of some words.

    Piece t has p(t) = f(t) / sum f + e_t, f(t) how often the substring stands in the words,
    e_t ~ N(0, z^2), z ~ LogNormal(ln 1e-5, 4) once a tokenizer; those of the largest p are taken.
    Little noise gives the frequent pieces, much gives arbitrary ones. Single characters are always
    pieces, so nothing is unknown that the words have.

    Args:
        words: how often each word stands in the text, with the mark `▁` where one begins.
        rng: what is drawn from.
        size: wanted pieces; at least the characters, at most the substrings.
        longest: characters of a piece.

    Source: Minixhofer, Ponti and Vulić (2024), Zero-Shot Tokenizer Transfer, section 3.1.
    """
    from tokenizers import Tokenizer, models

    counts: Counter[str] = Counter()
    for word, count in words.items():
        for part in _substrings(word, longest):
            counts[part] += count
    parts = sorted(counts)  # an order that does not depend on that of the words
    frequency = np.array([counts[part] for part in parts], np.float64)
    noise = np.exp(rng.normal(*_NOISE))
    scores = frequency / frequency.sum() + rng.normal(0, noise, len(parts))
    single = np.array([len(part.removeprefix(METASPACE)) <= 1 for part in parts])
    floor = scores[scores > 0].min(initial=np.inf)
    scores[single] = np.maximum(scores[single], min(floor, 1 / frequency.sum()))
    order = np.lexsort((np.arange(len(parts)), -scores, ~single))
    chosen = order[: max(size, int(single.sum()))]
    chosen = chosen[scores[chosen] > 0]
    logs = np.log(scores[chosen])
    pieces = [(parts[i], float(value)) for i, value in zip(chosen, logs, strict=True)]
    return Tokenizer(models.Unigram([(_UNKNOWN, 0.0), *pieces], unk_id=0))


def _substrings(word: str, longest: int) -> Iterator[str]:
    mark = word.startswith(METASPACE)  # is no character of a piece
    for i in range(len(word)):
        for j in range(i + 1, min(len(word), i + longest + (mark and i == 0)) + 1):
            yield word[i:j]


@dataclass
class SampledTokenizers:
    """Texts cut by a tokenizer of their own batch, and the teacher's vectors of the same texts.

    Each step draws texts, and a tokenizer from the substrings of these and of the texts of the
    steps before. Texts are normalised as the source does it; words end at white space, around
    punctuation and digits.

    Attributes:
        texts: what is read, without empty ones.
        languages: the language of each text.
        teacher: `[n, d]` the teacher's vectors of the texts, cut by the source's own tokenizer.
        source: the source's tokenizer.
        table: `[V, C]` the source's rows.
        size: texts in a batch.
        queue: texts a tokenizer is drawn from, those of the batch among them.
        vocabulary: least and largest size of a drawn tokenizer; sizes are even in their logarithm.
        longest: tokens of a text that are read; what is longer is cut.
    """

    texts: Sequence[str]
    languages: Sequence[str]
    teacher: np.ndarray
    source: Tokenizer
    table: np.ndarray
    size: int = 64
    queue: int = 512
    vocabulary: tuple[int, int] = (1_000, 8_000)
    longest: int = 126

    def __post_init__(self) -> None:
        from tokenizers import pre_tokenizers

        if len(self.texts) < 2:
            raise TrainingError("there are fewer than 2 texts to draw tokenizers from")
        if not 1 <= self.vocabulary[0] <= self.vocabulary[1]:
            raise TrainingError(f"tokenizers of {self.vocabulary} tokens: least, then largest")
        self._speller = Speller(self.source)
        self._cut = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits()]
        )

    def batch(self, seed: int, step: int) -> dict[str, Any]:
        """Columns of `Predicted` and of the objectives `distil.v1` and `lexical.v1`.

        Returns:
            `ids` `[tokens]` into `pieces` `[u, k]`, the source ids of each token; `offsets` `[B]`,
            `views` 1, `teacher` `[B, d]`; `shared` `[s]` into `pieces` and `gold` `[s, C]`; `read`,
            the tokens of each language.
        """
        rng = np.random.default_rng([seed, 1, step])
        rows = self._draw(seed, step)
        words = {int(i): self._words(self.texts[i]) for i in rows}
        rows = np.array([i for i in rows if words[int(i)]], np.int64)
        if not len(rows):
            raise TrainingError("texts of which the normaliser of the source leaves nothing")
        tokenizer = self._tokenizer(seed, step, rng)
        cut = [self._ids(tokenizer, words[int(i)]) for i in rows]
        used, ids = np.unique(np.concatenate(cut), return_inverse=True)
        keys = [_identity(str(tokenizer.id_to_token(int(i)))) if i else None for i in used]
        spelled = self._spelled(keys)
        shared = np.array([n for n, key in enumerate(keys) if key in self._speller.known], np.int64)
        gold = np.array([spelled[n][0] for n in shared], np.int64)
        lengths = np.array([len(text) for text in cut])
        read: dict[str, int] = {}
        for row, length in zip(rows, lengths, strict=True):
            language = self.languages[row]
            read[language] = read.get(language, 0) + int(length)
        return {
            "ids": torch.from_numpy(ids.astype(np.int64)),
            "offsets": torch.from_numpy(lengths.cumsum() - lengths),
            "views": torch.tensor(1),
            "pieces": padded_pieces(spelled),
            "teacher": torch.from_numpy(self.teacher[rows]),
            "shared": torch.from_numpy(shared),
            "gold": torch.from_numpy(self.table[gold]),
            "read": read,
        }

    def _draw(self, seed: int, step: int) -> np.ndarray:
        rng = np.random.default_rng([seed, 0, step])
        return rng.choice(len(self.texts), min(self.size, len(self.texts)), replace=False)

    def _tokenizer(self, seed: int, step: int, rng: np.random.Generator) -> Tokenizer:
        earlier = -(-self.queue // self.size)
        # Before the first step there were none: the queue begins with draws of its own.
        steps = [s if s >= 0 else 2**31 - s for s in range(step - earlier + 1, step + 1)]
        words = Counter(
            word for s in steps for i in self._draw(seed, s) for word in self._words(self.texts[i])
        )
        least, most = np.log(self.vocabulary)
        return sample_tokenizer(words, rng, size=round(float(np.exp(rng.uniform(least, most)))))

    def _words(self, text: str) -> list[str]:
        if self.source.normalizer:
            text = self.source.normalizer.normalize_str(text)
        return [word for word, _ in self._cut.pre_tokenize_str(text)] if text.strip() else []

    def _ids(self, tokenizer: Tokenizer, words: list[str]) -> np.ndarray:
        found = tokenizer.encode_batch_fast(words, add_special_tokens=False)
        return np.array([i for one in found for i in one.ids][: self.longest], np.int64)

    def _spelled(self, keys: Sequence[Identity | None]) -> list[list[int]]:
        unknown = [] if self._speller.unknown is None else [self._speller.unknown]
        found = iter(self._speller.spell([key for key in keys if key is not None]))
        return [unknown if key is None else next(found) for key in keys]


def _identity(name: str) -> Identity:
    text = name if name == METASPACE else name.removeprefix(METASPACE)
    return name.startswith(METASPACE), text


@dataclass
class OwnTokens:
    """The source's own tokens, each spelled by itself: what a warm-up reads.

    Attributes:
        table: `[V, C]` the source's rows.
        size: tokens in a batch.
    """

    table: np.ndarray
    size: int = 512

    def batch(self, seed: int, step: int) -> dict[str, Any]:
        """`pieces` `[B, 1]`, `shared` `[B]` and `gold` `[B, C]`."""
        rng = np.random.default_rng([seed, 2, step])
        chosen = rng.choice(len(self.table), min(self.size, len(self.table)), replace=False)
        return {
            "pieces": torch.from_numpy(chosen[:, None]),
            "shared": torch.arange(len(chosen)),
            "gold": torch.from_numpy(self.table[chosen]),
            "read": {},
        }
