"""How a model in training does on the rows that are kept from it: losses and retrieval."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import CorpusError, TrainingError, UsageError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest

if TYPE_CHECKING:
    from isogloss.train.contracts import Lesson, Mixture
    from isogloss.train.evaluation import Evaluate
    from isogloss.train.material import Material, Ragged

BATCHES, TOGETHER = 4, 64  # batches that a loss is told on, texts that are read at once


def evaluation(
    module: Any,
    material: Material,
    mixtures: Sequence[Callable[[Material], Mixture]],
    lessons: Sequence[Lesson],
    seed: int,
) -> Evaluate:
    """What a training is told of its model on the way, from rows that are not trained on.

    Its values are `loss`, the weighted sum of all objectives with the weights of the last step;
    each of its parts, unweighted; `p1`, the share of rows whose nearest pivot row is their
    translation, as a mean over the languages; and `p1_<language>`. The losses are of a few batches
    of the lessons' own mixtures, the same every time.

    Args:
        module: the model, as it trains.
        material: of the held-out rows.
        mixtures: makes the mixture of each lesson.
        lessons: whose objectives are asked.
        seed: of the batches.
    """
    asked = [
        (held, lesson.objectives)
        for number, (build, lesson) in enumerate(zip(mixtures, lessons, strict=True))
        if (held := _mixture(build, lesson, material, number))
    ]
    rows = _rows(material) if "vectors" in getattr(module, "gives", ("vectors",)) else {}

    def evaluate() -> dict[str, float]:
        found: dict[str, float] = {}
        for mixture, objectives in asked:
            for name, value in held_out_losses(module, mixture, objectives, seed).items():
                found[name] = found.get(name, 0.0) + value
        p1 = {name: retrieval(module, *sides, material) for name, sides in rows.items()}
        return found | p1 | ({"p1": float(np.mean(list(p1.values())))} if p1 else {})

    return evaluate


def held_out_losses(
    module: Any, mixture: Mixture, objectives: Sequence[tuple[Any, Any]], seed: int
) -> dict[str, float]:
    """The mean over a few batches of `loss` and of each of its parts, unweighted."""
    import torch

    from isogloss.train.contracts import wanted_of, weight_at
    from isogloss.train.parts import moved

    device = next(module.parameters()).device
    wanted = {name for _, each in objectives for name in wanted_of(each)}
    found = {"loss": 0.0}
    for number in range(BATCHES):
        batch = moved(mixture.batch(seed, number), device)
        torch.manual_seed(number)
        outputs = module(batch, wanted)
        for weight, each in objectives:
            loss = each(outputs, batch)
            found["loss"] += weight_at(weight, 1.0) * float(loss.total) / BATCHES
            for name, value in loss.parts.items():
                found[name] = found.get(name, 0.0) + value / BATCHES
    return found


def retrieval(
    module: Any, left: Sequence[np.ndarray], right: Sequence[np.ndarray], tag: str, material: Any
) -> float:
    """The share of texts `left` whose nearest of `right` is the one of their number."""
    queries = _vectors(module, left, tag, material.numbers)  # [n, d]
    pool = _vectors(module, right, material.pivot, material.numbers)  # [n, d]
    return float((nearest(queries, pool).ids[:, 0] == np.arange(len(left))).mean())


def _vectors(
    module: Any, texts: Sequence[np.ndarray], tag: str, numbers: Mapping[str, int]
) -> np.ndarray:
    """Unit vectors `[n, d]` of texts of a language."""
    from isogloss.train.batch import stack_texts

    device = next(module.parameters()).device
    found = []
    for start in range(0, len(texts), TOGETHER):
        some = texts[start : start + TOGETHER]
        batch = stack_texts([some], [[tag] * len(some)], numbers).to(device)
        found.append(module(batch, ("vectors",))["vectors"][0].float().cpu().numpy())
    return unit(np.concatenate(found))


def _mixture(
    build: Callable[[Material], Mixture], lesson: Lesson, material: Material, number: int
) -> Mixture | None:
    """A lesson's mixture of the held-out rows, or None, told, if they are too few for it."""
    columns = {name for _, each in lesson.objectives for name in getattr(each, "columns", ())}
    try:
        told = replace(material, columns=columns, behind=True, note=lambda told: None)
        return build(told)
    except (CorpusError, TrainingError, UsageError) as error:
        material.note(f"no held-out loss of lessons.{number}: {error.message}")
        return None


def _rows(material: Material) -> dict[str, tuple[list[np.ndarray], list[np.ndarray], str]]:
    """By the name of a value: rows of a language, the same rows of the pivot, the language."""
    found = {}
    silent = replace(material, note=lambda told: None)
    for text in material.texts:
        try:
            columns = silent.columns_of(text)
        except TrainingError as error:
            material.note(f"no retrieval of held-out rows: {error.message}")
            continue
        pivot = columns.pop(material.pivot, None)
        for tag, own in columns.items() if pivot else ():
            left, right = _both(own, pivot or [])
            if len(left) > 1:
                name = f"p1_{tag}" if len(material.texts) == 1 else f"p1_{text}_{tag}"
                found[name] = (left, right, tag)
    return found


def _both(left: Ragged, right: Ragged) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The rows that both sides have."""
    there = [(a, b) for a, b in zip(left, right, strict=True) if a is not None and b is not None]
    return [a for a, _ in there], [b for _, b in there]


def is_higher_better(name: str) -> bool:
    """Whether more of a value is better: of retrieval, not of a loss."""
    return name.partition("_")[0] == "p1"


def evaluations(rows: Collection[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The rows of a log that were evaluated, each with its step."""
    return [{"step": row["step"], **row["held_out"]} for row in rows if row["held_out"]]
