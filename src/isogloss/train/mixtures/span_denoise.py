"""The mixture of span denoising: stretches of a text behind sentinels, to be told in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, NotNegative, Positive, Share
from isogloss.train.batch import Texts
from isogloss.train.fresh import SENTINEL
from isogloss.train.material import Material
from isogloss.train.mixtures.masked import windows
from isogloss.train.mixtures.paired import Ends, Pair, ends_of, stack_pairs
from isogloss.train.mixtures.shares import AS_THERE_IS, Plan, Sampling, planned


def spans(
    tokens: int, share: float, length: float, most: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Stretches [begin, end) of a text to hide, apart from each other by a token at least.

    h = round(share n) tokens are hidden, 1 to n - 1, in round(h / length) stretches; how long each
    is and what stands between are even draws among all ways to divide the tokens so.

    Args:
        tokens: n of the text, at least 2.
        share: of tokens hidden.
        length: tokens of a stretch, on average.
        most: stretches there can be.
        rng: what is drawn from.
    """
    hidden = min(max(round(share * tokens), 1), tokens - 1)
    count = min(max(round(hidden / length), 1), hidden, tokens - hidden + 1, most)
    sizes = _divided(hidden, count, rng)
    between = _divided(tokens - hidden + 2, count + 1, rng)  # both ends may be empty
    starts = np.cumsum(between[:-1]) - 1 + np.cumsum(sizes) - sizes
    return [(int(a), int(a + n)) for a, n in zip(starts, sizes, strict=True)]


def _divided(total: int, parts: int, rng: np.random.Generator) -> np.ndarray:
    """A total as so many positive numbers, each way as likely: `[parts]`."""
    cuts = np.sort(rng.choice(total - 1, parts - 1, replace=False)) + 1
    return np.diff([0, *cuts, total])


def hide(
    ids: np.ndarray, places: Sequence[tuple[int, int]], sentinels: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """A text with a sentinel for each stretch, and the stretches each behind its sentinel.

    The stretches are closed by one more sentinel: one more than stretches is needed.
    """
    source, target, at = [], [], 0
    for mark, (begin, end) in zip(sentinels, places, strict=False):
        source += [*ids[at:begin], mark]
        target += [mark, *ids[begin:end]]
        at = end
    close = sentinels[len(places)]
    return np.array([*source, *ids[at:]], np.int64), np.array([*target, close], np.int64)


@dataclass
class DenoisedText:
    """Windows of text with stretches hidden anew each time.

    Attributes:
        windows: by language, ids `[tokens]`, at least 2 each.
        plan: of languages, and where it says one the hidden share, over time.
        sentinels: ids, the first one first.
        ends: of a target.
        share: of tokens hidden.
        length: tokens of a stretch, on average.
        numbers: of the languages, in the column `language`.
    """

    windows: Mapping[str, Sequence[np.ndarray]]
    plan: Plan
    sentinels: Sequence[int]
    ends: Ends
    share: float
    length: float
    numbers: Mapping[str, int]

    def batch(self, seed: int, step: int) -> Texts:
        """Two views, source and target; `gold` `[tokens]` is every token of the targets."""
        rng = np.random.default_rng([seed, step])
        tags, chosen = self.plan.draw(self.windows, rng, step)
        share = self.plan.hidden(step) or self.share
        return stack_pairs([self._pair(ids, share, rng) for ids in chosen], tags, self.numbers)

    def _pair(self, ids: np.ndarray, share: float, rng: np.random.Generator) -> Pair:
        places = spans(len(ids), share, self.length, len(self.sentinels) - 1, rng)
        source, target = hide(ids, places, self.sentinels)
        return source, self.ends.around(target)


@register("mixture", "span_denoise.v1")
def span_denoise(
    material: Material,
    *,
    text: str,
    batch: Count = 32,
    alpha: NotNegative = 0.3,
    share: Share = 0.15,
    length: Positive = 3.0,
    longest: Count | None = None,
    sampling: Sampling = AS_THERE_IS,
) -> DenoisedText:
    """Windows of text of every language of the run, with stretches behind sentinels.

    Source: Raffel et al. (2020), Exploring the Limits of Transfer Learning with a Unified
    Text-to-Text Transformer, the objective of figure 2. Other than in the released code, a text
    may begin with a hidden stretch or end with a kept one, and a sentinel closes the target, as in
    that figure.

    Args:
        material: of the run.
        text: the corpus; it needs no parallel rows.
        batch: windows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a window's language is drawn.
        share: of tokens that are hidden.
        length: tokens of a stretch, on average.
        longest: tokens of a window, the model's by default; longer texts are cut into several.
        sampling: shares of languages, and of hidden tokens, that are not always those.

    Raises:
        TrainingError: the tokenizer has no two sentinels.
    """
    sentinels: list[int] = []
    while (mark := material.tokenizer.token_to_id(SENTINEL.format(len(sentinels)))) is not None:
        sentinels.append(mark)
    if len(sentinels) < 2:
        raise TrainingError(
            f"the tokenizer has no sentinels such as {SENTINEL.format(0)}",
            remedy="take a model that learned from hidden stretches, such as T5 or mT5",
        )
    corpus = material.corpus(text)
    limit = min(longest or material.longest, material.longest)
    found = {}
    for tag in map(str, corpus.languages):
        rows = [ids for ids in material.ids(corpus.texts(tag)) if ids is not None]
        parts = [part for ids in rows for part in windows(ids, limit)]
        found[tag] = [part for part in parts if len(part) > 1]
        if lost := len(parts) - len(found[tag]):
            material.note(f"{text}: {lost} texts of {tag} of a single token were left out")
    if round(share * limit / length) > (most := len(sentinels) - 1):
        material.note(
            f"{text}: windows of {limit} tokens want more than the {most} stretches that the "
            "sentinels allow, so stretches are longer"
        )
    kept, plan = planned(material, text, found, sampling, alpha=alpha, size=batch)
    return DenoisedText(kept, plan, sentinels, ends_of(material), share, length, material.numbers)
