"""Superwords: the second stage against plain merging, barriers, and that any text comes back."""

import json
from collections import Counter
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from isogloss.errors import UsageError
from isogloss.vocabulary.learn import learn
from isogloss.vocabulary.superwords import _letters

from .test_merges import merge

LINES = [
    "by the way of the sea",
    "on the way of the sun",
    "by the way 12 of the day\nby the way",
] * 4
TEXTS = {"eng_Latn": LINES}


@pytest.fixture(scope="module")
def made():
    return learn("superword_bpe", TEXTS, size=300, transition=0.93, longest=3)


def test_tokens_span_words_and_fewer_are_needed(made):
    plain = learn("byte_bpe", TEXTS, size=made.get_vocab_size())
    crossing = [t for t in made.get_vocab() if "Ġ" in t[1:]]
    assert "ĠtheĠway" in crossing and len(crossing) > 3
    assert not [t for t in plain.get_vocab() if "Ġ" in t[1:]]
    assert all(len(made.encode(x).ids) < len(plain.encode(x).ids) for x in LINES)


def test_the_second_stage_is_plain_merging_of_what_the_first_leaves(made):
    state = json.loads(made.to_str())
    pairs = [tuple(pair) for pair in state["model"]["merges"]]
    first = 279
    at = next(i for i, p in enumerate(pairs) if state["model"]["vocab"]["".join(p)] >= first)
    state["model"]["merges"] = state["model"]["merges"][:at]
    cut = Tokenizer.from_str(json.dumps(state))
    number = {p: i for p, i in state["model"]["vocab"].items() if i < first}
    spans: Counter = Counter()
    for line in LINES:
        read = cut.encode(line)
        placed = zip(read.word_ids, read.tokens, strict=True)
        for _, span in groupby(placed, key=lambda pair: pair[0]):
            spans[tuple(token for _, token in span)] += 1
    words, parts = spans, dict.fromkeys(number, 1)
    for pair in pairs[at:]:
        counts: Counter = Counter()
        for word, n in words.items():
            for a, b in pairwise(word):
                counts[a, b] += n * (parts[a] + parts[b] <= 3)
        best = min(counts, key=lambda p: (-counts[p], number[p[0]], number[p[1]]))
        assert counts[pair] == counts[best] and counts[best] > 1
        parts["".join(pair)] = parts[pair[0]] + parts[pair[1]]
        number.setdefault("".join(pair), len(number))
        words = Counter({merge(word, pair): n for word, n in words.items()})


def test_nothing_crosses_digits_and_line_ends(made):
    assert not [t for t in made.get_vocab() if len(t) > 1 and set(t) & set("0123456789Ċ")]
    assert "12" in learn("byte_bpe", {"x": ["12"] * 9}, size=260).get_vocab()


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=40))
def test_any_text_comes_back_from_plain_json(made, text):
    again = Tokenizer.from_str(made.to_str())
    assert again.decode(again.encode(text).ids) == text


def test_all_in_the_first_stage_is_no_superword():
    made = learn("superword_bpe", TEXTS, size=285, transition=1)
    assert not [t for t in made.get_vocab() if "Ġ" in t[1:]]


@pytest.mark.parametrize("wrong", [{"transition": 0}, {"transition": 1.2}, {"longest": 1}])
def test_refused(wrong):
    with pytest.raises(UsageError, match=r"must be over 0|2 pieces"):
        learn("superword_bpe", TEXTS, size=300, **wrong)
    with pytest.raises(UsageError, match="no room"):
        learn("superword_bpe", TEXTS, size=258, transition=0.5)


def test_names_of_special_tokens_in_the_text_are_no_pieces():
    texts = {"x": ["a<|endoftext|><|endoftext|>b"] * 9}
    made = learn("superword_bpe", texts, size=290, transition=0.95)
    assert 0 not in {made.get_vocab()[p] for pair in _merges(made) for p in pair}


def _merges(made):
    return json.loads(made.to_str())["model"]["merges"]


def test_letters_are_characters():
    found = list(_letters(60_000))
    assert len(set(found)) == 60_000 and not [i for i in found if 0xD800 <= i < 0xE000]
    "".join(map(chr, found)).encode()
