"""What a token is made of, against the library's own merging."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.vocabulary.bpe import Merges


@pytest.mark.parametrize("marks", [{}, {"continuing_subword_prefix": "##"},
                                   {"end_of_word_suffix": "</w>"}])  # fmt: skip
@given(seed=st.integers(0, 10_000), word=st.text("abc", min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_letters_end_as_the_library_has_them(marks, seed, word):
    from tokenizers import models

    rng = random.Random(seed)
    prefix, suffix = (marks.get(key, "") for key in ("continuing_subword_prefix",
                                                     "end_of_word_suffix"))  # fmt: skip
    bases = [p + letter + s for letter in "abc" for p in {"", prefix} for s in {"", suffix}]
    vocabulary, merges = dict.fromkeys(bases), []
    for _ in range(12):
        left, right = rng.choice(list(vocabulary)), rng.choice(list(vocabulary))
        if (suffix and left.endswith(suffix)) or (prefix and not right.startswith(prefix)):
            continue
        if (left, right) not in merges:
            merges.append((left, right))
            vocabulary[left + right[len(prefix) :]] = None
    ids = {name: i for i, name in enumerate(vocabulary)}
    model = models.BPE(ids, merges, **marks)
    ours = Merges.of({"merges": merges, **marks})
    assert ours.cut(word + suffix) == [token.value for token in model.tokenize(word)]


def test_parts_are_those_of_the_way_or_all_there_are():
    merges = Merges.of({"merges": ["a b", "c d", "ab cd", "b c", "x yz", "y z"]})
    assert merges.parts("abcd") == {"a", "b", "c", "d", "ab", "cd", "abcd"}
    assert merges.parts("xyz") == {"x", "y", "z", "yz", "xyz"}
    odd = Merges.of({"merges": [["a", "b"], ["b", "c"], ["a", "bc"]]})
    assert odd.cut("abc") == ["ab", "c"]  # its own letters never lead there
    assert odd.parts("abc") == {"abc", "a", "bc", "b", "c"}


def test_bytes_that_stand_for_themselves_are_one_symbol():
    merges = Merges({("<0xD0>", "<0xB5>"): 0}, fallback=True)
    assert merges.symbols("<0xD0><0xB5>") == ["<0xD0>", "<0xB5>"]
    assert merges.cut("<0xD0><0xB5>") == ["<0xD0><0xB5>"]
    assert Merges({}).symbols("<0x") == ["<", "0", "x"]


def test_merges_that_are_added_come_last(tokenizer_of):
    state = json.loads(tokenizer_of("byte-bpe").to_str())["model"]
    merges = Merges.of(state)
    count = len(merges.ranks)
    assert merges.add("Ġfa", "ce") == "Ġface" and merges.ranks["Ġfa", "ce"] >= count - 1
    assert ("Ġfa", "ce") in merges.results["Ġface"]
