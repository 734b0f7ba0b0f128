"""Translations as queries and as texts to translate."""

import pytest

from isogloss.errors import UsageError
from isogloss.task.examples import QUERIES, TEXT, TRANSLATIONS
from isogloss.task.readers import read_examples


@pytest.fixture
def pattern(tmp_path):
    (tmp_path / "t.deu.txt").write_text("eins\n\ndrei\n", encoding="utf-8")
    (tmp_path / "t.eng.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    (tmp_path / "t.fra.txt").write_bytes(b"\xff")
    return f"{tmp_path}/t.{{language}}.txt"


def test_a_query_is_answered_by_its_own_translation(pattern):
    made = read_examples(f"{pattern}?to=en", QUERIES, language="de")
    assert made.table.to_pylist() == [
        {"id": "1", "text": "eins", "relevant": ["1"]},
        {"id": "3", "text": "drei", "relevant": ["3"]},
    ]
    assert made.dropped == {"without a text in both languages": 1}


def test_texts_with_their_translation(pattern):
    made = read_examples(f"{pattern}?to=en", TRANSLATIONS, language="de")
    assert made.column("to") == ["eng_Latn"] * 2
    assert made.column("translation") == ["one", "three"]


def test_columns_by_name(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"s": "ja", "t": "yes"}\n{"s": "nein", "t": "no"}\n', encoding="utf-8")
    made = read_examples(f"{path}?to=en&source=s&target=t", TRANSLATIONS, language="de")
    assert made.column("text") == ["ja", "nein"]
    assert made.column("translation") == ["yes", "no"]


def test_a_language_to_translate_into_is_needed(pattern):
    with pytest.raises(UsageError, match="translations into which language"):
        read_examples(f"{pattern}?format=parallel", QUERIES, language="de")
    with pytest.raises(UsageError, match="cannot be read from translations"):
        read_examples(f"{pattern}?format=parallel&to=en", TEXT, language="de")
