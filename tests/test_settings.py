"""Problems of nested settings have their path, one line each; a broken file has its line."""

import inspect
from typing import Literal

import numpy as np
import pytest
from pydantic import Field, field_validator

from isogloss.errors import SettingsError
from isogloss.settings import Settings, read_keywords, read_settings, read_toml


class Text(Settings):
    """Inside another."""

    path: str


class Outer(Settings):
    """For the tests below."""

    text: dict[str, Text] = Field(default_factory=dict)
    layers: Literal["all", "last"] | tuple[int, ...] = "all"
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value):
        if value % 2:
            raise ValueError("Must be even")
        return value


def problems(**values):
    with pytest.raises(SettingsError) as caught:
        read_settings(Outer, values)
    return list(caught.value.problems)


def test_a_near_miss_is_found_inside_a_table():
    assert "text.a.pth: unknown key; did you mean 'path'?" in problems(text={"a": {"pth": "x"}})


def test_a_union_is_one_problem_at_the_path_the_user_wrote():
    [problem] = problems(layers="lst")
    assert problem.startswith("layers: input should be 'all' or 'last', or ")
    assert problem.endswith("(got 'lst')")


def test_our_own_checks_speak_plainly():
    assert problems(even=3) == ["even: must be even (got 3)"]


def test_a_long_value_is_shortened():
    assert len(problems(even="x" * 5000)[0]) < 200


@pytest.mark.parametrize(
    "data, message",
    [
        (b"a = 1\nb = = 2\n", r"r\.toml:2: "),
        (b"a = 1\nb = 2\nc = '\xe4'\n", r"(?s)r\.toml:3: .*not UTF-8: byte 0xe4"),
    ],
)
def test_a_broken_file_names_its_line(tmp_path, data, message):
    (tmp_path / "r.toml").write_bytes(data)
    with pytest.raises(SettingsError, match=message):
        read_toml(tmp_path / "r.toml")


def test_a_folder_or_an_absent_file_is_one_message(tmp_path):
    for path in (tmp_path, tmp_path / "absent.toml"):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_toml(path)


def test_a_byte_order_mark_is_no_error(tmp_path):
    (tmp_path / "r.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(tmp_path / "r.toml") == {"a": 1}


def _with_an_array(*, rank: int = 4, source: np.ndarray | None = None) -> None:
    """As parameters of a model have it: no settings file can name the array."""


def test_keywords_may_be_of_types_that_no_file_holds():
    array = np.ones(2)
    assert read_keywords(_with_an_array, {"rank": 3}) == {"rank": 3}
    assert read_keywords(_with_an_array, {"source": array})["source"] is array
    with pytest.raises(SettingsError, match="source: "):
        read_keywords(_with_an_array, {"source": "words"})


def test_a_list_whose_items_are_wrong_is_not_called_too_short():
    class Listed(Settings):
        items: tuple[Text, ...] = Field(min_length=1)

    with pytest.raises(SettingsError) as caught:
        read_settings(Listed, {"items": [{"path": 3}]})
    [problem] = caught.value.problems
    assert problem.startswith("items.0.path: ")
    with pytest.raises(SettingsError, match="items: tuple should have at least 1 item"):
        read_settings(Listed, {"items": []})


@pytest.mark.parametrize("kind", ["mixture", "objective", "transform"])
def test_numbers_that_cannot_be_are_refused_before_anything_is_read(kind):
    from isogloss import registry

    wrong = {"batch": 0, "views": 0, "longest": -1, "share": 1.5, "alpha": -1.0, "wrong": 2.0,
             "drop": 1.1, "temperature": 0.0, "scale": -1.0, "negatives": -1}  # fmt: skip
    asked = 0
    for name in registry.names(kind):
        found = registry.get(kind, name)
        for key in wrong.keys() & set(inspect.signature(found).parameters):
            with pytest.raises(SettingsError, match=f"{key}: input should be"):
                read_keywords(found, {key: wrong[key]})
            asked += 1
    assert asked
