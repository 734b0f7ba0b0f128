"""Tags are read at the edges, canonical inside, and refused with near ones when unknown."""

import csv
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import AmbiguousLanguage, LanguageError, UnknownLanguage
from isogloss.language import DEFAULT_MEMBER, Language, read_language
from isogloss.language.codes import iso639_3
from isogloss.language.macrolanguages import KEPT_APART, MACROLANGUAGE, MERGED, SEVERAL

SPELLINGS = {
    # ISO 639-1, 639-2/B, 639-2/T, 639-3
    "de": "deu_Latn", "ger": "deu_Latn", "deu": "deu_Latn", "fre": "fra_Latn", "chi": "cmn_Hans",
    "sw": "swh_Latn", "swa": "swh_Latn", "arb": "arb_Arab", "ara": "arb_Arab", "no": "nob_Latn",
    # FLORES
    "swh_Latn": "swh_Latn", "zho_Hans": "cmn_Hans", "arb_Latn": "arb_Latn", "kas_Arab": "kas_Arab",
    "kas_Deva": "kas_Deva", "azb": "azb_Arab", "acm": "acm_Arab", "tzm": "tzm_Tfng",
    # BCP-47: a region of its own script, of another language, of an orthography
    "zh": "cmn_Hans", "zh-Hant": "cmn_Hant", "zh-Hant-TW": "cmn_Hant", "pt-BR": "por_Latn-BR",
    "en_US": "eng_Latn-US", "es-419": "spa_Latn-419", "sr-Latn": "srp_Latn", "pa-PK":
    "pan_Arab-PK", "sr-ME": "srp_Latn-ME", "fa-AF": "prs_Arab", "sw-CD": "swc_Latn",
    "de-1996": "deu_Latn-1996", "el-polyton": "ell_Grek-polyton", "iw": "heb_Hebr",
    "in": "ind_Latn", "ji": "ydd_Hebr", "mo": "ron_Latn",
    # NTREX
    "aze-Latn": "azj_Latn", "ckb-Arab": "ckb_Arab", "eng-GB": "eng_Latn-GB", "fra-CA":
    "fra_Latn-CA", "spa.ref2": "spa_Latn.ref2", "spa-MX": "spa_Latn-MX", "gsw-BE": "gsw_Latn-BE",
    "gsw-ZH": "gsw_Latn-ZH", "srp-Cyrl": "srp_Cyrl", "zho-CN": "cmn_Hans", "zho-TW": "cmn_Hant",
    "fil": "fil_Latn", "tgl": "tgl_Latn", "msa": "zsm_Latn", "hmn": "hmn_Latn", "mey": "mey_Arab",
    "lav": "lvs_Latn", "est": "ekk_Latn", "mon": "khk_Cyrl", "sqi": "als_Latn", "prs": "prs_Arab",
    "fas": "pes_Arab", "nob": "nob_Latn",
    # Tatoeba, GATITOS
    "kzj": "kzj_Latn", "dtp": "dtp_Latn", "cbk": "cbk_Latn", "swg": "swg_Latn", "max": "max_Latn",
    "lfn": "lfn_Latn", "ang": "ang_Latn", "ay": "ayr_Latn", "pa-Arab": "pan_Arab", "mni-Mtei":
    "mni_Mtei", "ber": "ber_Tfng", "iso": "iso_Latn", "nhe": "nhe_Latn", "ff": "fuv_Latn",
    # names
    "Swahili": "swh_Latn", "GERMAN": "deu_Latn", "german": "deu_Latn", "Deutsch": "deu_Latn",
    "Dari": "prs_Arab", "Congo Swahili": "swc_Latn", "Pulaar": "fuc_Latn",
    "Norwegian Bokmål": "nob_Latn", "Brazilian Portuguese": "por_Latn-BR",
    "Traditional Chinese": "cmn_Hant", "Low-German": "nds_Latn",
}  # fmt: skip


@pytest.mark.parametrize(("spelling", "canonical"), SPELLINGS.items())
def test_spellings_of_the_field(spelling, canonical):
    language = read_language(spelling)
    assert str(language) == canonical
    assert read_language(canonical) == language
    if ".ref2" not in language.variant:
        assert read_language(language.bcp47) == language


