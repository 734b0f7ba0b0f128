"""A score knows its interval, its n, what was dropped and why, and how to make it again.

Results are kept in long form: one row a score, the same columns everywhere (`COLUMNS`). A column
that does not apply is null. `Scores` is a sequence of rows that filters, writes, reads and prints
itself in a terminal and in a notebook.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.files import atomic_write, write_json

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from rich.table import Table

RESAMPLES = 1000
_KEPT = 2**25  # weights of a bootstrap that are held at once, 256 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number with everything needed to trust it.

    `interval` names how `low` and `high` (95%) were made. `dropped` maps a reason to a count of
    items that were left out; `truncated` counts texts that were cut to the model's window.
    """

    measure: str
    value: float | None
    n: int
    language: str | None = None
    pivot: str | None = None
    direction: str | None = None
    layer: int | None = None
    pooling: str | None = None
    low: float | None = None
    high: float | None = None
    interval: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    truncated: int | None = None
    system: str | None = None
    stage: str | None = None
    dataset: str | None = None
    task: str | None = None
    strategy: str | None = None
    seed: int | None = None
    model_fingerprint: str | None = None
    corpus_fingerprint: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.3f}, {self.high:.3f}]"
        value = "undefined" if self.value is None else f"{self.value:.3f}"
        where = " ".join(
            str(part) for part in (self.language, self.direction, self._layer()) if part is not None
        )
        return f"{self.measure} {where}: {value}{interval} n={self.n}"

    def _layer(self) -> str | None:
        return None if self.layer is None else f"layer {self.layer}"


COLUMNS: tuple[str, ...] = (
    "measure", "language", "pivot", "direction", "layer", "pooling", "value", "low", "high",
    "interval", "n", "dropped", "truncated", "system", "stage", "dataset", "task", "strategy",
    "seed", "model_fingerprint", "corpus_fingerprint", "settings",
)  # fmt: skip
_JSON_COLUMNS = ("dropped", "settings")
assert set(COLUMNS) == {f.name for f in fields(Score)}


