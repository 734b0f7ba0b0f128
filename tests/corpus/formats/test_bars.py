"""Lines of `source ||| target`: languages by query and by name, lines that are not such."""

import gzip

import pytest

from isogloss.corpus import read_corpus
from isogloss.errors import CorpusError, UnknownLanguage

LINES = "ein Haus ||| a house\nja ||||x| doch |||  \nnein |||\u00a0 no\r\n"


@pytest.mark.parametrize("place", ["x.txt?deu=1&eng=2", "deu-eng.txt", "de-en", "deu-eng.x.gz"])
def test_query_and_name_say_which_side_is_which(tmp_path, place):
    file = tmp_path / place.partition("?")[0]
    file.write_bytes(gzip.compress(LINES.encode()) if place.endswith("gz") else LINES.encode())
    corpus = read_corpus(f"{tmp_path}/{place}")
    assert [str(x) for x in corpus.languages] == ["deu_Latn", "eng_Latn"]
    assert corpus.texts("deu") == ["ein Haus", "ja ||||x| doch", "nein"]
    assert corpus.texts("eng") == ["a house", None, "\u00a0 no"] and corpus.ids == ["1", "2", "3"]
    how = "query" if "?" in place else "name"
    [note] = [note for note in corpus.notes if "|||" in note]
    assert "the left side is deu_Latn, the right side is eng_Latn" in note
    assert note.endswith(f"by its {how}")


def test_the_query_comes_before_the_name(tmp_path):
    (tmp_path / "deu-eng.txt").write_text(LINES)
    corpus = read_corpus(f"{tmp_path}/deu-eng.txt?eng=1&deu=2", languages=["deu"])
    assert [str(x) for x in corpus.languages] == ["deu_Latn"]
    assert corpus.texts("deu")[0] == "a house"


def test_decisions_about_a_name_are_told(tmp_path):
    (tmp_path / "swa-eng.txt").write_text("moja ||| one\nmbili ||| two\n")
    assert any("read as swh" in note for note in read_corpus(tmp_path / "swa-eng.txt").notes)
    with pytest.raises(UnknownLanguage, match=r"'fra' .*not in this corpus"):
        read_corpus(tmp_path / "swa-eng.txt", languages=["fra"])


BAD = {
    "no bars": ("deu-eng.txt", "a ||| b\nc|||d\n", r"deu-eng.txt:2: has no \|\|\|\n  .*spaces"),
    "blank": ("deu-eng.txt", "a ||| b\n\nc ||| d\n", r"deu-eng.txt:2: has no \|\|\|\n"),
    "two": ("deu-eng.txt", "a ||| b ||| c\n", r"deu-eng.txt:1: has 2 times \|\|\|\n"),
    "side by side": ("deu-eng.txt", "a ||| ||| c\n", r"deu-eng.txt:1: has 2 times \|\|\|\n"),
    "no language": ("x.txt?format=bars", "a ||| b\n", r"x.txt: nothing says .*\n.*\?deu=1&eng=2"),
    "one language": ("deu-de.txt?format=bars", "a ||| b\n", r"deu-de.txt: nothing says which"),
    "no such side": ("x.txt?deu=1&eng=3", "a ||| b\n", r"x.txt:1: no column '3'\n  it has 2"),
    "one side twice": ("x.txt?deu=2&eng=2", "a ||| b\n", r"x.txt: deu_Latn and eng_Latn .*side 2"),
    "not sniffed": ("x.txt", "a ||| b\n", r"x.txt: one file of one .*\n.*\?deu=1&eng=2"),
}


@pytest.mark.parametrize(("place", "content", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, place, content, message):
    (tmp_path / place.partition("?")[0]).write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_corpus(f"{tmp_path}/{place}")
