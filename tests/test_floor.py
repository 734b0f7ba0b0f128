"""Errors, registry, settings and files: the floor everything stands on."""

import errno
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import isogloss
from isogloss import errors, files, registry
from isogloss.errors import IsoglossError, OutputError, SettingsError, UnknownName, UsageError
from isogloss.settings import Settings, read_settings, read_toml


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    drawn = set(re.findall(r"── (\w+)", errors.__doc__)) | {"IsoglossError"}
    real = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert drawn == real


def test_an_error_says_where_and_what_to_do():
    error = IsoglossError("is odd", file="a.txt", line=3, remedy="make it even")
    assert str(error) == "a.txt:3: is odd\n  make it even"
    assert UsageError("x").exit_code == 2 and error.exit_code == 1


def test_the_door_is_exact_and_opens():
    assert set(dir(isogloss)) == set(isogloss.__all__)
    for name in isogloss.__all__:
        assert getattr(isogloss, name) is not None
    with pytest.raises(AttributeError):
        isogloss.nothing_of_the_kind  # noqa: B018


def test_every_scanned_name_is_registered_by_its_module():
    for entry in registry.entries():
        thing = registry.get(entry.kind, entry.name)
        assert thing.__module__ == entry.module
    assert {e.kind for e in registry.entries()} >= {
        "format", "measure", "objective", "parameters", "step", "chart", "tokenizer",
    }  # fmt: skip


def test_a_bare_name_means_the_newest_version():
    registry.register("testing", "thing.v2")(object())
    newest = object()
    registry.register("testing", "thing.v10")(newest)
    assert registry.get("testing", "thing") is newest


def test_names_are_versioned_unique_and_suggested():
    with pytest.raises(UsageError, match="not a versioned name"):
        registry.register("testing", "mexa")
    registry.register("testing", "taken.v1")(files.fingerprint)
    with pytest.raises(UsageError, match=r"twice: isogloss.files.fingerprint at .*sha256_file at "):
        registry.register("testing", "taken.v1")(files.sha256_file)
    with pytest.raises(UnknownName, match="did you mean mexa"):
        registry.get("measure", "mexxa")


class Inner(Settings):
    """For the tests below."""

    steps: int = 3
    rate: float


def test_all_problems_at_once_each_with_its_path():
    with pytest.raises(SettingsError) as caught:
        read_settings(Inner, {"stepz": 1, "steps": "many"})
    text = str(caught.value)
    assert "3 problems" in text and "stepz: unknown key; did you mean 'steps'?" in text
    assert "rate: required" in text and "steps: " in text


@given(st.integers(0, 9), st.floats(allow_nan=False, allow_infinity=False))
def test_settings_read_back_equal(steps, rate):
    made = Inner(steps=steps, rate=rate)
    assert read_settings(Inner, made.model_dump()) == made


def test_a_broken_toml_names_file_and_line(tmp_path):
    file = tmp_path / "r.toml"
    file.write_text("a = 1\nb = = 2\n")
    with pytest.raises(SettingsError, match=r"r.toml:2: "):
        read_toml(file)


def test_a_file_is_whole_or_absent(tmp_path):
    with pytest.raises(RuntimeError), files.atomic_write(tmp_path / "x") as file:
        file.write("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with files.atomic_write(tmp_path / "x") as file:
        file.write("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_folder_is_whole_or_absent(tmp_path):
    with pytest.raises(RuntimeError), files.atomic_folder(tmp_path / "x") as folder:
        (folder / "a").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_no_space_left_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(OutputError, match="no space left"),
        files.atomic_write(tmp_path / "x") as file,
    ):
        file.write("much")
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=5))
def test_fingerprints_tell_missing_from_empty_and_know_order(texts):
    same = files.fingerprint_texts(texts)
    assert same == files.fingerprint_texts(list(texts))
    assert same != files.fingerprint_texts([*texts, None]) != files.fingerprint_texts([*texts, ""])
    if texts[0] != texts[-1]:
        assert same != files.fingerprint_texts(texts[::-1])
