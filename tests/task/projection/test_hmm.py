"""The hidden Markov model: against every sequence of tags, and on projections with errors."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.projection.hmm import Hmm, expect, fit_hmm, kind, tag, type_constraints

WORDS = ["a", "b", "c", "d"]


def random_model(seed, k=3):
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(k + 1), k)
    allowed = {"a": np.array([True, False, True][:k])}
    return Hmm(
        [f"T{n}" for n in range(k)], rng.dirichlet(np.ones(k)), rows[:, :k], rows[:, k],
        {w: n for n, w in enumerate(WORDS)}, rng.dirichlet(np.ones(len(WORDS)), k).T, {}, allowed,
    )  # fmt: skip


def enumerate_all(model, words):
    """Probability of every sequence of tags together with the words."""
    found = {}
    for states in product(range(len(model.tags)), repeat=len(words)):
        p = model.start[states[0]] * model.end[states[-1]]
        for a, b in pairwise(states):
            p *= model.transition[a, b]
        for word, state in zip(words, states, strict=True):
            p *= model.emission[model.words[word], state]
            p *= model.allowed.get(word, np.ones(len(model.tags)))[state]
        found[states] = p
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.lists(st.sampled_from(WORDS), max_size=5), min_size=1,
                                       max_size=3))  # fmt: skip
def test_all_is_as_by_enumeration(seed, sentences):
    model = random_model(seed)
    found, tagged = expect(model, sentences), tag(model, sentences)
    pairs = np.zeros((3, 3))
    for n, words in enumerate(sentences):
        if not words:
            assert tagged[n] == [] and found.posterior[n].shape == (0, 3)
            continue
        ways = enumerate_all(model, words)
        total = sum(ways.values())
        assert found.log_p[n] == pytest.approx(np.log(total))
        posterior = np.zeros((len(words), 3))
        for states, p in ways.items():
            for t, state in enumerate(states):
                posterior[t, state] += p / total
            for a, b in pairwise(states):
                pairs[a, b] += p / total
        assert np.allclose(found.posterior[n], posterior)
        best = max(ways, key=lambda states: ways[states])
        told = tuple(model.tags.index(name) for name in tagged[n])
        assert ways[told] == pytest.approx(ways[best])
    assert np.allclose(found.pairs, pairs)


def planted(n=200, seed=0, wrong=0.25, missing=0.4):
    """Determiners before nouns before verbs, some nouns that are verbs elsewhere; bad links."""
    rng = np.random.default_rng(seed)
    nouns, verbs = [f"n{i}o" for i in range(40)], [f"v{i}ar" for i in range(25)]
    sentences, truth = [], []
    for _ in range(n):
        words, tags = [], []
        for _ in range(rng.integers(1, 3)):
            words += [rng.choice(["la", "un"]), rng.choice([*nouns, "both"]),
                      rng.choice([*verbs, "both"])]  # fmt: skip
            tags += ["DET", "NOUN", "VERB"]
        sentences.append([*map(str, words), "."])
        truth.append([*tags, "PUNCT"])
    names = ["DET", "NOUN", "VERB", "PUNCT"]
    noisy = [["_" if (p := rng.random()) < missing else str(rng.choice(names))
              if p < missing + wrong * (1 - missing) else t for t in tags]
             for tags in truth]  # fmt: skip
    return sentences, truth, noisy


def share(found, truth):
    return np.mean([a == b for x, y in zip(found, truth, strict=True)
                    for a, b in zip(x, y, strict=True)])  # fmt: skip


@pytest.mark.parametrize("emission", ["words", "features"])
def test_errors_and_gaps_of_projection_are_mended(emission):
    sentences, truth, noisy = planted()
    model, told = fit_hmm(sentences, noisy, emission=emission, rounds=5)
    right = share(tag(model, sentences), truth)
    given_tags = [(a, b) for x, y in zip(noisy, truth, strict=True)
                  for a, b in zip(x, y, strict=True) if a != "_"]  # fmt: skip
    assert right > 0.97 > np.mean([a == b for a, b in given_tags]) + 0.1
    assert told[-1] > told[0]


def test_the_text_becomes_likelier_with_each_round():
    sentences, _, noisy = planted(60)
    _, told = fit_hmm(sentences, noisy, smooth=1e-9, rounds=8, share=0.0)
    assert all(b >= a - 1e-6 for a, b in pairwise(told))


def test_new_words_are_told_by_their_ending():
    sentences, _, noisy = planted(wrong=0.0)
    for emission in ("words", "features"):
        model, _ = fit_hmm(sentences, noisy, emission=emission, rare=20, rounds=3)
        assert tag(model, [["un", "n99o", "v99ar", "?"]]) == [["DET", "NOUN", "VERB", "PUNCT"]]


def test_words_are_confined_to_tags_that_many_links_gave():
    words = [["x"] * 10 + ["y"]]
    tags = [["A"] * 7 + ["B"] * 2 + ["C"] + ["_"]]
    found = type_constraints(words, tags, ["A", "B", "C"], 0.2)
    assert found["x"].tolist() == [True, True, False] and "y" not in found
    assert type_constraints(words, tags, ["A", "B", "C"], 1.0)["x"].tolist() == [True, False, False]


def test_a_word_keeps_to_its_tags_whatever_stands_around_it():
    """Behind `y` stands a B, and `x` has more links that say A than B."""
    sentences = [["y", "z"]] * 60 + [["y", "x"]] * 10
    tags = [["B", "B"]] * 60 + [["_", "A"]] * 6 + [["_", "B"]] * 4
    for share, told in ((0.5, "A"), (0.0, "B")):
        model, _ = fit_hmm(sentences, tags, share=share, rounds=0)
        assert tag(model, [["y", "x"]]) == [["B", told]]


def test_kinds():
    assert [kind(w) for w in ("...", "3rd", "Kano", "gida")] == [
        "\0mark", "\0digit", "\0Capital no", "\0small da",
    ]  # fmt: skip


def test_what_cannot_be():
    with pytest.raises(CorpusError, match="sentence 1 has 2 words and 1 tags"):
        fit_hmm([["a", "b"]], [["A"]])
    with pytest.raises(CorpusError, match="no word has"):
        fit_hmm([["a"]], [["_"]])
    with pytest.raises(UsageError, match="smooth 0"):
        fit_hmm([["a"]], [["A"]], smooth=0)
