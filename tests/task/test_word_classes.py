"""Classes of words: those of the list, guesses by letters, and how far guesses are told to go."""

import numpy as np
import pytest

from isogloss.errors import UsageError
from isogloss.task.probe import fit
from isogloss.task.word_classes import PARTS, features, learn_classes

STEMS = [a + b + c for a in "bdg" for b in "aiou" for c in "lmnrst"]  # 72
ENTRIES = [(stem + "en", "north") for stem in STEMS] + [(stem + "a", "south") for stem in STEMS]


def stretches(word):
    """The plain way: every stretch of one to four signs, and a mark of capitals."""
    whole, found = "<" + word.lower() + ">", []
    for first in range(len(whole)):
        for stop in range(first + 1, min(first + 4, len(whole)) + 1):
            if whole[first:stop] not in found:
                found.append(whole[first:stop])
    return found + (["a capital"] if word.lower() != word else [])


def test_features_are_those_of_the_plain_way():
    known = {one: at for at, one in enumerate(["<a", "an", "na", "a>", "ana", "a capital", "zzz"])}
    made = features(["ana", "Anana", "x"], known).toarray()
    for row, word in zip(made, ["ana", "Anana", "x"], strict=True):
        own = stretches(word)
        for one, at in known.items():
            assert row[at] == pytest.approx((one in own) / len(own) ** 0.5)
    assert made[1, known["a capital"]] and not made[0, known["a capital"]]


def test_the_regression_is_the_same_over_sparse_features():
    words = [word for word, _ in ENTRIES]
    names = sorted({one for word in words for one in stretches(word)})
    x = features(words, {one: at for at, one in enumerate(names)})
    y = np.array([kind == "south" for _, kind in ENTRIES], int)
    np.testing.assert_allclose(fit(x, y, 2, 10.0), fit(x.toarray(), y, 2, 10.0), atol=1e-4)


def test_what_the_letters_tell_is_told_of_words_that_the_list_does_not_have():
    made = learn_classes(ENTRIES)
    assert made(["zufken", "zufka", "Plunden"]) == ["north", "south", "north"]
    assert made.right.value > 0.95 and made.commonest < 0.65
    assert made.held_out == -(-144 // PARTS)
    assert f"of {made.held_out} held-out words" in made.told()


def test_the_list_is_believed_before_the_letters():
    made = learn_classes([*ENTRIES, ("kosen", "south"), ("Roma", "name"), ("Mola", "name")])
    assert made(["kosen", "Kosen", "x", "Roma"]) == ["south", "south", made(["x"])[0], "name"]
    both = learn_classes([*ENTRIES, ("molen", "south"), ("Molen", "name"), ("Rome", "name")])
    assert both(["x", "molen", "Molen", "rome"])[1:] == ["south", "name", "name"]


def test_a_word_of_two_classes_is_guessed():
    made = learn_classes([*ENTRIES, ("turken", "north"), ("turken", "south")])
    assert "turken" not in made.known and made(["turken"]) == ["north"]


def test_a_capital_at_the_head_of_a_sentence_tells_nothing():
    names = [(stem.capitalize() + "en", "name") for stem in STEMS]
    made = learn_classes([*ENTRIES, *names])
    assert made(["Zufken", "Zufken"]) == ["north", "name"]


def test_classes_that_the_letters_do_not_tell_are_not_said_to_be_told():
    rng = np.random.default_rng(0)
    drawn = [(word, "ab"[int(rng.integers(2))]) for word, _ in ENTRIES]
    assert learn_classes(drawn).right.value < 0.8
    # The same words in capitals are no others: nothing is known of them when they are held out.
    twice = [*drawn, *((word.upper(), kind) for word, kind in drawn)]
    assert learn_classes(twice).right.value < 0.8


def test_too_little_to_learn_from():
    with pytest.raises(UsageError, match="144 words of 1 classes are too few"):
        learn_classes([(word, "north") for word, _ in ENTRIES])
    with pytest.raises(UsageError, match="decide=listed"):
        learn_classes(ENTRIES[:5] + ENTRIES[-5:])
