"""A run: a folder that says what was done, with what, and what came out.

While it is under way the folder holds `run.json` with `finished: false`; each step's result lies in
the cache under a key made of its settings and inputs, so that the same command after a crash goes
on where it stopped. A finished run of the same fingerprint is left as it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._version import __version__
from isogloss.errors import CorpusError, OutputError, UsageError
from isogloss.files import atomic_folder, fingerprint, write_json
from isogloss.language import read_language
from isogloss.memory import process_peak
from isogloss.progress import Start, silent
from isogloss.recipe.maps import copy_maps
from isogloss.recipe.processes import Processes, join
from isogloss.recipe.recipe import Recipe
from isogloss.recipe.step import (
    FILES,
    DoneHere,
    Step,
    Workplace,
    needed,
    read_notes,
    step_key,
)
from isogloss.score import Scores

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where everything lies.
    """

    folder: Path

    @cached_property
    def scores(self) -> Scores:
        """All scores, one row a number."""
        return Scores.read(self.folder / "results.json")

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Code, data, settings, hardware and time behind the scores."""
        return json.loads((self.folder / "provenance.json").read_text(encoding="utf-8"))

    @property
    def model(self) -> Path | None:
        """The saved model's folder, if the run made one."""
        folder = self.folder / "model"
        return folder if folder.is_dir() else None

    @property
    def report(self) -> Path:
        """The report's file."""
        return self.folder / "report.html"

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, {len(self.scores)} scores)"

    def _repr_html_(self) -> str:
        return self.scores._repr_html_()


def open_run(folder: str | Path) -> Run:
    """A finished run by its folder.

    Raises:
        CorpusError: the folder holds no finished run.
    """
    folder = Path(folder)
    if not (folder / "provenance.json").is_file():
        raise CorpusError(
            "holds no finished run", file=folder, remedy="run the command that makes it again"
        )
    return Run(folder)


def execute(
    recipe: Recipe,
    steps: Sequence[Step],
    out: str | Path,
    *,
    start: Start = silent,
    command: str = "",
) -> Run:
    """Do what a recipe says and leave a run folder.

    Of several processes all train together; the first does the rest and is the only one to write
    and to show progress.

    Args:
        recipe: the settings.
        steps: its checked steps.
        out: the run's folder; new, empty, or one of this very run.
        start: starts progress bars.
        command: what the user typed, for the report.

    Raises:
        OutputError: the folder holds something else.
        UsageError: several processes, and a step whose training they cannot share.
    """
    folder, began, processes = Path(out), time.time(), join()
    check_shares(steps, processes.count)
    start = start if processes.first else silent
    place = _inputs(recipe, start, alone=all(step.alone for step in steps))
    place.first = processes.first
    inputs = {name: text.fingerprint for name, text in place.texts.items()}
    inputs |= {name: encoder.fingerprint for name, encoder in place.encoders.items()}
    shared = {"pivot": place.pivot, "languages": place.languages, "seed": place.seed}
    shared["strict"] = place.strict
    keys, facts = dict(inputs), []
    for step in steps:
        # Sums depend on how many share them, as on the number of threads.
        several = {"processes": processes.count} if step.together and processes.count > 1 else {}
        keys[step.name] = step_key(step, shared | several, keys)
    print_ = fingerprint(recipe.model_dump(mode="json"), keys)
    if processes.agreed(processes.first and claim(folder, print_)):
        return Run(folder)
    notes = [note for text in place.texts.values() for note in text.notes] + _leaks(recipe, place)
    for step in steps:
        place.inputs = needed(step, keys)
        facts.append(_do(step, keys[step.name], place, processes))
        notes += read_notes(place.done[step.name])
    scores = Scores(row for step in steps for row in place.scores_of(step.name))
    provenance = {
        "title": recipe.title or recipe.name,
        "command": command,
        "recipe": recipe.model_dump(mode="json"),
        "fingerprint": print_,
        "started": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(time.time() - began, 1),
        "inputs": _describe(recipe, place),
        "steps": facts,
        "protocol": "In this run nothing was chosen on the held-out text; it was only measured.",
        "notes": list(dict.fromkeys(notes)),
        "seed": recipe.seed,
        "processes": processes.count,
        **_machine(),
    }
    if processes.first:
        _publish(folder, place, steps, scores, provenance)
    processes.wait()
    return Run(folder)


