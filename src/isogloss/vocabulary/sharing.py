"""Which tokens languages should not share: own ids where that tells them apart most (LAVS)."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.learn import token_ids
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.sampling import Texts

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

FLOOR = 1e-6
"""The probability of what a language never writes, so that divergences are finite."""

MARK = "\uffff"  # no character of any text, so that the names of own ids match nothing


def frequencies(tokenizer: Tokenizer, texts: Texts) -> np.ndarray:
    """`[L, V]` the share of each token among a language's tokens, special and unknown ones aside.

    Raises:
        UsageError: a language without a known token.
    """
    special = read_pieces(tokenizer).special  # [V]
    rows = np.zeros((len(texts), len(special)))
    for row, (tag, lines) in zip(rows, texts.items(), strict=True):
        for ids in token_ids(tokenizer, lines):
            np.add.at(row, ids, 1)
        row[special] = 0
        if not row.sum():
            raise UsageError(f"{tag} has no text that the tokenizer knows a token of")
        row /= row.sum()
    return rows


def divergence(p: np.ndarray, ids: np.ndarray | None = None, *, floor: float = FLOOR) -> float:
    """Mean over ordered pairs of languages of KL(m || n) = sum_i p_m(i) ln(p_m(i) / p_n(i)).

    Where p_n(i) is under `floor` it counts as `floor`; 0 ln 0 is 0.

    Args:
        p: `[L, V]` token shares of each language.
        ids: `[L, V]` the id of each token in each language; by default all share theirs.
        floor: see above.

    Raises:
        UsageError: one language only.
        VectorError: what are no shares.

    Source: Chen et al. (2023), On the Off-Target Problem of Zero-Shot Multilingual Neural Machine
    Translation, section 3: the less it is, the more often a model answers in the wrong language.
    """
    p = _checked(p, floor)
    languages = len(p)
    if ids is not None:
        own = np.zeros((languages, int(ids.max()) + 1))
        for row, mine, at in zip(own, p, ids, strict=True):
            np.add.at(row, at, mine)
        p = own
    logs = np.log(np.maximum(p, floor))  # [L, V'] of the second language
    entropy = np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(1)  # [L]
    total = languages * entropy.sum() - (p @ logs.T).sum()
    total -= (entropy - (p * logs).sum(1)).sum()  # of a language with itself
    return float(total / (languages * (languages - 1)))


def _checked(p: np.ndarray, floor: float) -> np.ndarray:
    p = np.asarray(p, np.float64)
    if p.ndim != 2 or not np.allclose(p.sum(1), 1) or (p < 0).any():
        raise VectorError("token shares must be nonnegative and sum to 1 in every language")
    if len(p) < 2:
        raise UsageError(
            "one language only: there is none that it could share tokens with",
            remedy="name two languages at least",
        )
    if not 0 < floor < 1:
        raise UsageError(f"floor is {floor}; it must be over 0 and under 1")
    return p


def language_aware_ids(p: np.ndarray, *, extra: int, floor: float = FLOOR) -> np.ndarray:
    """`[L, V]` ids, `extra` of them new, that make the `divergence` of languages largest.

    Each new id takes one token of one language out of what the languages share. What it adds is

        sum_n p_m(i) ln(max(p_n(i), floor) / floor) + p_n(i) ln(max(p_m(i), floor) / floor)

    over the languages n that still share i; the largest is taken, again and again. For two
    languages that is the best choice of all; for more each step is the best one. New ids follow the
    old in the order in which they were chosen, so fewer are the beginning of more. What all but one
    language left stays with that one at no cost.

    Args:
        p: `[L, V]` token shares of each language.
        extra: new ids.
        floor: see `divergence`.

    Raises:
        UsageError: one language only, or a negative number of ids.
        VectorError: what are no shares.

    Source: Chen et al. (2023), section 4 (LAVS), which splits the tokens that languages share most;
    here the divergence itself decides.
    """
    p = _checked(p, floor)
    if extra < 0:
        raise UsageError(f"{extra} new ids cannot be given")
    languages, size = p.shape
    ids = np.tile(np.arange(size), (languages, 1))  # [L, V]
    above = np.log(np.maximum(p, floor) / floor)  # [L, V], 0 for what is not written
    shared = np.ones_like(p, bool)  # [L, V]

    def gains(token: Any) -> np.ndarray:
        """`[L, ...]` what own ids would add."""
        there = shared[:, token]
        mine, far = p[:, token] * there, above[:, token] * there
        return mine * (far.sum(0) - far) + far * (mine.sum(0) - mine)

    first = gains(slice(None))  # [L, V]
    best = first.argmax(0)  # [V]
    queue = [(-first[m, i], i, int(m)) for i, m in enumerate(best.tolist()) if first[m, i] > 0]
    heapq.heapify(queue)
    given = 0
    while queue and given < extra:
        _, token, language = heapq.heappop(queue)
        ids[language, token] = size + given
        shared[language, token] = False
        given += 1
        left = gains(token)
        language = int(left.argmax())
        if left[language] > 0:
            heapq.heappush(queue, (-left[language], token, language))
    return ids


@dataclass(frozen=True)
class LanguageAware:
    """A tokenizer whose ids depend on the language of the text.

    Attributes:
        tokenizer: what cuts text, alike in all languages.
        ids: `[L, V]` the id of each of its tokens in each language.
        languages: their tags in that order.
    """

    tokenizer: Tokenizer
    ids: np.ndarray
    languages: Sequence[str]

    def __len__(self) -> int:
        return max(int(self.ids.max()) + 1, self.ids.shape[1])

    @property
    def tokens(self) -> np.ndarray:
        """`[V']` which of the tokenizer's tokens each id stands for."""
        found = np.arange(len(self))
        for row in self.ids:
            found[row] = np.arange(len(row))
        return found

    def encode(self, texts: Sequence[str], language: str) -> list[np.ndarray]:
        """The ids of each text of a language."""
        row = self.ids[self._place(language)]
        read: list[Encoding] = self.tokenizer.encode_batch(list(texts))
        return [row[np.array(one.ids, np.int64)] for one in read]

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """The text of each row of ids, of whatever language."""
        tokens = self.tokens
        return self.tokenizer.decode_batch([tokens[np.asarray(row, int)].tolist() for row in ids])

    def of(self, language: str) -> Tokenizer:
        """A plain tokenizer of one language, with the ids that `encode` gives.

        Its tokenizer.json needs no code of ours. Ids of other languages have names that no text
        matches: the token, a noncharacter and the tag.
        """
        from tokenizers import Tokenizer

        place = self._place(language)
        state = json.loads(self.tokenizer.to_str())
        model = state["model"]
        names = {i: name for name, i in self.tokenizer.get_vocab().items()}
        tokens = self.tokens  # [V']
        spelled = {i: names[t] + MARK for i, t in enumerate(tokens.tolist()) if t in names}
        for tag, row in zip(self.languages, self.ids, strict=True):
            spelled |= {i: spelled[i] + tag for i in row[row >= len(row)].tolist()}
        spelled |= {i: names[t] for t, i in enumerate(self.ids[place].tolist()) if t in names}
        if model["type"] == "Unigram":
            scores = dict(model["vocab"])  # tokens that were added have none
            model["vocab"] = [
                [spelled.get(i, f"{MARK}{i}"), scores.get(names.get(t, ""), 0.0)]
                for i, t in enumerate(tokens.tolist())
            ]
        else:
            model["vocab"] = {name: i for i, name in spelled.items()}
        return Tokenizer.from_str(json.dumps(state))

    def _place(self, language: str) -> int:
        if language not in self.languages:
            raise UsageError(
                f"the ids of {language} are not known", remedy=f"known: {', '.join(self.languages)}"
            )
        return list(self.languages).index(language)


def share_language_aware(
    tokenizer: Tokenizer, texts: Mapping[str, Sequence[str]], *, extra: int, floor: float = FLOOR
) -> LanguageAware:
    """Give `extra` new ids to tokens that languages had better not share (LAVS).

    Prefer it for models that are told the language of what they write, and answer in another.

    Args:
        tokenizer: the shared vocabulary; special tokens stay shared.
        texts: lines per language.
        extra: new ids; fewer where languages share less.
        floor: see `divergence`.

    Raises:
        UsageError: one language only, one without text, or a negative number of ids.
    """
    p = frequencies(tokenizer, texts)
    return LanguageAware(tokenizer, language_aware_ids(p, extra=extra, floor=floor), list(texts))