def test_a_language_is_a_small_frozen_ordered_value():
    german, french = Language("deu", "Latn"), Language("fra", "Latn")
    assert german < french and {german, Language("deu", "Latn")} == {german}
    assert not hasattr(german, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        german.iso = "fra"


def test_the_script_of_an_index_is_used_where_the_tag_has_none():
    assert str(read_language("shi", script="Arab")) == "shi_Arab"
    assert str(read_language("srp-Latn", script="Cyrl")) == "srp_Latn"
    assert str(read_language("zho-TW", script="Hani")) == "cmn_Hant"
    with pytest.raises(UnknownLanguage, match="there is no script 'Latin'"):
        read_language("deu", script="latin")


def test_macrolanguages_are_read_aloud_and_both_ways():
    for macro, member in DEFAULT_MEMBER.items():
        notes = []
        assert read_language(macro, note=notes.append).iso == member
        assert len(notes) == 1 and f"'{macro}' is a macrolanguage; read as {member} (" in notes[0]
        assert read_language(member, note=notes.append).iso == member
        assert len(notes) == 1, "a member is not remarked on"
        assert MACROLANGUAGE[member] == macro == read_language(member).macrolanguage
        assert iso639_3(macro) == macro and iso639_3(member) == member
    assert not {"prs", "fil", "tgl"} & (set(DEFAULT_MEMBER) | set(MACROLANGUAGE))
    for code in (*KEPT_APART, *MERGED, *MERGED.values()):
        assert read_language(code).iso == code


def test_the_table_is_announced_each_time_although_readings_are_remembered():
    notes = []
    for _ in range(2):
        read_language("swa", note=notes.append)
    assert notes == ["'swa' is a macrolanguage; read as swh (Swahili)"] * 2


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("sw", "macrolanguage; read as swh"),
        ("fa-AF", "which member of fas, which is a macrolanguage; read as prs (Dari)"),
        ("zh-Hant", "'zh' in 'zh-Hant' is a macrolanguage; read as cmn"),
        ("iw", "retired code; read as heb"),
        ("kzj", "merged kzj into dtp; kept apart"),
        ("xaa", "no script is on record"),
    ],
)
def test_each_decision_is_said(tag, said):
    notes = []
    read_language(tag, note=notes.append)
    assert len(notes) == 1 and said in notes[0]


def test_a_plain_tag_needs_no_remark():
    notes = []
    for tag in ("deu", "swh_Latn", "pt-BR", "prs", "Dari", "German"):
        read_language(tag, note=notes.append)
    assert notes == []


BAD = ["deuu", "", "  ", "und", "mul", "zxx", "UND", "qqq", "qaa", "xx_Latn", "eng_Qqqq", "../etc"]
BAD += [
    "eng_Zzzz",
    "eng-٠٠١",
    "de-1997",
    "Germanish",
    "eng.ref2.x",
    "x" * 100_000,
    "a\x00b",
    "zh-yue",
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad[:12]))
def test_unknown_is_refused_in_few_words(bad):
    with pytest.raises(UnknownLanguage) as caught:
        read_language(bad)
    assert caught.value.remedy and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("deuu", r"deu_Latn \(German\)"),
        ("swahilli", r"swh_Latn \(Swahili\)"),
        ("Germanish", r"deu_Latn \(German\)"),
        ("swhh_Latn", r"swh_Latn \(Swahili\)"),
    ],
)
def test_near_misses_are_named_once(wrong, meant):
    with pytest.raises(UnknownLanguage, match=f"did you mean .*{meant}") as caught:
        read_language(wrong)
    near = caught.value.remedy.split(", ")
    assert len(near) == len(set(near)) <= 3


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("sh", ["bos_Latn", "cnr_Latn", "hrv_Latn", "srp_Cyrl"]),
        ("hbs", ["bos_Latn", "hrv_Latn"]),
        ("Serbo-Croatian", ["srp_Cyrl"]),
        ("Ndebele", ["nde_Latn (North Ndebele)", "nbl_Latn (South Ndebele)"]),
        ("Sorbian", ["dsb_Latn", "hsb_Latn"]),
        ("Sami", ["sme_Latn", "in all"]),
        ("Berber", ["jbe_Latn"]),
    ],
)
def test_what_several_languages_share_is_ambiguous(text, members):
    with pytest.raises(AmbiguousLanguage) as caught:
        read_language(text)
    for member in members:
        assert member in caught.value.remedy
    assert "languages)" not in caught.value.remedy, "a group is not one of its members"
    for several in SEVERAL.values():
        assert all(str(read_language(tag)) == tag for tag in several)


