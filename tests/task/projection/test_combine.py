"""Planted annotators: the good are trusted, the consistently wrong are understood."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, gammaln

from isogloss.errors import CorpusError, UsageError
from isogloss.task.projection.combine import (
    MISSING,
    bea,
    combine_labels,
    combine_spans,
    combine_tags,
    deal,
    majority,
    rank_sources,
    rare_weights,
)
from isogloss.task.spans import Span


def annotators(n=600, seed=0, good=2, bad=4, k=3):
    """Some are right 9 times of 10; the others guess class 1 more often than not."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = np.empty((n, good + bad), int)
    for j in range(good):
        votes[:, j] = np.where(rng.random(n) < 0.9, truth, rng.integers(0, k, n))
    for j in range(good, good + bad):
        votes[:, j] = np.where(rng.random(n) < 0.4, truth,
                               np.where(rng.random(n) < 0.8, 1, rng.integers(0, k, n)))  # fmt: skip
    return truth, votes


def accuracy(made, truth):
    return (made.posterior.argmax(1) == truth).mean()


def test_the_good_are_trusted():
    truth, votes = annotators()
    voted, made = majority(votes, 3), bea(votes, 3)
    assert accuracy(made, truth) > accuracy(voted, truth) + 0.1
    assert accuracy(made, truth) > 0.9 and made.rounds < 200
    real = np.array([[(votes[truth == a, 0] == b).mean() for b in range(3)] for a in range(3)])
    assert np.abs(made.confusion[0] - real).max() < 0.08
    assert np.allclose(made.confusion.sum(2), 1) and np.allclose(made.posterior.sum(1), 1)


def test_one_who_is_always_wrong_in_one_way_tells_much():
    truth, votes = annotators(good=3, bad=0, k=2)
    votes = np.c_[votes, 1 - truth]
    assert accuracy(bea(votes, 2), truth) > accuracy(majority(votes, 2), truth)
    assert bea(votes, 2).confusion[3].trace() < 0.2


def test_missing_votes_and_known_things():
    truth, votes = annotators(seed=1)
    votes[np.random.default_rng(0).random(votes.shape) < 0.3] = MISSING
    asked = (votes != MISSING).any(1)
    truth, votes = truth[asked], votes[asked]
    assert accuracy(bea(votes, 3), truth) > accuracy(majority(votes, 3), truth)


