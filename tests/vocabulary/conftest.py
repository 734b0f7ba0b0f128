"""A tokenizer of each kind in turn."""

from __future__ import annotations

import pytest

from tiny_models import KINDS, learn


@pytest.fixture(scope="session", params=KINDS)
def tokenizer(request, texts):
    """One tokenizer of each kind."""
    return learn(request.param, texts)
