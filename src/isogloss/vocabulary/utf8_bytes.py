"""The bytes of UTF-8 as tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.files import fingerprint
from isogloss.registry import register
from isogloss.vocabulary.tokenization import Cut, Tokenization


@register("tokenization", "bytes.v1")
def utf8_bytes() -> Tokenization:
    """Every byte of a text in UTF-8 is a token, its value the id: what ByT5 and CharFormer read.

    The premium of bytes over a pivot is what Arnett et al. call the byte premium. A byte that is
    no whole character counts as a part of one.

    Source: Xue et al. (2022), ByT5, section 3.1; Arnett, Chang and Bergen (2024), A Bit of a
    Problem: Measurement Disparities in Dataset Sizes Across Languages, section 3.
    """
    return Tokenization("bytes", fingerprint("bytes.v1"), _cut, size=256)


def _cut(texts: Sequence[str]) -> Cut:
    parts = [text.encode() for text in texts]
    ids = np.frombuffer(b"".join(parts), np.uint8).astype(np.int32)
    lengths = np.array([len(part) for part in parts], np.int64)
    character = np.cumsum((ids & 0xC0) != 0x80) - 1  # over all texts, and a text begins with one
    firsts = (np.cumsum(lengths) - lengths)[lengths > 0]
    begins = character - np.repeat(character[firsts], lengths[lengths > 0])
    return Cut(ids, lengths, begins, np.zeros(len(ids), bool), ids >= 0x80)
