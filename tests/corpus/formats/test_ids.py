"""Texts joined on ids: the Bible and SIB-200 as they lie."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import read_corpus
from isogloss.errors import CorpusError, UsageError


def index(folder):
    with (folder / "index.tsv").open(encoding="utf-8", newline="\n") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_bible_verses_match_the_index(data):
    corpus = read_corpus(data / "bible", languages=["deu", "fin", "eus"], pivot="eng")
    wanted = {row["code"]: int(row["verses"]) for row in index(data / "bible")}
    for code in ("eng", "deu", "fin", "eus"):
        assert sum(t is not None for t in corpus.texts(code)) == wanted[code]
    pivot_only = read_corpus(data / "bible", languages=["eng"])
    assert corpus.ids[: len(pivot_only)] == pivot_only.ids and corpus.ids[0] == "GEN.1.1"


@pytest.mark.parametrize("place", ["sib200", "sib200/{language}/*.tsv.gz?id=index_id&text=text"])
def test_sib200_has_its_three_splits_once(data, place):
    corpus = read_corpus(f"{data}/{place}", languages=["mri", "ltg"], pivot="eng")
    assert len(corpus) == len(set(corpus.ids)) == 1004
    assert not any(corpus.texts(x).count(None) for x in corpus.languages)


def test_all_of_sib200(data):
    assert len(read_corpus(data / "sib200").languages) == len(index(data / "sib200")) == 123


@pytest.mark.parametrize("query", ["?id=key&text=body", "?id=1&text=3&header=yes"])
def test_columns_are_named_or_numbered(tmp_path, query):
    for code in ("deu", "eng"):
        (tmp_path / f"{code}.tsv").write_text(f"key\tn\tbody\na\t1\t{code}1\nb\t2\t{code}2\n")
    assert read_corpus(f"{tmp_path}{query}").texts("deu") == ["deu1", "deu2"]


def test_a_missing_column_and_a_wrong_word_are_named(tmp_path):
    (tmp_path / "deu.tsv").write_text("key\tbody\na\tx\nb\ty\n")
    with pytest.raises(CorpusError, match=r"deu.tsv:1: no column 'txt'\n.*key, body"):
        read_corpus(f"{tmp_path}?id=key&text=txt")
    with pytest.raises(UsageError, match=r"header=maybe means nothing\n.*yes"):
        read_corpus(f"{tmp_path}?header=maybe")
    (tmp_path / "deu.tsv").write_text("a\nb\n")
    with pytest.raises(CorpusError, match=r"deu.tsv:1: has one column; an id and a text"):
        read_corpus(tmp_path)


rows = st.dictionaries(st.integers(0, 20).map(str), st.sampled_from("abc"), min_size=1)


@given(rows, rows)
def test_the_join_loses_nothing(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("join")
    for code, texts in (("deu", second), ("eng", first)):
        lines = "".join(f"{key}\t{text}\n" for key, text in texts.items())
        (folder / f"{code}.tsv").write_text(lines)
    if len({**first, **second}) < 2:
        return
    corpus = read_corpus(folder, languages=["deu"], pivot="eng")
    assert corpus.ids == list({**first, **second})
    assert corpus.texts("eng") == [first.get(i) for i in corpus.ids]
    assert corpus.texts("deu") == [second.get(i) for i in corpus.ids]
