"""Marks around spans: written, carried by a translator, read back, and not believed if spoiled."""

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.projection.aligned import aligned
from isogloss.task.projection.contract import Labelled
from isogloss.task.projection.markers import (
    STYLES,
    Marks,
    letters,
    mark,
    markers,
    read_marks,
)
from isogloss.task.spans import Span

SOURCE = Labelled("Ann Lee saw Kano today".split(), [Span(0, 2, "PER"), Span(3, 4, "LOC")])
WORDS = {"Ann": "Anna", "saw": "ga", "today": "yau"}


def swap(texts, source, target):
    """Word by word, the last stretch of words first; marks stay with their words."""
    made = []
    for text in texts:
        parts = [m.group(0) for m in re.finditer(r"<(\w+)> .*? </\1>|\[ .*? \]|\S+", text)]
        made.append(" ".join(WORDS.get(w, w) for p in parts[::-1] for w in p.split()))
    return made


def project(translate=swap, **how):
    return markers([SOURCE], translate=translate, languages=("eng", "hau"), **how)


def test_marks_are_written():
    assert mark(SOURCE, STYLES["xml"]) == "<a> Ann Lee </a> saw <b> Kano </b> today"
    assert mark(SOURCE, STYLES["brackets"]) == "[ Ann Lee ] saw [ Kano ] today"
    assert [letters(n) for n in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]


@pytest.mark.parametrize("style", ["xml", "brackets", Marks("__S{}__", "__E{}__")])
def test_spans_come_back_in_another_order(style):
    def translate(texts, *languages):
        if isinstance(style, Marks):
            found = swap([re.sub(r"__S(\w)__", r"<\1>", re.sub(r"__E(\w)__", r"</\1>", t))
                          for t in texts], *languages)  # fmt: skip
            return [re.sub(r"</(\w)>", r"__E\1__", re.sub(r"<(\w)>", r"__S\1__", t)) for t in found]
        return swap(texts, *languages)

    made = project(translate, style=style)
    assert made.sentences[0].words == "yau Kano ga Anna Lee".split()
    assert made.sentences[0].spans == [Span(1, 2, "LOC"), Span(3, 5, "PER")]
    assert made.counts == {"spans of the source": 2, "spans projected": 2}


@pytest.mark.parametrize(
    "text, fault",
    [
        ("<a> Anna Lee ga <b> Kano </b>", "a mark was lost"),
        ("Anna ga Kano", "a mark was lost"),
        ("<a> Anna </a> <a> Lee </a> ga <b> Kano </b>", "came twice"),
        ("<a> Anna </a> ga <b> Kano </b> <c>", "not given"),
        ("<a> Anna <b> ga </a> Kano </b>", "crossed"),
        ("<a> Anna <b> Kano </b> ga </a>", "crossed"),
        ("</a> Anna <a> ga <b> Kano </b>", "crossed"),
        ("<a> </a> Anna ga <b> Kano </b>", "nothing stood between"),
        ("<a>Anna</a><b>Kano</b>", "two spans in one word"),
        ("", "nothing came back"),
        (None, "nothing came back"),
    ],
)
def test_spoiled_marks_are_not_believed(text, fault):
    made = project(lambda texts, *_: [text])
    assert made.sentences == [None] and made.counts["spans projected"] == 0
    assert any(fault in why for why in made.counts)
    assert made.counts["sentences left out: marks did not come back"] == 1


def test_the_fallback_takes_what_is_left():
    def forgetful(texts, *languages):
        return [re.sub(r" ?</?\w> ?", "", t) for t in swap(texts, *languages)]

    def links(source, target):
        return [[(i, len(y) - 1 - i) for i in range(len(x))]
                for x, y in zip(source, target, strict=True)]  # fmt: skip

    made = project(forgetful, fallback=partial(aligned, links=links))
    assert made.sentences[0].words == "yau Kano ga Lee Anna".split()
    assert made.sentences[0].spans == [Span(1, 2, "LOC"), Span(3, 5, "PER")]
    assert made.counts["sentences given to the fallback"] == 1
    given_words = markers([SOURCE], [["x"] * 5], translate=forgetful, languages=("eng", "hau"),
                          fallback=partial(aligned, links=links))  # fmt: skip
    assert given_words.sentences[0].words == ["x"] * 5


def test_marks_of_the_text_itself():
    odd = Labelled(["[", "Kano", "]"], [Span(1, 2, "LOC")])
    made = markers([odd], translate=swap, languages=("eng", "hau"), style="brackets")
    assert made.sentences == [None]
    assert made.counts["sentences whose own text has such marks"] == 1
    assert markers([odd], translate=swap, languages=("eng", "hau")).sentences[0] is not None


def test_endings_touch_and_words_stay_apart():
    found = read_marks("saw<a> Kano</a>da .", STYLES["xml"], 1)
    assert found.text == "saw Kanoda ." and found.places == {"a": (4, 8)}
    assert read_marks("＜ A ＞ 卡诺 </a>了", STYLES["xml"], 1).text == "卡诺 了"
    made = markers([Labelled(["Kano"], [Span(0, 1, "LOC")])], languages=("eng", "tur"),
                   translate=lambda texts, *_: ["ev <a>Kano</a>'da ."])  # fmt: skip
    assert made.sentences[0] == Labelled(["ev", "Kano'da", "."], [Span(1, 2, "LOC")])


def test_what_cannot_be():
    with pytest.raises(UsageError, match="no marks 'html'"):
        project(style="html")
    with pytest.raises(UsageError, match="in both or in neither"):
        project(style=Marks("<{}>", ">"))
    with pytest.raises(CorpusError, match="gave 2 texts for 1"):
        project(lambda texts, *_: ["a", "b"])
    with pytest.raises(CorpusError, match="every character"):
        project(segment=lambda text, script: ["x"])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=30),
       st.sampled_from(["xml", "brackets"]))  # fmt: skip
def test_a_perfect_translator_loses_nothing(draw, style):
    spans, at = [], 0
    for gap, length in draw:
        spans.append(Span(at + gap, at + gap + length, "X"))
        at += gap + length
    one = Labelled([f"w{i}" for i in range(at + 1)], spans)
    made = markers([one], translate=lambda texts, *_: texts, languages=("eng", "deu"), style=style)
    assert made.sentences[0] == one
