"""Mixtures of a sentence and its translation as one text, with tokens hidden or without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, Share
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.masked import hide
from isogloss.train.reading import text_ends

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass
class Concatenated:
    """Rows of the pivot and one other language a batch, each pair one text in either order.

    Attributes:
        pairs: by language, ids of the pivot and of the other.
        pivot: canonical tag.
        between: ids that stand between two texts.
        special: ids that are never hidden.
        tokens: ids below this may take a hidden token's place.
        longest: tokens of a text; a wrong pair over it is cut in its second part.
        size: rows in a batch.
        mask: id of the mask; None hides nothing.
        share: of tokens hidden.
        wrong: share of pairs whose second text is that of another row.
    """

    pairs: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]
    pivot: str
    between: Sequence[int]
    special: Sequence[int]
    tokens: int
    longest: int
    size: int = 16
    mask: int | None = None
    share: float = 0.15
    wrong: float = 0.0

    def __post_init__(self) -> None:
        if few := [tag for tag, rows in self.pairs.items() if len(rows) < 1 + (self.wrong > 0)]:
            raise TrainingError(f"{', '.join(few)}: too few rows shared with {self.pivot}")
        self._ordinary = np.setdiff1d(np.arange(self.tokens), self.special)

    def batch(self, seed: int, step: int) -> Texts:
        """Columns `side` `[tokens]`, 0 or 1, and `true` `[B]`; with a mask, `gold` `[tokens]`."""
        rng = np.random.default_rng([seed, step])
        language = str(rng.choice(sorted(self.pairs)))
        every = self.pairs[language]
        rows = rng.choice(len(every), min(self.size, len(every)), replace=False)
        true = rng.random(len(rows)) >= self.wrong
        away = rng.integers(1, max(2, len(every)), len(rows))  # never the row itself
        seconds = np.where(true, rows, (rows + away) % len(every))
        order = rng.random(len(rows)) < 0.5
        texts, sides, counts = [], [], np.zeros(2, int)
        for row, second, turned in zip(rows, seconds, order, strict=True):
            pair = every[row][0], every[second][1]
            pair = pair[0], pair[1][: self.longest - len(pair[0]) - len(self.between)]
            counts += [len(part) for part in pair]
            first, last = pair[::-1] if turned else pair
            texts.append(np.concatenate([first, self.between, last]).astype(np.int64))
            sides.append(np.repeat([0, UNKNOWN, 1], [len(first), len(self.between), len(last)]))
        columns = {"side": np.concatenate(sides)}
        if self.mask is not None:
            made, columns["gold"] = hide(
                np.concatenate(texts), rng, self.share, self.mask,
                [*self.special, *self.between], self._ordinary,
            )  # fmt: skip
            texts = np.split(made, np.cumsum([len(text) for text in texts])[:-1])
        batch = stack_texts(
            [texts], [[language] * len(rows)], tokens=columns,
            rows={"true": true.astype(np.float32)},
        )  # fmt: skip
        return replace(batch, read={self.pivot: int(counts[0]), language: int(counts[1])})


def between(tokenizer: Tokenizer) -> list[int]:
    """What a tokenizer puts between two texts; what it puts behind one, if it knows no pairs."""
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.no_padding()
    plain.no_truncation()
    first, last = text_ends(plain)
    inner = plain.encode("a", add_special_tokens=False).ids
    both = plain.encode("a", "a").ids
    begin, end = len(first) + len(inner), len(both) - len(last) - len(inner)
    if both[:begin] == [*first, *inner] and both[end:] == [*inner, *last] and end > begin:
        return both[begin:end]
    return last


def text_pairs(
    material: Material, text: str, joint: int, longest: int | None = None
) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Ids of the pivot and of each other language, of pairs that fit the window as one text.

    Args:
        material: of the run.
        text: the parallel corpus.
        joint: tokens between the two.
        longest: tokens of the whole; the model's window by default.

    Raises:
        TrainingError: the text has not the pivot, no row is in both, or nothing is left.
    """
    columns, limit = material.columns_of(text), min(longest or material.longest, material.longest)
    if material.pivot not in columns or len(columns) < 2:
        raise TrainingError(f"{text}: {material.pivot} and another language are needed")
    found = {}
    for tag, rows in columns.items():
        if tag == material.pivot:
            continue
        both = list(zip(columns[material.pivot], rows, strict=True))
        pairs = [(a, b) for a, b in both if a is not None and b is not None]
        if not pairs:
            raise TrainingError(f"{text}: no row is in {material.pivot} and in {tag}")
        if alone := sum((a is None) != (b is None) for a, b in both):
            material.note(
                f"{text}: {alone} rows in one of {material.pivot} and {tag} were not trained on"
            )
        found[tag] = [pair for pair in pairs if sum(map(len, pair)) + joint <= limit]
        if lost := len(pairs) - len(found[tag]):
            material.note(
                f"{text}: {lost} rows of {tag} over {limit} tokens with their translation were not "
                "trained on"
            )
        if not found[tag]:
            raise TrainingError(f"{text}: no row of {tag} fits {limit} tokens with its translation")
    return found


