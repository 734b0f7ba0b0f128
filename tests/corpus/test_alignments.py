"""Links in files: what is written is read back, and what is wrong is named with its line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus.alignments import (
    Aligned,
    read_gold,
    read_pharaoh,
    write_links_jsonl,
    write_links_tsv,
    write_pharaoh,
)
from isogloss.errors import CorpusError

PAIR = Aligned("7", ["das", "alte", "Haus"], ["the", "house"], [(0, 0, 0.5), (2, 1, 0.75)], 0.6)
links = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), unique=True)


@given(sentences=st.lists(links, min_size=1, max_size=5).filter(lambda s: s[-1]))
def test_pharaoh_comes_back(sentences, tmp_path_factory):
    file = tmp_path_factory.mktemp("a") / "links.pharaoh"
    write_pharaoh(file, [Aligned("", [], [], [(i, j, 1.0) for i, j in s], 1) for s in sentences])
    assert [set(sure) for sure, _ in read_pharaoh(file)] == [set(s) for s in sentences]


def test_possible_links_are_not_sure(tmp_path):
    file = tmp_path / "gold"
    file.write_text("0-0 1p1 2?0\n\n", encoding="utf-8")
    first, last = read_pharaoh(file)
    assert first == (frozenset({(0, 0)}), frozenset({(0, 0), (1, 1), (2, 0)}))
    assert last == (frozenset(), frozenset())


def test_tsv_and_json_tell_words_scores_and_words_without_a_link(tmp_path):
    write_links_tsv(tmp_path / "a.tsv", [PAIR])
    write_links_jsonl(tmp_path / "a.jsonl", [PAIR])
    rows = [row.split("\t") for row in (tmp_path / "a.tsv").read_text().splitlines()]
    assert rows[1] == ["7", "0", "0", "das", "the", "0.500000"]
    assert rows[3] == ["7", "1", "", "alte", "", ""] and len(rows) == 4
    record = json.loads((tmp_path / "a.jsonl").read_text())
    assert record["links"] == [[0, 0, 0.5], [2, 1, 0.75]]
    assert (record["unaligned_source"], record["unaligned_target"]) == ([1], [])


def gold(tmp_path, row):
    file = tmp_path / "gold.tsv"
    file.write_text("source\ttarget\tsure\tpossible\na b\tc d e\t0-0 1-2\t1-1\n" + row + "\n")
    return file


def test_gold_has_words_and_both_kinds_of_links(tmp_path):
    first, second = read_gold(gold(tmp_path, "a\tb\t\t0-0"))
    assert first.source == ["a", "b"] and first.target == ["c", "d", "e"]
    assert first.sure == {(0, 0), (1, 2)} and first.possible == {(0, 0), (1, 2), (1, 1)}
    assert second.sure == frozenset()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a b\tc\t1-1\t", r"gold\.tsv:3: the link 1-1 lies outside a pair of 2 and 1 words"),
        ("a b\tc\t0:0\t", r"gold\.tsv:3: '0:0' is not a link"),
        ("a  b\tc\t0-0\t", r"gold\.tsv:3: word 1 of the source, counted from 0, is empty"),
        ("a b\t\t0-0\t", r"gold\.tsv:3: word 0 of the target"),
        ("a b\tc\t0-0", r"gold\.tsv:3: has 3 columns where 4"),
    ],
)
def test_gold_that_cannot_be_says_where(tmp_path, row, said):
    with pytest.raises(CorpusError, match=said):
        read_gold(gold(tmp_path, row))


def test_pharaoh_must_fit_the_sentences(tmp_path):
    file = tmp_path / "links"
    file.write_text("0-0\n1-5\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="has 2 lines for 3 sentence pairs"):
        read_pharaoh(file, [(1, 1)] * 3)
    with pytest.raises(CorpusError, match="links:2: the link 1-5 lies outside"):
        read_pharaoh(file, [(2, 2)] * 2)


def test_the_shared_gold_sets_are_read(data):
    pairs = read_gold(data / "word_alignment" / "en-fr.test.tsv.gz")
    assert len(pairs) == 447 and sum(len(p.sure) for p in pairs) == 4038
    assert sum(len(p.possible - p.sure) for p in pairs) == 13400
