"""The scan of the source and what decorators do agree; other packages may add, never replace."""

import importlib
import pkgutil
from importlib.metadata import EntryPoint

import pytest

import isogloss
from isogloss import registry
from isogloss.errors import UsageError


@pytest.fixture
def points(monkeypatch):
    """Pretend that another package is installed with these entry points."""

    def install(**named):
        made = [EntryPoint(n.replace("__", ":"), v, "isogloss") for n, v in named.items()]
        monkeypatch.setattr(registry, "_entry_points", lambda: made)
        registry._entries.cache_clear()

    yield install
    monkeypatch.undo()
    registry._entries.cache_clear()


def test_the_scan_finds_all_that_decorators_register():
    for module in pkgutil.walk_packages(isogloss.__path__, "isogloss."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    scanned = {(e.kind, e.name): f"{e.file}:{e.line}" for e in registry.entries()}
    decorated = {k: v for k, v in registry._places.items() if k[0] != "testing"}
    assert scanned == decorated


def test_another_package_adds_a_name_without_decorating(points):
    points(**{"testing__upper.v1": "builtins:str.upper"})
    assert registry.get("testing", "upper") is str.upper


def test_another_package_cannot_take_a_name(points):
    points(**{"measure__mexa.v1": "builtins:str"})
    with pytest.raises(UsageError, match=r"twice: .*retrieval\.py:\d+ and entry point .*:str"):
        registry.names("measure")


def test_an_entry_point_needs_a_version(points):
    points(**{"measure__mine": "builtins:str"})
    with pytest.raises(UsageError, match=r"must be like 'measure:mine\.v1'"):
        registry.names("measure")
