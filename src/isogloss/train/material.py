"""What a mixture is built from: texts, the tokenizer that cuts them, the teacher's vectors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from isogloss.errors import TrainingError, UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.corpus.records import Corpus

Ragged = list["np.ndarray | None"]
"""Token ids `[tokens]` a row, without what stands around a text; None where there is no text."""


@dataclass
class Material:
    """Texts of a run for a model, as registered mixtures take them.

    Attributes:
        texts: the corpora of the run by name, without the rows that are kept from training.
        tokenizer: of the model, without truncation and padding.
        special: ids that stand for no text.
        mask: id of the mask, None where the tokenizer has none.
        pivot: canonical tag.
        languages: canonical tags, the pivot not among them.
        longest: tokens of a text that the model's window holds.
        lower: whether texts are lower-cased first.
        read: canonical tags of the languages that the lesson reads; all of the run by default.
        columns: what the objectives of the lesson read, by which a mixture may add what costs.
        roles: ids of the special tokens by what they are for: `eos`, `sep`, `pad` ...
        steps: that training takes, 0 where nobody said.
        behind: whether the rows are the last of their texts, kept from training, and not the first.
        originals: texts that were transformed on the way in, as they were, row for row.
        vectors: the teacher's unit vectors `[rows, d]` of the pivot, by name of a text.
        kept: the same for the rows that are kept from training.
        note: told what people should know.
    """

    texts: Mapping[str, Corpus]
    tokenizer: Tokenizer
    special: Sequence[int]
    mask: int | None
    pivot: str
    languages: Sequence[str]
    longest: int
    lower: bool = False
    read: Collection[str] | None = None
    columns: Collection[str] = ()
    roles: Mapping[str, int] = field(default_factory=dict)
    steps: int = 0
    behind: bool = False
    originals: Mapping[str, Corpus] = field(default_factory=dict)
    vectors: Callable[[str], np.ndarray] | None = None
    kept: Material | None = None
    note: Callable[[str], None] = field(default=lambda told: None)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each language in the column `language`; the pivot is 0."""
        return {tag: number for number, tag in enumerate([self.pivot, *self.languages])}

    @property
    def end(self) -> int | None:
        """Id of the token that ends a text, None where the tokenizer has none."""
        return self.roles.get("eos")

    def masks(self) -> int:
        """Id of the mask.

        Raises:
            TrainingError: the tokenizer has none.
        """
        if self.mask is None:
            raise TrainingError(
                "the tokenizer has no mask",
                remedy="take a model that learned from hidden tokens, such as BERT or XLM-R",
            )
        return self.mask

    def corpus(self, text: str) -> Corpus:
        """A text of the run, in those languages that are read and that it has.

        Raises:
            UsageError: no text of that name; there are others.
        """
        if text not in self.texts:
            raise UsageError(
                f"no text is called {text!r}", remedy=f"there is {', '.join(sorted(self.texts))}"
            )
        corpus = self.texts[text]
        there = set(map(str, corpus.languages))
        if self.read is not None:
            there &= set(self.read)
        return corpus.keep([tag for tag in self.numbers if tag in there])

    def ids(self, texts: Sequence[str | None]) -> Ragged:
        """Token ids of each text; None for those of no text or of no token."""
        there = [t.lower() if self.lower else t for t in texts if t is not None]
        encoded = iter(self.tokenizer.encode_batch(there, add_special_tokens=False))
        found = [None if t is None else np.array(next(encoded).ids, np.int64) for t in texts]
        return [ids if ids is not None and len(ids) else None for ids in found]

    def columns_of(self, text: str, longest: int | None = None) -> dict[str, Ragged]:
        """Ids of every row of a text by language; rows over `longest` are left out and told.

        Raises:
            TrainingError: a language of which nothing is left.
        """
        limit, corpus = min(longest or self.longest, self.longest), self.corpus(text)
        found: dict[str, Ragged] = {}
        for tag in map(str, corpus.languages):
            rows = self.ids(corpus.texts(tag))
            long = sum(ids is not None and len(ids) > limit for ids in rows)
            if long:
                self.note(f"{text}: {long} rows of {tag} over {limit} tokens were not trained on")
            found[tag] = [ids if ids is not None and len(ids) <= limit else None for ids in rows]
            if all(ids is None for ids in found[tag]):
                raise TrainingError(f"{text}: no row of {tag} has 1 to {limit} tokens")
        return found
