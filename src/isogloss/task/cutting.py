"""How a model's texts become token ids, for tasks that must know which token is of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.encode.tokens import RustTokenizer
from isogloss.encode.words import Split
from isogloss.train.reading import text_ends

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.encode.folder import ModelFolder


class Tokens(NamedTuple):
    """The tokens of one text.

    Attributes:
        ids: `[t]`, without what stands around a text.
        spans: `[t, 2]` characters of the text from and up to.
    """

    ids: np.ndarray
    spans: np.ndarray


@dataclass(frozen=True)
class Cutter:
    """A model's tokenizer and its window.

    Attributes:
        tokenizer: that neither cuts off nor fills up.
        longest: tokens of a text that the window holds.
        lower: whether texts are lower-cased first.
    """

    tokenizer: Tokenizer
    longest: int
    lower: bool = False

    def texts(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of texts, and where in the text they stand."""
        read = self.tokenizer.encode_batch([*map(self._lowered, texts)], add_special_tokens=False)
        return [
            Tokens(np.array(e.ids, np.int64), np.array(e.offsets, np.int64).reshape(-1, 2))
            for e in read
        ]

    def words(self, sentences: Sequence[Sequence[str]]) -> list[Split]:
        """Tokens of words, and which word each is of."""
        tokenizer = RustTokenizer(self.tokenizer, self.longest, None)
        return tokenizer.split([[self._lowered(word) for word in words] for words in sentences])

    @cached_property
    def between(self) -> np.ndarray:
        """The special tokens that stand between the two texts of a pair.

        A tokenizer that says nothing of pairs has the one that ends a text, if there is one.
        """
        found = self.tokenizer.encode("a", "a")
        special = np.array(found.special_tokens_mask, bool)
        first, last = np.flatnonzero(~special)[[0, -1]]
        inside = np.array(found.ids, np.int64)[first : last + 1]
        own = inside[special[first : last + 1]]
        return own if len(own) else np.array(text_ends(self.tokenizer)[1][:1], np.int64)

    def _lowered(self, text: str) -> str:
        # Letters whose lower case is longer stay, or places in the text would shift.
        if not self.lower:
            return text
        return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def cutter_of(folder: ModelFolder) -> Cutter:
    """The cutter of a transformer's folder."""
    from isogloss.encode.weights import load_tokenizer, read_window
    from isogloss.vocabulary.trim import untruncated

    wrapper = load_tokenizer(folder)
    tokenizer = untruncated(wrapper.backend_tokenizer)
    added = len(tokenizer.encode("").ids)
    return Cutter(tokenizer, read_window(folder, wrapper) - added, folder.lower)