def test_known_things_settle_what_votes_cannot():
    """All models take one class for the next, so that only labels can tell."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    votes = np.where(rng.random((400, 4)) < 0.8, (truth[:, None] + 1) % 3,
                     rng.integers(0, 3, (400, 4)))  # fmt: skip
    gold = np.where(np.arange(400) < 60, truth, MISSING)
    made = bea(votes, 3, gold)
    assert (made.posterior[range(60), truth[:60]] == 1).all()
    assert accuracy(bea(votes, 3), truth) < 0.2
    assert (made.posterior.argmax(1) == truth)[60:].mean() > 0.9


def bound(votes, q, k):
    """The variational lower bound, with the best factors of pi and of the confusions for q."""

    def dirichlet(counts, prior):
        return (gammaln(prior.sum()) - gammaln(prior).sum()
                - gammaln(counts.sum()) + gammaln(counts).sum())  # fmt: skip

    ones = np.ones(k)
    total = dirichlet(1 + q.sum(0), ones) - (q * np.log(q + 1e-300)).sum()
    for column in votes.T:
        for true in range(k):
            counts = np.array([q[column == label, true].sum() for label in range(k)])
            total += dirichlet(1 + counts, ones)
    return total


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_every_round_raises_the_bound(seed):
    rng = np.random.default_rng(seed)
    votes = rng.integers(0, 3, (12, 3))
    bounds = [bound(votes, bea(votes, 3, rounds=r).posterior, 3) for r in (1, 2, 3, 10, 50)]
    assert all(b >= a - 1e-9 for a, b in pairwise(bounds))


def test_a_round_is_that_of_the_formulas():
    _, votes = annotators(n=30)
    q = majority(votes, 3).posterior
    made = bea(votes, 3, rounds=1, prior=0.5, trust=2.0)
    for i in range(len(votes)):
        logs = []
        for true in range(3):
            log = digamma(0.5 + q[:, true].sum()) - digamma(1.5 + len(votes))
            for j in range(votes.shape[1]):
                row = [(2.0 if label == true else 0.5) + q[votes[:, j] == label, true].sum()
                       for label in range(3)]  # fmt: skip
                log += digamma(row[votes[i, j]]) - digamma(sum(row))
            logs.append(log)
        p = np.exp(np.array(logs) - max(logs))
        assert made.posterior[i] == pytest.approx(p / p.sum())


def test_equal_votes_go_to_the_frequent_class():
    votes = np.array([[0, 1], [1, 1], [0, 1]])
    assert majority(votes, 2).posterior.argmax(1).tolist() == [1, 1, 1]


def test_labels_and_tags_by_name():
    labels, made, classes = combine_labels([["a", None, "b"], ["a", None, None]], majority)
    assert labels == ["a", None, "b"] and classes == ["a", "b"] and len(made.posterior) == 2
    tags, _, _ = combine_tags([[["O", "B-X"], ["O"]], [["O", "B-X"], ["B-X"]],
                               [["O", "O"], ["O"]]], majority)  # fmt: skip
    assert tags == [["O", "B-X"], ["O"]]


PER, LOC = Span(0, 2, "PER"), Span(0, 1, "LOC")


def test_spans_do_not_share_words():
    made, _, classes, used = combine_spans([[[PER]], [[PER]], [[LOC]]], majority)
    assert made == [[PER]] and set(classes) == {"", "PER", "LOC"} and used == [0, 1, 2]
    assert combine_spans([[[PER], []], [[], []], [[], []]], majority)[0] == [[], []]


def test_bad_models_of_spans_are_left_out_the_second_time():
    rng = np.random.default_rng(0)
    truth = [[Span(int(a), int(a) + 1, "PER" if rng.random() < 0.5 else "LOC")]
             for a in rng.integers(0, 4, 200)]  # fmt: skip

    def model(right):
        wrong = [Span(int(at), 4, "LOC") for at in rng.integers(0, 4, len(truth))]
        return [one if rng.random() < right else [other]
                for one, other in zip(truth, wrong, strict=True)]  # fmt: skip

    models = [model(0.95), model(0.3), model(0.95), model(0.3), model(0.9)]
    made, _, _, used = combine_spans(models, bea, keep=3)
    assert used == [0, 2, 4]
    right = np.mean([a == b for a, b in zip(made, truth, strict=True)])
    voted = np.mean(
        [a == b for a, b in zip(combine_spans(models, majority)[0], truth, strict=True)]
    )
    assert right > 0.9 and right >= voted


def test_sources_are_ranked():
    truth, votes = annotators()
    ranked = rank_sources(votes, 3)
    assert {s.model for s in ranked[:2]} == {0, 1} and ranked[0].measured is None
    gold = np.where(np.arange(len(truth)) < 50, truth, MISSING)
    known = rank_sources(votes, 3, gold, background=0)
    assert {s.model for s in known[:2]} == {0, 1} and known[0].measured > 0.8
    weights = rare_weights(known, 2)
    assert set(weights) == {0, 1} and sum(weights.values()) == pytest.approx(1)
    dealt = deal(weights, 101)
    assert len(dealt) == 101 and abs(dealt.count(0) - 101 * weights[0]) < 1
    assert dealt == deal(weights, 101) != deal(weights, 101, 1) and dealt != sorted(dealt)
    with pytest.raises(UsageError):
        rare_weights(known, 0)


def test_measured_is_the_micro_f1():
    from sklearn.metrics import f1_score

    truth, votes = annotators(n=80)
    ranked = {s.model: s.measured for s in rank_sources(votes, 3, truth, background=0)}
    for model, value in ranked.items():
        wanted = f1_score(truth, votes[:, model], labels=[1, 2], average="micro")
        assert value == pytest.approx(wanted)


@pytest.mark.parametrize("call, said", [
    (lambda: bea(np.array([[5]]), 3), "no class from 0 to 2"),
    (lambda: bea(np.array([[MISSING]]), 3), "1 things have no vote"),
    (lambda: majority(np.zeros((0, 2), int), 3), "votes of shape"),
    (lambda: combine_labels([["a"], ["a", "b"]]), "predictions of"),
    (lambda: combine_labels([[None]]), "no model says anything"),
    (lambda: combine_tags([[["O"]], [["O", "O"]]]), "different numbers of words"),
    (lambda: combine_spans([[[]], [[]]]), "no model names a span"),
    (lambda: combine_spans([[[]], []]), "different numbers of sentences"),
])  # fmt: skip
def test_what_cannot_be(call, said):
    with pytest.raises(CorpusError, match=said):
        call()


def test_pseudo_counts_are_positive():
    with pytest.raises(UsageError, match="all must be positive"):
        bea(np.array([[0]]), 1, prior=0)
