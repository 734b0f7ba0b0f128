"""Pairs of a lexicon: many languages in a batch, and no synonym as a negative."""

from collections import Counter

import numpy as np
import pytest

from isogloss import registry
from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.material import Material
from isogloss.train.mixtures.lexicon import LexiconPairs

TAGS = ("eng_Latn", "deu_Latn", "spa_Latn")


def lexicon(rows, **settings):
    """From rows of a word a language, ids one a spelling."""
    words = {tag: [row[i] for row in rows] for i, tag in enumerate(TAGS)}
    known = sorted({(i, w) for row in rows for i, w in enumerate(row) if w is not None})
    tokens = {
        tag: [None if w is None else np.array([known.index((i, w))]) for w in words[tag]]
        for i, tag in enumerate(TAGS)
    }
    numbers = {tag: i for i, tag in enumerate(TAGS)}
    return LexiconPairs(words, tokens, TAGS[0], numbers=numbers, **settings), known


def read(batch, known):
    """Pairs of (language, word)."""
    words = [known[i] for i in batch["ids"].tolist()]
    half = batch.size
    return list(zip(words[:half], words[half:], strict=True))


MANY = [(f"e{i}", f"d{i}", f"s{i}" if i % 4 == 0 else None) for i in range(40)]


def test_a_row_is_one_entry_with_the_pivot_on_either_side():
    mixture, known = lexicon(MANY, size=12, alpha=0.0)
    found, sides = Counter(), Counter()
    for step in range(20):
        batch = mixture.batch(0, step)
        assert batch.views == 2 and 10 <= batch.size <= 12
        for pair in read(batch, known):
            (a, left), (b, right) = pair
            assert left[1:] == right[1:] and a != b and 0 in (a, b)
            found[a + b] += 1
            sides[a == 0] += 1
        languages = batch["language"].tolist()
        assert languages == [known[i][0] for i in batch["ids"].tolist()]
    assert found[2] / sum(found.values()) == pytest.approx(0.5, abs=0.1)  # evenly, not one in five
    assert sides[True] / sum(sides.values()) == pytest.approx(0.5, abs=0.1)
    skewed, known = lexicon(MANY, size=12, alpha=1.0)
    pairs = [p for step in range(20) for p in read(skewed.batch(0, step), known)]
    assert np.mean([2 in (a[0], b[0]) for a, b in pairs]) == pytest.approx(0.2, abs=0.07)


def test_pairs_may_be_of_any_two_languages():
    mixture, known = lexicon([row for row in MANY if row[2]], size=8, any_pair=True)
    kinds = {
        frozenset((a[0], b[0]))
        for step in range(10)
        for a, b in read(mixture.batch(0, step), known)
    }
    assert kinds == {frozenset((0, 1)), frozenset((0, 2)), frozenset((1, 2))}


def test_entries_that_share_a_word_never_meet():
    shared = [("abandon", "same", None), ("abandoned", "Same", None), ("abandon", "other", "x")]
    rows = [*shared, ("sun", "sonne", "sol"), ("moon", "mond", "luna")]
    mixture, known = lexicon(rows, size=5, alpha=1.0)
    several = 0
    for step in range(40):
        words = [w for pair in read(mixture.batch(0, step), known) for _, w in pair]
        several += len(words) > 2
        assert sum(word in ("abandon", "abandoned") for word in words) <= 1
        assert len(set(words)) == len(words)
    assert several > 30


def test_a_batch_depends_on_seed_and_step_alone():
    mixture, _ = lexicon(MANY, size=12)
    one, again, other = mixture.batch(1, 5), mixture.batch(1, 5), mixture.batch(1, 6)
    assert one["ids"].tolist() == again["ids"].tolist() != other["ids"].tolist()
    assert one["read"] == again["read"]


def test_a_lexicon_without_pairs_is_refused():
    with pytest.raises(TrainingError, match="fewer than 2 entries"):
        lexicon([("a", None, None), (None, "b", "c"), ("d", "e", None)])


def test_it_is_made_of_a_text_of_words(tokenizer_of):
    words = {
        "eng_Latn": ["sun", "moon", "star", "heart"],
        "deu_Latn": ["Sonne", "Mond", None, "Herz"],
    }
    corpus = make_corpus("words", list("abcd"), words)
    made = Material(
        {"words": corpus},
        tokenizer_of("wordpiece"),
        [0, 1, 2, 3, 4],
        4,
        "eng_Latn",
        ["deu_Latn"],
        60,
    )
    batch = registry.get("mixture", "lexicon.v1")(made, text="words", batch=8).batch(0, 0)
    assert batch.size == 3 and set(batch["read"]) == set(words)
