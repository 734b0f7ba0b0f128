"""A query and a passage as one text of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.encode.protocol import Encoder
from isogloss.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Scored(NamedTuple):
    """What pairs are worth.

    Attributes:
        values: `[n]` float32, more is better.
        truncated: pairs that were cut to the window.
    """

    values: np.ndarray
    truncated: int = 0


class Frame(NamedTuple):
    """How texts of a model are put together from token ids.

    Attributes:
        tokenizer: of the model.
        lower: whether texts are lower-cased first.
        first: ids before a text.
        last: ids behind it.
        between: ids between two texts.
        room: tokens that the window holds besides `first` and `last`.
    """

    tokenizer: Tokenizer
    lower: bool
    first: Sequence[int]
    last: Sequence[int]
    between: Sequence[int]
    room: int

    def ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of each text, without what stands around it."""
        given = [text.lower() for text in texts] if self.lower else list(texts)
        made = self.tokenizer.encode_batch_fast(given, add_special_tokens=False)
        return [np.array(one.ids, np.int32) for one in made]

    def framed(self, ids: np.ndarray) -> np.ndarray:
        """Ids with what stands around a text."""
        return np.concatenate([self.first, ids, self.last]).astype(np.int32)


def frame_of(encoder: Encoder) -> Frame:
    """How an encoder's texts are put together.

    Raises:
        UsageError: it reads no token ids, or its tokenizer is written in Python.
    """
    from isogloss.train.mixtures.concatenated import between
    from isogloss.train.reading import text_ends

    reader = encoder.reader
    if not hasattr(encoder, "encode_ids") or not hasattr(reader.tokenizer, "encode_batch_fast"):
        raise UsageError(
            f"{encoder.name} cannot read a query and a passage as one text",
            remedy="take a transformer with a tokenizer of the tokenizers library",
        )
    first, last = text_ends(reader.tokenizer)
    room = reader.window - len(first) - len(last)
    return Frame(reader.tokenizer, reader.lower, first, last, between(reader.tokenizer), room)


def joined(
    query: np.ndarray, passage: np.ndarray, between: Sequence[int], room: int
) -> tuple[np.ndarray, bool]:
    """Ids of `query [SEP] passage`, and whether either had to be cut.

    Over `room` the passage is cut first, until it has half of it, then the query.
    """
    free = room - len(between)
    kept = min(len(passage), max(free - len(query), free // 2))
    asked = query[: free - kept]
    ids = np.concatenate([asked, between, passage[:kept]]).astype(np.int32)
    return ids, kept < len(passage) or len(asked) < len(query)
