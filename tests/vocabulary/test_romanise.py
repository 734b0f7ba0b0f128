"""Texts in Latin letters by a map that is known letter for letter."""

import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.romanise import romanise


@pytest.mark.parametrize(
    ("script", "text", "spelled"),
    [
        ("Cyrl", "красная собака", "krasnaya sobaka"),
        ("Grek", "λόγος", "logos"),
        ("Deva", "नमस्ते", "namaste"),
        ("Jpan", "コーヒー", "kohi"),
        ("Kore", "한국", "hangug"),
        ("Arab", "ﻛﺘﺎﺏ", "ktab"),  # presentation forms are letters first
        ("Cyrl", "red", "red"),
    ],
)
def test_known_spellings(script, text, spelled):
    assert romanise([text], script) == [spelled]


def test_what_is_missing_or_leaves_nothing_is_missing():
    assert romanise([None, "ъ", "да"], "Cyrl") == [None, None, "da"]
    with pytest.raises(UsageError, match="no romanisation for 'Hans'"):
        romanise(["中"], "Hans")
