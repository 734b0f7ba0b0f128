"""What a tag means, for people."""

import io
import json

import pytest
from rich.console import Console

from isogloss.errors import UnknownLanguage
from isogloss.language import describe, read_language
from isogloss.language.describe import render, table


def test_describe_says_what_a_tag_means():
    german, swahili, chinese = describe(["deu", "sw", "zh-Hant"])
    assert (german["asked"], german["tag"], german["name"]) == ("deu", "deu_Latn", "German")
    assert german["autonym"] == "Deutsch" and german["script"] == "Latin"
    assert german["speakers"] > german["writers"] > 50_000_000
    assert german["direction"] == "ltr" and german["note"] is None
    assert swahili["macrolanguage"] == "swa" and "macrolanguage" in swahili["note"]
    assert chinese["tag"] == "cmn_Hant" and chinese["bcp47"] == "zh-Hant"
    assert json.loads(json.dumps([german, swahili, chinese])) == [german, swahili, chinese]


def test_the_facts_follow_the_script():
    assert read_language("pa-Arab").direction == "rtl" != read_language("pa").direction
    assert read_language("pa-Arab").autonym != read_language("pa").autonym
    assert read_language("sr-Latn").autonym == "srpski"
    assert read_language("zh-Hant").writers < read_language("zh-Hans").writers
    assert (
        read_language("arz").macrolanguage == "ara" and read_language("deu").macrolanguage is None
    )
    assert read_language("spa-MX").name == "Spanish (MX)"


def test_what_is_not_known_is_none_and_never_a_made_up_number():
    rare = read_language("azb")
    assert rare.speakers is None and rare.writers is None and rare.autonym == rare.name


def test_a_wrong_tag_among_good_ones_is_refused():
    with pytest.raises(UnknownLanguage, match="deuu"):
        describe(["deu", "deuu"])


@pytest.mark.parametrize("width", [60, 160])
def test_the_table_fits_the_console_it_is_given(width):
    stream = io.StringIO()
    render(describe(["deu", "ar", "zh-Hant"]), Console(file=stream, width=width))
    lines = stream.getvalue().splitlines()
    assert "tag" in lines[1] and len(lines) > 5
    if width == 160:
        for text in ("deu_Latn", "Deutsch", "cmn_Hant", "BCP-47", "rtl", "macrolanguage"):
            assert text in stream.getvalue()


def test_an_empty_question_has_an_empty_answer():
    assert describe([]) == [] and table([]).row_count == 0
