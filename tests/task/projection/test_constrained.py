"""Marks put into a fixed sentence: exact against every way there is, with fewer calls."""

from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.projection.constrained import Decoder, codec, insert
from isogloss.task.projection.contract import Labelled
from isogloss.task.spans import Span

OPEN, CLOSE, END = 20, 30, 40


def model(seed, sharp=2.0):
    """Random log probabilities that depend on the whole prefix."""

    def log_p(prefix):
        rng = np.random.default_rng([seed, *prefix])
        logits = rng.normal(size=50) * sharp
        return logits - np.log(np.exp(logits).sum())

    return log_p


def every_way(tokens, marks, log_p, borders, end=END):
    found = []
    spans = [(a, b) for a, b in product(borders, borders) if a < b]
    for places in product(spans, repeat=len(marks)):
        ordered = sorted(places)
        if any(a[1] > b[0] for a, b in pairwise(ordered)):
            continue
        text = []
        for at in range(len(tokens) + 1):
            for n, (_, stop) in enumerate(places):
                text += marks[n][1] if stop == at else []
            for n, (first, _) in enumerate(places):
                text += marks[n][0] if first == at else []
            text += tokens[at : at + 1]
        text.append(end)
        score = sum(log_p(text[:n])[token] for n, token in enumerate(text))
        found.append((places, score))
    return sorted(found, key=lambda one: -one[1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 2), st.integers(1, 3))
def test_the_best_ways_are_those_of_all(seed, length, spans, best):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, 20, length).tolist()
    marks = [([OPEN + n], [CLOSE + n, 45]) for n in range(spans)]
    made = insert(tokens, marks, model(seed), end=END, best=best)
    slow = every_way(tokens, marks, model(seed), range(length + 1))[:best]
    assert made.exact and [way.places for way in made.found] == [places for places, _ in slow]
    assert [way.score for way in made.found] == pytest.approx([score for _, score in slow])


def test_marks_stand_at_borders_alone():
    tokens, marks = [1, 2, 3, 4], [([OPEN], [CLOSE])]
    made = insert(tokens, marks, model(3), end=END, borders=[0, 3, 4], best=9)
    slow = every_way(tokens, marks, model(3), [0, 3, 4])
    assert [way.places for way in made.found] == [places for places, _ in slow]
    assert len(slow) == 3


def test_a_sure_model_is_asked_little():
    """A model that knows the way has nearly nothing else looked at."""
    tokens = list(range(12))
    wanted = [0, 1, 2, OPEN, 3, 4, CLOSE, *range(5, 12), END]

    def log_p(prefix):
        p = np.full(50, 1e-6)
        p[wanted[len(prefix)] if wanted[: len(prefix)] == list(prefix) else prefix[0]] = 1 - 49e-6
        return np.log(p)

    made = insert(tokens, [([OPEN], [CLOSE])], log_p, end=END)
    assert made.found[0].places == ((3, 5),)
    assert made.calls <= len(wanted) + 2


def test_equal_marks_are_not_told_apart():
    marks = [([OPEN], [CLOSE])] * 2
    made = insert([1, 2, 3], marks, model(1), end=END, best=99)
    assert all(way.places[0] < way.places[1] for way in made.found)
    orders = {tuple(sorted(p)) for p in permutations([(0, 1), (1, 2)])}
    assert sum(tuple(way.places) in orders for way in made.found) == 1


def test_calls_run_out():
    made = insert(list(range(9)), [([OPEN], [CLOSE])], model(0), end=END, calls=14)
    assert not made.exact and made.calls == 14
    assert insert([1], [([OPEN], [CLOSE])], model(0), calls=1).found == []


def test_nothing_fits():
    assert insert([1], [([OPEN], [CLOSE])] * 2, model(0)).found == []
    with pytest.raises(UsageError, match="best is 0"):
        insert([1], [([OPEN], [CLOSE])], model(0), best=0)
    with pytest.raises(UsageError, match="marks"):
        insert([1], [([], [CLOSE])], model(0))


WORDS = ["yau", "kano", "anna", "lee", "saw"]


