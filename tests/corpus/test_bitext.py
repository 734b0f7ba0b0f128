"""Bitext is read back as it was written, by our readers and by an XML parser."""

import xml.etree.ElementTree as ET

from isogloss.corpus import read_corpus
from isogloss.corpus.bitext import Found, write_bitext_tsv, write_moses, write_tmx
from isogloss.language import read_language

PAIRS = [
    Found(1.5, "3", "7", 'Ein <b> & "zwei"', "One <b> & 'two'"),
    Found(-0.25, "a:4", "b:1", "Glocke\x07 läutet", "A bell ]]> rings"),
]


def test_tsv_and_moses_are_read_back(tmp_path):
    write_bitext_tsv(tmp_path / "t.tsv", PAIRS)
    lines = (tmp_path / "t.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "score\tsource_line\ttarget_line\tsource\ttarget"
    assert lines[2].startswith("-0.250000\ta:4\tb:1\tGlocke")
    read = read_corpus(f"{tmp_path}/t.tsv?deu=source&eng=target")
    assert read.texts("deu") == [pair.source for pair in PAIRS]
    write_moses(tmp_path / "m.deu", tmp_path / "m.eng", PAIRS)
    assert read_corpus(tmp_path / "m").texts("eng") == [pair.target for pair in PAIRS]


def test_tmx_is_well_formed_and_control_characters_are_counted(tmp_path):
    languages = read_language("deu"), read_language("eng")
    assert write_tmx(tmp_path / "t.tmx", *languages, PAIRS) == 1
    units = ET.parse(tmp_path / "t.tmx").findall("./body/tu")
    assert [seg.text for unit in units for seg in unit.iter("seg")] == [
        PAIRS[0].source, PAIRS[0].target, "Glocke läutet", PAIRS[1].target,
    ]  # fmt: skip
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    assert [variant.get(lang) for variant in units[0].iter("tuv")] == ["de", "en"]
    assert units[0].find("prop").text == "1.500000"
