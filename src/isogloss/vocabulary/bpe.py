"""Byte-pair encoding step by step: what a token is made of, which a library's answer hides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_BYTES = re.compile(r"(?:<0x[0-9A-F]{2}>)+")


@dataclass
class Merges:
    """The merges of a BPE vocabulary, most urgent first, and the marks that its symbols carry.

    Attributes:
        ranks: place of each merge; lower is done first.
        prefix: of symbols that do not begin a word, such as `##`; mostly empty.
        suffix: of symbols that end a word, such as `</w>`; mostly empty.
        fallback: whether characters without a token become bytes such as `<0xE2>`.
    """

    ranks: dict[tuple[str, str], int]
    prefix: str = ""
    suffix: str = ""
    fallback: bool = False
    results: dict[str, list[tuple[str, str]]] = field(init=False)

    def __post_init__(self) -> None:
        self.results = {}
        for pair in self.ranks:
            self.results.setdefault(self.merged(*pair), []).append(pair)

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> Merges:
        """The merges in the state of a BPE model."""
        pairs = (tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"])
        return cls(
            {pair: rank for rank, pair in enumerate(pairs)},
            model.get("continuing_subword_prefix") or "",
            model.get("end_of_word_suffix") or "",
            bool(model.get("byte_fallback")),
        )

    def merged(self, left: str, right: str) -> str:
        """The name of what a merge makes."""
        return left + right[len(self.prefix) :]

    def symbols(self, token: str) -> list[str]:
        """What the characters of a token are before any merge."""
        if self.fallback and _BYTES.fullmatch(token):
            return [token[i : i + 6] for i in range(0, len(token), 6)]
        inside = bool(self.prefix) and token.startswith(self.prefix) and token != self.prefix
        body = token[len(self.prefix) :] if inside else token
        ends = bool(self.suffix) and body.endswith(self.suffix) and body != self.suffix
        letters = list(body[: -len(self.suffix)] if ends else body)
        made = [self.prefix * (inside or i > 0) + letter for i, letter in enumerate(letters)]
        if ends:
            made[-1] += self.suffix
        return made

    def cut(self, token: str) -> list[str]:
        """The symbols that the letters of a token end as; itself alone if merges make it."""
        return self._run(token)[0]

    def _run(self, token: str) -> tuple[list[str], list[str]]:
        """What the letters of a token end as, and all symbols met on the way.

        The pair of lowest rank is merged first, the leftmost of equals, until no merge is left.
        """
        now = self.symbols(token)
        met = list(now)
        while len(now) > 1:
            ranked = [
                (rank, i)
                for i in range(len(now) - 1)
                if (rank := self.ranks.get((now[i], now[i + 1]))) is not None
            ]
            if not ranked:
                break
            at = min(ranked)[1]
            now[at : at + 2] = [self.merged(now[at], now[at + 1])]
            met.append(now[at])
        return now, met

    def parts(self, token: str) -> set[str]:
        """Every symbol that must be there for merges to make the token, itself among them.

        A text's token is made inside the text as it is made of its own letters alone, since no
        merge on the way crosses its bounds. A token that its own letters do not lead to needs all
        parts that any merge makes it of.
        """
        ends, met = self._run(token)
        if ends == [token]:
            return set(met)
        found: set[str] = set()
        waiting = [token]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [part for pair in self.results.get(name, ()) for part in pair]
        return found

    def add(self, left: str, right: str) -> str:
        """A merge behind all others; what it makes."""
        made = self.merged(left, right)
        self.ranks[left, right] = len(self.ranks)
        self.results.setdefault(made, []).append((left, right))
        return made
