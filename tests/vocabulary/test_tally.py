"""Counts of texts, against a plain loop over words and tokens."""

import numpy as np
import pytest

from isogloss import registry
from isogloss.vocabulary import tally as room
from isogloss.vocabulary.tally import COUNTS, read_blocks, tally
from isogloss.vocabulary.tokenization import Cut, Tokenization, of_tokenizer

TEXTS = ["Red heart, green heart", "", "  blue  circle ", "字 heart", "supercalifragilistic", "a"]


def column(made, name):
    return made.counts[:, COUNTS.index(name)].tolist()


def slow_continued(tokenizer, text):
    """Words of a text that some token begins inside of, looked at one by one."""
    spans, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)
    made = tokenizer.encode(text, add_special_tokens=False)
    tokens = [o for t, o in zip(made.tokens, made.offsets, strict=True) if t not in ("▁", "Ġ")]
    count = 0
    for first, end in spans:
        begins = [begin for begin, _ in tokens if first <= begin < end]
        count += any(b > first for b in begins) or begins.count(first) > 1
    return count


def test_every_count_against_a_loop(tokenizer):
    made = tally(of_tokenizer(tokenizer, "mine"), read_blocks(TEXTS, "Latn"))
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    assert column(made, "texts") == [1] * len(TEXTS)
    assert column(made, "tokens") == [len(one) for one in ids]
    assert column(made, "characters") == [len(text) for text in TEXTS]
    assert column(made, "words") == [len(text.split()) for text in TEXTS]
    assert column(made, "continued") == [slow_continued(tokenizer, text) for text in TEXTS]
    flat, times = np.unique([i for one in ids for i in one], return_counts=True)
    assert made.ids.tolist() == flat.tolist() and made.times.tolist() == times.tolist()
    assert not made.known[COUNTS.index("over")] and not made.known[COUNTS.index("lost")]


def test_punctuation_at_a_word_continues_it_under_every_kind(tokenizer):
    """A vocabulary that marks continuation, as WordPiece does, does not mark the comma."""
    made = tally(of_tokenizer(tokenizer, "mine"), read_blocks(["heart, heart"], "Latn"))
    assert column(made, "continued") == [1]


def test_a_token_over_several_words_continues_none():
    def cut(texts):
        return Cut(np.array([5, 6]), np.array([2]), np.array([0, 7]))

    over = Tokenization("over", "0", cut)  # "one two" + " three" cut as [one two][ three]
    made = tally(over, read_blocks(["one two three"], "Latn"))
    assert column(made, "continued") == [0] and column(made, "words") == [3]
    assert not made.known[COUNTS.index("unknown")]


def test_the_window_counts_special_tokens(tokenizer_of):
    from dataclasses import replace

    plain = of_tokenizer(tokenizer_of("wordpiece"), "mine")
    tight = replace(plain, window=4, added=2)
    made = tally(tight, read_blocks(["red", "red red", "red red red"], "Latn"))
    assert column(made, "over") == [0, 0, 1] and made.known[COUNTS.index("over")]


@pytest.mark.parametrize("name", ["bytes", "characters"])
def test_blocks_change_nothing(name, texts, monkeypatch):
    tokenization = registry.get("tokenization", name)()
    whole = tally(tokenization, read_blocks(texts[:300], "Latn"))
    monkeypatch.setattr(room, "_BLOCK", 7)
    blocks = read_blocks(texts[:300], "Latn")
    parts = tally(tokenization, blocks)
    assert len(blocks) == 43
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_text_gives_no_rows():
    made = tally(registry.get("tokenization", "bytes")(), read_blocks([], "Latn"))
    assert made.counts.shape == (0, len(COUNTS)) and len(made.ids) == 0
