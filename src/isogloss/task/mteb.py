"""Scores of a suite as MTEB's result files, and such files as scores.

A file a task: `FOLDER/MODEL/REVISION/TASK.json`, beside `model_meta.json`. Its `scores` have a list
a split, with an entry a language: `hf_subset`, `languages` as `deu-Latn`, `main_score`, and each
measure under its name. What MTEB has no place for, such as intervals, stands under `isogloss` in
each entry, so that nothing is lost on the way back.

Source: MTEB, `mteb.results.TaskResult` (version 2).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss._version import __version__
from isogloss.errors import CorpusError, LanguageError, UsageError
from isogloss.files import write_json
from isogloss.language import Language, read_language
from isogloss.score import COLUMNS, Score, Scores
from isogloss.task.suites.suite import Part, Suite

NO_REVISION = "no_revision_available"
FORMAT = "2.0.0"
"""The version of MTEB whose result files these are; readers branch on it."""
META = "model_meta.json"
_KEPT = "isogloss"
_BETWEEN = r"-(?=[a-z]{3}_)"  # both sides of a direction
_OWN = {"main_score", "hf_subset", "languages", "mteb_version", _KEPT}


def write_mteb(
    scores: Iterable[Score],
    suite: Suite,
    folder: str | Path,
    *,
    revision: str = NO_REVISION,
    seconds: Mapping[str, float] | None = None,
    data: str | Path | None = None,
) -> list[Path]:
    """Write the scores of one or more systems as MTEB results; give back the files of tasks.

    A score belongs to the task that its `task` names (not needed if there is one), and to the split
    in its `settings["split"]`, `test` by default.

    Args:
        scores: of this suite; one a system, task, split, language and measure.
        suite: where they come from; tells what MTEB calls a task, and its main measure.
        folder: of results; what MTEB calls `results`.
        revision: of the data set.
        seconds: that a task took, by its name.
        data: the folder of the data, to spell languages as files do; by default what ISOGLOSS_DATA
            names, and where there is none a subset is called by its tag.

    Raises:
        UsageError: scores of several strategies or seeds at once, or without the main measure.
    """
    grouped: dict[tuple[str, str, str], list[Score]] = {}
    for row in scores:
        part = suite.part(row.task or "")
        key = (row.system or "unnamed", row.model_fingerprint or NO_REVISION, part.name)
        grouped.setdefault(key, []).append(row)
    written = []
    for (system, model, task), rows in grouped.items():
        part = suite.part(task)
        told = task_result(
            rows, suite, part, revision=revision, seconds=(seconds or {}).get(task), data=data
        )
        place = Path(folder) / system.strip("/").replace("/", "__") / model
        path = place / f"{told['task_name']}.json"
        write_json(path, told)
        write_json(place / META, {"name": system, "revision": model})
        written.append(path)
    return written


def task_result(
    rows: Sequence[Score],
    suite: Suite,
    part: Part,
    *,
    revision: str = NO_REVISION,
    seconds: float | None = None,
    data: str | Path | None = None,
) -> dict[str, Any]:
    """What MTEB's `TaskResult` holds, as plain values; raises what `write_mteb` raises."""
    spelt = _spellings(suite, part, data)
    entries: dict[str, dict[str, list[Score]]] = {}
    for row in rows:
        split = entries.setdefault(str(row.settings.get("split", "test")), {})
        split.setdefault(row.language or "", []).append(row)
    return {
        "dataset_revision": revision,
        "task_name": mteb_name(suite, part),
        "mteb_version": FORMAT,
        "scores": {
            split: [_entry(rows, part, spelt) for rows in by_language.values()]
            for split, by_language in entries.items()
        },
        "evaluation_time": seconds,
        "kg_co2_emissions": None,
    }


def mteb_name(suite: Suite, part: Part) -> str:
    """What MTEB calls a task, or the name of suite and task where it does not have it."""
    return part.mteb or f"{suite.name}.{part.name}"


def _spellings(suite: Suite, part: Part, data: str | Path | None) -> Mapping[str, str]:
    if part.directed:
        return {}
    try:
        return {str(tag): code for tag, code in suite.languages(part.name, data=data).items()}
    except (UsageError, CorpusError):  # no data here: scores may still be passed on
        return {}


