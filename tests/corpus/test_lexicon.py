"""Dictionaries with tabs, commas and spaces, what is counted, and those that lie in the world."""

import csv
import gzip

import pytest

from isogloss.corpus.lexicon import read_lexicon
from isogloss.errors import CorpusError, UsageError

PAIRS = [("cat", "Katze"), ("cat", "Kater"), ("，", "、"), ("it's", "„es“"), ("\u00a0x", "ü")]


@pytest.mark.parametrize("delimiter", ["\t", " ", "  ", ",", ", ", " \t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [True, False])
def test_pairs_are_read_in_order(tmp_path, delimiter, end, packed):
    data = "".join(f"{a}{delimiter}{b}{end}" for a, b in PAIRS).encode()
    (tmp_path / "x").write_bytes(gzip.compress(data) if packed else data)
    found = read_lexicon(tmp_path / "x")
    assert found.entries == PAIRS and found.dropped == {} and found.lines == 5
    assert found.delimiter == ("\t" if "\t" in delimiter else delimiter[0])
    assert repr(found).endswith("5 entries, 4 source words)")


def test_phrases_and_quotation_marks(tmp_path):
    (tmp_path / "x.tsv").write_text('a little\tun poco\n"yes"\tsí, sí\n')
    assert read_lexicon(tmp_path / "x.tsv").entries == [
        ("a little", "un poco"),
        ('"yes"', "sí, sí"),
    ]
    (tmp_path / "x.csv").write_text('a little,un poco\n"yes, yes","sí ""sí"""\n"no,5\n')
    assert read_lexicon(tmp_path / "x.csv").entries == [
        ("a little", "un poco"),
        ("yes, yes", 'sí "sí"'),
        ('"no', "5"),
    ]


def test_lines_left_out_are_counted(tmp_path):
    (tmp_path / "x").write_text("en\tde\na\tb\n\na\tc\na\tb \n  \na\tb\n")
    found = read_lexicon(tmp_path / "x", header=True)
    assert found.entries == [("a", "b"), ("a", "c")] and found.lines == 7
    assert found.dropped == {"duplicate entry": 2, "blank line": 2, "header": 1}
    assert found.notes == ("x: spaces around the words of 1 lines were removed",)


def test_muse_lines_with_a_tab_among_those_with_a_space(tmp_path):
    (tmp_path / "en-fr.txt").write_text("the le\nthe la\nand\tet\n")
    assert read_lexicon(tmp_path / "en-fr.txt").entries[-1] == ("and", "et")


def test_columns_and_delimiters_can_be_named(tmp_path):
    (tmp_path / "x").write_text("1\tcat\tKatze\n2\tdog\tHund\n")
    found = read_lexicon(tmp_path / "x", columns=(3, 2))
    assert found.entries == [("Katze", "cat"), ("Hund", "dog")]
    assert found.notes == ("x has 3 columns; 3 and 2 were read",)
    (tmp_path / "y").write_text("a|b c\n")
    assert read_lexicon(tmp_path / "y", delimiter="|").entries == [("a", "b c")]
    assert read_lexicon(tmp_path / "x", delimiter="\t").entries == [("1", "cat"), ("2", "dog")]


BAD = {
    "one field": ("a\tb\nc\n", r"x:2: has 1 column where 2 are expected, tabs .*\n"),
    "a phrase is no pair": ("a\tb\na little\nc\td\n", r"x:2: has 1 column where 2"),
    "one word a line": ("cat\ndog\n", r"x:1: has 1 column where 2 are expected, spaces"),
    "three words": ("a b\nc d e\n", r"x:2: has 3 columns where 2 .*\n.*need tabs"),
    "a stray tab": ("a\tb\nc\td\ne\tf\tg\n", r"x:3: has 3 columns where 2"),
    "no translation": ("a\tb\nc\t\n", r"x:2: column 2 is empty\n"),
    "no word": ("a\tb\n \tc\n", r"x:2: column 1 is empty\n"),
    "blank": ("\n  \n", r"x: has no entry\n"),
    "empty": ("", r"x: is empty\n"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, text, message):
    (tmp_path / "x").write_text(text)
    with pytest.raises(CorpusError, match=message) as caught:
        read_lexicon(tmp_path / "x")
    assert caught.value.remedy


def test_bad_bytes_and_bad_calls(tmp_path):
    (tmp_path / "x").write_bytes(b"a\tb\nc\t\xe4\n")
    with pytest.raises(CorpusError, match="x:2: is not UTF-8: byte 0xe4"):
        read_lexicon(tmp_path / "x")
    with pytest.raises(CorpusError, match="no such file"):
        read_lexicon(tmp_path / "y")
    for wrong in ({"columns": (0, 1)}, {"columns": (2, 2)}, {"delimiter": ""}, {"delimiter": "\n"}):
        with pytest.raises(UsageError):
            read_lexicon(tmp_path / "x", **wrong)


def test_panlex_has_the_pairs_of_its_index(data):
    with (data / "panlex_bli" / "index.tsv").open(encoding="utf-8", newline="\n") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows[:6]:
        for part in ("train", "test"):
            name = f"{row['source']}-{row['target']}.{part}.tsv.gz"
            found = read_lexicon(data / "panlex_bli" / name)
            assert found.lines == int(row[f"{part}_pairs"]) and found.delimiter == "\t"
            assert len(found) + found.dropped.get("duplicate entry", 0) == found.lines
    assert len(rows) == 36


def test_gatitos_has_the_pairs_of_its_index(data):
    with (data / "gatitos" / "index.tsv").open(encoding="utf-8", newline="\n") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows[:10]:
        found = read_lexicon(data / "gatitos" / f"en-{row['bcp47']}.tsv.gz")
        assert len(found) == found.lines == int(row["pairs"])
        assert len({word for word, _ in found.entries}) == int(row["english_entries"])