_PARTS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[a-zA-Z]{2,3}([-_.][a-zA-Z0-9]{1,8}){0,3}", fullmatch=True),
)


@given(_PARTS, st.none() | st.text(max_size=5) | st.sampled_from(["Latn", "Hani", "arab"]))
def test_garbage_never_escapes_the_family_of_errors(text, script):
    try:
        language = read_language(text, script=script)
    except LanguageError:
        return
    assert read_language(str(language)) == language


_ANY = st.builds(
    "{}{}{}".format,
    st.sampled_from([*DEFAULT_MEMBER.values(), "deu", "prs", "swc", "srp", "pan", "yue", "azb"]),
    st.sampled_from(["", "_Latn", "_Arab", "_Cyrl", "_Hant"]),
    st.sampled_from(["", "-AF", "-CD", "-US", "-PK", "-TW", "-419", "-1996", "-AF-1996"]),
)


@given(_ANY)
def test_bcp47_reads_back(tag):
    language = read_language(tag)
    assert read_language(language.bcp47) == language
    assert read_language(str(language)) == language


def _index(data, folder):
    with (data / folder / "index.tsv").open(newline="\n", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


# What the bare code does not say, or says otherwise than CLDR; an index has a column for it.
OTHER_SCRIPT = {"ntrex128": {"shi"}, "tatoeba": {"yue"}}


@pytest.mark.parametrize(
    "folder", ["ntrex128", "tatoeba", "sib200", "nllb_seed", "bible", "gatitos"]
)
def test_every_code_of_the_public_corpora(data, folder):
    rows = _index(data, folder)
    seen, other = {}, set()
    for row in rows:
        code = row.get("code") or row["bcp47"]
        language = read_language(code, script=row["script"])
        assert language.script == row["script"], code
        assert read_language(str(language)) == language
        if ".ref2" not in language.variant:
            assert read_language(language.bcp47) == language
        if iso := row.get("iso639_3"):
            iso = {"sa": "san"}.get(iso, iso)  # one row of GATITOS has its BCP-47 code there
            assert language.iso == DEFAULT_MEMBER.get(iso, iso), code
        assert language not in seen, f"{code} and {seen[language]} share {language}"
        seen[language] = code
        if read_language(code).script != row["script"]:
            other.add(code)
    assert len(seen) == len(rows) > 20
    assert other == OTHER_SCRIPT.get(folder, set())


def test_a_tag_of_flores_is_its_own_canonical_tag(data):
    for folder in ("sib200", "nllb_seed"):
        for row in _index(data, folder):
            expected = {"zho_Hans": "cmn_Hans", "est_Latn": "ekk_Latn"}.get(
                row["code"], row["code"]
            )
            assert str(read_language(row["code"])) == expected


def test_every_declaration_of_human_rights_that_names_its_language(data):
    rows = _index(data, "udhr")
    unusable = []
    for row in rows:
        try:
            language = read_language(row["bcp47"], script=row["script"])
        except UnknownLanguage:
            unusable.append(row["bcp47"])
            continue
        # `zh-Hant` says more than the column does, which has Hani for both.
        assert language.script == row["script"] or (row["bcp47"], row["script"]) == (
            "zh-Hant",
            "Hani",
        )
        assert read_language(str(language)) == language
        assert read_language(language.bcp47) == language
        if row["direction"] in {"ltr", "rtl"}:
            assert language.direction == row["direction"], row["code"]
    assert unusable == ["und"] * 10 and len(rows) == 342


def test_importing_the_room_does_not_load_the_language_data():
    code = "import sys, isogloss.language; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "isogloss.language.tags" in loaded
    assert not loaded & {"langcodes", "language_data", "marisa_trie", "rich"}


def test_the_page_shows_the_table_that_is_shipped():
    page = Path(__file__).parents[2] / "docs" / "language.md"
    table = (
        page.read_text(encoding="utf-8").split("## Macrolanguages")[1].split("Not in the table")[0]
    )
    assert dict(re.findall(r"`([a-z]{3})` \| `([a-z]{3})`", table)) == DEFAULT_MEMBER
