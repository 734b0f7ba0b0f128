"""What is done with words of a class: as people name it, and from their files."""

import pytest

from isogloss.errors import CorpusError, IsoglossError, UsageError
from isogloss.task.projection.acts import act_files, parse_act, read_acts, read_letters


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def never(words, into):
    raise AssertionError("nothing is translated")


def test_each_act_does_what_it_says(tmp_path):
    letters = write(tmp_path / "letters.tsv", "s\tс\nsh\tш\na\tа\nq\t\n\n")
    words = write(tmp_path / "it.tsv", "skola\tscuola\nskola\tistituto\nbank\til banco\n")
    said = {
        "north": f"letters:{letters}", "south": f"lexicon:{words}", "name": "leave",
        "east": "maltese_to_arabic", "west": "translate:fra", "other": "translate:deu",
    }  # fmt: skip
    acts = read_acts(said, lambda words, into: [f"{word} in {into}" for word in words])
    assert set(acts) == {"north", "south", "east", "west", "other"}
    assert acts["north"](["Shas", "qq", "xa!"]) == ["шас", "", "xа!"]
    assert acts["south"](["skola", "Bank", "x"]) == ["scuola", "il banco", None]
    assert acts["east"](["dar"]) == ["دار"]
    assert acts["west"](["a"]) == ["a in fra_Latn"] and acts["other"](["a"]) == ["a in deu_Latn"]
    assert act_files(said) == {"north": letters, "south": words}


@pytest.mark.parametrize(
    ("text", "said"),
    [("maltese", "is nothing that is done with words"), ("letters", "names no file"),
     ("letters:", "names no file"), ("translate", "names no language"), ("", "is nothing"),
     ("leave:it", "is nothing"), ("Letters:a.tsv", "is nothing")],
)  # fmt: skip
def test_acts_that_are_none(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        parse_act(text)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [("a\tb\nc d\n", 2, "a tab"), ("a\tb\n\tc\n", 2, "a tab"), ("a\tb\tc\n", 1, "a tab"),
     ("a\tb\nA\tc\n", 2, "twice"), ("\n \n", None, "no letters")],
)  # fmt: skip
def test_tables_of_letters_that_cannot_be_read(tmp_path, text, line, said):
    file = write(tmp_path / "letters.tsv", text)
    with pytest.raises(CorpusError, match=said) as caught:
        read_letters(file)
    assert caught.value.line == line and caught.value.remedy


def test_a_language_that_is_none():
    with pytest.raises(IsoglossError, match="qqq"):
        read_acts({"a": "translate:qqq"}, never)


def test_a_file_that_is_not_there(tmp_path):
    for text in ("letters", "lexicon"):
        with pytest.raises(IsoglossError, match=r"no\.tsv"):
            read_acts({"a": f"{text}:{tmp_path / 'no.tsv'}"}, never)
