"""Premiums in plain words."""

import pytest

from isogloss.score import Score, Scores
from isogloss.vocabulary.consequences import (
    consequence,
    consequences,
    window_holds,
    worst_first,
)


def row(value, language="tam_Taml", **more):
    return Score(**{"measure": "premium", "language": language, "pivot": "eng_Latn", "n": 9,
                    "value": value, "system": "mine", **more})  # fmt: skip


def test_a_premium_is_a_window_and_a_price():
    assert consequence(row(4.2)) == (
        "Tamil needs 4.2 times the tokens of English: the same window holds 24% as much text, and "
        "the same text costs 4.2 times as much where tokens are paid for."
    )
    assert "holds 200% as much text" in consequence(row(0.5))
    assert consequence(row(1.03)) == "Tamil needs about as many tokens as English."
    assert "not known" in consequence(row(None))


def test_unknown_tokens_make_a_premium_too_low():
    said = consequence(row(0.5), unknown=0.6)
    assert "60% of its tokens are unknown" in said and "window" not in said


def test_the_worst_of_each_tokenizer_come_first():
    scores = Scores(
        [
            row(1.5), row(3.0, "mya_Mymr"), row(2.0, "hin_Deva"), row(None, "jpn_Jpan"),
            row(5.0, "fin_Latn", system="other"), row(0.5, "fin_Latn", measure="unknown_share"),
        ]
    )  # fmt: skip
    said = consequences(scores, most=2)
    assert [s.partition(" needs")[0] for s in said] == [
        "mine: Burmese", "mine: Hindi", "other: Finnish"
    ]  # fmt: skip
    alone = consequences(scores.where(system="mine"))
    assert len(alone) == 3 and alone[0].startswith("Burmese")
    assert [r.value for r in worst_first(scores.where(measure="premium"))] == [5, 3, 2, 1.5]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_unknown_shares_are_looked_up_by_tokenizer(share):
    scores = Scores([row(2.0), row(share, measure="unknown_share")])
    assert ("in part only" in consequences(scores)[0]) == (share > 0.1)


def test_a_window_holds_the_inverse_where_the_text_is_read():
    assert window_holds(row(4.0)) == 0.25
    assert window_holds(row(0.5), unknown=0.6) is None
    assert window_holds(None) is None and window_holds(row(None)) is None
