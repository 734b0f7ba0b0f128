"""Tasks that vectors alone solve: nothing is taught."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from isogloss.errors import UsageError
from isogloss.files import write_json
from isogloss.match.neighbours import unit
from isogloss.task.contracts import Guess, Task
from isogloss.task.examples import Examples
from isogloss.task.solver import TASK, Told

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder


class VectorTask(Task, Protocol):
    """A task that unit vectors of texts solve.

    Attributes:
        texts: the columns whose vectors it needs.
    """

    texts: tuple[str, ...]

    def from_vectors(self, vectors: Sequence[np.ndarray], seed: int) -> Sequence[Any]:
        """What is told of each of m examples, of unit vectors `[m, d]` of each column."""
        ...


@dataclass
class VectorsSolver:
    """The vectors of an encoder as they are.

    Attributes:
        task: that vectors solve.
        encoder: any.
        seed: of what is drawn, such as where clusters begin.
        seconds: none, as nothing is taught.
        kept: which weights were kept.
        classes: none.
    """

    task: VectorTask
    encoder: Encoder
    seed: int = 0
    seconds: float = 0.0
    kept: str = "nothing was taught"
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def tell(self, examples: Examples) -> Told:
        """What the task tells of the vectors.

        Raises:
            UsageError: no task for vectors.
        """
        if not hasattr(self.task, "from_vectors"):
            raise UsageError(
                f"vectors alone do not tell {self.task.shape.name}",
                remedy="teach a probe or tune a model",
            )
        start = time.perf_counter()
        vectors, there, truncated = vectors_of(self.encoder, examples, self.task.texts)
        guesses: list[Guess | None] = [None] * len(examples)
        if there:
            told = self.task.from_vectors(vectors, self.seed)
            for row, value in zip(there, told, strict=True):
                guesses[row] = Guess(value)
        dropped = {"no text": len(examples) - len(there)} if len(there) < len(examples) else {}
        return Told(guesses, dropped, truncated, time.perf_counter() - start)

    def save(self, folder: Path) -> None:
        """The name of the encoder, which stays where it is."""
        (folder / TASK).mkdir(parents=True)
        about = {
            "classes": {}, "seconds": 0.0, "seed": self.seed, "encoder": self.encoder.name,
            "encoder_fingerprint": self.encoder.fingerprint,
        }  # fmt: skip
        write_json(folder / TASK / "task.json", about)


def vectors_of(
    encoder: Encoder, examples: Examples, columns: Sequence[str]
) -> tuple[list[np.ndarray], list[int], int]:
    """Unit vectors `[m, d]` of columns, for rows with text in all, these, and how many were cut."""
    texts = [examples.column(name) for name in columns]
    there = [row for row in range(len(examples)) if all(column[row] for column in texts)]
    if not there:
        return [np.zeros((0, 0), np.float32) for _ in texts], [], 0
    found, over = [], np.zeros(len(there), bool)
    for column in texts:
        vectors, tokens = unit_vectors(encoder, [column[row] for row in there], examples.language)
        found.append(vectors)
        over |= tokens > encoder.window
    return found, there, int(over.sum())


def unit_vectors(
    encoder: Encoder, texts: Sequence[str], language: str
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors `[n, d]` of texts, and how many tokens each has `[n]`."""
    from isogloss.encode.cache import encode_cached

    vectors = next(reversed(encode_cached(encoder, texts, language=language).values()))
    return unit(np.asarray(vectors.array, np.float32)), np.asarray(vectors.tokens)