def _entry(rows: Sequence[Score], part: Part, spelt: Mapping[str, str]) -> dict[str, Any]:
    measured: dict[str, Score] = {}
    for row in rows:
        if measured.setdefault(row.measure, row) is not row:
            raise UsageError(
                f"{part.name}: {row.measure} of {row.language} is given twice",
                remedy="MTEB has one score each: choose with scores.where(strategy=..., seed=...)",
            )
    if part.metric not in measured:
        raise UsageError(
            f"{part.name}: no {part.metric} of {rows[0].language}, which is the main score",
            remedy=f"there are {', '.join(measured)}",
        )
    if taken := sorted(_OWN & measured.keys()):
        raise UsageError(f"{part.name}: MTEB means something else by {', '.join(taken)}")
    tag = rows[0].language
    sides = re.split(_BETWEEN, tag or "") if part.directed else (tag, part.other or rows[0].pivot)
    languages = [_mteb_tag(one) for one in sides if one]
    return {
        **{name: row.value for name, row in measured.items()},
        "main_score": measured[part.metric].value,
        "hf_subset": spelt.get(tag or "", tag or "default"),
        "languages": languages,
        "mteb_version": FORMAT,
        _KEPT: {
            "version": __version__,
            "rows": [_telling(row) for row in Scores(rows).to_rows()],
        },
    }


def _telling(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without its empty columns, but with a value that is not defined."""
    return {n: value for n, value in row.items() if n == "value" or value not in (None, {})}


def _mteb_tag(tag: str) -> str:
    language = read_language(tag)
    return f"{language.iso}-{language.script}"


def read_mteb(path: str | Path) -> Scores:
    """Scores from one result file, or from all below a folder of results.

    Where a file was not written by `write_mteb`, each of its numbers becomes a score of the first
    of its languages, with `n` 0 since MTEB does not record it; what is no finite number is no
    score. Files of MTEB before 1.11 have another form and are refused.

    Raises:
        CorpusError: no result file, or one that is not of this form.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.rglob("*.json"))
    files = [file for file in files if file.name != META]
    if not files:
        raise CorpusError(
            "has no result file of MTEB", file=path, remedy="name a .json file, or their folder"
        )
    return Scores(row for file in files for row in _read_file(file))


def _read_file(path: Path) -> list[Score]:
    told, model = _json(path), {}
    if (path.parent / META).is_file():
        model = _json(path.parent / META)
    if not isinstance(told, dict) or not isinstance(told.get("scores"), dict):
        old = isinstance(told, dict) and "mteb_dataset_name" in told
        raise CorpusError(
            "is a result of MTEB before 1.11" if old else "is not a result of MTEB", file=path,
            remedy="load it with mteb.TaskResult.from_disk and save it again" if old
            else "it has task_name, and scores with a list a split",
        )  # fmt: skip
    rows = []
    for split, entries in told["scores"].items():
        for entry in entries if isinstance(entries, list) else [None]:
            if not isinstance(entry, dict) or "main_score" not in entry:
                raise CorpusError(
                    f"an entry of {split} has no main_score", file=path,
                    remedy="check that the file is a result of MTEB",
                )  # fmt: skip
            rows += _rows(entry, split, told, model, path)
    return rows


def _rows(
    entry: Mapping[str, Any], split: str, told: Mapping[str, Any], model: Any, path: Path
) -> list[Score]:
    kept = entry.get(_KEPT)
    if isinstance(kept, dict):
        try:
            return [Score(**_known(row)) for row in kept["rows"]]
        except (KeyError, TypeError) as error:
            raise CorpusError(
                f"an entry of {split} has other rows than this version writes: {error}", file=path,
                remedy=f"it was written by version {kept.get('version')}",
            ) from None  # fmt: skip
    main = entry["main_score"]
    tags = [_read_tag(tag, path) for tag in entry.get("languages") or ()]
    about: dict[str, Any] = {
        "language": str(tags[0]) if tags else None,
        "pivot": str(tags[1]) if len(tags) == 2 else None,
        "system": model.get("name") if isinstance(model, dict) else None,
        "model_fingerprint": model.get("revision") if isinstance(model, dict) else None,
        "dataset": str(told.get("task_name", path.stem)),
        "settings": {
            "split": split, "hf_subset": entry.get("hf_subset"),
            "main_score": main if _is_number("", main) else None,
            "dataset_revision": told.get("dataset_revision"),
            "mteb_version": entry.get("mteb_version", told.get("mteb_version")),
        },
    }  # fmt: skip
    numbers: dict[str, float | None] = {
        name: value for name, value in entry.items() if _is_number(name, value)
    }
    if main not in numbers.values():
        numbers["main_score"] = main if _is_number("", main) else None
    return [Score(measure=name, value=value, n=0, **about) for name, value in numbers.items()]


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(row) - set(COLUMNS):
        raise TypeError(f"unknown columns {', '.join(sorted(unknown))}")
    return dict(row)


def _is_number(name: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return name not in _OWN and number and math.isfinite(value)


def _read_tag(tag: Any, path: Path) -> Language:
    if not isinstance(tag, str):
        raise CorpusError(f"{tag!r} is no language", file=path, remedy="check its languages")
    try:
        return read_language(tag)
    except LanguageError as error:
        raise CorpusError(
            error.message, file=path,
            remedy="leave the file out: it is of no language, such as that of a program's code",
        ) from None  # fmt: skip


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"is not JSON: {error}", file=path, remedy="write or fetch the file again"
        ) from None