def check_shares(steps: Sequence[Step], processes: int) -> None:
    """Raise a `UsageError` where a step trains and so many processes cannot share its batches."""
    for step in steps if processes > 1 else ():
        if not step.together:
            continue
        parts: int | None = getattr(step, "accumulate", None)
        if parts is None:
            raise UsageError(
                f"{step.name}: {step.use} trains in one process, and {processes} were started",
                remedy="start one, or train with train.v1",
            )
        if parts % processes:
            raise UsageError(
                f"{step.name}.accumulate: {processes} processes cannot share {parts} parts of a "
                "batch evenly",
                remedy=f"set it to a multiple of {processes}",
            )


def claim(folder: Path, print_: str) -> bool:
    """Make the folder ours; True if it already holds this very run, finished.

    Raises:
        OutputError: it holds something else.
    """
    state = folder / "run.json"
    if state.is_file():
        try:
            found = json.loads(state.read_text(encoding="utf-8"))
        except ValueError:
            found = {}
        if found.get("fingerprint") == print_:
            return bool(found.get("finished"))
        raise OutputError(
            "holds another run (other model, text or settings)",
            file=folder,
            remedy="choose another --out, or delete the folder",
        )
    if folder.exists() and (not folder.is_dir() or any(map(_not_ours, folder.iterdir()))):
        raise OutputError(
            "is not empty and holds no run", file=folder, remedy="choose another --out"
        )
    write_json(state, {"fingerprint": print_, "finished": False})
    return False


def _not_ours(entry: Path) -> bool:
    """Whether an entry of the folder is more than what a kill while writing left behind."""
    return not entry.name.startswith(".run.json.")


def _inputs(recipe: Recipe, start: Start, *, alone: bool) -> Workplace:
    """Open the model and the texts, and settle which languages the run is about.

    Raises:
        CorpusError: the texts share the pivot only, and it is not enough `alone`.
    """
    from isogloss.corpus import read_corpus
    from isogloss.encode import load_encoder

    wanted = list(recipe.languages) or None
    texts = {
        name: read_corpus(
            text.path, languages=wanted, pivot=recipe.pivot if wanted else None,
            licence=text.licence, network=recipe.network,
        )
        for name, text in recipe.text.items()
    }  # fmt: skip
    pivot, languages = _settled(recipe, list(texts.values()))
    if not languages and not alone:
        raise CorpusError(
            f"the texts {', '.join(texts)} share no language besides {pivot}",
            remedy="name the languages with --languages to see what each text lacks",
        )
    texts = {name: corpus.keep([pivot, *languages]) for name, corpus in texts.items()}
    encoders = {}
    if recipe.model:
        encoders["teacher"] = load_encoder(recipe.model, network=recipe.network)
    return Workplace(
        folder=Path(), scratch=Path(), pivot=pivot, languages=languages, seed=recipe.seed,
        strict=recipe.strict, texts=texts, encoders=encoders, done={}, start=start,
    )  # fmt: skip


def _settled(recipe: Recipe, corpora: Sequence[Corpus]) -> tuple[str, list[str]]:
    """The pivot and the languages that all texts share; without a text, those that are named."""
    if corpora:
        pivot = str(corpora[0].resolve([recipe.pivot])[0])
        shared = [str(x) for x in corpora[0].languages if all(x in c.languages for c in corpora)]
    else:
        pivot, *shared = (str(read_language(tag)) for tag in (recipe.pivot, *recipe.languages))
    return pivot, [tag for tag in shared if tag != pivot]


