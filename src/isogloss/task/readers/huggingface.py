"""Hugging Face datasets: a folder of `save_to_disk`, Parquet, or `hf:owner/name`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.corpus.formats.huggingface import load_split
from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found, ending
from isogloss.task.readers.records import OPTIONS as RECORD_OPTIONS
from isogloss.task.readers.records import Row, from_mappings

if TYPE_CHECKING:
    import pyarrow as pa

OPTIONS, NAMES_COLUMNS = (*RECORD_OPTIONS, "split", "config"), True
_SAVED, _SPLITS = "state.json", "dataset_dict.json"


def accepts(spec: Spec, shape: Shape) -> int:
    """Surely for `hf:`, `.parquet`, and a folder that holds a saved set or Parquet."""
    if spec.text.startswith("hf:") or ending(spec) == ".parquet":
        return 3
    folder = spec.path
    saved = any((folder / name).is_file() for name in (_SAVED, _SPLITS))
    return 3 if folder.is_dir() and (saved or any(folder.rglob("*.parquet"))) else 0


@register("examples", "huggingface.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read one split; labels that are numbers of classes get their names, and -1 is no label.

    `?split=` chooses a part, by default the split that is asked for, and `?config=` a
    configuration. A local folder needs no other package; code that a dataset brings is never run.

    Raises:
        CorpusError: no such split, or a file that is not what its name says.
        NetworkRefused: the set is not cached and the network was not allowed.
        MissingExtra: `hf:` without the package `datasets`.
    """
    if spec.text.startswith("hf:"):
        tables, features = _from_hub(spec)
    elif ending(spec) == ".parquet" or not _is_saved(spec.path):
        tables, features = _from_parquet(spec)
    else:
        tables, features = _from_saved(spec)
    return Found(from_mappings(_rows(tables, _class_names(features)), spec, shape).columns)


def _is_saved(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (_SAVED, _SPLITS))


def _rows(tables: Iterator[pa.Table], names: Mapping[str, list[str]]) -> Iterator[Row]:
    number = 0
    for table in tables:
        for batch in table.to_batches(max_chunksize=1000):
            for row in batch.to_pylist():
                number += 1
                for column in names.keys() & row.keys():
                    row[column] = _named(row[column], names[column], number, column)
                yield number, row


def _named(value: Any, names: list[str], row: int, column: str) -> Any:
    if isinstance(value, list):
        return [_named(one, names, row, column) for one in value]
    if value is None or value == -1:
        return None
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise CorpusError(
            f"row {row}: {value!r} is none of the {len(names)} classes of {column}",
            remedy="save the set again",
        )
    return names[value]


def _class_names(features: Any) -> dict[str, list[str]]:
    """Names of the classes of each column that is a `ClassLabel`, or a list of them."""
    found: dict[str, list[str]] = {}
    for column, kind in (features if isinstance(features, dict) else {}).items():
        while isinstance(kind, list | dict):
            if isinstance(kind, dict) and isinstance(kind.get("names"), list):
                found[column] = [str(name) for name in kind["names"]]
                break
            kind = kind[0] if isinstance(kind, list) and kind else kind.get("feature")  # type: ignore[union-attr]
    return found


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"is not JSON: {error}", file=path, remedy="save the set again") from None


def _from_saved(spec: Spec) -> tuple[Iterator[pa.Table], Any]:
    folder = spec.path
    if (folder / _SPLITS).is_file():
        splits = [str(name) for name in _json(folder / _SPLITS).get("splits", [])]
        folder = folder / _chosen(spec, splits)
    info, state = folder / "dataset_info.json", _json(folder / _SAVED)
    if state.get("_indices_files"):
        raise CorpusError(
            "holds a selection of rows beside the rows", file=folder,
            remedy="save it again after flatten_indices()",
        )  # fmt: skip
    names = [str(one.get("filename", "")) for one in state.get("_data_files") or ()]
    if not names or any(Path(name).name != name for name in names):
        raise CorpusError(
            "names no data files of its own", file=folder / _SAVED, remedy="save the set again"
        )
    features = _json(info).get("features") if info.is_file() else None
    return (_arrow(folder / name) for name in names), features


def _chosen(spec: Spec, splits: list[str]) -> str:
    wanted = spec.options.get("split", "train")
    if wanted not in splits:
        raise CorpusError(
            f"has no split {wanted!r}", file=spec.text,
            remedy=f"say ?split=, one of {', '.join(splits) or 'none'}",
        )  # fmt: skip
    return wanted


def _arrow(path: Path) -> pa.Table:
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_stream(file).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise CorpusError(
            f"is not an Arrow stream: {error}", file=path, remedy="save the set again"
        ) from None


def _from_parquet(spec: Spec) -> tuple[Iterator[pa.Table], Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = [spec.path] if spec.path.is_file() else _shards(spec)

    def opened(path: Path) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(path, memory_map=True)
        except (OSError, pa.ArrowInvalid) as error:
            raise CorpusError(
                f"is not a Parquet file: {error}", file=path, remedy="copy or write it again"
            ) from None

    def tables() -> Iterator[pa.Table]:
        for path in paths:
            for batch in opened(path).iter_batches():
                yield pa.Table.from_batches([batch])

    told = (opened(paths[0]).schema_arrow.metadata or {}).get(b"huggingface")
    return tables(), json.loads(told)["info"]["features"] if told else None


def _shards(spec: Spec) -> list[Path]:
    """Files of a split: `test.parquet`, `test-00000-of-00002.parquet` or `test/0000.parquet`.

    Raises:
        CorpusError: no such split, or it is in several folders, as that of several configurations.
    """
    config = spec.options.get("config")
    folder = spec.path / config if config else spec.path
    if not folder.exists():
        raise CorpusError("no such folder", file=folder, remedy="check the path and ?config=")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        name = re.sub(r"(-\d+-of-\d+)?\.parquet$", "", path.name)
        found.setdefault(path.parent.name if name.isdecimal() else name, []).append(path)
    chosen = found[_chosen(spec, list(found))]
    if len(folders := sorted({str(path.parent.relative_to(folder)) for path in chosen})) > 1:
        raise CorpusError(
            f"has that split in {len(folders)} folders: {', '.join(folders[:8])}", file=folder,
            remedy="say which configuration: ?config=, or name its folder",
        )  # fmt: skip
    return chosen


def _from_hub(spec: Spec) -> tuple[Iterator[pa.Table], Any]:
    data = load_split(spec, spec.options.get("split", "train"))
    return iter([data.with_format("arrow")[:]]), data.features.to_dict()
