"""Scores of translations equal sacrebleu's; texts off target are found by script and identifier."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import MissingExtra, UnknownLanguage, UsageError
from isogloss.score import bootstrap_of_sums, resampled
from isogloss.task.metrics import texts
from isogloss.task.metrics.texts import bleu, chrf, off_target

GOLD = [
    "The cat sat on the mat.",
    "It is what it is, and no more.",
    "Hello (world)!",
    "No.",
    "There is a house in New Orleans.",
]
TOLD = [
    "The cat sat on a mat.",
    "It is what it was, no more.",
    "Hello world",
    "",
    "There was a house in Orleans, they say.",
]


@pytest.fixture(scope="module")
def sacrebleu():
    return pytest.importorskip("sacrebleu", reason="needs sacrebleu: isogloss[translate]")


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


def test_scores_equal_sacrebleu_with_its_signature(sacrebleu):
    one, other = bleu(GOLD, TOLD, "en"), chrf(GOLD, TOLD)
    assert value(one) == pytest.approx(sacrebleu.corpus_bleu(TOLD, [GOLD]).score)
    assert value(other) == pytest.approx(sacrebleu.corpus_chrf(TOLD, [GOLD], word_order=2).score)
    version = f"version:{sacrebleu.__version__}"
    assert one.settings["signature"] == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|{version}"
    assert other.settings["signature"] == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|{version}"


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "(a)", "b.", "c"]), max_size=6).map(" ".join)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_short_and_empty_texts_equal_sacrebleu(sacrebleu, pairs):
    gold, told = map(list, zip(*pairs, strict=True))
    expected = sacrebleu.corpus_bleu(told, [gold]).score
    assert value(bleu(gold, told, "en")) == pytest.approx(expected, abs=1e-9)
    expected = sacrebleu.corpus_chrf(told, [gold], word_order=2).score
    assert value(chrf(gold, told)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_a_resample_has_the_score_of_its_own_texts(sacrebleu, name):
    tally = bleu(GOLD, TOLD, "en") if name == "bleu" else chrf(GOLD, TOLD)
    found = tally.statistic(resampled(tally.columns, resamples=40).T)
    draws = np.random.default_rng(0).integers(0, len(GOLD), size=(40, len(GOLD)))
    expected = []
    for draw in draws:
        told, gold = [TOLD[i] for i in draw], [[GOLD[i] for i in draw]]
        if name == "bleu":
            expected.append(sacrebleu.corpus_bleu(told, gold).score)  # smoothing and its scale too
        else:
            expected.append(sacrebleu.corpus_chrf(told, gold, word_order=2).score)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    interval = bootstrap_of_sums(*tally[:2])
    assert interval.value == pytest.approx(value(tally))
    assert interval.low < interval.value < interval.high


def test_no_prediction_is_the_empty_text(sacrebleu):
    told = [*TOLD[:3], None, TOLD[4]]
    assert value(bleu(GOLD, told, "en")) == value(bleu(GOLD, TOLD, "en"))
    assert value(chrf(GOLD, [None] * 5)) == value(bleu(GOLD, [None] * 5, "en")) == 0


@pytest.mark.parametrize(
    ("language", "cut"),
    [
        ("zh", "zh"),
        ("zho_Hant", "zh"),
        ("ja", "char"),
        ("th", "char"),
        ("ru", "13a"),
        ("ko", "13a"),
    ],
)
def test_words_are_cut_by_the_script(sacrebleu, language, cut):
    text = ["東京は 大きい。"]
    found = bleu(text, text, language)
    assert f"tok:{cut}" in found.settings["signature"]


def test_a_way_to_count_that_is_not_known_is_refused(sacrebleu, monkeypatch):
    monkeypatch.setattr(texts, "_chrf", lambda s: 0 * s[0])
    with pytest.raises(UsageError, match="another way"):
        chrf(GOLD, TOLD)


def test_what_is_missing_or_unknown_is_said(monkeypatch):
    with pytest.raises(UsageError, match="cut by 'flores200'"):
        bleu(GOLD, TOLD, "en", "flores200")
    with pytest.raises(UnknownLanguage):
        bleu(GOLD, TOLD, "xx-yy")
    with pytest.raises(UsageError, match="5 gold values and 1"):
        chrf(GOLD, ["a"])
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtra, match="sacrebleu"):
        bleu(GOLD, TOLD, "en")
    with pytest.raises(MissingExtra, match=r"isogloss\[translate\]"):
        chrf(GOLD, TOLD)


@pytest.mark.parametrize(
    ("text", "language", "off"),
    [
        ("Das ist ein Satz.", "de", 0),
        ("This is a sentence.", "de", 0),  # of the same script
        ("Это предложение", "de", 1),
        ("Это предложение", "ru", 0),
        ("Это одно слово: tokenizer", "ru", 0),
        ("это tokenizer", "ru", 1),
        ("これは文です", "ja", 0),
        ("これは文です", "zh", 1),
        ("コーヒーーー", "ja", 0),  # a mark of length is of no script
        ("这是一句话", "zh", 0),
        ("이것은 문장입니다", "ko", 0),
        ("यह एक वाक्य है।", "hi", 0),
        ("هذه جملة", "ur", 0),
        ("1984!", "ru", 0),
        ("  ", "ru", 1),
        (None, "ru", 1),
    ],
)
def test_script_tells_what_is_off_target(text, language, off):
    assert off_target([text], [language]).columns.tolist() == [[off, 1]]


def test_an_identifier_tells_languages_of_one_script_apart():
    asked = []

    def identify(given):
        asked.extend(given)
        return ["de", "en", "ar", "zh-cn", "ru", "und"]

    told = ["Das ist so", "This is so", "كلام", "这是", "Das", "x", ""]
    found = off_target(told, ["deu", "deu", "arz", "zh", "ru", "en", "en"], identify)
    # Arabic is as good as its Egyptian member, und is no language, and the empty text is not asked
    assert found.columns[:, 0].tolist() == [0, 1, 0, 0, 1, 1, 1]
    assert asked == told[:6]
    assert found.settings == {"by": "script and identifier"}
    assert value(off_target(["das", "это"], ["de", "de"])) == 0.5
    with pytest.raises(UsageError, match="1 tags for 2 texts"):
        off_target(["a", "b"], ["de", "de"], lambda given: ["de"])
    with pytest.raises(UsageError, match="no gold value"):
        off_target(["a"], [None])
