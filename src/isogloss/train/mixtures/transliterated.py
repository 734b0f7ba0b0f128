"""Text and the same text in Latin letters: pairs that need no translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from isogloss.errors import TrainingError
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.settings import Count, NotNegative, Share
from isogloss.train.batch import Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.drawn import drawn
from isogloss.train.mixtures.masked import MaskedText
from isogloss.vocabulary.romanise import SCRIPTS, romanise

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass
class TransliteratedText(MaskedText):
    """Texts and their romanisation, each a row once in a batch, with tokens of both hidden.

    As two views, for a contrast between them; or joined into one text, where a hidden token of one
    spelling can be read off the other. A text stands in a batch once at most, as the same text
    twice would be its own negative.

    Attributes:
        windows: by language, ids of texts as they are written.
        romanised: by language, ids of the same texts in Latin letters.
        between: what stands between the spellings where they are one text; None for two views.
        share: of tokens chosen; 0 hides nothing and gives no `gold`.
    """

    romanised: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)
    between: Sequence[int] | None = None

    def batch(self, seed: int, step: int) -> Texts:
        """Rows in both spellings; `gold` `[tokens]` is what the hidden tokens were."""
        rng = np.random.default_rng([seed, step])
        there = {tag: len(found) for tag, found in self.windows.items()}
        rows = drawn(rng, self._plan.shares(step), there, self.size)
        views = [[side[tag][row] for tag, row in rows] for side in (self.windows, self.romanised)]
        tags = [tag for tag, _ in rows]
        if self.between is not None:
            middle = np.array(self.between, np.int64)
            views = [[np.concatenate([a, middle, b]) for a, b in zip(*views, strict=True)]]
        if not self.share:
            return stack_texts(views, [tags] * len(views), self.numbers)
        flat = [ids for view in views for ids in view]
        made, gold = self._hidden(np.concatenate(flat), rng, self.share)
        parts = np.split(made, np.cumsum([len(ids) for ids in flat])[:-1])
        hidden = [parts[start : start + len(tags)] for start in range(0, len(parts), len(tags))]
        return stack_texts(hidden, [tags] * len(views), self.numbers, tokens={"gold": gold})


def between_texts(tokenizer: Tokenizer) -> list[int]:
    """The special tokens that a tokenizer puts between the two texts of a pair."""
    found = tokenizer.encode("a", "a")
    sides = found.sequence_ids
    last = max(place for place, side in enumerate(sides) if side == 0)
    return found.ids[last + 1 : sides.index(1)]


@register("mixture", "transliterated.v1")
def transliterated(
    material: Material,
    *,
    text: str,
    batch: Count = 32,
    alpha: NotNegative = 0.3,
    share: Share = 0.15,
    joined: bool = False,
    longest: Count | None = None,
) -> TransliteratedText:
    """Monolingual text and its romanisation, as two views of a row or joined into one text.

    Languages in Latin letters, and those whose script `vocabulary.romanise` has no map for, are
    left out and told, and so are texts of which nothing changes or that came before. Rows are
    romanised once, when the mixture is made.
    Source: Liu, Ma, Ye and Schütze (2024), TransliCo, whose pairs are made by Uroman and include
    Latin text; joined as in the token-level objective of Xhelili, Liu and Schütze (2024), Breaking
    the Script Barrier.

    Args:
        material: of the run.
        text: the corpus; it needs no parallel rows.
        batch: rows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a row's language is drawn.
        share: of tokens that are hidden; 0 hides nothing, for a contrast alone.
        joined: one text, the original before its romanisation; else two views.
        longest: tokens of a text, the model's window by default; rows over it are left out.

    Raises:
        TrainingError: no text that can be romanised, or the tokenizer has no mask.
    """
    if share and material.mask is None:
        raise TrainingError("the tokenizer has no mask", remedy="set share = 0 to hide nothing")
    corpus = material.corpus(text)
    every = list(map(str, corpus.languages))
    known = [tag for tag in every if read_language(tag).script in SCRIPTS]
    if others := [tag for tag in every if tag not in known]:
        material.note(f"{text}: {', '.join(others)} left out; no romanisation of their script")
    between = between_texts(material.tokenizer) if joined else None
    limit = min(longest or material.longest, material.longest)
    written: dict[str, list[np.ndarray]] = {}
    spelled: dict[str, list[np.ndarray]] = {}
    for tag in known:
        rows, dropped = _pairs(
            material, corpus.texts(tag), read_language(tag).script, limit, between
        )
        if dropped:
            told = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
            material.note(f"{text}: rows of {tag} left out: {told}")
        if rows:
            written[tag], spelled[tag] = map(list, zip(*rows, strict=True))
    if not written:
        raise TrainingError(
            f"{text}: there is no text to romanise in {', '.join(every)}",
            remedy=f"name languages in {', '.join(SCRIPTS)}",
        )
    return TransliteratedText(
        written, 0 if material.mask is None else material.mask, material.special,
        material.tokenizer.get_vocab_size(), size=batch, alpha=alpha, share=share,
        numbers=material.numbers, romanised=spelled, between=between,
    )  # fmt: skip


def _pairs(
    material: Material,
    texts: Sequence[str | None],
    script: str,
    limit: int,
    between: Sequence[int] | None,
) -> tuple[list[tuple[np.ndarray, np.ndarray]], dict[str, int]]:
    """Ids of texts in both spellings, and how many were left out, by reason."""
    there = list(dict.fromkeys(text for text in texts if text is not None))
    latin = romanise(there, script)
    dropped = {"twice in the text": sum(text is not None for text in texts) - len(there)}
    changed = [i for i, text in enumerate(there) if latin[i] not in (None, text.strip())]
    dropped["the same or nothing in Latin letters"] = len(there) - len(changed)
    sides = [material.ids([side[i] for i in changed]) for side in (there, latin)]
    found, lost, long = [], 0, 0
    for left, right in zip(*sides, strict=True):
        if left is None or right is None or _special(left, material) or _special(right, material):
            lost += 1
        elif _length(left, right, between) > limit:
            long += 1
        else:
            found.append((left, right))
    dropped |= {"without an ordinary token": lost, f"over {limit} tokens": long}
    return found, {reason: count for reason, count in dropped.items() if count}


def _special(ids: np.ndarray, material: Material) -> bool:
    return bool(np.isin(ids, material.special).all())


def _length(left: np.ndarray, right: np.ndarray, between: Sequence[int] | None) -> int:
    if between is None:
        return max(len(left), len(right))
    return len(left) + len(between) + len(right)
