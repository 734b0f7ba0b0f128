"""TSV of translations: headers, numbers, names of pair files, and Tatoeba as it lies."""

import csv

import pytest

from isogloss.corpus import read_corpus
from isogloss.errors import CorpusError, UnknownLanguage


def test_tatoeba_has_every_pair_of_its_index(data):
    corpus = read_corpus(data / "tatoeba")
    with (data / "tatoeba" / "index.tsv").open(encoding="utf-8", newline="\n") as file:
        counts = {row["code"]: int(row["pairs"]) for row in csv.DictReader(file, delimiter="\t")}
    assert len(corpus) == sum(counts.values()) == 44711
    found: dict[str, int] = {}
    for row_id in corpus.ids:
        found[row_id.rpartition("-")[0]] = found.get(row_id.rpartition("-")[0], 0) + 1
    assert found == counts
    assert corpus.texts("eng").count(None) == 0


def test_one_pair_and_two_pairs_of_tatoeba(data):
    one = read_corpus(data / "tatoeba", languages=["deu"], pivot="eng")
    assert one.ids[0] == "deu-1" and len(one) == 1000
    assert not one.texts("deu").count(None) and not one.texts("eng").count(None)
    assert "credit card" in one.texts("eng")[-1]
    two = read_corpus(data / "tatoeba", languages=["deu", "fra"], pivot="eng")
    assert two.texts("fra")[:1000] == [None] * 1000 and two.texts("deu")[1000:] == [None] * 1000
    assert any("not comparable" in note for note in two.notes)


def test_pairs_that_share_their_first_language_have_ids_of_their_own(tmp_path):
    for name, rows in {"en-fr": "a\tun\nb\tdeux\n", "en-pa-Arab": "a\tاک\n"}.items():
        (tmp_path / f"{name}.tsv").write_text(rows)
    read = read_corpus(tmp_path, languages=["fra", "pan_Arab"], pivot="eng")
    assert read.ids == ["en-fr-1", "en-fr-2", "en-pa-Arab-1"]
    assert read.texts("eng") == ["a", "b", "a"]
    assert read.texts("pan_Arab") == [None, None, "اک"]


def test_a_header_keeps_ids_and_leaves_other_columns_with_a_note(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('id\teng\tscore\tdeu\nx\tyes\t1\t"ja\ny\tno\t2\t\n')
    corpus = read_corpus(path)
    assert corpus.ids == ["x", "y"] and corpus.texts("deu") == ['"ja', None]
    assert any("'score'" in note for note in corpus.notes)
    assert [str(x) for x in read_corpus(path, languages=["de"]).languages] == ["deu_Latn"]


@pytest.mark.parametrize("query", ["?eng=source&deu=target&id=key", "?eng=2&deu=3&id=1&header=yes"])
def test_the_query_names_columns(tmp_path, query):
    (tmp_path / "a.tsv").write_text("key\tsource\ttarget\nx\tyes\tja\ny\tno\tnein\n")
    corpus = read_corpus(f"{tmp_path}/a.tsv{query}")
    assert corpus.texts("eng") == ["yes", "no"] and corpus.ids == ["x", "y"]


def test_a_pair_file_without_a_header_follows_its_name(tmp_path):
    (tmp_path / "deu-eng.tsv").write_text("ja\tyes\nnein\tno\n")
    for place in (tmp_path / "deu-eng.tsv", tmp_path):
        corpus = read_corpus(place)
        assert corpus.texts("deu") == ["ja", "nein"]  # "ja" and "yes" are codes, but no header here
        assert any("column 1 was read as deu_Latn" in note for note in corpus.notes)


BAD = {
    "nothing named": (
        "x.tsv",
        "ja doch\tyes\nnein\tno\n",
        r"x.tsv:1: nothing says .*\n.*\?eng=1&deu=2",
    ),
    "twice": ("x.tsv", "id\tdeu\teng\n1\ta\tb\n1\tc\td\n", r"x.tsv:3: the id '1' .*line 2\n"),
    "width": ("x.tsv", "deu\teng\na\tb\nc\n", r"x.tsv:3: has 1 column where 2 are expected\n"),
    "same": ("x.tsv", "deu\tde\na\tb\nc\td\n", r"x.tsv:1: .*'deu' and 'de' are both deu_Latn\n"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path / name)


def test_a_language_that_is_not_there(tmp_path):
    (tmp_path / "x.tsv").write_text("deu\teng\na\tb\nc\td\n")
    with pytest.raises(UnknownLanguage, match=r"x.tsv: 'fra' .*not in this corpus\n.*deu_Latn"):
        read_corpus(tmp_path / "x.tsv", languages=["fra"])


def test_a_pair_file_alone_is_read_as_in_its_folder(tmp_path):
    (tmp_path / "deu-eng.tsv").write_text("yes\tja\nno\tnein\n", encoding="utf-8")
    index = tmp_path / "index.tsv"
    for header, language in (("code\tpairs", "eng"), ("code\tname", "deu")):
        index.write_text(f"{header}\ndeu\t2\n", encoding="utf-8")
        corpus = read_corpus(tmp_path / "deu-eng.tsv")
        assert corpus.texts(language) == ["yes", "no"]
        assert any(f"column 1 was read as {language}_Latn" in note for note in corpus.notes)