class Scores(Sequence[Score]):
    """Rows of scores: filter with `where`, stamp with `having`, write, read, print."""

    def __init__(self, rows: Iterable[Score] = ()) -> None:
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, index: int) -> Score: ...
    @overload
    def __getitem__(self, index: slice) -> Scores: ...
    def __getitem__(self, index: int | slice) -> Score | Scores:
        return Scores(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Score]:
        return iter(self._rows)

    def __add__(self, other: Iterable[Score]) -> Scores:
        return Scores((*self._rows, *other))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scores) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]

    def where(self, **wanted: Any) -> Scores:
        """The rows whose columns equal the wanted values: `where(measure="mexa", layer=6)`.

        Raises:
            UsageError: a keyword that is not a column.
        """
        if unknown := set(wanted) - set(COLUMNS):
            raise UsageError(f"no such column: {', '.join(sorted(unknown))}")
        return Scores(r for r in self if all(getattr(r, k) == v for k, v in wanted.items()))

    def having(self, **values: Any) -> Scores:
        """The same rows with these columns set, such as `having(stage="before")`."""
        return Scores(replace(row, **values) for row in self)

    def one(self, **wanted: Any) -> Score:
        """The only row that matches.

        Raises:
            UsageError: none, or more than one, matches.
        """
        found = self.where(**wanted)
        if len(found) != 1:
            raise UsageError(f"{len(found)} scores match {wanted}, not one")
        return found[0]

    def mean(self, **wanted: Any) -> float:
        """The plain average of `value` over matching rows, one row a language.

        Raises:
            UsageError: nothing matches, a value is undefined, or a language occurs twice.
        """
        found = self.where(**wanted)
        if len({r.language for r in found}) != len(found):
            raise UsageError(f"a language occurs more than once among the scores with {wanted}")
        values = [r.value for r in found if r.value is not None]
        if not values or len(values) != len(found):
            raise UsageError(f"no average: {len(values)} of {len(found)} scores are defined")
        return sum(values) / len(values)

    def to_rows(self) -> list[dict[str, Any]]:
        """One plain dictionary a row, columns in the order of `COLUMNS`."""
        rows = [asdict(row) for row in self]
        return [{name: row[name] for name in COLUMNS} for row in rows]

    def to_json(self, path: str | Path | None = None) -> str:
        """The rows as a JSON list; also written to `path` if one is given."""
        rows = self.to_rows()
        if path is not None:
            write_json(path, rows)
        return json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False)

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table; `dropped` and `settings` become JSON text."""
        import pyarrow as pa

        rows = self.to_rows()
        for row in rows:
            for name in _JSON_COLUMNS:
                row[name] = json.dumps(row[name], sort_keys=True, ensure_ascii=False)
        kinds = {"value": pa.float64(), "low": pa.float64(), "high": pa.float64()}
        kinds |= dict.fromkeys(("layer", "n", "truncated", "seed"), pa.int64())
        schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
        return pa.Table.from_pylist(rows, schema=schema)

    def to_parquet(self, path: str | Path) -> None:
        """Write the rows as Parquet, whole or not at all."""
        import pyarrow.parquet as pq

        with atomic_write(path, "wb") as file:
            pq.write_table(self.to_arrow(), file)

    def to_pandas(self) -> Any:
        """The rows as a pandas data frame."""
        return self.to_arrow().to_pandas()

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Scores:
        """Rows back from plain dictionaries; JSON text columns may be text or already read."""
        made = []
        for row in rows:
            values = dict(row)
            for name in _JSON_COLUMNS:
                if isinstance(values.get(name), str):
                    values[name] = json.loads(values[name])
            made.append(Score(**values))
        return cls(made)

    @classmethod
    def read(cls, path: str | Path) -> Scores:
        """Rows back from `results.json` or `results.parquet`.

        Raises:
            CorpusError: the file is absent or does not hold rows of scores.
        """
        path = Path(path)
        try:
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                return cls.from_rows(pq.read_table(path).to_pylist())
            return cls.from_rows(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CorpusError(f"does not hold scores: {error}", file=path) from error

    def table(self, columns: Sequence[str] | None = None) -> Table:
        """A terminal table of the rows; columns without any value are left out."""
        from rich.table import Table

        shown = columns or self._telling_columns()
        table = Table(header_style="bold")
        for name in shown:
            right = name in ("value", "low", "high", "n", "layer", "truncated")
            table.add_column(name, justify="right" if right else "left")
        for row in self:
            table.add_row(*(_cell(getattr(row, name)) for name in shown))
        return table

    def _telling_columns(self) -> list[str]:
        hidden = {"settings", "model_fingerprint", "corpus_fingerprint", "interval"}
        return [
            name
            for name in COLUMNS
            if name not in hidden and any(getattr(r, name) not in (None, {}) for r in self)
        ]

    def __rich__(self) -> Table:
        return self.table()

    def __repr__(self) -> str:
        return f"Scores({len(self)} rows)"

    def _repr_html_(self) -> str:
        shown = self._telling_columns()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in shown)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(_cell(getattr(r, name)))}</td>" for name in shown)
            + "</tr>"
            for r in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{count} {reason}" for reason, count in value.items())
    return str(value)


class Interval(NamedTuple):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float


class Paired(NamedTuple):
    """The mean difference after - before over the same items, its 95% interval and p-value."""

    difference: float
    low: float
    high: float
    p: float


def bootstrap_mean(
    outcomes: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Interval]:
    """Mean and percentile bootstrap interval of each column of per-item outcomes.

    Items are resampled with replacement, all columns together; the candidate pool that the
    outcomes came from stays fixed. One matrix product serves all columns.

    Args:
        outcomes: `[n]` or `[n, k]` finite numbers, one row an item.
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Returns:
        k intervals (one for `[n]`).

    Raises:
        VectorError: fewer than 2 items, or an outcome that is not finite.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.
    """
    import numpy as np

    table = np.asarray(outcomes, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table  # [n, k]
    if len(table) < 2:
        raise VectorError(f"an interval needs at least 2 items, got {len(table)}")
    if not np.isfinite(table).all():
        raise VectorError("an outcome is not a finite number")
    means = resampled(table, resamples=resamples, seed=seed)  # [resamples, k]
    low, high = np.percentile(means, [2.5, 97.5], axis=0)  # [k], [k]
    return [Interval(*map(float, row)) for row in zip(table.mean(0), low, high, strict=True)]


def bootstrap_ratio(
    over: np.ndarray, under: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """sum(over) / sum(under) with a percentile bootstrap interval over items.

    Args:
        over: `[n]` numerators, one an item.
        under: `[n]` denominators of the same items.
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Raises:
        VectorError: fewer than 2 items, or the denominators sum to nothing.
    """
    import numpy as np

    both = np.stack([over, under], 1).astype(np.float64)  # [n, 2]
    if not both[:, 1].sum():
        raise VectorError("no ratio: the denominators sum to 0")
    return bootstrap_of_sums(both, lambda s: s[0] / s[1], resamples=resamples, seed=seed)


def bootstrap_of_sums(
    columns: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """A function of sums over items, such as F1 of counts, with a percentile bootstrap interval.

    Args:
        columns: `[n, k]` what is summed, one row an item.
        statistic: from sums `[k]` or `[k, resamples]` to a value or `[resamples]`; NaN where it
            is not defined, which resamples are left out for.
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Raises:
        VectorError: fewer than 2 items.
    """
    import numpy as np

    if len(columns) < 2:
        raise VectorError(f"an interval needs at least 2 items, got {len(columns)}")
    sums = resampled(columns, resamples=resamples, seed=seed)  # [resamples, k]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(columns.mean(0)))
        drawn = np.asarray(statistic(sums.T))
        drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def resampled(columns: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Means of columns over each bootstrap sample of their rows: `[resamples, k]`.

    All columns are resampled together, so that functions of their sums may be taken afterwards.
    Where there are many rows the weights are drawn a block of samples at a time; the samples are
    the same.

    Args:
        columns: `[n, k]`, one row an item.
        resamples: number of bootstrap samples.
        seed: of the resampling.
    """
    import numpy as np

    n = len(columns)
    if n * resamples <= _KEPT:
        return resampling(n, resamples, seed) @ columns
    rng, block = np.random.default_rng(seed), max(1, _KEPT // n)
    means = np.empty((resamples, columns.shape[1]))
    for at in range(0, resamples, block):
        means[at : at + block] = _weights(n, min(block, resamples - at), rng) @ columns
    return means


@lru_cache(maxsize=4)
def resampling(n: int, resamples: int, seed: int) -> np.ndarray:
    """Bootstrap weights `[resamples, n]`; each row is how often an item was drawn, over n."""
    import numpy as np

    return _weights(n, resamples, np.random.default_rng(seed))


def _weights(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """The next `resamples` rows of weights of a stream: one after the other or all at once."""
    import numpy as np

    draws = rng.integers(0, n, size=(resamples, n))
    rows = np.repeat(np.arange(resamples), n)
    counts = np.zeros((resamples, n))
    np.add.at(counts, (rows, draws.ravel()), 1.0 / n)
    return counts


def paired_test(
    before: np.ndarray, after: np.ndarray, *, resamples: int = 10_000, seed: int = 0
) -> Paired:
    """Did the same items change? Mean difference, bootstrap interval, sign-flip p-value.

    Under the null hypothesis each item's difference is as likely negative as positive, so the
    two-sided p-value is the share of random sign flips whose mean is at least as far from zero.

    Args:
        before: `[n]` outcomes of the first system.
        after: `[n]` outcomes of the second system on the same items.
        resamples: number of sign flips.
        seed: of the flips and of the interval.

    Raises:
        VectorError: the two do not cover the same items, or there are fewer than 2.

    Source: Noreen (1989), Computer-Intensive Methods for Testing Hypotheses, chapter 2.
    """
    import numpy as np

    before, after = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if before.shape != after.shape:
        raise VectorError(f"unpaired outcomes: {before.shape} and {after.shape}")
    difference = after - before  # [n]
    interval = bootstrap_mean(difference, seed=seed)[0]
    changed = difference[difference != 0]  # ties never move the mean
    if changed.size == 0:
        return Paired(*interval, p=1.0)
    rng = np.random.default_rng(seed)
    observed = abs(changed.sum())
    extreme, done, chunk = 0, 0, max(1, 2_000_000 // changed.size)
    while done < resamples:
        size = min(chunk, resamples - done)
        signs = rng.integers(0, 2, size=(size, changed.size), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ changed) >= observed - 1e-12).sum())
        done += size
    return Paired(*interval, p=(extreme + 1) / (resamples + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of a family of p-values, in the order given.

    Source: Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = worst
    return adjusted


def defined(value: float) -> float | None:
    """`value`, or None where it is not a finite number, since JSON knows no NaN."""
    return value if math.isfinite(value) else None
