"""Every public corpus is read as it lies, and every bad file gets one clear message."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import read_corpus
from isogloss.corpus.records import make_corpus
from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError, UnknownLanguage, UsageError


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", ".")
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
    "unequal": (dict(deu__txt="a\nb\n", eng__txt="a\nb\nc\n"), r"eng.txt:3: has 3 lines, but deu.txt has 2"),
    "utf8": (dict(deu__txt=b"a\nb\xe4\n", eng__txt="a\nb\n"), r"deu.txt:2: is not UTF-8: byte 0xe4"),
    "nul": (dict(deu__txt="a\nb\0\n", eng__txt="a\nb\n"), r"deu.txt:2: holds a NUL byte"),
    "empty": (dict(deu__txt="", eng__txt="a\nb\n"), r"deu.txt: is empty"),
    "one row": (dict(deu__txt="a\n", eng__txt="a\n"), r"1 row; at least 2"),
    "twice": (dict(deu__tsv="1\ta\n1\tb\n", eng__tsv="1\ta\n2\tb\n"), r"deu.tsv:2: the id '1' occurs twice"),
    "columns": (dict(deu__tsv="1\ta\n2\tb\tc\n", eng__tsv="1\ta\n"), r"deu.tsv:2: has 3 columns where 2"),
    "no language": (dict(notes__txt="a\nb\n"), r"no file here has a language"),
}  # fmt: skip


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


def test_make_corpus_refuses_what_does_not_fit():
    with pytest.raises(CorpusError, match="1 texts for 2 ids"):
        make_corpus("x", ["a", "b"], {"deu": ["ja"]})
    with pytest.raises(CorpusError, match="'a' occurs twice"):
        make_corpus("x", ["a", "a"], {"deu": ["ja", "nein"]})
    with pytest.raises(UnknownLanguage, match="given twice"):
        make_corpus("x", ["a", "b"], {"deu": ["ja", "nein"], "de": ["ja", "nein"]})


def test_split_keeps_the_last_rows_apart():
    corpus = make_corpus("x", list("abcde"), {"deu": list("vwxyz")})
    train, tuning = corpus.split(2)
    assert train.ids == list("abc") and tuning.ids == list("de")
    with pytest.raises(CorpusError, match="at least 2"):
        corpus.split(4)


def test_emoji_splits_are_disjoint_and_fixed():
    pytest.importorskip("emoji", reason="needs the package emoji: pip install isogloss[demo]")
    train, held_out = read_corpus("emoji?split=train"), read_corpus("emoji?split=held-out")
    assert len(held_out) == 400 and len(train) > 1200 and len(train.languages) == 14
    assert not set(train.ids) & set(held_out.ids)
    assert not set(train.texts("eng")) & set(held_out.texts("eng"))


@pytest.mark.parametrize(
    ("path", "languages", "rows"),
    [
        ("ntrex128", None, 1000),
        ("nllb_seed", None, 6193),
        ("sib200", ["mri", "deu"], 1004),
        ("sib200/{language}/*.tsv.gz?id=index_id&text=text", ["mri", "deu"], 1004),
        ("tatoeba", ["deu"], 1000),
    ],
)
def test_public_corpora_as_they_lie(data, path, languages, rows):
    corpus = read_corpus(f"{data}/{path}", languages=languages, pivot="eng" if languages else None)
    assert len(corpus) == rows
    if path == "ntrex128":
        assert len(corpus.languages) == 131
        assert {"eng_Latn", "eng_Latn-GB", "spa_Latn.ref2"} <= {str(x) for x in corpus.languages}


def test_bible_verses_match_the_index(data):
    corpus = read_corpus(data / "bible", languages=["deu", "fin"], pivot="eng")
    counts = [sum(t is not None for t in corpus.texts(x)) for x in ("eng", "deu", "fin")]
    assert counts == [31095, 31102, 31065]
