"""A dictionary of words reaches tokens that are no words of it."""

import numpy as np
import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.initialise.rows import MADE, Help, Source
from isogloss.vocabulary.initialise.tik_to_tok import tik_to_tok

STEMS = {
    "walk": "wandel",
    "house": "woning",
    "table": "tafel",
    "garden": "tuinen",
    "water": "drank",
}
ENDS = {"": "", "ing": "heid", "less": "loos", "ship": "schap"}
DICTIONARY = [(a + x, b + y) for a, b in STEMS.items() for x, y in ENDS.items() if x != "ship"]


@pytest.fixture
def case(whole_words):
    source = whole_words(*STEMS, *(f"##{end}" for end in ENDS if end), "[PAD]")
    target = whole_words(*STEMS.values(), *(f"##{end}" for end in ENDS.values() if end), "qqqq")
    rows = np.random.default_rng(0).normal(size=(source.get_vocab_size(), 6)).astype(np.float32)
    return Source(rows, source), target


def test_stems_and_endings_find_each_other(case):
    source, target = case
    made = tik_to_tok(source, target, Help(dictionary=DICTIONARY), k=1)
    at = source.tokenizer.token_to_id
    for word, wanted in (*STEMS.items(), ("##ing", "##heid"), ("##less", "##loos")):
        row = made.rows[target.token_to_id(wanted)]
        np.testing.assert_allclose(row, source.rows[at(word)], err_msg=wanted)
    assert MADE[made.made[target.token_to_id("qqqq")]] == "random"
    assert MADE[made.made[target.token_to_id("[UNK]")]] == "copied"


def test_it_is_the_same_again_and_weights_are_soft(case):
    source, target = case
    one, two = (tik_to_tok(source, target, Help(dictionary=DICTIONARY), k=3) for _ in range(2))
    np.testing.assert_allclose(one.rows, two.rows, atol=1e-6)
    assert one.parts.max() == 3


def test_a_dictionary_has_to_be_there(case, whole_words):
    source, target = case
    with pytest.raises(UsageError, match="needs dictionary"):
        tik_to_tok(source, target, Help())
    with pytest.raises(UsageError, match="a dictionary of 1 entries"):
        tik_to_tok(source, target, Help(dictionary=DICTIONARY[:1]))


def test_words_are_spelled_as_the_tokenizer_spells_its_tokens(whole_words):
    from isogloss.vocabulary.extend import with_romanisation

    source, target = whole_words("sun", "moon"), whole_words("solntse", "luna")
    rows = np.eye(3, dtype=np.float32)
    romanised = with_romanisation(target, ["Cyrl"])
    help = Help(dictionary=[("sun", "солнце"), ("moon", "луна")])
    made = tik_to_tok(Source(rows, source), romanised, help, k=1)
    assert made.rows[1:].argmax(1).tolist() == [1, 2]