def _do(step: Step, key: str, place: Workplace, processes: Processes) -> dict[str, Any]:
    """Do one step, or take its result from the cache."""
    from isogloss.encode.cache import cache_root

    steps = cache_root() / "steps"
    folder, began = steps / key, time.time()
    # The lock is the first process's; the others do what it does, or wait until it has.
    with _lock(steps / f".{key}.lock") if processes.first else nullcontext():
        cached = processes.agreed((folder / "scores.json").is_file())
        if not cached:
            place.scratch = steps / f".{key}.scratch"
            if processes.first:
                with atomic_folder(folder) as temporary:
                    place.folder, place.notes = temporary, []
                    step.run(place)
            elif step.together:
                with tempfile.TemporaryDirectory() as temporary, suppress(DoneHere):
                    place.folder, place.notes = Path(temporary), []
                    step.run(place)
            processes.wait()
            if processes.first:
                shutil.rmtree(place.scratch, ignore_errors=True)
    place.done[step.name] = folder
    return {
        "name": step.name,
        "use": step.use,
        "key": key,
        "seconds": round(time.time() - began, 1),
        "cached": cached,
    }


@contextmanager
def _lock(path: Path) -> Generator[None]:
    """Two runs that share the cache do a step once; the lock dies with its process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _leaks(recipe: Recipe, place: Workplace) -> list[str]:
    """Sentences of one text that stand in another word for word."""
    notes = []
    pivots = {n: {t for t in c.texts(place.pivot) if t} for n, c in place.texts.items()}
    names = sorted(pivots)
    for index, left in enumerate(names):
        for right in names[index + 1 :]:
            if both := len(pivots[left] & pivots[right]):
                notes.append(
                    f"{both} {place.pivot} sentences stand in both {left} and {right} word for word"
                )
    return notes


def _describe(recipe: Recipe, place: Workplace) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if recipe.model:
        encoder = place.encoders["teacher"]
        described["teacher"] = {
            "kind": "model",
            "name": recipe.model,
            "fingerprint": encoder.fingerprint,
            "licence": encoder.licence,
        }
    for name, corpus in place.texts.items():
        described[name] = {
            "kind": "text",
            "name": corpus.source,
            "fingerprint": corpus.fingerprint,
            "licence": corpus.licence,
            "rows": len(corpus),
            "languages": [str(language) for language in corpus.languages],
            "notes": list(corpus.notes),
        }
    return described


def _machine() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("torch", "transformers", "tokenizers", "numpy", "pyarrow", "safetensors"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "peak_memory_bytes": process_peak(),
        "code_version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": platform.machine(),
        "threads": os.cpu_count(),
        "dependencies": versions,
    }


def _publish(
    folder: Path,
    place: Workplace,
    steps: Sequence[Step],
    scores: Scores,
    provenance: dict[str, Any],
) -> None:
    """Write everything people look at; `run.json` says finished last of all."""
    from isogloss.recipe.card import write_card
    from isogloss.report import write_report

    for step in steps:
        made = place.done[step.name]
        if (made / "training.json").is_file():
            training = json.loads((made / "training.json").read_text(encoding="utf-8"))
            provenance["training"] = training
            with atomic_folder(folder / "model") as temporary:
                shutil.copytree(made / "model", temporary, dirs_exist_ok=True)
                write_card(temporary, scores, provenance)
        copy_maps(made, step.name, folder)
        if (made / FILES).is_dir():
            with atomic_folder(folder / FILES / step.name) as temporary:
                shutil.copytree(made / FILES, temporary, dirs_exist_ok=True)
    scores.to_json(folder / "results.json")
    scores.to_parquet(folder / "results.parquet")
    write_json(folder / "provenance.json", provenance)
    write_report(folder, scores, provenance)
    write_json(folder / "run.json", {"fingerprint": provenance["fingerprint"], "finished": True})
