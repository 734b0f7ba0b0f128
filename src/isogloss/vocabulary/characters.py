"""Characters as tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.files import fingerprint
from isogloss.registry import register
from isogloss.vocabulary.tokenization import Cut, Tokenization


@register("tokenization", "characters.v1")
def characters() -> Tokenization:
    """Every character of a text is a token, its code point the id: what CANINE reads.

    Its vocabulary has no fixed size.

    Source: Clark et al. (2022), CANINE, section 3.1.
    """
    return Tokenization("characters", fingerprint("characters.v1"), _cut)


def _cut(texts: Sequence[str]) -> Cut:
    lengths = np.array([len(text) for text in texts], np.int64)
    ids = np.frombuffer("".join(texts).encode("utf-32-le"), np.int32)
    begins = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    never = np.zeros(len(ids), bool)
    return Cut(ids, lengths, begins, never, never)
