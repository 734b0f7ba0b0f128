"""Costs stand beside the score, and who is beaten is beaten in every respect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.task.costs import (
    RESPECTS,
    Attempt,
    beats,
    cost_table,
    costs,
    spent_on,
    worth_table,
    worths,
)
from isogloss.task.ledger import Ledger, Translations, timed
from loading import load

labels_of = load("task/test_ledger.py")
lines, labels_used = labels_of.lines, labels_of.labels_used


def spent(**more):
    """What an honest attempt on 100 examples spends."""
    made = timed(
        Ledger(target="hin_Deva") + labels_used(lines(701), "train"), train_seconds=60.0,
        predict_seconds=1.0, predicted=100, model_bytes=2**20, alone=(0.02, 0.01, 0.03),
    )  # fmt: skip
    return timed(made, **more)


def attempt(name, value, ledger=None, tag="hin_Deva"):
    return Attempt(name, tag, value, {} if ledger is None else ledger.settings())


def test_costs_stand_beside_a_score_over_the_same_languages():
    calls = Translations(701, 70_100, 8, 40.0)
    rows = costs([
        attempt("zero-shot", 0.6, spent(peak_memory=2**30)),
        attempt("zero-shot", 0.8, spent(peak_memory=2**20)),
        attempt("zero-shot", 0.1, spent(peak_memory=2**21), tag="hau_Latn"),
        attempt("translate-train", 0.9, spent(translations=calls, align_seconds=5.0)),
        attempt("translate-train", None, tag="tel_Telu"),
    ])  # fmt: skip
    zero, train = rows
    assert (zero.score, zero.languages) == (pytest.approx(0.7), 1)
    assert (zero.train_seconds, zero.predict_ms, zero.calls) == (60.0, pytest.approx(10.0), 0)
    assert (train.calls, train.characters, train.train_labels) == (8, 70_100, 701)
    assert (train.translate_seconds, train.align_seconds, train.before_seconds) == (40, 5, 105)
    assert zero.select_labels == 0 and zero.memory == 2**21 and train.memory is None
    assert zero.latency_ms == pytest.approx(20.0) and zero.use_ms == pytest.approx(20.0)
    assert costs([]) == []


def test_what_use_costs_is_told_apart_from_what_came_before():
    asked = Translations(100, 5000, 2, 30.0)
    both = spent(translations=asked.and_(Translations(10, 800, 1, 3.0)), in_use=asked)
    [row] = costs([attempt("translate-test", 0.5, both)])
    assert (row.translate_seconds, row.before_seconds) == (33, 63)
    assert (row.before_characters, row.used_characters) == (800, 50)
    assert row.translate_ms == pytest.approx(300.0) and row.use_ms == pytest.approx(320.0)


def test_what_people_read():
    told = cost_table([attempt("a", 0.5, spent(peak_memory=2**30))])[0]
    assert (told["training"], told["an example"], told["memory"]) == ("60.0 s", "10 ms", "1.0 GiB")
    assert told["model"] == "1 MiB" and told["labels to train"] == "701"
    assert (told["one alone"], told["translating"], told["aligning"]) == ("20 ms", "0 s", "0 s")
    assert cost_table([attempt("a", 0.5, spent())])[0]["memory"] == "not known"
    blank = cost_table([attempt("a", None)])[0]
    assert blank["training"] == blank["score"] == blank["translator's calls"] == ""
    assert blank["memory"] == ""
    assert spent_on([told]) == [
        "strategy", "score", "languages", "training", "an example", "one alone", "memory", "model",
        "labels to train",
    ]  # fmt: skip


def test_the_front_of_the_three_ways_of_the_paper():
    """Zero-shot is cheapest, translate-train best, translate-test neither, and slow."""
    train, use = Translations(701, 70_100, 8, 400.0), Translations(100, 5000, 2, 30.0)
    rows = worth_table([
        attempt("zero-shot", 0.6, spent()),
        attempt("translate-train", 0.8, spent(translations=train)),
        attempt("translate-test", 0.6, spent(translations=use, in_use=use)),
        attempt("long", 0.6, spent(train_seconds=60.0)),
    ])  # fmt: skip
    assert [row["beaten by"] for row in rows] == ["", "", "zero-shot", "zero-shot"]
    assert rows[1]["time before use"] == "7.7 min"
    assert rows[2]["characters translated an example"] == "50"
    assert rows[2]["answer to one example"] == "320 ms"


def test_labels_of_the_target_are_a_cost():
    own = spent() + labels_used(lines(99, "hin_Deva"), "train")
    own += labels_used(lines(99, "hin_Deva"), "select")
    [zero, labelled] = costs([attempt("zero", 0.6, spent()), attempt("own", 0.9, own)])
    assert (zero.target_labels, labelled.target_labels) == (0, 99)
    assert not beats(labelled, zero) and not beats(zero, labelled)
    [zero, labelled] = costs([attempt("zero", 0.9, spent()), attempt("own", 0.9, own)])
    assert beats(zero, labelled)


def test_times_that_are_alike_decide_nothing_and_unknown_ones_spare():
    made = costs([attempt("a", 0.6, spent()), attempt("b", 0.6, spent()),
                  attempt("c", 0.6, spent()), attempt("d", 0.5, spent())])  # fmt: skip
    a, b, c = [one._replace(latency_ms=ms) for one, ms in zip(made, (20.0, 21.0, 50.0),
                                                              strict=False)]  # fmt: skip
    assert not beats(a, b) and not beats(b, a) and beats(a, c) and beats(b, c)
    near, far = (made[1]._replace(latency_ms=ms) for ms in (24.5, 25.5))  # a fifth of the longer
    assert not beats(a, near) and beats(a, far)
    unknown = made[3]._replace(latency_ms=None)
    assert not beats(a, unknown) and not beats(unknown, a)
    assert beats(a._replace(latency_ms=None), unknown)  # of neither known, all else decides


amounts = st.tuples(st.integers(0, 3), *(st.integers(0, 2) for _ in RESPECTS))


@given(st.lists(amounts, min_size=1, max_size=7))
def test_the_front_is_that_of_a_plain_comparison(drawn):
    """Whole numbers up to 3 differ by more than what counts as alike."""
    [blank] = costs([attempt("", 0.5, spent())])
    found = []
    for at, (score, *cost) in enumerate(drawn):
        told = dict(zip((r.field for r in RESPECTS[:-1]), cost[:-1], strict=True))
        found.append(blank._replace(strategy=str(at), score=score, latency_ms=cost[-1], **told))
    for at, one in enumerate(worths(found)):
        mine = (drawn[at][0], *(-c for c in drawn[at][1:]))
        over = [str(k) for k, other in enumerate(drawn)
                if all(x >= y for x, y in zip((other[0], *(-c for c in other[1:])), mine,
                                              strict=True)) and other != drawn[at]]  # fmt: skip
        assert list(one.beaten_by) == over
    assert any(not one.beaten_by for one in worths(found))
