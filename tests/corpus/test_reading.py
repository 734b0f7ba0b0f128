"""Every public corpus is read as it lies, and every bad file gets one clear message."""

import gzip
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss import registry
from isogloss.corpus import read_corpus
from isogloss.corpus.records import make_corpus
from isogloss.corpus.spec import parse
from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError, UnknownLanguage, UsageError


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", ".", 1)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_lines_one_file_a_language(tmp_path):
    write(tmp_path, deu__txt="ja\n\nvielleicht\n", eng__txt="yes\nno\nmaybe\n")
    corpus = read_corpus(tmp_path)
    assert [str(x) for x in corpus.languages] == ["deu_Latn", "eng_Latn"]
    assert corpus.texts("de") == ["ja", None, "vielleicht"] and corpus.ids == ["1", "2", "3"]


def test_only_the_languages_asked_for_are_opened(tmp_path):
    write(tmp_path, deu__txt="a\nb\n", eng__txt="a\nb\n", fra__txt=b"\xff\xfe broken")
    assert len(read_corpus(tmp_path, languages=["deu"], pivot="eng").languages) == 2


def test_moses_prefix_and_pattern_agree(tmp_path):
    write(tmp_path, news__de="ja\nnein\n", news__en="yes\nno\n")
    by_prefix = read_corpus(tmp_path / "news")
    by_pattern = read_corpus(f"{tmp_path}/news.{{language}}")
    assert by_prefix.fingerprint == by_pattern.fingerprint
    assert by_prefix.texts("en") == ["yes", "no"]


def test_ids_are_joined_and_gaps_are_missing(tmp_path):
    write(tmp_path, deu__tsv="GEN.1\ta\nGEN.2\tb\n", eng__tsv="GEN.1\tA\nGEN.3\tC\n")
    corpus = read_corpus(tmp_path)
    assert corpus.ids == ["GEN.1", "GEN.2", "GEN.3"]
    assert corpus.texts("eng") == ["A", None, "C"]


def test_a_tsv_with_a_header_or_numbered_columns(tmp_path):
    write(tmp_path, a__tsv="eng\tdeu\nyes\tja\nno\tnein\n", b__tsv='yes\t"ja\nno\tnein\n')
    assert read_corpus(tmp_path / "a.tsv").texts("deu") == ["ja", "nein"]
    assert read_corpus(f"{tmp_path}/b.tsv?eng=1&deu=2").texts("deu") == ['"ja', "nein"]


def test_jsonl_wide_and_long_agree_with_parquet(tmp_path):
    wide = [{"id": "a", "deu": "ja", "eng": "yes"}, {"id": "b", "deu": None, "eng": "no"}]
    long = [
        {"id": row["id"], "language": tag, "text": row[tag]}
        for tag in ("deu", "eng")
        for row in wide
    ]
    for name, rows in (("wide", wide), ("long", long)):
        write(tmp_path, **{f"{name}__jsonl": "".join(json.dumps(r) + "\n" for r in rows)})
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(wide), tmp_path / "wide.parquet")
    prints = {
        read_corpus(tmp_path / n).fingerprint for n in ("wide.jsonl", "long.jsonl", "wide.parquet")
    }
    assert len(prints) == 1


