"""Aligned words give aligned tokens."""

import math

import numpy as np
import pytest

from isogloss.vocabulary.initialise.translations import _shares, token_translations


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 4), (3, 1), (2, 3), (4, 6), (5, 5)])
def test_half_goes_by_place_and_half_to_all(a, b):
    least = math.lcm(a, b)
    by_place = np.zeros((b, a))
    for at in range(least):  # both words written out to the same length
        by_place[at * b // least, at * a // least] += b / least
    wanted = 0.5 * by_place + 0.5 / a
    np.testing.assert_allclose(_shares(a, b), wanted, atol=1e-12)
    np.testing.assert_allclose(_shares(a, b).sum(1), 1)


def test_counts_of_words_become_counts_of_tokens(whole_words):
    source = whole_words("sun", "##ny", "day")
    target = whole_words("sol", "##ig", "dag")
    found = token_translations(
        [("sunny", "solig", 10), ("day", "dag", 3), ("day", "solig", 1), ("x", "dag", 9)],
        source, target,
    ).toarray()  # fmt: skip
    at = target.token_to_id
    assert found.shape == (4, 4)
    np.testing.assert_allclose(found[at("sol")], [0, 7.5, 2.5, 1])
    np.testing.assert_allclose(found[at("##ig")], [0, 2.5, 7.5, 1])
    np.testing.assert_allclose(found[at("dag")], [0, 0, 0, 3])
    assert not found[at("[UNK]")].any()


def test_words_stand_in_running_text(tokenizer_of):
    source, target = tokenizer_of("byte-bpe"), tokenizer_of("unigram")
    found = token_translations([("face", "face", 2)], source, target)
    [row], [column] = found.nonzero()
    assert source.id_to_token(int(column)) == "Ġface"
    assert target.id_to_token(int(row)) == "▁face"


def test_nothing_aligned_gives_nothing(whole_words):
    one = whole_words("a")
    assert token_translations([], one, one).nnz == 0
    assert token_translations([("a", "b", 1), ("a", "a", 0)], one, one).nnz == 0
