"""Text of several languages that need not be parallel."""

import pytest

from isogloss.corpus.monolingual import read_monolingual
from isogloss.errors import CorpusError, UnknownLanguage


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deu.txt").write_text("eins\n\nzwei\ndrei\n", encoding="utf-8")
    (tmp_path / "eng.txt").write_text("one\n  \n", encoding="utf-8")
    return tmp_path


def test_files_of_different_lengths(folder):
    read = read_monolingual(folder)
    assert read.texts == {"deu_Latn": ["eins", "zwei", "drei"], "eng_Latn": ["one"]}
    assert read.dropped == {"blank lines": 2}
    assert read_monolingual(folder / "{language}.txt", languages=["de"]).texts == {
        "deu_Latn": ["eins", "zwei", "drei"]
    }


def test_one_file_of_one_language(folder):
    read = read_monolingual(folder / "deu.txt", languages=["deu"])
    assert read.texts == {"deu_Latn": ["eins", "zwei", "drei"]}
    with pytest.raises(CorpusError, match="one file of one language"):
        read_monolingual(folder / "deu.txt")


def test_anything_else_is_read_as_parallel_text(tmp_path):
    (tmp_path / "t.tsv").write_text("eng\tdeu\none\teins\ntwo\t\nthree\tdrei\n", encoding="utf-8")
    read = read_monolingual(tmp_path / "t.tsv")
    assert read.texts == {"eng_Latn": ["one", "two", "three"], "deu_Latn": ["eins", "drei"]}


def test_refused(folder):
    with pytest.raises(UnknownLanguage):
        read_monolingual(folder, languages=["fin"])
    (folder / "fin.txt").write_text("\n \n", encoding="utf-8")
    with pytest.raises(CorpusError, match="fin_Latn has no text"):
        read_monolingual(folder)
    with pytest.raises(CorpusError, match="no such file"):
        read_monolingual(folder / "absent")
