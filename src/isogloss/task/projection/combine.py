"""One set of labels from those of many models, with no labels or few to tell which are good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import digamma

from isogloss.errors import CorpusError, UsageError
from isogloss.registry import register
from isogloss.task.spans import Span

MISSING = -1
NONE = ""  # of a stretch that a model does not name


class Combined(NamedTuple):
    """What is thought of n things that m models named as one of k classes.

    Attributes:
        posterior: `[n, k]` how probable each class is.
        confusion: `[m, k, k]` how probable each model says a class (last) where another is true.
        prior: `[k]` how frequent the classes are.
        rounds: of estimation; None where nothing was estimated.
    """

    posterior: np.ndarray
    confusion: np.ndarray
    prior: np.ndarray
    rounds: int | None = None


Combine = Callable[..., Combined]
"""`bea` or `majority`."""


@register("combination", "majority.v1")
def majority(votes: np.ndarray, classes: int, gold: np.ndarray | None = None) -> Combined:
    """Each model has a vote; of equal ones the class with more votes over all things wins.

    Args:
        votes: `[n, m]` classes from 0, `MISSING` where a model says nothing.
        classes: their number.
        gold: `[n]` classes of the things that are known, `MISSING` of the others.

    Raises:
        CorpusError: a vote that is no class, or a thing on which there is no vote.
    """
    _check(votes, classes, gold)
    counts = _counts(votes, classes)
    total = counts.sum(0)
    # far less than a vote, and larger for frequent classes
    counts = counts + 1e-6 * (total.argsort(kind="stable").argsort() + 1) / classes
    posterior = _known(counts / counts.sum(1, keepdims=True), gold)
    return Combined(posterior, _confusions(votes, posterior, 1.0, 0.0), posterior.mean(0))


@register("combination", "bea.v1")
def bea(
    votes: np.ndarray,
    classes: int,
    gold: np.ndarray | None = None,
    *,
    prior: float = 1.0,
    trust: float = 1.0,
    rounds: int = 200,
    tolerance: float = 1e-6,
) -> Combined:
    """Each model has a confusion matrix of its own, and truth and matrices explain each other.

    z ~ Categorical(pi), vote of model j ~ Categorical(V_j[z]), with Dirichlet priors on pi and on
    the rows of V_j; by variational Bayes, begun from the majority, or from `gold` where that has
    every class. A model that is good at one class and bad at another, or always wrong in one way,
    counts for what it tells. Prefer it to the majority where models differ much in quality, the
    more things there are the better; it supposes that models err independently. A few known things
    (`gold`) make it surer.

    Args:
        votes: `[n, m]` classes from 0, `MISSING` where a model says nothing.
        classes: their number.
        gold: `[n]` classes of the things that are known, `MISSING` of the others.
        prior: pseudo-count of each class, and of each cell off the diagonal.
        trust: pseudo-count of each cell on the diagonal.
        rounds: at most.
        tolerance: largest change of a probability at which it ends.

    Raises:
        CorpusError: as `majority`.
        UsageError: a pseudo-count that is not positive.

    Source: Rahimi, Li and Cohn (2019), Massively Multilingual Transfer for NER, section 3.1 (BEA);
    Kim and Ghahramani (2012), Bayesian Classifier Combination.
    """
    if prior <= 0 or trust <= 0 or rounds < 1:
        raise UsageError(
            f"prior {prior}, trust {trust}, rounds {rounds}", remedy="all must be positive"
        )
    posterior = majority(votes, classes, gold).posterior
    if gold is not None and set(range(classes)) <= set(gold.tolist()):
        posterior[gold == MISSING] = 0  # begin from what is known of every class
    done = 0
    for _ in range(rounds):
        done += 1
        share = prior + posterior.sum(0)  # [k]
        cells = _cells(votes, posterior, trust, prior)  # [m, k, k]
        log_share = digamma(share) - digamma(share.sum())
        log_cells = digamma(cells) - digamma(cells.sum(2, keepdims=True))
        logs = np.broadcast_to(log_share, posterior.shape).copy()  # [n, k]
        for j, column in enumerate(votes.T):
            told = column != MISSING
            logs[told] += log_cells[j][:, column[told]].T
        new = np.exp(logs - logs.max(1, keepdims=True))
        new = _known(new / new.sum(1, keepdims=True), gold)
        change = np.abs(new - posterior).max()
        posterior = new
        if change < tolerance:
            break
    share = prior + posterior.sum(0)
    return Combined(
        posterior, _confusions(votes, posterior, trust, prior), share / share.sum(), done
    )


def combine_labels(
    predictions: Sequence[Sequence[Hashable | None]],
    combine: Combine = bea,
    *,
    gold: Sequence[Hashable | None] | None = None,
    **how: Any,
) -> tuple[list[Hashable | None], Combined, list[Hashable]]:
    """One label a thing from those of m models.

    Args:
        predictions: of each model, a label or None a thing.
        combine: `bea` or `majority`.
        gold: labels of the things that are known, None of the others.
        how: of `combine`.

    Returns:
        Labels, None where no model says anything; what is thought of the others; and the classes in
        the order of its columns.

    Raises:
        CorpusError: models that name different numbers of things, or no label at all.
    """
    lengths = {len(one) for one in [*predictions, *([] if gold is None else [gold])]}
    if len(lengths) != 1:
        raise CorpusError(f"predictions of {sorted(lengths)} things: give one a thing and model")
    classes = sorted(
        {label for one in [*predictions, gold or ()] for label in one} - {None}, key=str
    )
    if not classes:
        raise CorpusError("no model says anything", remedy="give predictions that are not None")
    at = {label: n for n, label in enumerate(classes)} | {None: MISSING}
    votes = np.array([[at[label] for label in one] for one in predictions]).T
    asked = np.flatnonzero((votes != MISSING).any(1))
    known = None if gold is None else np.array([at[label] for label in gold])[asked]
    made = combine(votes[asked], len(classes), known, **how)
    labels: list[Hashable | None] = [None] * len(votes)
    for row, best in zip(asked.tolist(), made.posterior.argmax(1).tolist(), strict=True):
        labels[row] = classes[best]
    return labels, made, classes


def combine_tags(
    predictions: Sequence[Sequence[Sequence[str | None]]], combine: Combine = bea, **how: Any
) -> tuple[list[list[str]], Combined, list[Hashable]]:
    """One tag a word from those of m models, each word for itself (BEA by token).

    For spans prefer `combine_spans`: words named one by one may make spans that no model saw.

    Args:
        predictions: of each model, tags of n sentences; None for a word of which it says nothing.
        combine: `bea` or `majority`.
        how: of `combine`.

    Raises:
        CorpusError: models that tag different numbers of words.
    """
    shapes = [[len(tags) for tags in one] for one in predictions]
    if any(shape != shapes[0] for shape in shapes):
        raise CorpusError(
            "models tag different numbers of words", remedy="give them the same words"
        )
    flat = [[tag for tags in one for tag in tags] for one in predictions]
    labels, made, classes = combine_labels(flat, combine, **how)
    rest = iter(map(str, labels))
    return [[next(rest) for _ in range(length)] for length in shapes[0]], made, classes


def combine_spans(
    predictions: Sequence[Sequence[Sequence[Span]]],
    combine: Combine = bea,
    *,
    keep: int | None = None,
    **how: Any,
) -> tuple[list[list[Span]], Combined, list[Hashable], list[int]]:
    """Spans from those of m models (BEA by entity).

    Every stretch that a model names is a thing; the others say of it that it is none. It is a span
    if a kind is more probable than every other and than none; of those that share a word the most
    probable stays.

    Args:
        predictions: of each model, spans of n sentences.
        combine: `bea` or `majority`.
        keep: estimate twice, the second time from this many models that the first thinks best.
        how: of `combine`.

    Returns:
        Spans of each sentence; what is thought; its classes, `NONE` being no span; and the models
        that were used.

    Raises:
        CorpusError: models that read different numbers of sentences, or none of which names a span.

    Source: Rahimi et al. (2019), section 3.1 (`ent`; `keep` is their second pass).
    """
    if len({len(one) for one in predictions}) != 1:
        raise CorpusError("models read different numbers of sentences")
    things = sorted({(n, span.first, span.stop) for one in predictions
                     for n, spans in enumerate(one) for span in spans})  # fmt: skip
    if not things:
        raise CorpusError("no model names a span", remedy="give predictions of another model")
    named = []
    for one in predictions:
        own = {(n, s.first, s.stop): s.kind for n, spans in enumerate(one) for s in spans}
        named.append([own.get(thing, NONE) for thing in things])
    used = list(range(len(named)))
    labels, made, classes = combine_labels(named, combine, **how)
    if keep is not None and keep < len(used):
        used = sorted(np.argsort(-_worth(made, classes), kind="stable")[:keep].tolist())
        labels, made, classes = combine_labels([named[j] for j in used], combine, **how)
    spans: list[list[Span]] = [[] for _ in predictions[0]]
    for row in np.argsort(-made.posterior.max(1), kind="stable").tolist():
        (n, first, stop), label = things[row], labels[row]
        if label != NONE and all(stop <= s.first or s.stop <= first for s in spans[n]):
            spans[n].append(Span(first, stop, str(label)))
    return [sorted(one) for one in spans], made, classes, used


class Source(NamedTuple):
    """How good a model seems.

    Attributes:
        model: its number from 0.
        agreement: mean share of votes that it has in common with each other model.
        majority: share of votes that are those of the majority.
        expected: its accuracy if `bea` is right.
        measured: micro-averaged F1 on the known things, without the background; None without any.
    """

    model: int
    agreement: float
    majority: float
    expected: float
    measured: float | None


def rank_sources(
    votes: np.ndarray,
    classes: int,
    gold: np.ndarray | None = None,
    background: int | None = None,
) -> list[Source]:
    """The models, the best first: by what is known of them, and what is expected where nothing is.

    Args:
        votes: `[n, m]` classes from 0, `MISSING` where a model says nothing.
        classes: their number.
        gold: `[n]` classes of the things that are known, `MISSING` of the others.
        background: a class that is no find, such as that of `O`.

    Raises:
        CorpusError: as `majority`.

    Source: Rahimi et al. (2019), section 3.2 (RaRe ranks by F1 on 100 labelled sentences).
    """
    most = majority(votes, classes).posterior.argmax(1)
    made = bea(votes, classes)
    found = []
    for j, column in enumerate(votes.T):
        told = column != MISSING
        both = told[:, None] & (votes != MISSING)
        with np.errstate(invalid="ignore"):
            same = ((votes == column[:, None]) & both).sum(0) / both.sum(0)
        others = np.delete(same, j)
        rows = np.flatnonzero(told)
        expected = made.posterior[rows, column[rows]].mean() if len(rows) else 0.0
        found.append(Source(
            j, float(np.nanmean(others)) if np.isfinite(others).any() else 0.0,
            float((column == most)[told].mean()) if told.any() else 0.0, float(expected),
            None if gold is None or not (gold != MISSING).any()
            else _f1(column, gold, background),
        ))  # fmt: skip
    return sorted(found, key=lambda s: -(s.expected if s.measured is None else s.measured))


def rare_weights(ranked: Sequence[Source], keep: int = 10) -> dict[int, float]:
    """How much of the training text each of the best models should label, in proportion to F1.

    RaRe trains a model on sentences labelled so, and then goes on with the few that are known.

    Raises:
        UsageError: none is to be kept.

    Source: Rahimi et al. (2019), section 3.2.
    """
    if keep < 1:
        raise UsageError(f"keep is {keep}", remedy="keep 1 model at least")
    worth = {s.model: s.expected if s.measured is None else s.measured for s in ranked[:keep]}
    total = sum(worth.values())
    return {model: value / total if total else 1 / len(worth) for model, value in worth.items()}


def deal(weights: dict[int, float], sentences: int, seed: int = 0) -> list[int]:
    """The model that labels each sentence, as many sentences each as its weight says."""
    models = sorted(weights)
    share = np.array([weights[model] for model in models]) * sentences
    counts = np.floor(share).astype(int)
    for at in np.argsort(counts - share, kind="stable")[: sentences - counts.sum()]:
        counts[at] += 1
    dealt = np.repeat(models, counts)
    return np.random.default_rng(seed).permutation(dealt).tolist()


def _check(votes: np.ndarray, classes: int, gold: np.ndarray | None) -> None:
    if votes.ndim != 2 or not votes.size or (gold is not None and gold.shape != votes.shape[:1]):
        raise CorpusError(
            f"votes of shape {votes.shape}" + ("" if gold is None else f", gold of {gold.shape}"),
            remedy="give a row a thing and a column a model",
        )
    for one in (votes, votes[:0] if gold is None else gold):
        if one.size and not (one.min() >= MISSING and one.max() < classes):
            raise CorpusError(f"a vote is no class from 0 to {classes - 1}")
    if silent := int((votes == MISSING).all(1).sum()):
        raise CorpusError(f"{silent} things have no vote", remedy="leave them out")


def _counts(votes: np.ndarray, classes: int) -> np.ndarray:
    counts = np.zeros((len(votes), classes))
    for column in votes.T:
        told = np.flatnonzero(column != MISSING)
        counts[told, column[told]] += 1
    return counts


def _cells(votes: np.ndarray, posterior: np.ndarray, on: float, off: float) -> np.ndarray:
    """`[m, k, k]` expected counts of true class and vote, with pseudo-counts."""
    classes = posterior.shape[1]
    cells = np.full((votes.shape[1], classes, classes), off, float)
    cells[:, range(classes), range(classes)] = on
    for j, column in enumerate(votes.T):
        for label in range(classes):
            cells[j, :, label] += posterior[column == label].sum(0)
    return cells


def _confusions(votes: np.ndarray, posterior: np.ndarray, on: float, off: float) -> np.ndarray:
    cells = _cells(votes, posterior, on, off)
    return cells / cells.sum(2, keepdims=True)


def _known(posterior: np.ndarray, gold: np.ndarray | None) -> np.ndarray:
    if gold is not None:
        rows = np.flatnonzero(gold != MISSING)
        posterior[rows] = 0
        posterior[rows, gold[rows]] = 1
    return posterior


def _worth(made: Combined, classes: Sequence[Hashable]) -> np.ndarray:
    """`[m]` expected F1 of each model over the classes that are a span."""
    joint = made.prior[:, None] * made.confusion  # [m, k, k]
    real = [n for n, name in enumerate(classes) if name != NONE]
    right = joint[:, real, real].sum(1)
    true, told = made.prior[real].sum(), joint[:, :, real].sum((1, 2))
    return 2 * right / (true + told)


def _f1(column: np.ndarray, gold: np.ndarray, background: int | None) -> float:
    rows = (gold != MISSING) & (column != MISSING)
    tally: Counter[str] = Counter()
    for told, true in zip(column[rows].tolist(), gold[rows].tolist(), strict=True):
        tally["right"] += told == true != background
        tally["found"] += (told != background) + (true != background)
    return 2 * tally["right"] / tally["found"] if tally["found"] else 0.0
