"""Batches of a source and a target a row, for models that tell one from the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.shares import Plan

Pair = tuple[np.ndarray, np.ndarray]
"""Ids of a source, without what stands around a text, and of a target, with it."""


@dataclass(frozen=True)
class Ends:
    """What stands before and behind a text; of a target it is told too."""

    first: Sequence[int]
    last: Sequence[int]

    def around(self, ids: np.ndarray) -> np.ndarray:
        """Ids `[tokens]` with it."""
        return np.concatenate([self.first, ids, self.last]).astype(np.int64)


def ends_of(material: Material) -> Ends:
    """Those that the tokenizer of a run puts around a text."""
    from isogloss.train.reading import text_ends

    return Ends(*text_ends(material.tokenizer))


def stack_pairs(
    pairs: Sequence[Pair],
    languages: Sequence[str],
    numbers: Mapping[str, int],
    to: Sequence[str] | None = None,
) -> Texts:
    """Two views, source and target; `gold` `[tokens]` is every token of the targets.

    Args:
        pairs: ids of each row.
        languages: of the sources.
        numbers: of languages.
        to: languages of the targets, those of the sources by default.
    """
    sources, targets = ([pair[side] for pair in pairs] for side in (0, 1))
    gold = [np.full(sum(map(len, sources)), UNKNOWN, np.int64), *targets]
    return stack_texts(
        [sources, targets], [languages, to or languages], numbers,
        tokens={"gold": np.concatenate(gold)},
    )  # fmt: skip


@dataclass
class PairedText:
    """Sources and targets that are known beforehand.

    Attributes:
        pairs: by language.
        plan: of languages over time.
        numbers: of the languages, in the column `language`.
    """

    pairs: Mapping[str, Sequence[Pair]]
    plan: Plan
    numbers: Mapping[str, int]

    def batch(self, seed: int, step: int) -> Texts:
        """Rows drawn as the plan says."""
        tags, chosen = self.plan.draw(self.pairs, np.random.default_rng([seed, step]), step)
        return stack_pairs(chosen, tags, self.numbers)
