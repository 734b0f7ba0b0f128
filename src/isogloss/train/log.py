"""What training wrote down: what it did, and apart from it the time that took."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isogloss.files import atomic_write

Row = dict[str, Any]


@dataclass
class Log:
    """Rows of what was done, and as many of how long it took.

    Attributes:
        rows: `step`, `loss`, `parts` of it, `learning_rate`, `tokens` read so far by language,
            `vectors` (see `train.spread`) and `held_out`, either where it was measured. They depend
            on the settings alone: those of a run that was killed and resumed are the same.
        times: `step`, `seconds` of training so far, and `tokens_per_second` since the row before.
        tokens: read so far, by language.
        seconds: of training before this process.
    """

    rows: list[Row] = field(default_factory=list)
    times: list[Row] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._began, self._before = time.perf_counter(), self.total
        self._at, self._read = self._began, self.total  # of the last row

    @property
    def total(self) -> int:
        """Tokens read so far."""
        return sum(self.tokens.values())

    def count(self, read: Mapping[str, int]) -> None:
        """Add the tokens of a batch."""
        for language, number in read.items():
            self.tokens[language] = self.tokens.get(language, 0) + number

    def add(self, step: int, **measured: Any) -> None:
        """Write down what a step did, and the time until now."""
        now, total = time.perf_counter(), self.total
        self.rows.append({"step": step, **measured, "tokens": dict(sorted(self.tokens.items()))})
        self.times.append(
            {
                "step": step,
                "seconds": self.seconds + now - self._began,
                "tokens_per_second": (total - self._read) / max(now - self._at, 1e-9),
            }
        )
        self._at, self._read = now, total

    def speed(self) -> float:
        """Tokens a second since this process began."""
        elapsed = time.perf_counter() - self._began
        return (self.total - self._before) / max(elapsed, 1e-9)

    def state(self) -> dict[str, Any]:
        """As JSON, for a checkpoint."""
        taken = self.seconds + time.perf_counter() - self._began
        return {"rows": self.rows, "times": self.times, "tokens": self.tokens, "seconds": taken}


def write_log(path: Path, rows: Sequence[Row], times: Sequence[Row]) -> None:
    """Write a log as Parquet, a row a logged step; what a row does not have is null.

    Columns `step`, `loss`, `loss_<part>`, `learning_rate`, `tokens_<language>` read so far,
    `random_cosine`, `variance`, `held_out_<name>`, `seconds`, `tokens_per_second`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = [
        {
            "step": row["step"],
            "loss": row["loss"],
            **{f"loss_{name}": value for name, value in row["parts"].items()},
            "learning_rate": row["learning_rate"],
            **{f"tokens_{tag}": count for tag, count in row["tokens"].items()},
            **row["vectors"],
            **{f"held_out_{name}": value for name, value in row["held_out"].items()},
            "seconds": taken["seconds"],
            "tokens_per_second": taken["tokens_per_second"],
        }
        for row, taken in zip(rows, times, strict=True)
    ]
    names = dict.fromkeys(name for row in flat for name in row)
    table = pa.table({name: [row.get(name) for row in flat] for name in names})
    with atomic_write(path, "wb") as file:
        pq.write_table(table, file)
