"""The mixture of causal language modelling: documents packed end to end into windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, NotNegative
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.shares import AS_THERE_IS, Plan, Sampling, planned


def packed(documents: Sequence[np.ndarray], separator: int, longest: int) -> list[np.ndarray]:
    """Documents end to end, a separator before, between and behind them, in windows.

    A window begins with the last token of the one before it, so that every token is what follows
    another one exactly once, but for the separator at the very beginning. All windows have
    `longest` tokens but the last, which has 2 at least.

    Args:
        documents: ids `[tokens]` of each.
        separator: the id between them.
        longest: tokens of a window, at least 2.
    """
    mark = np.array([separator], np.int64)
    stream = np.concatenate([mark, *(part for ids in documents for part in (ids, mark))])
    starts = range(0, len(stream) - 1, longest - 1)
    return [stream[start : start + longest] for start in starts] if documents else []


@dataclass
class PackedText:
    """Windows of packed documents, the language of each drawn by temperature.

    Attributes:
        windows: by language, ids `[tokens]`, at least 2 each.
        size: windows in a batch.
        alpha: of p_l ~ n_l^alpha, n_l its windows.
        numbers: of the languages, in the column `language`; without, there is none.
        plan: of languages over time, in place of `size` and `alpha`.

    Raises:
        TrainingError: no window, or one of a single token.
    """

    windows: Mapping[str, Sequence[np.ndarray]]
    size: int = 32
    alpha: float = 0.3
    numbers: Mapping[str, int] = field(default_factory=dict)
    plan: Plan | None = None

    def __post_init__(self) -> None:
        there = {tag: found for tag, found in self.windows.items() if len(found)}
        if not there:
            raise TrainingError("there is no text to pack")
        if any(len(ids) < 2 for found in there.values() for ids in found):
            raise TrainingError("nothing follows the token of a window of one")
        counts = {tag: len(found) for tag, found in there.items()}
        self._plan = self.plan or Plan(counts, self.alpha, size=self.size)

    def batch(self, seed: int, step: int) -> Texts:
        """Windows; `gold` `[tokens]` is the token that follows, unknown for the last of each."""
        rng = np.random.default_rng([seed, step])
        tags, chosen = self._plan.draw(self.windows, rng, step)
        gold = np.concatenate([np.append(ids[1:], UNKNOWN) for ids in chosen])
        return stack_texts([chosen], [tags], self.numbers, tokens={"gold": gold})


@register("mixture", "causal.v1")
def causal(
    material: Material,
    *,
    text: str,
    batch: Count = 32,
    alpha: NotNegative = 0.3,
    longest: Count | None = None,
    pack: bool = True,
    sampling: Sampling = AS_THERE_IS,
) -> PackedText:
    """Windows of text of every language of the run, in which each token is told by those before.

    Documents, the rows of the text, are packed end to end, so that no place of a window is padding
    and long ones are not cut short. Attention reaches over a separator into the document before, as
    in most models trained so; `pack = false` reads each row alone, at the price of padding.
    Source: packing as in Brown et al. (2020), Language Models are Few-Shot Learners.

    Args:
        material: of the run.
        text: the corpus; it needs no parallel rows.
        batch: windows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a window's language is drawn.
        longest: tokens of a window, the model's by default.
        pack: whether rows share windows.
        sampling: shares of languages that are not, or not always, by `alpha`.

    Raises:
        TrainingError: the tokenizer has no token that ends a text.
    """
    separator = material.roles.get("eos", material.roles.get("sep"))
    if separator is None:
        raise TrainingError(
            "the tokenizer has no token that ends a text",
            remedy='name one in tokenizer_config.json, such as "eos_token": "</s>"',
        )
    limit = max(2, min(longest or material.longest, material.longest))
    corpus = material.corpus(text)
    found = {}
    for tag in map(str, corpus.languages):
        rows = [ids for ids in material.ids(corpus.texts(tag)) if ids is not None]
        groups = [rows] if pack else [[ids] for ids in rows]
        found[tag] = [part for group in groups for part in packed(group, separator, limit)]
    there, plan = planned(material, text, found, sampling, alpha=alpha, size=batch)
    return PackedText(there, size=batch, numbers=material.numbers, plan=plan)
