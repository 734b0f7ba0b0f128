"""The length is what the formula says; the search finds short ones and the morphs behind them."""

import itertools
import random
from collections import Counter
from math import lgamma, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import UsageError
from isogloss.vocabulary.morphology import (
    _DAMPENED,
    _change,
    _letter_costs,
    description_length,
    learn_morphology,
)

STEMS = "walk talk jump kick paint laugh climb visit".split()
ENDS = ["", "s", "ed", "ing", "er"]
VERBS = {stem + end: 3 for stem in STEMS for end in ENDS}
words_given = st.dictionaries(
    st.text("abe\u0301ñ", min_size=1, max_size=7).map("a".__add__),
    st.integers(1, 9),
    min_size=1,
    max_size=6,
)


def plain_length(cut, counts, weight=1.0):
    """The formula of `description_length`, word by word."""
    letters = _letter_costs(dict.fromkeys(cut, 1))
    used = Counter(m for word, morphs in cut.items() for m in morphs for _ in range(counts[word]))
    forms = sum(letters[""] + sum(letters[x] for x in morph) for morph in used)
    n, m, w = sum(used.values()), len(used), len(cut)
    ways = lgamma(n) - lgamma(m) - lgamma(n - m + 1) - lgamma(m + 1)
    text = -w * log(w / (n + w)) - sum(c * log(c / (n + w)) for c in used.values())
    return forms + ways + weight * text


def cuts(word):
    for where in itertools.product([0, 1], repeat=len(word) - 1):
        at = [0, *(i + 1 for i, cut in enumerate(where) if cut), len(word)]
        yield tuple(word[a:b] for a, b in itertools.pairwise(at))


@given(words_given, st.sampled_from(list(_DAMPENED)), st.sampled_from([0.5, 1.0, 3.0]))
@settings(max_examples=60)
def test_morphs_make_up_the_words_and_cost_what_the_formula_says(words, dampening, weight):
    made = learn_morphology(words, dampening=dampening, weight=weight)
    assert made.words.keys() == words.keys()
    dampened = {word: _DAMPENED[dampening](count) for word, count in words.items()}
    used = Counter()
    for word, morphs in made.words.items():
        assert "".join(morphs) == word and all(morphs)
        assert not any(morph.startswith("\u0301") for morph in morphs[1:])
        used.update({m: n * dampened[word] for m, n in Counter(morphs).items()})
    assert made.counts == used
    assert made.cost == pytest.approx(plain_length(made.words, dampened, weight))


def test_stems_and_endings_are_found():
    made = learn_morphology(VERBS, dampening="types")
    for stem in STEMS:
        for end in ENDS:
            assert made.words[stem + end] == ((stem, end) if end else (stem,))
    assert made.segment("walkers") == ("walk", "er", "s")
    assert "".join(made.segment("xéwalked")) == "xéwalked"
    assert made.segment("xéwalked")[-2:] == ("walk", "ed")
    assert made.segment("") == ()


@pytest.mark.parametrize(
    ("words", "over"),
    [("mowed sawed mows saws", 1.2), ("mama papa mapa pama", 1.0), ("abcde edcba abc de", 1.0),
     ("baba bababa caba cabab", 1.25), ("walk walks talk talks", 1.2)],
)  # fmt: skip
def test_no_other_cut_of_few_words_is_much_shorter(words, over):
    ones = dict.fromkeys(words.split(), 1)
    every = itertools.product(*map(cuts, ones))
    least = min(plain_length(dict(zip(ones, each, strict=True)), ones) for each in every)
    assert least - 1e-9 <= learn_morphology(ones).cost <= over * least + 1e-9


def test_a_change_is_the_difference_of_two_lengths():
    made = learn_morphology(VERBS, dampening="types")
    of = {"s": -made.counts["s"], "ing": 3, "alk": 2}
    counts = {**made.counts, "ing": made.counts["ing"] + 3, "alk": 2}
    del counts["s"]
    after = description_length(counts, len(made.words), made.letters)
    assert _change(made, of) == pytest.approx(after - made.cost)


def test_shorter_than_whole_words_and_than_letters():
    made = learn_morphology(VERBS, dampening="types")
    ones = dict.fromkeys(VERBS, 1)
    assert made.cost < plain_length({word: (word,) for word in VERBS}, ones)
    assert made.cost < plain_length({word: tuple(word) for word in VERBS}, ones)


def test_more_weight_on_the_text_keeps_more_words_whole():
    light, heavy = (learn_morphology(VERBS, weight=weight) for weight in (0.3, 30.0))
    assert sum(map(len, light.words.values())) > sum(map(len, heavy.words.values())) == len(VERBS)


def test_tokens_keep_a_frequent_word_whole_that_types_cut():
    words = VERBS | {"talking": 5000}
    assert learn_morphology(words, dampening="tokens").words["talking"] == ("talking",)
    assert learn_morphology(words, dampening="types").words["talking"] == ("talk", "ing")


def test_the_order_of_words_does_not_matter():
    shuffled = list(VERBS.items())
    random.Random(1).shuffle(shuffled)
    assert learn_morphology(dict(shuffled)) == learn_morphology(VERBS)


def test_runs_without_spaces_fall_into_words():
    nouns, ends = ["天使", "兄弟", "城门", "百姓", "先知"], ["说话", "来到", "起来", "回去"]
    runs = {a + b + c: 1 for a in nouns for b in ends for c in nouns}
    made = learn_morphology(runs, dampening="types")
    assert made.words["天使说话先知"] == ("天使", "说话", "先知")


def test_description_length_of_one_morph_in_closed_form():
    letters = {"a": 1.0, "": 2.0}
    assert description_length({"aa": 4}, 4, letters, 0.5) == pytest.approx(
        2 * 1.0 + 2.0 + 0.5 * (8 * log(8) - 2 * 4 * log(4))
    )


@pytest.mark.parametrize(
    ("words", "more"),
    [({}, {}), ({"": 1}, {}), ({"a": 0}, {}), ({"a": 1}, {"dampening": "roots"}),
     ({"a": 1}, {"weight": 0.0}), ({"a": 1}, {"weight": float("nan")}), ({"a": 1}, {"longest": 1}),
     ({"a": 1}, {"rounds": 0})],
)  # fmt: skip
def test_what_cannot_be_learned_from(words, more):
    with pytest.raises(UsageError):
        learn_morphology(words, **more)
