"""What is wrong with translations, and when a translator is refused for it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import TranslatorError, UsageError
from isogloss.task.translate.check import Check, checked, findings, sums_of
from isogloss.task.translate.contract import cut_lines, join_lines
from isogloss.task.translate.markers import compare_markers


class Plain:
    """A translator that is a function of a text."""

    name, fingerprint, batch = "plain", "0" * 16, 4

    def __init__(self, function):
        self.function, self.seen = function, []

    def translate(self, texts, source, target):
        self.seen.append(list(texts))
        return [self.function(text) for text in texts]


def reasons(text, made, target="rus_Cyrl", **settings):
    return dict(findings([text], [made], target, Check(**settings))[0])


def test_each_reason_alone():
    assert reasons("a house", "большой дом") == {}
    assert reasons("a house", "the big house") == {"wrong script": 1}
    assert reasons("a house", "  ") == {"empty translation": 1}
    assert reasons(" ", "") == {"blank text": 1}
    assert reasons("a house", "a house ", "deu_Latn") == {"copied": 1}
    assert reasons("12 + 3", "12 + 3", "deu_Latn") == {}  # numbers are the same everywhere
    assert reasons("Bonn", "Bonn") == {"copied": 1}  # too short to tell its language
    assert reasons("[a] [b]", "[a дом", markers=["[", "]"]) == {"marker lost": 3}


def test_scripts_that_are_written_with_several():
    assert reasons("a", "これは漢字とカナ", "jpn_Jpan") == {}
    assert reasons("a", "这是一个汉字文本", "kor_Kore") == {}  # Hanja are Korean letters too
    assert reasons("a", "이것은 한국어 문장", "jpn_Jpan") == {"wrong script": 1}


def test_half_of_the_letters_are_enough():
    assert reasons("a", "abcдомa"[:6]) == {}
    assert reasons("a", "abcdдом") == {"wrong script": 1}


def test_an_identifier_tells_languages_of_one_script():
    seen = []

    def identify(texts):
        seen.extend(texts)
        return ["de" if "Haus" in text else None if "?" in text else "nld" for text in texts]

    made = ["das Haus ist groß", "het huis is groot", "is it so?", "Bonn", "большой дом"]
    found = findings(["a"] * 5, made, "deu_Latn", Check(identify=identify))
    assert [dict(one) for one in found] == [
        {}, {"wrong language": 1}, {}, {}, {"wrong script": 1}
    ]  # fmt: skip
    assert seen == made[:3]


def test_a_macrolanguage_or_its_sister_is_no_wrong_language():
    for told in ("ara", "arz", "arb"):
        check = Check(identify=lambda texts, told=told: [told] * len(texts))
        assert not findings(["a"], ["هذا بيت كبير"], "arb_Arab", check)[0]
    check = Check(identify=lambda texts: ["fas"])
    assert findings(["a"], ["هذا بيت كبير"], "arb_Arab", check)[0] == {"wrong language": 1}


def test_an_identifier_of_another_length():
    with pytest.raises(UsageError, match="0 languages of 1"):
        findings(["a"], ["das Haus ist"], "deu", Check(identify=lambda texts: []))


def test_a_translator_into_the_wrong_language_is_refused_with_an_example():
    work = checked(Plain(lambda text: f"this is {text}"))
    with pytest.raises(TranslatorError, match=r"4 of 4 .* not in rus_Cyrl; 'aaaaa' became 'this"):
        work.translate(["aaaaa"] * 8, "deu", "rus")
    assert len(work.inner.seen) == 1  # after the first batch


def test_a_few_are_counted_and_the_share_is_of_all_so_far():
    russian = {str(i): "большой дом" for i in range(40)} | {"x": "english words"}
    work = checked(Plain(russian.__getitem__))
    rows = ["x", *map(str, range(39))]
    made = work.translate(rows, "eng", "rus")
    assert made[0] == "english words" and sums_of(work.told) == {"wrong script": 1}
    with pytest.raises(TranslatorError, match=r"9 of 4[0-9] .*wrong=0\.2|not in rus_Cyrl"):
        work.translate(["x"] * 40, "eng", "rus")


def test_share_1_refuses_nothing_and_copies_have_a_share_of_their_own():
    same = checked(Plain(str), Check(wrong=1, copied=1))
    assert same.translate(["all the words"] * 30, "eng", "rus") == ["all the words"] * 30
    assert sums_of(same.told) == {"copied": 30, "wrong script": 30}
    with pytest.raises(TranslatorError, match="the text again"):
        checked(Plain(str)).translate(["all the words"] * 30, "eng", "deu")
    with pytest.raises(TranslatorError, match="empty"):
        checked(Plain(lambda text: "")).translate(["all the words"] * 30, "eng", "deu")


def test_blank_texts_are_not_sent():
    work = checked(Plain(str.upper))
    assert work.translate(["", "a", " \n"], "eng", "deu") == ["", "A", ""]
    assert work.inner.seen == [["a"]] and sums_of(work.told) == {"blank text": 2}


def test_the_wrong_number_of_lines():
    class Short(Plain):
        def translate(self, texts, source, target):
            return ["x"] * (len(texts) - 1)

    with pytest.raises(TranslatorError, match="gave 2 translations of 3 texts; the first, 'a'"):
        checked(Short(str)).translate(["a", "b", "c"], "eng", "deu")


@pytest.mark.parametrize("texts", ["a text", [None], ["a\ud800"]])
def test_what_is_no_list_of_texts(texts):
    with pytest.raises(UsageError):
        checked(Plain(str)).translate(texts, "eng", "deu")


def test_bad_settings_and_a_language_into_itself():
    with pytest.raises(UsageError, match=r"wrong=2"):
        Check(wrong=2)
    with pytest.raises(UsageError, match="itself"):
        checked(Plain(str)).translate(["a"], "eng", "en")


def test_markers_that_are_lost_and_added():
    text, made = "<a>Bonn</a> and <b>Ulm</b>", "<a>Bonn<a> und Ulm</b>"
    pattern = re.compile(r"</?[a-z]>")
    assert compare_markers(text, made, pattern) == (["</a>", "<b>"], ["<a>"])
    assert compare_markers("[[x]]", "[x]", ["[", "[[", "]", "]]"]) == (["[[", "]]"], ["[", "]"])
    with pytest.raises(UsageError):
        compare_markers("a", "b", [""])


@given(st.text("[]ab", max_size=20), st.text("[]ab", max_size=20))
def test_markers_balance(text, made):
    change = compare_markers(text, made, ["[", "]"])
    count = sum(made.count(one) - text.count(one) for one in "[]")
    assert len(change.added) - len(change.lost) == count
    assert compare_markers(text, text, ["[", "]"]) == ([], [])


@given(st.lists(st.text("a b\n\r\u2028\x85", max_size=12), max_size=4))
def test_lines_are_put_together_again(texts):
    parts, lines = cut_lines(texts)
    assert all(line.strip() and len(line.splitlines()) == 1 for line in lines)
    assert join_lines(parts, lines) == texts
    assert "".join(join_lines(parts, [f"<{line}>" for line in lines])).count("<") == len(lines)