def decoder(**how):
    """Translates by copying: marks stand around the same words as in the source."""

    def reads(text):
        inside, current = {}, None
        for piece in text.split():
            if piece.startswith("<"):
                current = None if piece.startswith("</") else ord(piece[1]) - ord("a")
            elif current is not None:
                inside[piece] = current

        def log_p(prefix):
            current = next((t for t in prefix[::-1] if t >= OPEN), CLOSE)
            current = current - OPEN if current < CLOSE else None
            p = np.full(50, 0.01)
            for word, name in enumerate(WORDS):
                p[word] = 1 if inside.get(name) == current else 0.001
            p[OPEN : OPEN + 9] = 0.3 if current is None else 0.001
            if current is not None:
                p[CLOSE + current] = 0.3
            return np.log(p / p.sum())

        return log_p

    return Decoder(
        reads, tokens=lambda words: [[WORDS.index(w)] if w in WORDS else [] for w in words],
        mark=lambda name: ([OPEN + ord(name) - 97], [CLOSE + ord(name) - 97]), end=END, **how,
    )  # fmt: skip


SOURCE = Labelled("anna lee saw kano yau".split(), [Span(0, 2, "PER"), Span(3, 4, "LOC")])


@pytest.mark.parametrize("together", [False, True])
def test_spans_are_found_in_another_order(together):
    target = "yau kano saw anna lee".split()
    made = codec([SOURCE, Labelled(["saw"], [])], [target, ["saw"]], decoder=decoder(),
                 together=together)  # fmt: skip
    assert made.sentences[0].spans == [Span(1, 2, "LOC"), Span(3, 5, "PER")]
    assert made.sentences[1] == Labelled(["saw"], []) and made.counts["spans projected"] == 2
    assert made.counts["calls of the model"] > 10


def test_marks_stand_around_words_of_several_tokens():
    two = decoder()._replace(tokens=lambda words: [[WORDS.index(w)] * 2 for w in words])
    made = codec([SOURCE], ["yau kano saw anna lee".split()], decoder=two)
    assert made.sentences[0].spans == [Span(1, 2, "LOC"), Span(3, 5, "PER")]


def test_of_two_spans_that_want_one_place_one_takes_its_next_best():
    def reads(text):
        """Likes marks around one word, the first one best and then the second."""

        def log_p(prefix):
            p = np.full(50, 0.01)
            p[OPEN] = 0.9 if not prefix else 0.3 if len(prefix) == 1 else 0.01
            p[CLOSE] = 0.9 if tuple(prefix[-2:-1]) == (OPEN,) else 0.01
            return np.log(p / p.sum())

        return log_p

    same = decoder()._replace(reads=reads, mark=lambda name: ([OPEN], [CLOSE]))
    one = Labelled(["anna", "kano"], [Span(0, 1, "PER"), Span(1, 2, "LOC")])
    made = codec([one], [["yau", "saw", "lee"]], decoder=same)
    assert sorted((s.first, s.stop) for s in made.sentences[0].spans) == [(0, 1), (1, 2)]
    assert codec([one], [["yau", "saw", "lee"]], decoder=same, best=1).sentences == [None]


def test_too_few_words_lose_a_span():
    made = codec([SOURCE], [["kano"]], decoder=decoder())
    assert made.sentences == [None] and made.counts["spans lost: no place"] == 1
    made = codec([SOURCE], [["kano"]], decoder=decoder(), lost="span")
    assert len(made.sentences[0].spans) == 1


def test_words_without_a_token_take_no_place():
    made = codec([SOURCE], [["?", "yau", "kano", "?", "anna", "lee"]], decoder=decoder())
    assert [s.kind for s in made.sentences[0].spans] == ["LOC", "PER"]
    assert made.sentences[0].spans == [Span(2, 3, "LOC"), Span(4, 6, "PER")]


def test_long_sentences_do_not_exhaust_the_stack():
    def even(prefix):
        return np.full(50, -1.0)

    made = insert([1] * 1500, [([OPEN], [CLOSE])], even, end=END, calls=1600)
    assert len(made.found) == 1 and not made.exact


def test_bad_tokens():
    broken = decoder()._replace(tokens=lambda words: [[1]])
    with pytest.raises(CorpusError, match="tokens of 1 words for 2"):
        codec([SOURCE], [["a", "b"]], decoder=broken)
