"""Each distinct sentence once, its line kept, and every line that is left out counted."""

import gzip
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus.sentences import (
    Sentence,
    Sentences,
    distinct_sentences,
    joined,
    key,
    one_line,
    write_sentences,
)


def test_duplicates_and_empty_lines_are_counted_and_the_first_stays(tmp_path):
    (tmp_path / "a").write_text("One  two\n\none two\nthree\n \t\n", encoding="utf-8")
    with gzip.open(tmp_path / "b.gz", "wt", encoding="utf-8") as file:
        file.write("THREE\nｔｈｒｅｅ\nfour\tfive\n")
    dropped = Counter()
    found = list(distinct_sentences([tmp_path / "a", tmp_path / "b.gz"], set(), dropped, []))
    assert found == [("One two", 0, 1), ("three", 0, 4), ("four five", 1, 3)]
    assert dropped == {"empty": 2, "duplicate": 3}


def test_sentences_are_read_back_one_by_one_and_by_slices(tmp_path):
    texts = ["a", "zwei", "дрэи", "四", "x y"]
    with (tmp_path / "t").open("wb") as file:
        first = write_sentences(file, _made(texts[:3]))
        second = write_sentences(file, _made(texts[3:]), int(first.offsets[-1]))
    read = Sentences(tmp_path / "t", joined(first, second))
    assert list(read) == texts and read[1:4] == texts[1:4] and len(read) == 5


def _made(texts):
    return [Sentence(text, 0, i) for i, text in enumerate(texts)]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_case_and_space_do_not_matter_and_a_line_is_a_line(text):
    assert key(text) == key(f" {text}\u00a0 ") == key(one_line(text))
    assert not set("\t\n\r\u2028\x85\x0b") & set(one_line(text))
    assert key(text) != key(text + "x")
