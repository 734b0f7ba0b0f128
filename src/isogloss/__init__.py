"""Isogloss carries a language model across language lines.

Three lines do the main job:

    import isogloss

    run = isogloss.extend("all-MiniLM-L6-v2", languages=["mri"], parallel="nllb_seed",
                          held_out="sib200", out="runs/mri")
    run.scores.where(measure="retrieval_p1", stage="after")

This is the only public door. It is lazy: importing it loads nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import Any

from isogloss._version import __version__

_DOOR = {
    "Corpus": "isogloss.corpus.records",
    "IsoglossError": "isogloss.errors",
    "Language": "isogloss.language",
    "Score": "isogloss.score",
    "Scores": "isogloss.score",
    "Vectors": "isogloss.encode.vectors",
    "compare": "isogloss.recipe.main_jobs",
    "evaluate": "isogloss.recipe.main_jobs",
    "extend": "isogloss.recipe.main_jobs",
    "load_encoder": "isogloss.encode",
    "make_corpus": "isogloss.corpus.records",
    "measure": "isogloss.recipe.main_jobs",
    "open_run": "isogloss.recipe.runs",
    "read_corpus": "isogloss.corpus",
    "read_language": "isogloss.language",
    "run": "isogloss.recipe.main_jobs",
    "transfer": "isogloss.recipe.main_jobs",
}
__all__ = ["__version__", *sorted(_DOOR)]


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"module 'isogloss' has no attribute {name!r}")
    value = getattr(importlib.import_module(_DOOR[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
