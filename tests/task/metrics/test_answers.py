"""Answers as the scripts of SQuAD and MLQA score them: their definitions, spelt out by example."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UnknownLanguage, UsageError
from isogloss.score import bootstrap_of_sums
from isogloss.task.metrics.answers import answer_scores, normaliser


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


def scores(gold, told, language="en", rules="own"):
    return tuple(value(one) for one in answer_scores(gold, told, language, rules).values())


def plain_squad(text):
    """One step after the other, as the script's four functions."""
    text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(word for word in re.sub(r"\b(a|an|the)\b", " ", text).split())


def plain_f1(told, gold):
    told, gold = plain_squad(told).split(), plain_squad(gold).split()
    if not told or not gold:
        return int(told == gold)
    same = sum((Counter(told) & Counter(gold)).values())
    if same == 0:
        return 0
    precision, recall = same / len(told), same / len(gold)
    return 2 * precision * recall / (precision + recall)


TEXT = st.lists(
    st.sampled_from(["the", "The", "a", "cat", "cats,", "$5", "“cat”", "don't", "an-apple", ""])
).map(" ".join)


@given(TEXT, TEXT)
def test_english_is_the_script_of_squad(told, gold):
    assert normaliser("en")(told) == plain_squad(told)
    exact, f1 = scores([[gold]], [told])
    assert exact == (plain_squad(told) == plain_squad(gold))
    assert f1 == pytest.approx(plain_f1(told, gold))


@pytest.mark.parametrize(
    ("language", "text", "normal"),
    [
        ("es", "¿El perro de la Señora?", "perro de señora"),
        ("de", "Die Straße, der Häuser!", "straße häuser"),
        ("vi", "Những ngày của Hà Nội", "ngày hà nội"),
        ("ar", "الكتاب، والبيت", "كتاب و بيت"),
        ("arz", "الكتاب", "كتاب"),  # another Arabic
        ("ar", "مال طالب", "م ط ب"),  # inside a word too, as in the script
        ("hi", "यह किताब है।", "यह किताब है"),
        ("zh", "北京的人口是2000万ABC，。", "北 京 的 人 口 是 2000 万 abc"),
        ("zho_Hant", "the 北京", "the 北 京"),
        ("ru", "«Это», она — The!", "это она the"),
        ("th", "กรุงเทพ 25", "ก รุ ง เ ท พ 25"),
        ("el", "Η Αθήνα...", "η αθήνα"),
        ("en", "“The Cat”", "“ cat”"),  # curly quotes are no ASCII punctuation
    ],
)
def test_what_a_language_leaves_of_an_answer(language, text, normal):
    assert normaliser(language)(text) == normal


def test_english_by_the_rules_of_mlqa_and_russian_by_those_of_squad():
    assert normaliser("en", "mlqa")("“The Cat”") == "cat"
    assert normaliser("ru", "squad")("«Это» the") == "«это»"


def test_the_best_gold_answer_counts():
    assert scores([["Denver", "the Denver Broncos"]], ["Denver Broncos!"]) == (1, 1)
    exact, f1 = scores([["Denver", "Carolina Panthers team"]], ["Denver Broncos"])
    assert exact == 0
    assert f1 == pytest.approx(2 / 3)


def test_words_count_as_often_as_both_have_them():
    assert scores([["cat cat dog"]], ["cat cat cat"])[1] == pytest.approx(2 / 3)


def test_questions_without_an_answer():
    assert scores([[]], [""]) == (1, 1)
    assert scores([[]], ["the"]) == (1, 1)  # nothing is left of it
    assert scores([[]], ["cat"]) == (0, 0)
    assert scores([["cat"]], [""]) == (0, 0)
    assert scores([["the", "cat"]], [""]) == (0, 0)
    assert scores([["the"]], ["a"]) == (1, 1)


def test_no_prediction_is_wrong_even_without_an_answer():
    assert scores([["cat"], []], [None, None]) == (0, 0)
    assert scores([["cat"], ["dog"]], ["cat", None]) == (0.5, 0.5)


def test_settings_name_the_rules_and_intervals_are_over_questions():
    found = answer_scores([["a cat"], ["dog"]] * 10, ["cat", "a big dog"] * 10, "en")
    assert found["f1"].settings == {"normalisation": "squad"}
    assert answer_scores([["x"]], ["x"], "ru")["f1"].settings == {"normalisation": "mlqa"}
    interval = bootstrap_of_sums(*found["f1"][:2])
    assert interval.value == pytest.approx((1 + 2 / 3) / 2)
    assert interval.low < interval.value < interval.high


def test_bad_input():
    with pytest.raises(UsageError, match="no rules 'triviaqa'"):
        scores([["a"]], ["a"], rules="triviaqa")
    with pytest.raises(UnknownLanguage):
        scores([["a"]], ["a"], "xx-yy")
    with pytest.raises(UsageError, match="example 1 has no gold value"):
        scores([None], ["a"])
