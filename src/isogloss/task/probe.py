"""A linear probe over the vectors of any encoder: a task without touching the model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import ModelError, TrainingError, UsageError
from isogloss.files import write_json
from isogloss.registry import name_of
from isogloss.task.contracts import Guess, Task
from isogloss.task.examples import TEXT, Examples
from isogloss.task.solver import TASK, Told, read_task
from isogloss.task.vectors import vectors_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from isogloss.encode.protocol import Encoder

    Features = np.ndarray | csr_array

GRID = (1.0, 10.0, 100.0, 1000.0)
"""Strengths C of a probe that are tried on its own training data."""
FOLDS = 4
TIMED = 32  # examples on which the encoder is timed


@dataclass
class Probe:
    """Multinomial logistic regression over unit vectors.

    p(c | x) = softmax(W x + b), with C times the mean loss over examples plus ||W||^2 / (2 n) as
    small as can be. A pair of texts u, v is read as [u, v, |u - v|, u * v]. It is convex: there are
    no seeds, and nothing of the model changes. Prefer it for static vectors, and where a minute
    must do; a tuned model is better with thousands of labels.

    Attributes:
        task: of labelled texts.
        encoder: gives the vectors.
        weights: `[d + 1, classes]`, the last row that of the constant.
        classes: the names of the labels, by number.
        strength: C.
        seconds: that teaching took.
        kept: which weights were kept.
        texts: the columns that are read.
    """

    task: Task
    encoder: Encoder
    weights: np.ndarray
    classes: Mapping[str, Sequence[str]]
    strength: float
    seconds: float = 0.0
    kept: str = "its strength was chosen by folds of its own training data"
    texts: Sequence[str] = ("text",)

    def tell(self, examples: Examples) -> Told:
        """The likeliest label of each example."""
        features, there, truncated = read(self.encoder, examples, self.texts)
        guesses: list[Guess | None] = [None] * len(examples)
        dropped = {"no text": len(examples) - len(there)} if len(there) < len(examples) else {}
        if not there:
            return Told(guesses, dropped, 0, 0.0)
        start = time.perf_counter()
        shares = softmax(features @ self.weights[:-1] + self.weights[-1])  # [m, classes]
        names = self.classes["label"]
        for row, one in zip(there, shares, strict=True):
            guesses[row] = Guess(names[int(one.argmax())], one)
        seconds = time.perf_counter() - start + pace(self.encoder, examples) * len(there)
        return Told(guesses, dropped, truncated, seconds)

    def save(self, folder: Path) -> None:
        """The weights; the encoder stays where it is, and is named."""
        (folder / TASK).mkdir(parents=True)
        np.save(folder / TASK / "probe.npy", self.weights.astype(np.float32))
        about = {
            "task": name_of("task", self.task), "classes": self.classes, "seconds": self.seconds,
            "strength": self.strength, "texts": list(self.texts),
            "encoder": self.encoder.name, "encoder_fingerprint": self.encoder.fingerprint,
        }  # fmt: skip
        write_json(folder / TASK / "task.json", about)


def open_probe(folder: Path, task: Task, encoder: Encoder) -> Probe:
    """A probe that was saved.

    Raises:
        ModelError: it is not whole, or was taught on the vectors of another encoder.
    """
    about = read_task(folder)
    if about.get("encoder_fingerprint") != encoder.fingerprint:
        raise ModelError(
            f"the probe was taught on the vectors of {about.get('encoder')}, which "
            f"{encoder.name} is not, or not any more",
            file=folder, remedy="name the encoder that it was taught on: --encoder",
        )  # fmt: skip
    try:
        weights = np.load(folder / TASK / "probe.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"the weights of the probe cannot be read: {error}", file=folder) from None
    return Probe(
        task, encoder, weights, about["classes"], about["strength"], about["seconds"],
        texts=about.get("texts", ("text",)),
    )  # fmt: skip


def probe(encoder: Encoder, task: Any, train: Sequence[Examples], *, seed: int = 0) -> Probe:
    """Fit a probe; its strength is chosen by folds of the training data alone.

    Args:
        encoder: any.
        task: of labelled texts.
        train: examples with labels; the same id in two languages is in one fold.
        seed: of the folds.

    Raises:
        UsageError: a task of something else than labels of texts.
        TrainingError: no example has a label and its texts.
    """
    start = time.perf_counter()
    if task.shape is not TEXT:
        raise UsageError(
            f"a probe tells labels of texts, not {task.shape.name}",
            remedy="tune the model: --learner tune",
        )
    classes = task.classes(train)
    number = {name: place for place, name in enumerate(classes["label"])}
    texts = ("text", "second") if any(any(one.column("second")) for one in train) else ("text",)
    features, labels, ids = [], [], []
    for one in train:
        found, there, _ = read(encoder, one, texts)
        told = one.column("label")
        if known := [place for place, row in enumerate(there) if told[row] is not None]:
            features.append(found[known])
        labels += [number[told[there[place]]] for place in known]
        ids += [one.ids[there[place]] for place in known]
    if not labels:
        raise TrainingError("no example can be trained on", remedy="check that they have text")
    x, y = np.concatenate(features), np.array(labels)  # [n, d], [n]
    strength = chosen_strength(x, y, ids, len(number), seed)
    weights = fit(x, y, len(number), strength)
    seconds = time.perf_counter() - start
    return Probe(task, encoder, weights, classes, strength, seconds, texts=texts)


def read(
    encoder: Encoder, examples: Examples, texts: Sequence[str]
) -> tuple[np.ndarray, list[int], int]:
    """Features `[m, d]` of examples with text in all columns, their rows, and how many were cut."""
    found, there, truncated = vectors_of(encoder, examples, texts)
    if len(found) == 2:
        first, second = found
        found = [first, second, np.abs(first - second), first * second]
    return np.concatenate(found, axis=1), there, truncated


def pace(encoder: Encoder, examples: Examples) -> float:
    """Seconds that the encoder takes for an example, timed once a language on some of them.

    An example alone is timed itself, as it takes longer than one among many.

    Vectors may come from a cache, which tells nothing of what they cost.
    """
    known = vars(encoder).setdefault("_pace", {})
    if len(examples) > 1 and examples.language in known:
        return known[examples.language]
    columns = [examples.column("text"), examples.column("second")]
    texts = [text for column in columns for text in column[:TIMED] if text]
    start = time.perf_counter()
    encoder.encode(texts, language=examples.language)
    took = (time.perf_counter() - start) / min(TIMED, len(examples))
    if len(examples) > 1:
        known[examples.language] = took
    return took


def fit(x: Features, y: np.ndarray, classes: int, strength: float) -> np.ndarray:
    """Weights `[d + 1, classes]` of the regression, by L-BFGS.

    Args:
        x: `[n, d]` features, dense or sparse.
        y: `[n]` numbers of classes.
        classes: how many there are.
        strength: C; the larger, the closer to the training data.
    """
    from scipy.optimize import minimize

    n, d = x.shape
    wanted = np.zeros((n, classes))
    wanted[np.arange(n), y] = 1
    x = x.astype(np.float64)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(d + 1, classes)
        shares = softmax(x @ weights[:-1] + weights[-1])  # [n, classes]
        off = (shares - wanted) * (strength / n)
        slope = np.vstack([x.T @ off + weights[:-1] / n, off.sum(0)])
        likelihood = -np.log(shares[np.arange(n), y] + 1e-300).mean()
        return strength * likelihood + (weights[:-1] ** 2).sum() / (2 * n), slope.ravel()

    found = minimize(loss, np.zeros((d + 1) * classes), jac=True, method="L-BFGS-B",
                     options={"maxiter": 500})  # fmt: skip
    return found.x.reshape(d + 1, classes)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Shares over the last axis."""
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def chosen_strength(
    x: Features, y: np.ndarray, ids: Sequence[str], classes: int, seed: int
) -> float:
    """The strength that is right most often on folds that were left out; an id is in one fold."""
    names = sorted(set(ids))
    if len(names) < 2 * FOLDS:
        return GRID[len(GRID) // 2]
    drawn = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    fold_of = dict(zip(names, drawn, strict=True))
    fold = np.array([fold_of[one] for one in ids])  # [n]

    def right(strength: float) -> float:
        hits = 0
        for out in range(FOLDS):
            weights = fit(x[fold != out], y[fold != out], classes, strength)
            told = (x[fold == out] @ weights[:-1] + weights[-1]).argmax(1)
            hits += int((told == y[fold == out]).sum())
        return hits / len(y)

    return max(GRID, key=right)
