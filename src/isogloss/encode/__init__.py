"""Model and corpus to vectors.

    encoder = load_encoder("all-MiniLM-L6-v2")
    vectors = encoder.encode(["Kia ora", None, "Hello"], language="mri_Latn")[6]   # [2, 384]

`load_encoder` finds the model and reads it; `encode_cached` keeps the vectors on disk;
`read_word_vectors` reads static vectors of words. Importing this package loads neither torch nor
transformers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isogloss.encode.cache import encode_cached
    from isogloss.encode.protocol import Encoder, Progress, Reader
    from isogloss.encode.resolve import load_encoder
    from isogloss.encode.vectors import Vectors
    from isogloss.encode.word_vectors import WordVectors, read_word_vectors, write_word_vectors

_DOOR = {
    "Encoder": "isogloss.encode.protocol",
    "Progress": "isogloss.encode.protocol",
    "Reader": "isogloss.encode.protocol",
    "Vectors": "isogloss.encode.vectors",
    "encode_cached": "isogloss.encode.cache",
    "load_encoder": "isogloss.encode.resolve",
    "read_word_vectors": "isogloss.encode.word_vectors",
    "WordVectors": "isogloss.encode.word_vectors",
    "write_word_vectors": "isogloss.encode.word_vectors",
}
__all__ = [
    "Encoder",
    "Progress",
    "Reader",
    "Vectors",
    "WordVectors",
    "encode_cached",
    "load_encoder",
    "read_word_vectors",
    "write_word_vectors",
]


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"module 'isogloss.encode' has no attribute {name!r}")
    value = getattr(importlib.import_module(_DOOR[name]), name)
    globals()[name] = value
    return value
