"""What one test file has for another, such as the cases of a family or a recipe of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def load(path: str) -> ModuleType:
    """The module of a file under `tests/`, such as `train/objectives/test_words.py`."""
    file = Path(__file__).parents[1] / path
    spec = importlib.util.spec_from_file_location(f"loaded_{file.stem}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
