"""A wanted tag means one of the languages of a corpus, or says why not."""

import pytest

from isogloss.errors import AmbiguousLanguage, LanguageError, UnknownLanguage
from isogloss.language import read_language, resolve


def _resolve(tag, *there):
    notes = []
    found = resolve([tag], [read_language(other) for other in there], note=notes.append)
    return str(found[0]), notes


def test_the_bare_tag_means_the_plain_file():
    there = ("eng-GB", "eng", "eng-IN", "spa.ref2", "spa")
    assert _resolve("eng", *there) == ("eng_Latn", [])
    assert _resolve("en", *there) == ("eng_Latn", [])
    assert _resolve("eng-GB", *there) == ("eng_Latn-GB", [])
    assert _resolve("spa.ref2", *there) == ("spa_Latn.ref2", [])


def test_order_and_repetition_are_the_callers():
    there = [read_language(tag) for tag in ("deu", "fra", "hin")]
    assert resolve(["hin", "deu", "hin"], there) == [there[2], there[0], there[2]]
    assert resolve([], there) == []


def test_a_bare_tag_may_mean_the_only_script_there():
    found, notes = _resolve("yue", "yue_Hani", "deu")
    assert found == "yue_Hani"
    assert notes == ["'yue': yue_Hant is not here; yue_Hani is the only script of it that is"]
    with pytest.raises(AmbiguousLanguage, match="yue_Hani or yue_Latn"):
        _resolve("yue", "yue_Hani", "yue_Latn")
    assert _resolve("yue", "yue_Hani", "yue_Hant")[0] == "yue_Hant"


def test_a_tag_that_names_its_script_means_that_script():
    with pytest.raises(UnknownLanguage, match="near ones: srp_Cyrl"):
        _resolve("sr-Latn", "srp_Cyrl")


def test_a_macrolanguage_may_mean_its_only_member_there():
    found, notes = _resolve("ara", "arz", "deu")
    assert (
        found == "arz_Arab" and "read as arb" in notes[0] and "arz_Arab is the nearest" in notes[1]
    )
    assert _resolve("ara", "arz", "arb")[0] == "arb_Arab"
    assert _resolve("grn", "gug")[0] == "gug_Latn"
    assert _resolve("gug", "grn")[0] == "grn_Latn"
    with pytest.raises(AmbiguousLanguage, match="arz_Arab or ary_Arab"):
        _resolve("ara", "arz", "ary")


def test_a_member_never_stands_for_another_member():
    for wanted, there in (("arb", "arz"), ("fas", "prs"), ("prs", "pes"), ("fa", "prs")):
        with pytest.raises(UnknownLanguage):
            _resolve(wanted, there)
    for wanted, there in (("fil", "tgl"), ("tgl", "fil"), ("nob", "nno")):
        with pytest.raises(UnknownLanguage):
            _resolve(wanted, there)


def test_merged_codes_stand_for_each_other_only_when_alone():
    assert _resolve("kzj", "dtp")[0] == "dtp_Latn"
    assert _resolve("apc", "ajp")[0] == "ajp_Arab"
    assert _resolve("kzj", "dtp", "kzj")[0] == "kzj_Latn"


def test_a_region_is_not_dropped_to_make_it_fit():
    with pytest.raises(UnknownLanguage, match="near ones: por_Latn"):
        _resolve("pt-BR", "por", "deu")
    with pytest.raises(UnknownLanguage, match=r"not in this corpus\n.*near ones: deu_Latn-AT"):
        _resolve("deu", "deu-AT", "fra")


def test_an_absent_language_lists_what_is_there():
    with pytest.raises(UnknownLanguage, match=r"'jpn' \(jpn_Jpan, Japanese\) is not .*\n.*it has:"):
        _resolve("jpn", "deu", "fra")
    with pytest.raises(UnknownLanguage, match=r"near ones: tat_Cyrl \.\.\. 2 in all$"):
        _resolve("taq", "tat", "fra")  # a script in common makes no two tags alike
    with pytest.raises(UnknownLanguage, match=r"near ones: arz_Arab, ary_Arab \.\.\. 3 in all"):
        _resolve("arb", "arz", "ary", "fra")
    many = [
        f"{code}_Latn"
        for code in [
            "deu",
            "fra",
            "spa",
            "ita",
            "nld",
            "swe",
            "dan",
            "nob",
            "fin",
            "hun",
            "pol",
            "ces",
            "ron",
        ]
    ]
    with pytest.raises(UnknownLanguage, match=r"it has: ces_Latn.* \.\.\. 13 in all"):
        _resolve("kat", *many)
    with pytest.raises(LanguageError, match="empty"):
        _resolve("", "deu")


def test_every_language_of_a_corpus_resolves_to_itself(data):
    lines = (data / "ntrex128" / "index.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    there = [read_language(row[0], script=row[2]) for row in rows]
    assert resolve([row[0] for row in rows], there) == there
    assert resolve([str(language) for language in there], there) == there
