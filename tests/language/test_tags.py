"""Tags are read at the edges, canonical inside, and refused with near ones when unknown."""

import csv
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import AmbiguousLanguage, LanguageError, UnknownLanguage
from isogloss.language import DEFAULT_MEMBER, Language, describe, read_language, resolve
from isogloss.language.macrolanguages import MACROLANGUAGE

SPELLINGS = {
    "deu": "deu_Latn", "de": "deu_Latn", "ger": "deu_Latn", "German": "deu_Latn",
    "sw": "swh_Latn", "swa": "swh_Latn", "swh_Latn": "swh_Latn", "zh-Hant": "cmn_Hant",
    "zho-TW": "cmn_Hant", "zho-CN": "cmn_Hans", "zh": "cmn_Hans", "pt-BR": "por_Latn-BR",
    "eng-GB": "eng_Latn-GB", "spa.ref2": "spa_Latn.ref2", "arb": "arb_Arab", "ara": "arb_Arab",
    "arb_Latn": "arb_Latn", "kas_Arab": "kas_Arab", "lav": "lvs_Latn", "est": "ekk_Latn",
    "msa": "zsm_Latn", "aze-Latn": "azj_Latn", "mon": "khk_Cyrl", "sqi": "als_Latn",
    "fas": "pes_Arab", "fa": "pes_Arab", "prs": "prs_Arab", "fil": "fil_Latn", "tgl": "tgl_Latn",
    "iw": "heb_Hebr", "srp-Cyrl": "srp_Cyrl", "srp-Latn": "srp_Latn", "gsw-BE": "gsw_Latn-BE",
    "kzj": "kzj_Latn", "nob": "nob_Latn", "ckb-Arab": "ckb_Arab",
}  # fmt: skip


@pytest.mark.parametrize(("spelling", "canonical"), SPELLINGS.items())
def test_spellings_of_the_field(spelling, canonical):
    assert str(read_language(spelling)) == canonical


def test_macrolanguages_are_read_aloud_and_both_ways():
    notes = []
    read_language("swa", note=notes.append)
    assert notes == ["'swa' is a macrolanguage; read as swh (Swahili)"]
    for macro, member in DEFAULT_MEMBER.items():
        assert read_language(macro).iso == member
        assert read_language(member).iso == member
        assert MACROLANGUAGE[member] == macro
    assert not {"prs", "fil", "tgl"} & (set(DEFAULT_MEMBER) | set(MACROLANGUAGE))


@pytest.mark.parametrize("bad", ["deuu", "", "und", "mul", "qqq", "xx_Latn", "eng_Qqqq", "../etc"])
def test_unknown_is_refused(bad):
    with pytest.raises(UnknownLanguage):
        read_language(bad)


def test_near_misses_are_named():
    with pytest.raises(UnknownLanguage, match=r"did you mean .*deu_Latn \(German\)"):
        read_language("deuu")


@given(st.text(max_size=12))
def test_garbage_never_escapes_the_family_of_errors(text):
    try:
        language = read_language(text)
    except LanguageError:
        return
    assert read_language(str(language)) == language


@pytest.mark.parametrize("folder", ["ntrex128", "tatoeba", "sib200", "nllb_seed", "bible"])
def test_every_code_of_the_public_corpora(data, folder):
    with (data / folder / "index.tsv").open(newline="\n", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    seen = {}
    for row in rows:
        language = read_language(row["code"], script=row["script"])
        assert language.script == row["script"]
        assert read_language(str(language)) == language
        if not language.variant:
            assert read_language(language.bcp47) == language
        assert language not in seen, f"{row['code']} and {seen[language]} share {language}"
        seen[language] = row["code"]
    assert len(seen) == len(rows) > 20


def test_the_bare_tag_means_the_plain_file():
    there = [Language("eng", "Latn", "-GB"), Language("eng", "Latn")]
    assert resolve(["eng"], there) == [Language("eng", "Latn")]
    assert resolve(["eng-GB"], there) == [Language("eng", "Latn", "-GB")]


def test_a_bare_tag_may_mean_the_only_script_there():
    assert resolve(["yue"], [Language("yue", "Hani")]) == [Language("yue", "Hani")]
    both = [Language("yue", "Hani"), Language("yue", "Latn")]
    with pytest.raises(AmbiguousLanguage, match="yue_Hani or yue_Latn"):
        resolve(["yue"], both)


def test_an_absent_language_lists_near_ones():
    with pytest.raises(UnknownLanguage, match=r"not in this corpus\n.*near ones: deu_Latn-AT"):
        resolve(["deu"], [Language("deu", "Latn", "-AT"), Language("fra", "Latn")])


def test_describe_says_what_a_tag_means():
    german, swahili = describe(["deu", "swa"])
    assert german["name"] == "German" and german["autonym"] == "Deutsch"
    assert german["speakers"] > 50_000_000 and german["direction"] == "ltr"
    assert swahili["macrolanguage"] == "swa" and "macrolanguage" in swahili["note"]
    assert read_language("arb").direction == "rtl"


def test_importing_the_room_does_not_load_the_language_data():
    code = "import sys, isogloss.language; print('langcodes' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