def test_gzip_crlf_and_byte_order_mark(tmp_path):
    (tmp_path / "deu.txt.gz").write_bytes(gzip.compress("\ufeffja\r\nnein\r\n".encode()))
    write(tmp_path, eng__txt="yes\nno\n")
    corpus = read_corpus(tmp_path)
    assert corpus.texts("deu") == ["ja", "nein"]
    assert any("byte-order mark" in note for note in corpus.notes)


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n\r\0\ufeff", exclude_categories=["Cs"])),
        min_size=1,
    )
)
def test_only_line_feeds_split_lines(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "x.txt"
    path.write_bytes(("\n".join(lines) + "\n").encode())
    assert read_lines(path) == lines


BAD = {
    "unequal": (
        {"deu__txt": "a\nb\n", "eng__txt": "a\nb\nc\n"},
        r"eng.txt:3: has 3 lines, but deu.txt has 2\n.*leave a missing one empty",
    ),
    "utf8": (
        {"deu__txt": b"a\nb\xe4\n", "eng__txt": "a\nb\n"},
        r"deu.txt:2: is not UTF-8: byte 0xe4\n.*iconv",
    ),
    "nul": (
        {"deu__txt": "a\nb\0\n", "eng__txt": "a\nb\n"},
        r"deu.txt:2: holds a NUL byte\n.*not a UTF-8 text file",
    ),
    "utf16": (
        {"deu__txt": "a\nb\n".encode("utf-16"), "eng__txt": "a\nb\n"},
        r"deu.txt: is UTF-16 text, not UTF-8 text\n.*convert it",
    ),
    "archive": (
        {"deu__txt": b"PK\x03\x04....", "eng__txt": "a\nb\n"},
        r"deu.txt: is a zip archive.*\n.*unpack",
    ),
    "not gzip": (
        {"deu__txt.gz": "a\nb\n", "eng__txt": "a\nb\n"},
        r"deu.txt.gz: is named .gz but is not a gzip file\n.*rename",
    ),
    "empty": (
        {"deu__txt": "", "eng__txt": "a\nb\n"},
        r"deu.txt: is empty\n.*at least 2 lines",
    ),
    "empty gzip": (
        {"deu__txt.gz": gzip.compress(b""), "eng__txt": "a\nb\n"},
        r"deu.txt.gz: is empty",
    ),
    "blank": (
        {"deu__txt": "\n \n", "eng__txt": "a\nb\n"},
        r"deu_Latn has no text at all\n.*leave the language out",
    ),
    "one row": ({"deu__txt": "a\n", "eng__txt": "a\n"}, r"1 row; at least 2 .*\n.*more text"),
    "twice": (
        {"deu__tsv": "1\ta\n1\tb\n", "eng__tsv": "1\ta\n2\tb\n"},
        r"deu.tsv:2: the id '1' occurs twice\n.*unique",
    ),
    "no id": (
        {"deu__tsv": "1\ta\n \tb\n", "eng__tsv": "1\ta\n2\tb\n"},
        r"deu.tsv:2: the row has no id",
    ),
    "columns": (
        {"deu__tsv": "1\ta\n2\tb\tc\n", "eng__tsv": "1\ta\n"},
        r"deu.tsv:2: has 3 columns where 2 are expected\n.*tabs",
    ),
    "same language": (
        {"deu__txt": "a\nb\n", "de__txt": "a\nb\n"},
        r"deu.txt and de.txt are both deu_Latn\n.*variant",
    ),
    "no language": ({"notes__txt": "a\nb\n"}, r"no file here has a language .*\n.*name files"),
}


@pytest.mark.parametrize(("files", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_refused_with_file_and_line(tmp_path, files, message):
    write(tmp_path, **files)
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path)


def test_a_damaged_gzip_is_refused(tmp_path):
    (tmp_path / "deu.txt.gz").write_bytes(gzip.compress(b"a\nb\n" * 50)[:-9])
    write(tmp_path, eng__txt="a\nb\n")
    with pytest.raises(CorpusError, match="damaged gzip"):
        read_corpus(tmp_path)


def test_an_absent_language_is_named_with_near_ones(tmp_path):
    write(tmp_path, deu__txt="a\nb\n", eng__txt="a\nb\n")
    with pytest.raises(UnknownLanguage, match=r"'fra' .*not in this corpus\n.*deu_Latn"):
        read_corpus(tmp_path, languages=["fra"], pivot="eng")


def test_an_unknown_option_is_refused(tmp_path):
    with pytest.raises(UsageError, match="unknown option 'colunm'"):
        read_corpus(f"{tmp_path}?colunm=3")


def test_an_index_cannot_leave_its_folder(tmp_path):
    write(tmp_path, index__tsv="code\tfile\ndeu\t../../etc/passwd\n")
    with pytest.raises(CorpusError, match="leaves the folder"):
        read_corpus(tmp_path)


def test_a_place_that_is_not_there(tmp_path):
    for place in ("nowhere", "nowhere/{language}.txt", "deu.txt"):
        with pytest.raises(CorpusError, match=r"no such file or folder\n.*\{language\}"):
            read_corpus(tmp_path / place)


def test_one_file_of_one_language_is_not_parallel(tmp_path):
    write(tmp_path, deu__txt="a\nb\n")
    with pytest.raises(CorpusError, match=r"not parallel text\n.*give its folder"):
        read_corpus(tmp_path / "deu.txt")


def test_the_pivot_comes_first_and_once(tmp_path):
    write(tmp_path, deu__txt="a\nb\n", eng__txt="a\nb\n", fra__txt="a\nb\n")
    corpus = read_corpus(tmp_path, languages=["fra", "eng", "de"], pivot="eng")
    assert [str(x) for x in corpus.languages] == ["eng_Latn", "fra_Latn", "deu_Latn"]


def test_macrolanguages_are_noted_only_when_chosen(tmp_path):
    write(tmp_path, swa__txt="a\nb\n", est__txt="a\nb\n", eng__txt="a\nb\n")
    notes = " ".join(read_corpus(tmp_path, languages=["swh"], pivot="eng").notes)
    assert "'swa' is a macrolanguage; read as swh" in notes and "est" not in notes


def test_a_file_that_is_no_language_is_left_out_and_said(tmp_path):
    write(tmp_path, deu__txt="a\nb\n", eng__txt="a\nb\n", zzzz__txt="a\n")
    assert any("zzzz.txt was left out" in note for note in read_corpus(tmp_path).notes)


def test_source_and_licence_are_what_the_user_gave(tmp_path):
    write(tmp_path, deu__txt="a\nb\n", eng__txt="a\nb\n")
    assert read_corpus(tmp_path).licence is None
    corpus = read_corpus(f"{tmp_path}?licence=CC+BY+4.0")
    assert corpus.licence == "CC+BY+4.0" and corpus.source == f"{tmp_path}?licence=CC+BY+4.0"
    assert read_corpus(f"{tmp_path}?licence=a", licence="b").licence == "b"


def test_the_door_loads_no_arrow():
    code = "import sys, isogloss.corpus; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_format_says_what_it_accepts_and_refuses_an_odd_place(tmp_path):
    formats = [entry for entry in registry.entries() if entry.kind == "format"]
    assert len(formats) >= 8
    for entry in formats:
        assert import_module(entry.module).accepts(parse(tmp_path / "odd.xyz")) == 0, entry.name


def test_make_corpus_refuses_what_does_not_fit():
    with pytest.raises(CorpusError, match="1 texts for 2 ids"):
        make_corpus("x", ["a", "b"], {"deu": ["ja"]})
    with pytest.raises(CorpusError, match="'a' occurs twice, in rows 1 and 2"):
        make_corpus("x", ["a", "a"], {"deu": ["ja", "nein"]})
    with pytest.raises(UnknownLanguage, match="given twice"):
        make_corpus("x", ["a", "b"], {"deu": ["ja", "nein"], "de": ["ja", "nein"]})


def test_make_corpus_refuses_text_that_is_damaged():
    with pytest.raises(CorpusError, match=r"deu_Latn in row 2 holds a NUL\n.*remove"):
        make_corpus("x", ["a", "b"], {"deu": ["ja", "ne\0in"]})
    with pytest.raises(CorpusError, match="not a string of Unicode characters"):
        make_corpus("x", ["a", "b"], {"deu": ["ja", "\ud800"]})
    with pytest.raises(CorpusError, match="row 2 has no id"):
        make_corpus("x", ["a", " "], {"deu": ["ja", "nein"]})


cells = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0")))


@given(st.lists(cells, min_size=2))
def test_blank_means_what_it_means_in_python(texts):
    corpus = make_corpus("x", [str(i) for i in range(len(texts))], {"deu": texts})
    assert corpus.texts("deu") == [t if t and t.strip() else None for t in texts]


def test_split_keeps_the_last_rows_apart():
    corpus = make_corpus("x", list("abcde"), {"deu": list("vwxyz")})
    train, tuning = corpus.split(2)
    assert train.ids == list("abc") and tuning.ids == list("de")
    with pytest.raises(CorpusError, match="at least 2"):
        corpus.split(4)


def test_the_format_in_the_docs_works_as_one_new_file(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "corpus.md").read_text(encoding="utf-8")
    code = page.rpartition("```python\n")[2].partition("```")[0]
    made: dict[str, object] = {}
    exec(compile(code.replace('@register("format", "properties.v1")', ""), "page", "exec"), made)
    write(tmp_path, deu__properties="a = ja\nb = nein\n", eng__properties="b = no\na = yes\n")
    spec = parse(f"{tmp_path}/{{language}}.properties", ["eng", "deu"])
    assert made["accepts"](spec) == 2
    corpus = made["read"](spec, {"name": "x"})
    assert corpus.texts("deu") == ["nein", "ja"] and corpus.ids == ["b", "a"]
