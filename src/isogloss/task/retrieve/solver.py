"""An encoder as it is, asked for passages."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isogloss.errors import UsageError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.retrieve.task import Collection, named
from isogloss.task.solver import Told
from isogloss.task.vectors import vectors_of

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder


@dataclass
class NearestPassages:
    """The passages of a collection in memory whose vectors are nearest to a query's, by cosine.

    Prefer `dense` for a collection that memory does not hold.

    Attributes:
        encoder: any.
        collection: what is found.
        depth: places that are filled.
        seconds: none, as nothing is taught.
        kept: which weights were kept.
        classes: none.
    """

    encoder: Encoder
    collection: Collection
    depth: int = 100
    seconds: float = 0.0
    kept: str = "nothing was taught"
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def tell(self, examples: Examples) -> Told:
        """Ids of passages for each query, best first."""
        from isogloss.encode.cache import encode_cached

        start = time.perf_counter()
        [queries], there, truncated = vectors_of(self.encoder, examples, ("text",))
        guesses: list[Guess | None] = [None] * len(examples)
        if there:
            read = encode_cached(
                self.encoder, self.collection.texts, language=self.collection.language
            )
            vectors = next(reversed(read.values()))
            passages = unit(np.asarray(vectors.array, np.float32))  # [m, d]
            found = nearest(queries, passages, min(self.depth, len(passages)))
            for row, ids in zip(there, named(found, self.collection.ids), strict=True):
                guesses[row] = Guess(ids)
            truncated += int(vectors.truncated)
        dropped = {"no text": len(examples) - len(there)} if len(there) < len(examples) else {}
        return Told(guesses, dropped, truncated, time.perf_counter() - start)

    def save(self, folder: Path) -> None:
        """Nothing was learned that could be kept.

        Raises:
            UsageError: always.
        """
        raise UsageError("an encoder that finds passages has learned nothing to save")
