"""Emoji phrases: counts, and a split without twins."""

import re

import pytest

from isogloss.corpus import read_corpus
from isogloss.corpus.formats.emoji import emoji_names, family
from isogloss.errors import UnknownLanguage, UsageError

pytest.importorskip("emoji", reason="needs the package emoji: pip install isogloss[demo]")


def test_splits_cover_everything_once():
    whole, train, held_out = (
        read_corpus(path) for path in ("emoji", "emoji?split=train", "emoji?split=held-out")
    )
    assert len(held_out) == 400 and 1800 < len(whole) < 2200 and len(whole.languages) == 14
    assert set(train.ids) | set(held_out.ids) == set(whole.ids)
    assert not set(train.ids) & set(held_out.ids)
    assert not set(train.texts("eng")) & set(held_out.texts("eng"))
    assert all(text is not None for x in whole.languages for text in whole.texts(x))


def test_no_held_out_phrase_differs_from_a_training_phrase_in_gender_alone():
    gender = re.compile(r"\b(man|woman|person|men|women|people)\b")
    sides = [read_corpus(f"emoji?split={s}").texts("eng") for s in ("train", "held-out")]
    train, held_out = (
        {gender.sub("*", text) for text in side if gender.search(text)} - {"*"} for side in sides
    )
    assert len(train) > 50 and len(held_out) > 10 and not train & held_out


def test_families():
    english = {sign: names["en"] for sign, names in emoji_names().items()}
    by_name = {name: family(sign, english) for sign, name in english.items()}
    running = ("man running", "woman running facing right", "person running")
    assert len({by_name[name] for name in running}) == 1
    assert by_name["astronaut"] == by_name["woman astronaut"] != by_name["artist"]
    assert by_name["old man"] == by_name["older person"]
    assert by_name["backhand index pointing right"] != by_name["backhand index pointing left"]


def test_names_are_spelled_whole_and_without_marks():
    corpus = read_corpus("emoji")
    russian = dict(zip(corpus.texts("eng"), corpus.texts("ru"), strict=True))
    assert russian["derelict house"] == "заброшенный дом"
    assert not any(":" in t or "_" in t for x in corpus.languages for t in corpus.texts(x))


def test_the_split_stays_what_it_is():
    held_out = read_corpus("emoji?split=held-out", languages=["de"], pivot="en")
    assert [str(x) for x in held_out.languages] == ["eng_Latn", "deu_Latn"]
    assert {"biohazard", "shinto shrine", "fuel pump"} <= set(held_out.texts("eng"))


def test_what_is_not_there():
    with pytest.raises(UnknownLanguage, match="not in this corpus"):
        read_corpus("emoji", languages=["mri"])
    with pytest.raises(UsageError, match="must be train, held-out or all"):
        read_corpus("emoji?split=dev")
