"""What was told of each example of a test, kept with a run so that runs can be paired."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from isogloss.errors import CorpusError
from isogloss.files import atomic_write
from isogloss.recipe.step import FILES

NAME = "told.parquet"


class Told(NamedTuple):
    """What one attempt told of one test.

    Attributes:
        dataset: name of the suite.
        task: of the suite.
        language: canonical tag.
        strategy: its name; empty for a finished model.
        seed: of the attempt.
        test: fingerprint of the examples, labels included.
        ids: of the examples.
        values: as a task scores them, None where nothing is told.
    """

    dataset: str
    task: str
    language: str
    strategy: str
    seed: int
    test: str
    ids: Sequence[str]
    values: Sequence[Any]


def write_told(folder: Path, attempts: Iterable[Told]) -> None:
    """Leave `files/told.parquet` in the folder of a step: a row an example, values as JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[Any]] = {name: [] for name in (*Told._fields[:-2], "id", "told")}
    for one in attempts:
        for name, value in zip(Told._fields[:-2], one, strict=False):
            columns[name] += [value] * len(one.ids)
        columns["id"] += one.ids
        columns["told"] += [json.dumps(value, ensure_ascii=False) for value in one.values]
    (folder / FILES).mkdir(exist_ok=True)
    with atomic_write(folder / FILES / NAME, "wb") as file:
        pq.write_table(pa.table(columns), file)


def told_files(run: Path) -> list[Path]:
    """Where a run's steps left what they told.

    Raises:
        CorpusError: nowhere.
    """
    found = sorted((run / FILES).glob(f"*/{NAME}"))
    if not found:
        raise CorpusError(
            "does not say what was told of each example", file=run,
            remedy="name a run of isogloss evaluate or transfer; run it again if it is an old one",
        )  # fmt: skip
    return found


def read_told(run: Path) -> list[Told]:
    """What the attempts of a run told, in the order in which they were written.

    Where several steps told of one task, the name of a step stands before its strategies.

    Raises:
        CorpusError: the run left nothing, or a file of another form.
    """
    found = [(file.parent.name, one) for file in told_files(run) for one in read_attempts(file)]
    steps: dict[tuple[str, str], set[str]] = {}
    for step, one in found:
        steps.setdefault((one.dataset, one.task), set()).add(step)
    return [
        one._replace(strategy=": ".join(filter(None, [step, one.strategy])))
        if len(steps[one.dataset, one.task]) > 1
        else one
        for step, one in found
    ]


def read_attempts(file: Path) -> list[Told]:
    """The same of one file that `write_told` left.

    Raises:
        CorpusError: a file of another form.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    made: dict[tuple, tuple[list[str], list[Any]]] = {}
    try:
        rows = pq.read_table(file).select([*Told._fields[:-2], "id", "told"]).to_pylist()
        for row in rows:
            key = tuple(row[name] for name in Told._fields[:-2])
            ids, values = made.setdefault(key, ([], []))
            ids.append(row["id"])
            values.append(json.loads(row["told"]))
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise CorpusError(
            f"does not hold what was told: {error}", file=file, remedy="run it again"
        ) from None
    return [Told(*key, ids, values) for key, (ids, values) in made.items()]
