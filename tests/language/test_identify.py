"""Languages of one script told apart by their letters in a row."""

from collections import Counter
from math import log
from pathlib import Path

import pytest

from isogloss.language.identify import learn_identifier, ngrams

TRIPS = Path(__file__).parents[2] / "recipes" / "trips"
TAGS = ("eng", "deu", "spa", "ita")


def lines(tag, split):
    return (TRIPS / f"{tag}.pairs.{split}.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def identifier():
    return learn_identifier({f"{tag}_Latn": lines(tag, "train") for tag in TAGS})


@pytest.mark.parametrize("tag", TAGS)
def test_sentences_that_were_not_learned_are_told_apart(tag, identifier):
    told = identifier(lines(tag, "test"))
    assert told.count(f"{tag}_Latn") >= 0.98 * len(told)


def test_ngrams_are_of_words_with_their_ends():
    assert ngrams("Ab 12 ?") == Counter([" ", "a", "b", " ", " a", "ab", "b ", " ab", "ab "])


def test_it_is_naive_bayes_as_written_down():
    texts = {"x": ["aab", "ab"], "y": ["bba"]}
    kinds = set().union(*(ngrams(t) for some in texts.values() for t in some))

    def plain(text, tag):
        own = sum(map(ngrams, texts[tag]), Counter())
        total = 0.0
        for g, n in ngrams(text).items():
            alike = [h for h in own if len(h) == len(g)]
            known = sum(own[h] for h in alike) + sum(len(h) == len(g) for h in kinds)
            total += n * log((own[g] + 1) / known)
        return total

    asked = ["aab", "bb", "abba", "c", "baab"]
    wanted = [max(texts, key=lambda tag, t=t: plain(t, tag)) for t in asked]
    assert learn_identifier(texts)(asked) == wanted and len(set(wanted)) == 2
