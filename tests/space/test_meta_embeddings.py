"""Every word of any source, generated where one lacks it: by the definition, and for the better."""

import numpy as np
import pytest

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.space.meta_embeddings import meta_embeddings

D = 12


def world(seed=0, n=240, missing=60):
    """Two sources of one truth in clusters, the second with more in it and without some words."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, 12, n)
    truth = 2 * rng.normal(size=(12, D))[own] + rng.normal(size=(n, D))
    more = 4 * rng.normal(size=(12, D))[own]
    words = [f"w{i}" for i in range(n)]
    turns = [np.linalg.qr(rng.normal(size=(D, D)))[0] for _ in range(2)]
    a = truth @ turns[0]
    b = (truth + more + 0.2 * rng.normal(size=(n, D))) @ turns[1]
    whole = {"a": (words, a), "b": (words, b)}
    return whole, {"a": (words, a), "b": (words[:-missing], b[:-missing])}


def plain(sources, k):
    """Word by word, from the definition."""
    made = {}
    for name, (words, v) in sources.items():
        v = unit(v)
        made[name] = dict(zip(words, unit(v - v.mean(0)).astype(float), strict=True))
    first, *others = made
    for name in others:
        shared = [w for w in made[first] if w in made[name]]
        x, y = (np.stack([made[s][w] for w in shared]) for s in (name, first))
        u, _, vt = np.linalg.svd(x.T @ y)
        made[name] = {w: v @ u @ vt for w, v in made[name].items()}
    everything = list(dict.fromkeys(w for known in made.values() for w in known))
    vectors = []
    for word in everything:
        parts = []
        for known in made.values():
            if word in known:
                parts.append(known[word])
                continue
            guesses = []
            for other in made.values():
                shared = [w for w in other if w in known]
                if other is known or word not in other or not shared:
                    continue
                near = sorted(shared, key=lambda w: -(other[w] @ other[word]))[:k]
                cosines = np.maximum([other[w] @ other[word] for w in near], 0) + 1e-9
                guesses.append(np.average([known[w] for w in near], axis=0, weights=cosines))
            if guesses:
                parts.append(np.mean(guesses, 0))
        mean = np.mean(parts, 0)
        vectors.append(mean / np.linalg.norm(mean))
    return everything, np.array(vectors)


def three(seed=1):
    """Three sources, each with words the others lack; two of them share only some."""
    rng = np.random.default_rng(seed)
    words = np.array([f"w{i}" for i in range(60)])
    rows = {"a": np.arange(40), "b": rng.permutation(60)[:45], "c": np.arange(20, 60)}
    return {name: (words[at].tolist(), rng.normal(size=(len(at), 5))) for name, at in rows.items()}


@pytest.mark.parametrize("k", [1, 4, 100])
def test_it_equals_the_definition(k):
    sources = three()
    words, vectors = plain(sources, k)
    made = meta_embeddings(sources, neighbours=k)
    assert list(made.words) == words
    np.testing.assert_allclose(made.vectors, vectors, atol=1e-4)
    for name, (own, _) in sources.items():
        assert made.counts[name] == {"own": len(own), "generated": 60 - len(own), "lacking": 0}


@pytest.mark.parametrize("seed", range(3))
def test_a_generated_word_lies_nearer_to_where_both_sources_put_it(seed):
    whole, partial = world(seed)
    best, made = meta_embeddings(whole), meta_embeddings(partial)
    assert made.words == best.words and made.counts["b"]["generated"] == 60
    alone = unit(partial["a"][1])
    alone = unit(alone - alone.mean(0))  # without generation: what the first source says
    right = best.vectors[-60:]
    gained = (made.vectors[-60:] * right).sum(1) - (alone[-60:] * right).sum(1)
    assert gained.mean() > 0.02 and (gained > 0).mean() > 0.7


def test_where_nothing_is_filled_a_word_is_the_mean_of_those_that_have_it():
    _, partial = world()
    made, plain = meta_embeddings(partial), meta_embeddings(partial, fill=False)
    assert plain.counts["b"] == {"own": 180, "generated": 0, "lacking": 60}
    np.testing.assert_allclose(plain.vectors[:180], made.vectors[:180], atol=1e-6)
    alone = unit(partial["a"][1])
    np.testing.assert_allclose(plain.vectors[180:], unit(alone - alone.mean(0))[180:], atol=1e-6)
    assert np.abs(made.vectors[180:] - plain.vectors[180:]).max() > 0.1


def test_turned_copies_change_nothing():
    whole, _ = world()
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(D, D)))[0]
    words, a = whole["a"]
    made = meta_embeddings({"a": (words, a), "b": (words[::-1], (a @ turn)[::-1])})
    alone = unit(a)
    np.testing.assert_allclose(made.vectors, unit(alone - alone.mean(0)), atol=1e-5)


def test_words_without_a_bridge_are_counted():
    rng = np.random.default_rng(0)
    sources = {
        "a": (["p", "q", "r", "s"], rng.normal(size=(4, 3))),
        "b": (["p", "q", "x"], rng.normal(size=(3, 3))),
        "c": (["r", "s", "y"], rng.normal(size=(3, 3))),
    }
    made = meta_embeddings(sources)
    assert made.counts["b"] == {"own": 3, "generated": 2, "lacking": 1}  # y: b and c share nothing
    assert made.counts["a"] == {"own": 4, "generated": 2, "lacking": 0}
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=1), 1, atol=1e-5)


def test_bad_input_is_refused():
    words, v = ["p", "q", "r"], np.eye(3)
    for sources, error, message in (
        ({"a": (words, v)}, VectorError, "2 sources"),
        ({"a": (words, v), "b": (words[:2], v)}, CorpusError, "b has 2 words, 2 .* 3 vectors"),
        ({"a": (words, v), "b": (["p"] * 3, v)}, CorpusError, "1 different"),
        ({"a": (words, v), "b": (words, v[:, :2])}, VectorError, "one width"),
        ({"a": (words, v), "b": (["p", "x", "y"], v)}, VectorError, "b shares 1 words with a"),
    ):
        with pytest.raises(error, match=message):
            meta_embeddings(sources)
    with pytest.raises(UsageError, match="neighbours"):
        meta_embeddings({"a": (words, v), "b": (words, v)}, neighbours=0)
