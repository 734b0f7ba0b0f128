"""Word by word: what a dictionary knows is exchanged, all else stays and is counted."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.translate.cached import cached
from isogloss.task.translate.check import Check, sums_of
from isogloss.task.translate.lexicon import LexiconTranslator, word_by_word
from isogloss.task.translate.markers import compare_markers
from isogloss.task.translate.read import read_translator
from isogloss.train.transforms.switch import phrases

LINES = "red\trot\nsun\tSonne\nsun\tGestirn\nnew york\tNeu-York\nnew\tneu\n"


@pytest.fixture
def german(tmp_path):
    path = tmp_path / "en-de.tsv"
    path.write_text(LINES, encoding="utf-8")
    return path


def test_the_first_translation_of_the_longest_phrase(german):
    work = LexiconTranslator({("eng", "deu"): german})
    texts = ["Red sun!", "[The] new New York 12 (sun)", "", "3.5"]
    assert work.translate(texts, "en", "de") == [
        "rot Sonne!", "[The] neu Neu-York 12 (Sonne)", "", "3.5"
    ]  # fmt: skip
    assert sums_of(work.told) == {"word": 7, "word not in the dictionary": 1}
    assert not compare_markers(texts[1], "[The] neu Neu-York 12 (Sonne)", ["[", "]"]).lost


def test_a_word_of_the_dictionary_that_is_a_mark_stays(german):
    german.write_text(LINES + "a\tein\n", encoding="utf-8")
    work = LexiconTranslator({("eng", "deu"): german})
    texts = ["a <a>red</a> sun a", "<a>new</a> York", "a > b <a"]
    assert work.translate(texts, "eng", "deu") == [
        "ein <a>rot</a> Sonne ein", "<a>neu</a> York", "ein > b <ein"
    ]  # fmt: skip
    assert sums_of(work.told) == {"word": 9, "word not in the dictionary": 2}


def test_the_other_direction_is_the_dictionary_read_backwards(german):
    work = LexiconTranslator({("eng", "deu"): german})
    assert work.translate(["Die rote rot Sonne, Neu-York"], "deu", "eng") == [
        "Die rote red sun, new york"
    ]
    with pytest.raises(UsageError, match=r"no dictionary from eng_Latn to fra_Latn"):
        work.translate(["a"], "eng", "fra")


def test_a_dictionary_of_its_own_comes_before_one_read_backwards(german, tmp_path):
    back = tmp_path / "de-en.tsv"
    back.write_text("rot\tscarlet\n", encoding="utf-8")
    work = LexiconTranslator({("eng", "deu"): german, ("deu", "eng"): back})
    assert work.translate(["rot"], "deu", "eng") == ["scarlet"]
    assert work.fingerprint != LexiconTranslator({("eng", "deu"): german}).fingerprint


def test_spaces_go_and_come_with_the_script():
    english = phrases([("red", "红"), ("sun", "太阳")], "Latn", lower=True)
    assert word_by_word("The red sun rises", english, "Latn", spaced=(True, False))[0] == (
        "The 红太阳 rises"
    )
    chinese = phrases([("红", "red"), ("太阳", "sun")], "Hans", lower=True)
    made, words, unknown = word_by_word("红太阳,太阳在", chinese, "Hans", spaced=(False, True))
    assert made == "red sun,sun 在" and (words, unknown) == (6, 1)


@given(st.text("ab ,.[]1'", max_size=30), st.booleans(), st.booleans())
def test_an_empty_dictionary_changes_nothing(text, left, right):
    made, words, unknown = word_by_word(
        text, phrases([], "Latn", lower=True), "Latn", spaced=(left, right)
    )
    assert words == unknown
    assert made == text


@given(st.lists(st.sampled_from(["red", "sun", "moon", "new", "york", "7"]), max_size=8))
def test_word_for_word_as_a_plain_loop_does(words):
    table = {"red": "rot", "sun": "Sonne"}
    made, count, unknown = word_by_word(
        " ".join(words), phrases(list(table.items()), "Latn", lower=True), "Latn"
    )
    assert made == " ".join(table.get(word, word) for word in words)
    assert count == sum(word != "7" for word in words)
    assert unknown == sum(word not in table and word != "7" for word in words)


def test_no_dictionary_and_a_bad_one(tmp_path, german):
    with pytest.raises(UsageError, match="no dictionary"):
        LexiconTranslator({})
    with pytest.raises(UsageError, match="two dictionaries"):
        LexiconTranslator({("eng", "deu"): german, ("en", "de"): german})
    with pytest.raises(CorpusError):
        LexiconTranslator({("eng", "deu"): tmp_path / "absent.tsv"})


def test_by_name(german, tmp_path):
    work = read_translator(f"lexicon:{german}?eng=1&deu=2")
    assert work.translate(["sun"], "eng", "deu") == ["Sonne"]
    swapped = read_translator(f"lexicon:{german}?deu=1&eng=2")
    assert swapped.translate(["sun"], "deu", "eng") == ["Sonne"]
    for wrong in ("", "?eng=1", "?eng=1&deu=3"):
        with pytest.raises(UsageError, match="both columns"):
            read_translator(f"lexicon:{german}{wrong}")


def test_public_dictionary(data, tmp_path):
    path = data / "gatitos" / "en-ak.tsv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        word, translation = next(file).rstrip("\n").split("\t")
    work = cached(
        read_translator(f"lexicon:{path}?eng=1&aka=2"), tmp_path, Check(wrong=1, copied=1)
    )
    made = work.translate([f"Is it {word}, or Timbuktu?"], "eng", "aka")
    assert translation in made[0] and "Timbuktu" in made[0]
    assert sums_of(work.told)["word not in the dictionary"] >= 1


def test_probabilities_are_those_of_words(tmp_path):
    file = tmp_path / "words.tsv"
    file.write_text("Cape Town\tKapstadt\nTown\tStadt\nin\tin\n", encoding="utf-8")
    work = LexiconTranslator({("eng", "deu"): file})

    def told(text, of, language="deu_Latn", origin="eng_Latn"):
        [one] = work.probability([(text, of, language, origin)])
        return np.exp(one)

    assert told("Kapstadt", "Cape Town") == pytest.approx((1 + 1 / 2) / 2)
    assert told("in Kapstadt", "Cape Town") == pytest.approx((1e-4 * 0.75) ** 0.5)
    assert told("Cape Town", "Kapstadt", "eng_Latn", "deu_Latn") == pytest.approx(1 / 2)
    assert told("Luca in", "Luca") == pytest.approx(1e-4**0.5)  # it stays as it is
    assert told("Cape Town", "Cape Town", "eng_Latn") == pytest.approx(1 / 2)
    assert told("", "Luca") == told("x", "") == pytest.approx(1e-4)
    with pytest.raises(UsageError, match="no dictionary from"):
        told("x", "y", "hau_Latn")
