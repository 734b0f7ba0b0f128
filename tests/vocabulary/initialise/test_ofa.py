"""Likeness by aligned words chooses what a row is made of; a rank keeps the table small."""

import numpy as np
import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.initialise.factorised import factorise
from isogloss.vocabulary.initialise.ofa import ofa
from isogloss.vocabulary.initialise.rows import MADE, Help, Source


@pytest.fixture
def case(whole_words):
    rng = np.random.default_rng(0)
    meanings = rng.normal(size=(4, 8))
    source = whole_words("sun", "moon", "day", "night")
    target = whole_words("sol", "måne", "dag", "natt", "day", "ukjent")
    help = Help(
        source_words=(("sun", "moon", "day", "night"), meanings),
        target_words=(("sol", "måne", "dag", "natt", "day"),
                      np.vstack([meanings + 0.01, meanings[0]])),
    )  # fmt: skip
    return Source(rng.normal(size=(5, 6)).astype(np.float32), source), target, help


def test_translations_begin_as_each_other(case):
    source, target, help = case
    made = ofa(source, target, help, k=2, temperature=0.05)
    np.testing.assert_allclose(made.rows[1:5], source.rows[1:5], atol=0.05)
    np.testing.assert_array_equal(made.rows[5], source.rows[3])  # day is copied, not like sun
    assert [MADE[i] for i in made.made] == ["copied", *["combined"] * 4, "copied", "random"]


def test_with_a_rank_the_same_combinations_are_of_coordinates(case):
    source, target, help = case
    made = ofa(source, target, help, rank=3, k=2)
    factors = factorise(source.rows, 3)
    whole = ofa(Source(factors.rows @ factors.projection, source.tokenizer), target, help, k=2)
    np.testing.assert_allclose(made.rows[:6], whole.rows[:6], atol=1e-5)
    assert np.linalg.matrix_rank(made.rows, tol=1e-4) == 3
    assert [MADE[i] for i in made.made] == [*["factorised"] * 6, "random"]
    padded = Source(np.vstack([source.rows, source.rows]), source.tokenizer)
    assert ofa(padded, target, help).rows.shape == (7, 6)


def test_it_asks_for_words(case):
    with pytest.raises(UsageError, match=r"ofa\.v1 needs target_words"):
        ofa(case[0], case[1], Help(source_words=((), np.empty((0, 2)))))