Hidden = Callable[[tuple[np.ndarray, np.ndarray]], np.ndarray]
"""Of a pair, the ids of which some are hidden."""


def to_hide(
    material: Material, text: str, joint: int, longest: int | None, hidden: Hidden
) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """`text_pairs` in which something can be hidden; the others are left out and told."""
    found = {}
    for tag, rows in text_pairs(material, text, joint, longest).items():
        found[tag] = [pair for pair in rows if not np.isin(hidden(pair), material.special).all()]
        if lost := len(rows) - len(found[tag]):
            material.note(f"{text}: {lost} rows of {tag} with nothing to hide were left out")
    return found


@register("mixture", "tlm.v1")
def tlm(
    material: Material,
    *,
    text: str,
    batch: Count = 16,
    share: Share = 0.15,
    longest: Count | None = None,
) -> Concatenated:
    """Sentences with their translations behind or before them, and tokens of both hidden.

    With `mlm.v1` it is translation language modelling: a hidden token can be read off its
    translation. Both orders are drawn. Positions run on, and there are no language embeddings.
    Source: Conneau and Lample (2019), Cross-lingual Language Model Pretraining, section 3.3.

    Args:
        material: of the run.
        text: the parallel corpus.
        batch: pairs in a batch.
        share: of tokens that are hidden.
        longest: tokens of a pair, the model's window by default; longer ones are left out.

    Raises:
        TrainingError: the tokenizer has no mask.
    """
    mask, joint = material.masks(), between(material.tokenizer)
    pairs = to_hide(material, text, len(joint), longest, np.concatenate)
    return Concatenated(
        pairs, material.pivot, joint, material.special, material.tokenizer.get_vocab_size(),
        min(longest or material.longest, material.longest), size=batch, mask=mask,
        share=share,
    )  # fmt: skip


@register("mixture", "concatenated.v1")
def concatenated(
    material: Material,
    *,
    text: str,
    batch: Count = 16,
    wrong: Share = 0.5,
    longest: Count | None = None,
) -> Concatenated:
    """Pairs of sentences as one text, some of which are no translations; nothing is hidden.

    Args:
        material: of the run.
        text: the parallel corpus.
        batch: pairs in a batch.
        wrong: share of pairs whose second sentence is that of another row.
        longest: tokens of a pair, the model's window by default; longer ones are left out.
    """
    joint = between(material.tokenizer)
    return Concatenated(
        text_pairs(material, text, len(joint), longest), material.pivot, joint, material.special,
        material.tokenizer.get_vocab_size(), min(longest or material.longest, material.longest),
        size=batch, wrong=wrong,
    )  # fmt: skip
