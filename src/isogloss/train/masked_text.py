"""The mixture of masked language modelling: texts of several languages with tokens hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isogloss.errors import TrainingError
from isogloss.vocabulary.sampling import shares

_MASKED, _OTHER = 0.8, 0.1  # of the chosen tokens; the rest stay as they are


def windows(ids: np.ndarray, longest: int) -> list[np.ndarray]:
    """A text's ids `[tokens]` in as few equal parts of at most `longest` as there can be."""
    return np.array_split(ids, max(1, -(-len(ids) // longest)))


@dataclass
class MaskedText:
    """Windows of text whose languages are drawn by temperature and whose masks are drawn anew.

    A window's language is l with p_l = n_l^alpha / sum_k n_k^alpha, n_l its windows; within it all
    are as likely. Of its tokens `share` are chosen; 80% of these become the mask, 10% another
    token, 10% stay. Special tokens are not chosen and do not take another's place. Something is
    chosen in every batch.

    Attributes:
        windows: by language, ids `[tokens]` without what stands around a text.
        mask: id of the mask.
        special: ids that are never chosen.
        tokens: ids below this may take another's place.
        size: windows in a batch.
        alpha: 1 draws languages as there is text of them, 0 evenly.
        share: of tokens chosen.

    Raises:
        TrainingError: no window, or one in which nothing can be chosen.

    Source: Devlin et al. (2019), BERT, section 3.1, with masks drawn anew each time as in Liu et
    al. (2019), RoBERTa, section 4.1; languages by Conneau and Lample (2019), section 3.1.
    """

    windows: Mapping[str, Sequence[np.ndarray]]
    mask: int
    special: Sequence[int]
    tokens: int
    size: int = 32
    alpha: float = 0.3
    share: float = 0.15

    def __post_init__(self) -> None:
        there = {tag: found for tag, found in self.windows.items() if len(found)}
        if not there:
            raise TrainingError("there is no text to mask")
        for tag, found in there.items():
            if any(np.isin(ids, self.special).all() for ids in found):
                raise TrainingError(f"{tag}: a text of special tokens alone has nothing to mask")
        self._shares = shares({tag: len(found) for tag, found in there.items()}, self.alpha)
        self._ordinary = np.setdiff1d(np.arange(self.tokens), self.special)

    def batch(self, seed: int, step: int) -> dict[str, Any]:
        """Columns of `MaskedWords` and of the objective `mlm.v1`.

        Returns:
            `ids` `[tokens]` with masks in them, `offsets` `[B]`, `masked` `[m]` where tokens were
            chosen, `gold` `[m]` what they were, and `read`, the tokens of each language.
        """
        rng = np.random.default_rng([seed, step])
        drawn = rng.choice(list(self._shares), self.size, p=list(self._shares.values()))
        chosen = [self.windows[tag][int(rng.integers(len(self.windows[tag])))] for tag in drawn]
        read: dict[str, int] = {}
        for tag, ids in zip(map(str, drawn), chosen, strict=True):
            read[tag] = read.get(tag, 0) + len(ids)
        ids = np.concatenate(chosen)
        return {**_columns(chosen, *self._hidden(ids, rng)), "read": read}

    def in_order(self, language: str, seed: int) -> Iterator[dict[str, Any]]:
        """Batches of all windows of a language, once each, every time with the same masks.

        In each window something is chosen.
        """
        found = self.windows[language]
        for start in range(0, len(found), self.size):
            some, ids, masked, gold, at = list(found[start : start + self.size]), [], [], [], 0
            for number, window in enumerate(some, start):
                rng = np.random.default_rng([seed, number])
                hidden = self._hidden(window, rng)
                ids.append(hidden[0])
                masked.append(hidden[1] + at)
                gold.append(hidden[2])
                at += len(window)
            parts = (np.concatenate(part) for part in (ids, masked, gold))
            yield {**_columns(some, *parts), "read": {language: at}}

    def _hidden(
        self, ids: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ids with some hidden, where `[m]`, and what stood there `[m]`."""
        may = np.flatnonzero(~np.isin(ids, self.special))
        masked = may[rng.random(len(may)) < self.share]
        if not len(masked):
            masked = rng.choice(may, 1)
        how, other = rng.random(len(masked)), rng.choice(self._ordinary, len(masked))
        gold = ids[masked].astype(np.int64)
        made = ids.astype(np.int64)
        made[masked] = np.where(
            how < _MASKED, self.mask, np.where(how < _MASKED + _OTHER, other, gold)
        )
        return made, masked, gold


def _columns(
    windows: Sequence[np.ndarray], ids: np.ndarray, masked: np.ndarray, gold: np.ndarray
) -> dict[str, Any]:
    lengths = np.array([len(window) for window in windows])
    offsets = np.concatenate([[0], lengths.cumsum()[:-1]])
    columns = {"ids": ids, "offsets": offsets, "masked": masked, "gold": gold}
    return {name: torch.from_numpy(column.astype(np.int64)) for name, column in columns.items()}
