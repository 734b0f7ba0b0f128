"""A marked word of one sentence before another sentence, and what a model says of the latter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch

from isogloss.encode.words import Split
from isogloss.errors import UsageError
from isogloss.match.word_alignment import Links
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.mixtures.concatenated import between

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MARK = "¶"
_TOGETHER = 64  # texts that are read at once


class Frame(NamedTuple):
    """What stands in a text beside its two sentences.

    Attributes:
        mark: ids before and behind the marked word.
        between: ids between the sentences.
    """

    mark: Sequence[int]
    between: Sequence[int]


def frame(tokenizer: Tokenizer, mark: str = MARK) -> Frame:
    """What stands beside the sentences, by the tokenizer of a model.

    Raises:
        UsageError: a mark that the tokenizer reads as nothing.
    """
    ids = tokenizer.encode(mark, add_special_tokens=False).ids
    if not ids:
        raise UsageError(f"the tokenizer reads the mark {mark!r} as nothing", remedy="set mark")
    return Frame(ids, between(tokenizer))


class Answers(Protocol):
    """An objective that can be asked for what it was taught."""

    outputs: tuple[str, ...]

    def shares(self, outputs: Mapping[str, torch.Tensor], batch: Texts) -> torch.Tensor:
        """How likely each token is linked with the marked word `[tokens]`, 0 off the other side."""
        ...


def marked_text(
    asked: Split, word: int, other: Split, frame: Frame
) -> tuple[np.ndarray, np.ndarray]:
    """Ids `[t]` of a text, and `side` `[t]`: 0 of the first sentence, 1 of the other.

    Args:
        asked: the sentence of the word.
        word: that has a token.
        other: the other sentence.
        frame: what stands beside them.
    """
    own = np.flatnonzero(asked.words == word)
    before, inside, behind = np.split(asked.ids, [own[0], own[-1] + 1])
    parts = [before, frame.mark, inside, frame.mark, behind, frame.between, other.ids]
    of = [0, UNKNOWN, 0, UNKNOWN, 0, UNKNOWN, 1]
    side = np.repeat(of, [len(part) for part in parts])
    return np.concatenate(parts).astype(np.int64), side


def ask_words(
    module: Any,
    answers: Answers,
    pairs: Sequence[tuple[Split, Split]],
    words: Sequence[tuple[int, int]],
    frame: Frame,
    *,
    longest: int,
    threshold: float = 0.5,
) -> tuple[list[Links], int]:
    """Links of sentence pairs by marking every word of either side in turn.

    A token's answer counts for its word, the largest of its tokens'; a link is where the mean of
    both directions is over the threshold.

    Args:
        module: the model, as texts are read with it.
        answers: what was trained beside it.
        pairs: tokens of both sentences.
        words: of both, in number.
        frame: as in training.
        longest: tokens of a text that the model reads.
        threshold: of the mean.

    Returns:
        The links of each pair, and how many pairs have none as their texts are too long.

    Source: both directions as in Nagata, Chousa and Nishino (2020), A Supervised Word Alignment
    Method based on Cross-Language Span Prediction using Multilingual BERT.
    """
    grids = [np.zeros(size) for size in words]
    room = longest - 2 * len(frame.mark) - len(frame.between)
    fits = [sum(len(side.ids) for side in pair) <= room for pair in pairs]
    module.eval()
    with torch.no_grad():
        for asked in _batches(pairs, fits, frame):
            batch = stack_texts(
                [[text for *_, text, _ in asked]], [["und_Zyyy"] * len(asked)],
                tokens={"side": np.concatenate([side for *_, side in asked])},
            )  # fmt: skip
            found = answers.shares(module(batch, answers.outputs), batch).cpu().numpy()
            for (pair, turned, word, *_), shares in zip(
                asked, np.split(found, batch["offsets"][1:].numpy()), strict=True
            ):
                other = pairs[pair][1 - turned]
                best = np.zeros(words[pair][1 - turned])
                if len(other.ids):
                    np.maximum.at(best, other.words, shares[-len(other.ids) :])
                grid = grids[pair].T if turned else grids[pair]
                grid[word] += best / 2
    return [_links(grid, threshold) for grid in grids], len(fits) - sum(fits)


def _batches(
    pairs: Sequence[tuple[Split, Split]], fits: Sequence[bool], frame: Frame
) -> Iterator[list[tuple[int, int, int, np.ndarray, np.ndarray]]]:
    """Pair, direction, word, ids and side of every question, some at a time."""
    asked = []
    for number, (pair, there) in enumerate(zip(pairs, fits, strict=True)):
        for turned in (0, 1) if there else ():
            first, last = pair[turned], pair[1 - turned]
            for word in np.unique(first.words).tolist() if len(last.ids) else ():
                asked.append((number, turned, word, *marked_text(first, word, last, frame)))
                if len(asked) == _TOGETHER:
                    yield asked
                    asked = []
    if asked:
        yield asked


def _links(grid: np.ndarray, threshold: float) -> Links:
    i, j = np.nonzero(grid > threshold)
    return Links(i, j, grid[i, j].astype(np.float32), (grid.shape[0], grid.shape[1]))
