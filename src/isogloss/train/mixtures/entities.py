"""The mixture of entity prediction: names hidden whole or piece by piece, other words as ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from pydantic import FilePath

from isogloss.corpus.lexicon import read_lexicon
from isogloss.errors import TrainingError
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.settings import Count, Fraction, NotNegative, Share
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.masked import hide, windows
from isogloss.train.mixtures.shares import AS_THERE_IS, Plan, Sampling, planned
from isogloss.train.transforms.switch import Phrases, known_phrases, phrases, units

Span = tuple[int, int]
"""Where a name begins and ends, in characters."""
Window = tuple[np.ndarray, np.ndarray]
"""Ids `[tokens]`, and the number of the name that each is a piece of, -1 of none."""


class Fate(NamedTuple):
    """What becomes of what is chosen; what the shares leave stays, and is not told.

    Attributes:
        whole: whether all pieces of a name have one fate, else each its own.
        mask: share that becomes the mask.
        other: share that becomes another token.
        same: share that stays, and is to be told all the same.
    """

    whole: bool
    mask: float
    other: float
    same: float


FATES = {
    "wep": Fate(True, 0.8, 0.0, 0.2),
    "pep_mrs": Fate(False, 0.8, 0.1, 0.1),
    "pep_ms": Fate(False, 0.8, 0.0, 0.1),
    "pep_m": Fate(False, 0.8, 0.0, 0.0),
}


def name_spans(text: str, names: Phrases, script: str) -> list[Span]:
    """Where names stand in a text, as they are spelled, the longest first, none in another."""
    places = units(text, script)
    keys = [text[a:b] for a, b in places]
    return [(places[at][0], places[at + len(key) - 1][1])
            for at, key, _ in known_phrases(keys, {"": names})]  # fmt: skip


def pieces(offsets: Sequence[Span], spans: Sequence[Span]) -> np.ndarray:
    """The number of the name that each token is a piece of `[tokens]`, -1 of none.

    A token belongs to a name if they share a character; two names that share a token are one.

    Args:
        offsets: where each token begins and ends in the text.
        spans: of the names, in order and apart.
    """
    begin, end = np.array(offsets, np.int64).reshape(-1, 2).T
    found = np.full(len(begin), -1)
    for number, (first, last) in enumerate(spans):
        there = np.flatnonzero((begin < last) & (end > first))
        if len(there):
            joined = found[there[0]]
            found[there] = joined if joined >= 0 else number
    return found


def cut(ids: np.ndarray, entities: np.ndarray, longest: int) -> tuple[list[Window], int]:
    """Windows of a text, and how many names they cut: these are names no more.

    Args:
        ids: `[tokens]`.
        entities: `[tokens]` numbers of names, -1 for none.
        longest: tokens of a window.
    """
    parts = windows(entities, longest)
    lost = [a[-1] for a, b in pairwise(parts) if a[-1] >= 0 and a[-1] == b[0]]
    whole = windows(np.where(np.isin(entities, lost), -1, entities), longest)
    return list(zip(windows(ids, longest), whole, strict=True)), len(set(lost))


def hide_entities(
    ids: np.ndarray,
    entities: np.ndarray,
    rng: np.random.Generator,
    fate: Fate,
    chosen: float,
    mask: int,
    ordinary: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Ids `[tokens]` with names hidden, at least one of them or a piece, and what stood there.

    Args:
        ids: of texts.
        entities: `[tokens]` numbers of names, -1 for none.
        rng: what is drawn from.
        fate: of what is chosen.
        chosen: share of names, or of their pieces where each has its own fate.
        mask: id of the mask.
        ordinary: ids that may take another's place.
    """
    made, gold = ids.astype(np.int64), np.full(len(ids), UNKNOWN, np.int64)
    there = np.flatnonzero(entities >= 0)
    if not len(there):
        return made, gold
    alike = entities[there] if fate.whole else there
    numbers, unit = np.unique(alike, return_inverse=True)  # unit: [pieces]
    # of each unit a number in [0, 1) by which it becomes one thing or another
    how = np.where(rng.random(len(numbers)) < chosen, rng.random(len(numbers)), np.inf)
    told = fate.mask + fate.other + fate.same
    if not (how < told).any():
        how[rng.integers(len(how))] = 0.0
    how, other = how[unit], rng.choice(ordinary, len(there))
    asked = there[how < told]
    gold[asked] = ids[asked]
    made[there] = np.where(
        how < fate.mask, mask, np.where(how < fate.mask + fate.other, other, ids[there])
    )
    return made, gold


@dataclass
class EntityText:
    """Windows of text whose names are hidden anew each time, and some of the other words.

    Attributes:
        windows: by language.
        plan: of languages over time, and where it says one the hidden share of other tokens.
        fate: of what is chosen of names.
        chosen: share of names, or of their pieces where each has its own fate.
        share: of other tokens that are hidden, as in `masked.v1`; 0 hides none.
        mask: id of the mask.
        special: ids that are never chosen.
        tokens: ids below this may take another's place.
        numbers: of the languages, in the column `language`.
    """

    windows: Mapping[str, Sequence[Window]]
    plan: Plan
    fate: Fate
    chosen: float
    share: float
    mask: int
    special: Sequence[int]
    tokens: int
    numbers: Mapping[str, int]

    def __post_init__(self) -> None:
        self._ordinary = np.setdiff1d(np.arange(self.tokens), self.special)

    def batch(self, seed: int, step: int) -> Texts:
        """Windows with masks in them; `gold` `[tokens]` is what is to be told, never nothing."""
        rng = np.random.default_rng([seed, step])
        tags, drawn = self.plan.draw(self.windows, rng, step)
        ids = np.concatenate([window for window, _ in drawn])
        ends = np.cumsum([len(window) for window, _ in drawn])
        most = 1 + max(int(own.max()) for _, own in drawn)
        entities = np.concatenate([  # a name has its own number in the batch
            np.where(own >= 0, own + most * at, -1) for at, (_, own) in enumerate(drawn)
        ])  # fmt: skip
        share = self.plan.hidden(step) or self.share
        made, gold = hide_entities(
            ids, entities, rng, self.fate, self.chosen, self.mask, self._ordinary
        )
        outside = np.flatnonzero(entities < 0)
        if share and not np.isin(ids[outside], self.special).all():
            made[outside], gold[outside] = hide(
                ids[outside], rng, share, self.mask, self.special, self._ordinary
            )
        split = np.split(made, ends[:-1])
        return stack_texts([split], [tags], self.numbers, tokens={"gold": gold})


