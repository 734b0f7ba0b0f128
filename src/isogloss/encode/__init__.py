"""Model and corpus to vectors.

    encoder = load_encoder("all-MiniLM-L6-v2")
    vectors = encoder.encode(["Kia ora", None, "Hello"], language="mri_Latn")[6]   # [2, 384]

`load_encoder` finds the model and reads it; `encode_cached` keeps the vectors on disk. Importing
this package loads neither torch nor transformers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isogloss.encode.cache import encode_cached
    from isogloss.encode.protocol import Encoder, Progress, Tokenized
    from isogloss.encode.resolve import load_encoder
    from isogloss.encode.vectors import Vectors

_DOOR = {
    "Encoder": "isogloss.encode.protocol",
    "Progress": "isogloss.encode.protocol",
    "Tokenized": "isogloss.encode.protocol",
    "Vectors": "isogloss.encode.vectors",
    "encode_cached": "isogloss.encode.cache",
    "load_encoder": "isogloss.encode.resolve",
}
__all__ = [
    "Encoder",
    "Progress",
    "Tokenized",
    "Vectors",
    "encode_cached",
    "load_encoder",
]


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"module 'isogloss.encode' has no attribute {name!r}")
    value = getattr(importlib.import_module(_DOOR[name]), name)
    globals()[name] = value
    return value
