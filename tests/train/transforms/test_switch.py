"""Switching by dictionary: what is exchanged, where, how often, and into which language."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus.records import make_corpus
from isogloss.errors import CorpusError, UnknownLanguage, UsageError
from isogloss.train.transforms.switch import (
    Phrases,
    known_phrases,
    phrases,
    switch_entities,
    switch_words,
    switched,
    units,
)

RNG = np.random.default_rng


def plain(text, share=1.0, one=False, lower=True, script="Latn", seed=0, **entries):
    tables = {tag: phrases(list(pairs), script, lower=lower) for tag, pairs in entries.items()}
    return switched(text, tables, RNG(seed), script=script, share=share, lower=lower, one=one)


def test_the_longest_phrase_is_exchanged_and_all_else_stays():
    entries = [("new york", "Nueva York"), ("new", "nuevo"), ("sun", "sol")]
    assert plain("The New York sun, (new)!", spa=entries) == ("The Nueva York sol, (nuevo)!", 3)
    assert plain("sunny sun's", spa=entries) == ("sunny sun's", 0)


def test_a_table_is_looked_through_once_and_not_for_every_text():
    class Counted(Phrases):
        looked = 0

        def __iter__(self):
            Counted.looked += 1
            return super().__iter__()

    table = Counted(phrases([("new york", "Nueva York"), ("sun", "sol")], "Latn", lower=True))
    Counted.looked = 0
    for _ in range(3):
        found = list(known_phrases(["the", "new", "york", "sun"], {"spa": table}))
    assert found == [(1, ("new", "york"), ["spa"]), (3, ("sun",), ["spa"])]
    assert Counted.looked == 1
    assert not list(known_phrases(["sun"], {"spa": Phrases()}))


def test_words_keep_their_marks_and_scripts_without_spaces_are_read_by_letter():
    assert plain("हिन्दी में", eng=[("हिन्दी", "Hindi")], script="Deva") == ("Hindi में", 1)
    han = [("北京", "Peking"), ("京", "capital")]
    assert plain("我在北京,京", eng=han, script="Hani") == ("我在Peking,capital", 2)


@given(st.text("ab ,.'", max_size=30), st.floats(0, 1), st.integers(0, 5))
def test_exchanging_words_for_themselves_changes_nothing(text, share, seed):
    entries = [(word, word) for word in ("a", "b", "ab", "a'b")]
    assert plain(text, share, seed=seed, spa=entries)[0] == text


def test_known_words_are_exchanged_as_often_as_was_said_into_all_languages_alike():
    text = " ".join(["sun moon"] * 1000)
    made, count = plain(text, 0.3, spa=[("sun", "sol")], deu=[("sun", "Sonne"), ("sun", "Licht")])
    assert count / 1000 == pytest.approx(0.3, abs=0.05)
    found = made.split()
    assert found.count("moon") == 1000 and found.count("sol") / count == pytest.approx(0.5, abs=0.1)
    assert found.count("Sonne") / count == pytest.approx(0.25, abs=0.1)


def dictionary(folder, **entries):
    made = {}
    for tag, lines in entries.items():
        made[tag] = folder / f"{tag}.tsv"
        made[tag].write_text("".join(f"{a}\t{b}\n" for a, b in lines), encoding="utf-8")
    return made


def test_a_corpus_is_switched_in_one_language_and_says_how_much(tmp_path):
    rows = {"eng_Latn": ["red sun", None, "a sea"], "fra_Latn": ["soleil", "x", None]}
    corpus = make_corpus("m", list("abc"), rows)
    files = dictionary(tmp_path, spa=[("sun", "sol")], de=[("sea", "Meer")])
    made = switch_words(corpus, "eng_Latn", RNG(0), lexicons=files, share=1)
    assert made.texts("eng_Latn") == ["red sol", None, "a Meer"]
    assert made.texts("fra_Latn") == rows["fra_Latn"]
    assert made.notes == ("m: 2 phrases switched in 2 texts of eng_Latn",)
    alone = switch_words(corpus, "eng_Latn", RNG(0), lexicons=files, alone=True)
    assert [*map(str, alone.languages)] == ["eng_Latn"]


def test_names_of_a_text_all_go_into_one_language_and_are_spelled_exactly(tmp_path):
    text = "Vienna and Munich, not munich"
    corpus = make_corpus("m", [str(i) for i in range(60)], {"eng_Latn": [text] * 60})
    files = dictionary(
        tmp_path, ita=[("Vienna", "Vienna"), ("Munich", "Monaco")],
        ces=[("Vienna", "Vídeň"), ("Munich", "Mnichov")],
    )  # fmt: skip
    made = switch_entities(corpus, "eng_Latn", RNG(0), lexicons=files).texts("eng_Latn")
    assert set(made) == {"Vienna and Monaco, not munich", "Vídeň and Mnichov, not munich"}
    each = set(switch_words(corpus, "eng_Latn", RNG(0), lexicons=files, share=1).texts("eng"))
    assert len(each) > 2  # words choose for themselves, and know no case


def test_dictionaries_that_cannot_be_read_are_refused(tmp_path):
    corpus = make_corpus("m", ["a", "b"], {"eng_Latn": ["x", "y"]})
    with pytest.raises(UsageError, match="no dictionary"):
        switch_words(corpus, "eng_Latn", RNG(0), lexicons={})
    files = dictionary(tmp_path, spa=[("sun", "")])
    with pytest.raises(CorpusError, match="column 2 is empty"):
        switch_words(corpus, "eng_Latn", RNG(0), lexicons=files)
    with pytest.raises(UnknownLanguage):
        switch_words(corpus, "eng_Latn", RNG(0), lexicons=files, language="fra")


def test_units_are_words_with_what_is_inside_them():
    text = "l'eau-de-vie, 3 fois"
    assert [text[a:b] for a, b in units(text, "Latn")] == ["l'eau-de-vie", "3", "fois"]
