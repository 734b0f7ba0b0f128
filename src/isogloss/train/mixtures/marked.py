"""The mixture of supervised word aligners: a marked word, and what the other sentence has of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import FilePath

from isogloss.registry import register
from isogloss.settings import Count
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.marked import MARK, Frame, frame, marked_text
from isogloss.train.material import Material
from isogloss.train.mixtures.aligned import Aligner, Pair, Symmetrisation, aligned_pairs


@dataclass
class MarkedWords:
    """Rows of the pivot and one other language a batch; of each, one word of either is marked.

    Attributes:
        pairs: sentence pairs by language.
        pivot: canonical tag.
        frame: what stands in a text beside its sentences.
        size: rows in a batch.
    """

    pairs: Mapping[str, Sequence[Pair]]
    pivot: str
    frame: Frame
    size: int = 32

    def batch(self, seed: int, step: int) -> Texts:
        """Columns `side` `[tokens]`, and `linked`, 0 or 1 in the sentence without the mark."""
        rng = np.random.default_rng([seed, step])
        language = str(rng.choice(sorted(self.pairs)))
        every = self.pairs[language]
        rows = rng.choice(len(every), min(self.size, len(every)), replace=False)
        texts, sides, linked, counts = [], [], [], np.zeros(2, int)
        for row in rows:
            pair, turned = every[row], int(rng.integers(2))
            asked, other = pair.sides[turned], pair.sides[1 - turned]
            word = int(rng.choice(np.unique(asked.words)))
            mates = pair.links[pair.links[:, turned] == word, 1 - turned]
            text, side = marked_text(asked, word, other, self.frame)
            gold = np.full(len(text), UNKNOWN)
            gold[side == 1] = np.isin(other.words, mates)
            texts.append(text)
            sides.append(side)
            linked.append(gold)
            counts += [len(part.ids) for part in pair.sides]
        batch = stack_texts(
            [texts], [[language] * len(rows)],
            tokens={"side": np.concatenate(sides), "linked": np.concatenate(linked)},
        )  # fmt: skip
        return replace(batch, read={self.pivot: int(counts[0]), language: int(counts[1])})


@register("mixture", "marked.v1")
def marked(
    material: Material,
    *,
    text: str,
    batch: Count = 32,
    mark: str = MARK,
    longest: Count | None = None,
    aligner: Aligner = "eflomal",
    symmetrisation: Symmetrisation = "intersection",
    links: dict[str, FilePath] | None = None,
) -> MarkedWords:
    """A sentence with one word between marks, and its translation, as one text.

    Both directions are drawn, and words without a link too: they teach that there may be none. Give
    links that people drew where there are some; others teach what their aligner knows.

    Args:
        material: of the run.
        text: the parallel corpus.
        batch: texts in a batch, each with one marked word.
        mark: what stands before and behind the word.
        longest: tokens of both sentences and what stands beside them; the model's window by
            default. Longer ones are left out.
        aligner: statistical model of the links.
        symmetrisation: how its two directions are joined.
        links: by language, Pharaoh files of the whole text, the pivot's word first.
    """
    beside = frame(material.tokenizer, mark)
    limit = min(longest or material.longest, material.longest)
    room = limit - 2 * len(beside.mark) - len(beside.between)
    found = aligned_pairs(
        material, text, longest=room, aligner=aligner, symmetrisation=symmetrisation, links=links,
        joint=True,
    )  # fmt: skip
    return MarkedWords(found, material.pivot, beside, size=batch)
