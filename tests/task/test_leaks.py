"""A planted leak is caught; texts that have nothing to do with each other are not."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.task import leaks
from isogloss.task.examples import ANSWERS, TEXT, WORDS, make_examples
from isogloss.task.leaks import (
    Leak,
    exact_duplicates,
    find_leaks,
    jaccard,
    near_duplicates,
    normalised,
    texts_of,
    translated,
)

ALPHABETS = {
    "Latn": "abcdefghijklmnopqrstuvwxyz",
    "Hani": "".join(chr(0x4E00 + i) for i in range(300)),
    "Deva": "".join(chr(0x0915 + i) for i in range(30)),
    "Ethi": "".join(chr(0x1200 + i) for i in range(70)),
}


letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


def test_rows_that_are_counted_are_not_the_same_example():
    train = make_examples("x", "eng", TEXT, {"text": words("Latn", 9, 0)})
    test = make_examples("x", "hin", TEXT, {"text": words("Deva", 6, 1)}, split="test")
    found = find_leaks(train, test, parallel=True)
    assert not found.found and "same id" not in found.settings


def words(script, n, seed, *, spaces=True, length=10):
    rng = random.Random(f"{script}{seed}")
    made = ("".join(rng.choices(ALPHABETS[script], k=rng.randint(3, 8))) for _ in range(n * length))
    flat = list(made)
    return [(" " if spaces else "").join(flat[i::n]) for i in range(n)]


def examples(texts, split="train", language="eng_Latn", prefix="r"):
    ids = [f"{prefix}{i}" for i in range(len(texts))]
    return make_examples("mine", language, TEXT, {"id": ids, "text": texts}, split=split)


def grams(text, n):
    return {text[i : i + n] for i in range(len(text))}


def slow_jaccard(a, b, n):
    a, b = grams(a, n), grams(b, n)
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(
    "a, b",
    [
        ("Hello,   World!", "hello world"), ("ﬁne  Straße", "fine strasse"), ("１２３ ａ", "123a"),
        ("don 't", "Don't"), ("नमस्ते।", " नमस्ते"), ("你好。", "你好"), ("a\u200db", "ab"),
    ],
)  # fmt: skip
def test_case_width_space_and_punctuation_do_not_hide_a_duplicate(a, b):
    assert exact_duplicates([a], [b]) == [(0, 0, 1.0)]


def test_what_differs_in_a_letter_or_is_empty_is_no_exact_duplicate():
    assert exact_duplicates(["abc", "", " "], ["abd", "", "\n"]) == []
    assert exact_duplicates(["?", "!"], ["!"]) == [(1, 0, 1.0)]
    assert normalised("कि") != normalised("की")  # vowel signs are letters enough


@given(
    st.lists(st.text(letters, min_size=1, max_size=30), min_size=2, max_size=10), st.integers(1, 6)
)
def test_jaccard_is_that_of_sets(texts, n):
    other = texts[1:] + texts[:1]
    wanted = [slow_jaccard(a, b, n) for a, b in zip(texts, other, strict=True)]
    np.testing.assert_allclose(jaccard(texts, other, n), wanted)


@pytest.mark.parametrize("script", ALPHABETS)
@pytest.mark.parametrize("spaces", [True, False])
def test_planted_near_duplicates_are_caught_in_every_script(script, spaces):
    train, test = (words(script, 60, seed, spaces=spaces) for seed in "ab")
    for j in range(0, 60, 3):
        text = list(train[59 - j])
        text[len(text) // 2] = ALPHABETS[script][0]  # one character in the middle, and a tail
        test[j] = "".join(text) + ALPHABETS[script][1]
    found, how = near_duplicates(train, test)
    assert {(i, j) for i, j, _ in found} == {(59 - j, j) for j in range(0, 60, 3)}
    for i, j, alike in found:
        assert alike == pytest.approx(slow_jaccard(normalised(train[i]), normalised(test[j]), 3))
    assert how == {"n": 3, "bands": 24, "rows": 5, "threshold": 0.7, "left_out": 0}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(ALPHABETS)), st.integers(0, 10**6), st.booleans())
def test_clean_halves_are_not_flagged(script, seed, spaces):
    texts = words(script, 80, seed, spaces=spaces)
    found = find_leaks(examples(texts[:40]), examples(texts[40:], "test"))
    assert found.found == [] and found.counts == {}
    assert found.told().startswith("no leak in 40 test examples")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(ALPHABETS)), st.integers(0, 10**6), st.integers(0, 39))
def test_a_planted_leak_is_caught(script, seed, at):
    texts = words(script, 80, seed)
    test = texts[40:]
    test[at] = texts[3].replace(" ", "  ").upper() + "."
    found = find_leaks(examples(texts[:40]), examples(test, "test", prefix="t"))
    assert found.found == [Leak("exact", "r3", f"t{at}", 1.0)]
    assert found.told() == "WARNING: training saw 1 of 40 test examples (1 exact)"


def test_banding_finds_what_comparing_all_finds():
    """Texts of graded likeness: the chance to miss one is that of the formula."""
    rng = random.Random(7)
    train = words("Latn", 300, 1)
    test = []
    for text in train:
        letters = list(text)
        for _ in range(rng.randint(0, 8)):
            letters[rng.randrange(len(letters))] = rng.choice(ALPHABETS["Latn"])
        test.append("".join(letters))
    left, right = map(normalised, train), map(normalised, test)
    alike = [slow_jaccard(a, b, 3) for a, b in zip(left, right, strict=True)]
    found = {j: (i, s) for i, j, s in near_duplicates(train, test)[0]}
    wanted = {j for j, s in enumerate(alike) if s >= 0.7}
    assert 50 < len(wanted) < 280 and set(found) <= wanted
    assert len(wanted - set(found)) <= 2
    assert all(i == j and s == pytest.approx(alike[j]) for j, (i, s) in found.items())


def test_the_most_alike_is_told_and_blocks_change_nothing(monkeypatch):
    train = ["the quick brown fox jumps over it", "the quick brown fox jumps over him"]
    train += words("Latn", 30, 5)
    test = ["the quick brown fox jumps over hi", *words("Latn", 30, 6)]
    whole = near_duplicates(train, test)
    assert [(i, j) for i, j, _ in whole[0]] == [(1, 0)]
    twice = near_duplicates([*train, train[1]], test)  # the first of those that are alike
    assert [(i, j) for i, j, _ in twice[0]] == [(1, 0)]
    monkeypatch.setattr(leaks, "BLOCK", 3)
    monkeypatch.setattr(leaks, "PAIRS", 1)
    assert near_duplicates(train, test) == whole


def test_full_buckets_are_counted(monkeypatch):
    monkeypatch.setattr(leaks, "BUCKET", 5)
    found, how = near_duplicates(["just the very same text"] * 50, ["just the very same texts"])
    assert len(found) == 1 and how["left_out"] >= 45


@pytest.mark.parametrize("wrong", [{"n": 0}, {"bands": 0}, {"rows": 0}, {"threshold": 0.0}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(UsageError, match="near duplicates by"):
        near_duplicates(["a"], ["a"], **wrong)


def test_short_and_empty_texts_are_read():
    assert near_duplicates([], ["a"])[0] == near_duplicates(["", " "], ["", "a"])[0] == []
    assert near_duplicates(["ab"], ["ab"])[0] == [(0, 0, 1.0)]


def test_translations_are_found_by_id_where_ids_mean_that():
    train, test = examples(words("Latn", 9, 1)), examples(words("Deva", 9, 2), "test", "hin_Deva")
    assert find_leaks(train, test).found == []
    found = find_leaks(train, test.take([4, 2]), parallel=True)
    assert found.found == [Leak("same id", "r4", "r4", 1.0), Leak("same id", "r2", "r2", 1.0)]


def planted_vectors(seed, n=60, d=24):
    rng = np.random.default_rng(seed)
    train, test = unit(rng.normal(size=(n, d))), unit(rng.normal(size=(n, d)))
    test[7] = unit(train[[3]] + 0.1 * unit(rng.normal(size=(1, d))))[0]
    return train, test


def test_translations_are_found_by_vectors():
    train, test = planted_vectors(0)
    assert [(i, j) for i, j, _ in translated(train, test)] == [(3, 7)]
    left, right = examples(words("Latn", 60, 1)), examples(words("Deva", 60, 2), "test", "hin_Deva")
    found = find_leaks(left, right, vectors=(train, test)).found
    assert [(one.kind, one.train, one.test) for one in found] == [("translation", "r3", "r7")]
    by_text = dict(zip(texts_of(left) + texts_of(right), [*train, *test], strict=True))
    called = find_leaks(left, right, vectors=lambda texts: np.stack([by_text[t] for t in texts]))
    assert called.found == found


@pytest.mark.parametrize("seed", range(5))
def test_a_narrow_cone_is_no_leak(seed):
    """All cosines are over the threshold there; only the margin tells the planted one."""
    centre = np.eye(1, 24, dtype=np.float32)
    train, test = (unit(centre * 4 + side) for side in planted_vectors(seed))
    assert (train @ test.T).min() > 0.85
    assert [(i, j) for i, j, _ in translated(train, test, cosine=0.85, margin=1.02)] == [(3, 7)]


def test_vectors_that_do_not_fit_are_refused():
    train, test = planted_vectors(0)
    with pytest.raises(VectorError, match="unit vectors"):
        translated(train * 2, test)
    with pytest.raises(CorpusError, match="60 and 60 vectors of 5 and 5 examples"):
        find_leaks(examples(list("abcde")), examples(list("fghij")), vectors=(train, test))
    assert [(i, j) for i, j, _ in translated(train[3:4], test)] == [(0, 7)]
    assert translated(train[:0], test) == []


def test_questions_of_one_article_leak():
    def questions(contexts, titles, split, language):
        n = len(contexts)
        columns = {"id": [f"{split}{i}" for i in range(n)], "context": contexts, "title": titles,
                   "question": words("Latn", n, split), "answers": [None] * n}  # fmt: skip
        return make_examples("xquad", language, ANSWERS, columns, split=split)

    train = questions(["One long context.", "Another."], ["A", None], "train", "eng_Latn")
    test = questions(["one long  context", "Its own.", "Theirs"], ["B", "a", None], "test", "deu")
    found = find_leaks(train, test)
    assert found.counts == {"article": 2}
    assert [(one.train, one.test) for one in found.found] == [
        ("train0", "test0"),
        ("train0", "test1"),
    ]


def test_what_a_model_reads_is_compared():
    pair = make_examples("nli", "eng", TEXT, {"text": ["a"], "second": ["b"], "label": ["x"]})
    assert texts_of(pair) == ["a\nb"]
    assert texts_of(make_examples("ner", "eng", WORDS, {"words": [["a", "b"]]})) == ["a b"]
