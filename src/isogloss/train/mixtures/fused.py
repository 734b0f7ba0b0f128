"""Sentences with tokens hidden, alone and with their translation behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, Share
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.concatenated import between, to_hide
from isogloss.train.mixtures.masked import hide


@dataclass
class FusedPairs:
    """Two views of a sentence whose hidden tokens are the same: alone, and with its translation.

    The sentence is of the other language of a batch, the translation of the pivot, and only the
    sentence has hidden tokens.

    Attributes:
        pairs: by language, ids of the pivot and of the other.
        pivot: canonical tag.
        between: ids that stand between two texts.
        mask: id of the mask.
        special: ids that are never hidden.
        tokens: ids below this may take a hidden token's place.
        size: rows in a batch.
        share: of tokens hidden.
        numbers: of the languages, in the column `language`; without, there is none.

    Raises:
        TrainingError: a language without a row.
    """

    pairs: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]
    pivot: str
    between: Sequence[int]
    mask: int
    special: Sequence[int]
    tokens: int
    size: int = 16
    share: float = 0.15
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if empty := [tag for tag, rows in self.pairs.items() if not rows]:
            raise TrainingError(f"{', '.join(empty)}: no row has anything to hide")
        self._ordinary = np.setdiff1d(np.arange(self.tokens), self.special)

    def batch(self, seed: int, step: int) -> Texts:
        """The views `alone` and `fused`; `gold` `[tokens]` is the same in both."""
        rng = np.random.default_rng([seed, step])
        language = str(rng.choice(sorted(self.pairs)))
        every = self.pairs[language]
        rows = rng.choice(len(every), min(self.size, len(every)), replace=False)
        alone, fused, gold, behind = [], [], [], []
        for row in rows:
            translation, ids = every[row]
            made, told = hide(ids, rng, self.share, self.mask, self.special, self._ordinary)
            rest = np.concatenate([self.between, translation]).astype(np.int64)
            alone.append(made)
            fused.append(np.concatenate([made, rest]))
            gold.append(told)
            behind.append(np.concatenate([told, np.full(len(rest), UNKNOWN)]))
        batch = stack_texts(
            [alone, fused], [[language] * len(rows)] * 2, self.numbers,
            tokens={"gold": np.concatenate(gold + behind)},
        )  # fmt: skip
        pivots = sum(len(every[row][0]) for row in rows)
        others = 2 * sum(len(each) for each in alone)
        return replace(batch, read={self.pivot: pivots, language: others})


@register("mixture", "fused.v1")
def fused(
    material: Material,
    *,
    text: str,
    batch: Count = 16,
    share: Share = 0.15,
    longest: Count | None = None,
) -> FusedPairs:
    """Sentences with tokens hidden, and the same with their translation in the pivot behind them.

    Args:
        material: of the run.
        text: the parallel corpus.
        batch: rows in a batch.
        share: of tokens that are hidden.
        longest: tokens of a pair, the model's window by default; longer ones are left out.

    Raises:
        TrainingError: the tokenizer has no mask.
    """
    mask, joint = material.masks(), between(material.tokenizer)
    pairs = to_hide(material, text, len(joint), longest, itemgetter(1))
    return FusedPairs(
        pairs, material.pivot, joint, mask, material.special,
        material.tokenizer.get_vocab_size(), size=batch, share=share, numbers=material.numbers,
    )  # fmt: skip
