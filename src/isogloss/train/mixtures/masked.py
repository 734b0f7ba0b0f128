"""The mixture of masked language modelling: texts of several languages with tokens hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, NotNegative, Share
from isogloss.train.batch import UNKNOWN, Texts, spots, stack_texts
from isogloss.train.body import Body
from isogloss.train.material import Material
from isogloss.train.mixtures.shares import AS_THERE_IS, Plan, Sampling, planned

_MASKED, _OTHER = 0.8, 0.1  # of the chosen tokens; the rest stay as they are


def windows(ids: np.ndarray, longest: int) -> list[np.ndarray]:
    """A text's ids `[tokens]` in as few equal parts of at most `longest` as there can be."""
    return np.array_split(ids, max(1, -(-len(ids) // longest)))


def hide(
    ids: np.ndarray,
    rng: np.random.Generator,
    share: float,
    mask: int,
    special: Sequence[int],
    ordinary: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Ids `[tokens]` with a share of them hidden, at least one, and what stood there `[tokens]`.

    Args:
        ids: some of which are not special.
        rng: what is drawn from.
        share: of tokens chosen; 80% of them become the mask, 10% another token.
        mask: id of the mask.
        special: ids that are never chosen.
        ordinary: ids that may take another's place.
    """
    may = np.flatnonzero(~np.isin(ids, special))
    masked = may[rng.random(len(may)) < share]
    if not len(masked):
        masked = rng.choice(may, 1)
    how, other = rng.random(len(masked)), rng.choice(ordinary, len(masked))
    made, gold = ids.astype(np.int64), np.full(len(ids), UNKNOWN, np.int64)
    gold[masked] = ids[masked]
    made[masked] = np.where(
        how < _MASKED, mask, np.where(how < _MASKED + _OTHER, other, ids[masked])
    )
    return made, gold


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
        numbers: of the languages, in the column `language`; without, there is none.
        plan: of languages and hidden shares over time, in place of `size`, `alpha` and, where it
            says one, `share`.

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
    numbers: Mapping[str, int] = field(default_factory=dict)
    plan: Plan | None = None

    def __post_init__(self) -> None:
        there = {tag: found for tag, found in self.windows.items() if len(found)}
        if not there:
            raise TrainingError("there is no text to mask")
        for tag, found in there.items():
            if any(np.isin(ids, self.special).all() for ids in found):
                raise TrainingError(f"{tag}: a text of special tokens alone has nothing to mask")
        counts = {tag: len(found) for tag, found in there.items()}
        self._plan = self.plan or Plan(counts, self.alpha, size=self.size)
        self._ordinary = np.setdiff1d(np.arange(self.tokens), self.special)

    def batch(self, seed: int, step: int) -> Texts:
        """Windows with masks in them; `gold` `[tokens]` is what the chosen tokens were."""
        rng = np.random.default_rng([seed, step])
        tags, chosen = self._plan.draw(self.windows, rng, step)
        share = self._plan.hidden(step) or self.share
        made, gold = self._hidden(np.concatenate(chosen), rng, share)
        return self._stacked(chosen, tags, made, gold)

    def in_order(self, language: str, seed: int) -> Iterator[Texts]:
        """Batches of all windows of a language, once each, every time with the same masks.

        In each window something is chosen.
        """
        found = self.windows[language]
        for start in range(0, len(found), self.size):
            some = list(found[start : start + self.size])
            hidden = [
                self._hidden(window, np.random.default_rng([seed, number]), self.share)
                for number, window in enumerate(some, start)
            ]
            made, gold = (np.concatenate(part) for part in zip(*hidden, strict=True))
            yield self._stacked(some, [language] * len(some), made, gold)

    def _hidden(
        self, ids: np.ndarray, rng: np.random.Generator, share: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ids `[tokens]` with some hidden, and what stood there `[tokens]`."""
        return hide(ids, rng, share, self.mask, self.special, self._ordinary)

    def _stacked(
        self, windows: Sequence[np.ndarray], tags: Sequence[str], ids: np.ndarray, gold: np.ndarray
    ) -> Texts:
        """A batch of windows whose ids are those given, one after the other."""
        ends = np.cumsum([len(window) for window in windows])[:-1]
        return stack_texts([np.split(ids, ends)], [tags], self.numbers, tokens={"gold": gold})


def window_losses(module: Body, text: MaskedText, language: str, seed: int) -> np.ndarray:
    """Loss of each window of a language `[windows]`, the mean over its hidden tokens.

    Masks depend on the seed and on where a window stands, so models can be compared.
    """
    module.eval()
    found = []
    with torch.no_grad():
        for batch in text.in_order(language, seed):
            masked = spots(batch)
            logits = module(batch, ("logits",))["logits"]
            losses = F.cross_entropy(logits, batch["gold"][masked], reduction="none")
            rows = torch.searchsorted(batch["offsets"], masked, right=True) - 1
            counts = torch.bincount(rows)
            found.append(torch.bincount(rows, losses.double()) / counts)
    return torch.cat(found).numpy()


@register("mixture", "masked.v1")
def masked(
    material: Material,
    *,
    text: str,
    batch: Count = 32,
    alpha: NotNegative = 0.3,
    share: Share = 0.15,
    longest: Count | None = None,
    sampling: Sampling = AS_THERE_IS,
) -> MaskedText:
    """Windows of text of every language of the run, with tokens hidden anew each time.

    Args:
        material: of the run.
        text: the corpus; it needs no parallel rows.
        batch: windows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a window's language is drawn.
        share: of tokens that are hidden.
        longest: tokens of a window, the model's by default; longer texts are cut into several.
        sampling: shares of languages, and of hidden tokens, that are not always those.

    Raises:
        TrainingError: the tokenizer has no mask.
    """
    mask = material.masks()
    corpus = material.corpus(text)
    limit = min(longest or material.longest, material.longest)
    found = {}
    for tag in map(str, corpus.languages):
        rows = [ids for ids in material.ids(corpus.texts(tag)) if ids is not None]
        parts = [part for ids in rows for part in windows(ids, limit)]
        found[tag] = [part for part in parts if not np.isin(part, material.special).all()]
        if lost := len(parts) - len(found[tag]):
            material.note(f"{text}: {lost} texts of {tag} with nothing to hide were left out")
    there, plan = planned(material, text, found, sampling, alpha=alpha, size=batch)
    return MaskedText(
        there, mask, material.special, material.tokenizer.get_vocab_size(), size=batch,
        share=share, numbers=material.numbers, plan=plan,
    )  # fmt: skip
