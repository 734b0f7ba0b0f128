"""A lexicon is induced, any translation is right, and what cannot be asked is counted."""

import numpy as np
import pytest

from isogloss.errors import CorpusError
from isogloss.match.lexicon import dictionary_rows, induce
from isogloss.match.neighbours import unit

WORDS = [f"w{i}" for i in range(40)]
FOREIGN = [f"v{i}" for i in range(40)]


def spaces(noise=0.0):
    rng = np.random.default_rng(0)
    y = unit(rng.normal(size=(40, 8)))
    return unit(y + noise * rng.normal(size=y.shape)), y


def test_translations_are_found_and_the_four_numbers_agree_with_ranks():
    x, y = spaces(0.6)
    asked = dictionary_rows(zip(WORDS, FOREIGN, strict=True), WORDS, FOREIGN)
    scores = induce(x, y, asked, score="cosine", language="deu_Latn", pivot="eng_Latn")
    order = np.argsort(-(x @ y.T), axis=1)
    rank = np.array([np.flatnonzero(row == i)[0] + 1 for i, row in enumerate(order)])
    for k in (1, 5, 10):
        row = scores.one(measure=f"lexicon_p{k}")
        assert row.value == pytest.approx((rank <= k).mean())
        assert row.low <= row.value <= row.high and row.n == 40
    reciprocal = np.where(rank <= 10, 1 / rank, 0).mean()
    assert scores.one(measure="lexicon_mrr").value == pytest.approx(reciprocal)
    assert {r.language for r in scores} == {"deu_Latn"}


def test_any_of_several_translations_is_right():
    x, y = spaces()
    entries = [("w0", "v9"), ("w0", "v0"), ("w1", "v5")]
    asked = dictionary_rows(entries, WORDS, FOREIGN)
    assert [g.tolist() for g in asked.gold] == [[0, 9], [5]]
    assert induce(x, y, asked).one(measure="lexicon_p1").value == 0.5


def test_what_cannot_be_asked_is_counted():
    entries = [("w0", "v0"), ("absent", "v1"), ("w2", "absent"), ("w2", "nor this"), ("w3", "v3")]
    asked = dictionary_rows(entries, WORDS, FOREIGN)
    assert asked.dropped == {
        "not in the source space": 1, "no translation in the target space": 1,
    }  # fmt: skip
    assert asked.coverage == 0.5
    row = induce(*spaces(), asked)[0]
    assert row.dropped == asked.dropped and row.settings["coverage"] == 0.5


def test_a_small_space_has_fewer_candidates_than_ten():
    x, y = spaces()
    asked = dictionary_rows(zip(WORDS[:3], FOREIGN[:3], strict=True), WORDS[:3], FOREIGN[:3])
    assert induce(x[:3], y[:3], asked).one(measure="lexicon_p10").value == 1


@pytest.mark.parametrize(
    ("entries", "source", "message"),
    [
        ([], WORDS, "no entry"),
        ([("a", "b")], WORDS, "none can be asked"),
        ([("w0", "v0")], [*WORDS, "w7"], "source vocabulary holds 'w7' twice"),
    ],
)
def test_bad_dictionaries_and_vocabularies_are_named(entries, source, message):
    with pytest.raises(CorpusError, match=message):
        dictionary_rows(entries, source, FOREIGN)