@register("mixture", "entities.v1")
def entities(
    material: Material,
    *,
    text: str,
    names: tuple[FilePath, ...],
    masks: Literal["wep", "pep_mrs", "pep_ms", "pep_m"] = "pep_ms",
    chosen: Fraction = 0.5,
    share: Share = 0.15,
    batch: Count = 32,
    alpha: NotNegative = 0.3,
    longest: Count | None = None,
    sampling: Sampling = AS_THERE_IS,
) -> EntityText:
    """Windows of text whose names are to be told, beside some of the other words.

    Names are what the dictionaries have on either side, as they are spelled, so that they are
    found after `switch_entities.v1` too. `chosen` of them become, by `masks`:

    - `wep`, whole entity prediction: all pieces of a name the mask in 80%; else all stay. Both
      are told.
    - partial entity prediction: each piece for itself the mask in 80%; of the others `pep_mrs`
      makes half another token and leaves half, told both; `pep_ms` leaves all, half of them told;
      `pep_m` leaves all and tells none. A name may then be hidden whole or not at all.

    Of the other words `share` is hidden as in `masked.v1`. The paper has `chosen = 1` with
    `share = 0`, and 0.5 with 0.15. A name that a window cuts counts as other words, as a half of it
    cannot be told from what is left. Pieces that are special tokens are never hidden.

    Prefer it to `masked.v1` for tasks about names. Source: Whitehouse et al. (2022), EntityCS:
    Improving Zero-Shot Cross-lingual Transfer with Entity-Centric Code Switching, section 2 and
    table 2. The released code tells all that `pep_ms` leaves, and not half; this is the paper's.

    Args:
        material: of the run.
        text: the corpus; it needs no parallel rows.
        names: dictionaries of names.
        masks: what becomes of what is chosen of names.
        chosen: share of names that are chosen by `wep`, of their pieces by the others.
        share: of other tokens that are hidden; 0 hides none, and leaves out texts without a name.
        batch: windows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a window's language is drawn.
        longest: tokens of a window, the model's by default; longer texts are cut into several.
        sampling: shares of languages, and of other hidden tokens, that are not always those.

    Raises:
        TrainingError: the tokenizer has no mask, or no name is in the text.
    """
    mask, corpus = material.masks(), material.corpus(text)
    limit = min(longest or material.longest, material.longest)
    known = [(name, "") for file in names for pair in read_lexicon(file).entries for name in pair]
    found, count = {}, 0
    for tag in map(str, corpus.languages):
        script = read_language(tag).script
        table = phrases(known, script, lower=False)
        rows = _rows(material, [one for one in corpus.texts(tag) if one], table, script)
        made = [cut(ids, own, limit) for ids, own in rows]
        parts = [part for some, _ in made for part in some]
        found[tag] = [part for part in parts if _has_something(part, material.special, share)]
        there = sum(len(np.unique(own[own >= 0])) for _, own in parts)
        material.note(f"{text}: {there} names in {len(rows)} texts of {tag}")
        if lost := sum(lost for _, lost in made):
            material.note(f"{text}: {lost} names of {tag} cut by a window were read as other words")
        if lost := len(parts) - len(found[tag]):
            why = "nothing to hide" if share else "no name"
            material.note(f"{text}: {lost} texts of {tag} with {why} were left out")
        count += there
    if not count:
        raise TrainingError(
            f"{text}: no name of {', '.join(map(str, names))} is in it",
            remedy="give dictionaries of names as the text spells them",
        )
    kept, plan = planned(material, text, found, sampling, alpha=alpha, size=batch)
    return EntityText(
        kept, plan, FATES[masks], chosen, share, mask, material.special,
        material.tokenizer.get_vocab_size(), material.numbers,
    )  # fmt: skip


def _rows(material: Material, texts: Sequence[str], names: Phrases, script: str) -> list[Window]:
    """The tokens of texts that have some, and of which names they are pieces."""
    lower = material.lower
    read = [text.lower() for text in texts] if lower else list(texts)
    made = []
    for text, encoded in zip(
        texts, material.tokenizer.encode_batch(read, add_special_tokens=False), strict=True
    ):
        spans = name_spans(text, names, script)
        if lower:  # which changes the length of some letters
            spans = [(len(text[:a].lower()), len(text[:b].lower())) for a, b in spans]
        ids = np.array(encoded.ids, np.int64)
        own = np.where(np.isin(ids, material.special), -1, pieces(encoded.offsets, spans))
        made.append((ids, own))
    return [row for row in made if len(row[0])]


def _has_something(window: Window, special: Sequence[int], share: float) -> bool:
    """Whether a window has what could be hidden."""
    ids, own = window
    return bool((own >= 0).any() or (share and not np.isin(ids, special).all()))
