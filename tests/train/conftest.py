"""The small tokenizers and models of the vocabulary's tests, for training too."""

import importlib.util
from pathlib import Path

import pytest

_FILE = Path(__file__).parents[1] / "vocabulary" / "conftest.py"
_spec = importlib.util.spec_from_file_location("vocabulary_fixtures", _FILE)
_made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_made)

texts, tokenizer_of, model_folder = _made.texts, _made.tokenizer_of, _made.model_folder


@pytest.fixture(scope="session")
def small():
    """The module `small.py` beside this file."""
    spec = importlib.util.spec_from_file_location("small", Path(__file__).with_name("small.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
