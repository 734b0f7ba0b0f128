"""The main jobs as plain functions: measure, extend, transfer, evaluate, run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.errors import UsageError
from isogloss.progress import Start, silent
from isogloss.recipe.recipe import read_recipe
from isogloss.recipe.runs import Run, execute


def measure(
    model: str | Path,
    text: str | Path,
    *,
    pivot: str = "eng",
    languages: Sequence[str] = (),
    out: str | Path,
    layers: str | Sequence[int] = "all",
    start: Start = silent,
    command: str = "",
    **options: Any,
) -> Run:
    """Measure a model's languages against the pivot, layer by layer.

    Args:
        model: a local folder, a hub name, or `all-MiniLM-L6-v2` for the demonstration model.
        text: n-way parallel text, see `read_corpus`.
        pivot: the language everything is compared with.
        languages: the languages to measure; all that the text has by default.
        out: the run's folder.
        layers: `all`, `last`, or layer numbers, 0 being the embedding layer.
        start: starts progress bars.
        command: what the user typed, for the report.
        options: `seed`, `strict`, `network`, `licence` of the text, and the settings of the
            step `measure.v1`.

    Raises:
        IsoglossError: bad input, with file, line and remedy.
    """
    about, step = _parted(options)
    name = Path(out).name
    source = {
        "name": name,
        "title": f"{_short(model)}: its languages against {pivot}",
        "model": str(model),
        "pivot": pivot,
        "languages": list(languages),
        "text": {"text": _text(text, about.pop("licence", None))},
        "steps": [
            {
                "use": "measure.v1",
                "name": "measure",
                "text": "text",
                "layers": _layers(layers),
                **step,
            }
        ],
        **about,
    }
    return execute_source(source, out, start, command)


def extend(
    model: str | Path,
    *,
    languages: Sequence[str] = (),
    parallel: str | Path,
    held_out: str | Path,
    out: str | Path,
    pivot: str = "eng",
    student: str = "static",
    start: Start = silent,
    command: str = "",
    **options: Any,
) -> Run:
    """Measure, train a student on parallel text, measure the same held-out text again, compare.

    Args:
        model: the teacher, as for `measure`.
        languages: the languages to extend to; all that both texts share by default.
        parallel: training text, n-way parallel with the pivot.
        held_out: text to measure on; never trained on, and nothing is chosen on it.
        out: the run's folder; the student is saved in `out/model`.
        pivot: the teacher's language.
        student: `static` (minutes on a CPU), `full` (the teacher's own body), `embeddings` or
            `factors` (that body frozen under its table).
        start: starts progress bars.
        command: what the user typed, for the report.
        options: `seed`, `strict`, `network`, `licence` of the parallel text, `held_out_licence`,
            and the settings of the step `distil.v1`.

    Raises:
        IsoglossError: bad input, with file, line and remedy.
    """
    about, step = _parted(options)
    source = {
        "name": Path(out).name,
        "title": f"{_short(model)} extended",
        "model": str(model),
        "pivot": pivot,
        "languages": list(languages),
        "text": {
            "parallel": _text(parallel, about.pop("licence", None)),
            "held_out": _text(held_out, about.pop("held_out_licence", None)),
        },
        "steps": extend_steps("parallel", "held_out", student=student, **step),
        **about,
    }
    return execute_source(source, out, start, command)


def extend_steps(train: str, held_out: str, **distil: Any) -> list[dict[str, Any]]:
    """The steps of `extend` as a recipe spells them."""
    held = {"use": "measure.v1", "text": held_out}
    return [
        {**held, "name": "before", "model": "teacher", "stage": "before"},
        {"use": "distil.v1", "name": "student", "text": train, **distil},
        {**held, "name": "after", "model": "student", "stage": "after"},
        {"use": "pivot.v1", "name": "pivot", "model": "student", "text": held_out},
        {"use": "compare.v1", "name": "change", "before": "before", "after": "after"},
    ]


def transfer(
    model: str | Path,
    *,
    train: str,
    test: str = "",
    languages: Sequence[str] = (),
    strategies: Sequence[str | dict[str, Any]] = ("zero_shot",),
    out: str | Path,
    parallel: str | Path | None = None,
    start: Start = silent,
    command: str = "",
    **options: Any,
) -> Run:
    """Bring a task from languages with labels to others, by strategies side by side.

    Args:
        model: as for `measure`.
        train: a suite, or the file of one, with `:task` behind it where it has several, and the
            languages with labels: `sib200/eng`, `ner_english:wikigold/eng`.
        test: the suite with the targets, by default the same: `masakhaner2:entities`.
        languages: targets; all that the suite has by default.
        strategies: names, or tables with `use` and settings; the first is what the others are
            compared with.
        out: the run's folder.
        parallel: n-way text, for strategies that read it.
        start: starts progress bars.
        command: what the user typed, for the report.
        options: `seed` of intervals, `network`, and the settings of the step `transfer.v1`.

    Raises:
        IsoglossError: bad input, with file, line and remedy.
    """
    about, step = _parted(options)
    suite, _, sources = train.rpartition("/")
    if not (suite and sources) or sources.endswith(".toml"):
        raise UsageError(
            f"{train!r} names no suite and language", remedy="such as --train sib200/eng"
        )
    first, *others = sources.split(",")
    step["network"] = about.get("network", False)
    tables = [one if isinstance(one, dict) else {"use": one} for one in strategies]
    text = {"text": {"parallel": _text(parallel, about.pop("licence", None))}} if parallel else {}
    source = {
        "name": Path(out).name,
        "title": f"{_short(model)}: {_short(suite)} from {sources} to other languages",
        "model": str(model),
        "pivot": first,
        "steps": [
            {
                "use": "transfer.v1", "name": "transfer", "suite": suite, "tests": test,
                "source": [first, *others], "targets": list(languages), "strategies": tables,
                **({"parallel": "parallel"} if parallel else {}), **step,
            }
        ],
        **text, **about,
    }  # fmt: skip
    return execute_source(source, out, start, command)


def evaluate(
    model: str | Path,
    *,
    suites: Sequence[str],
    languages: Sequence[str] = (),
    out: str | Path,
    encoder: str | Path | None = None,
    mteb: str | Path | None = None,
    translator: str = "",
    origin: str = "eng",
    start: Start = silent,
    command: str = "",
    **options: Any,
) -> Run:
    """What a finished model is worth on the tests of suites, as it is: nothing is trained.

    Args:
        model: a folder that `transfer` left with `keep`, which tells the task that it was taught;
            or any encoder, for what vectors solve alone: similarity, clusters, retrieval.
        suites: their names or files.
        languages: by default all that the suites test.
        out: the run's folder.
        encoder: of a probe, where that is not under the name that the probe's folder has.
        mteb: a folder for the scores as MTEB's result files.
        translator: translates the test of `origin`, and what the model does better on that than on
            people's translations is told too; see the step `translation_gap.v1`.
        origin: the language that the tests were translated from.
        start: starts progress bars.
        command: what the user typed, for the report.
        options: `seed` of intervals and of clusters, `network`, and the settings of the step
            `evaluate.v1`.

    Raises:
        IsoglossError: bad input, with file, line and remedy.
    """
    from isogloss.recipe.trained_on import trained_on
    from isogloss.task.finished import knows
    from isogloss.task.solver import read_task

    about, step = _parted(options)
    folder = Path(model).expanduser()
    taught = read_task(folder) if knows(folder) else {}
    base = encoder or taught.get("encoder") or model
    if taught:
        step["solver"] = str(folder)
    step["network"] = about.get("network", False)
    gaps = _gaps(taught, folder, suites, translator, origin, languages, about, step)
    behind = sorted(trained_on(model) | trained_on(base))
    source = {
        "name": Path(out).name,
        "title": f"{_short(model)} on {', '.join(map(_short, suites))}",
        "model": str(base),
        "steps": [
            {
                "use": "evaluate.v1", "name": "evaluate", "suites": list(map(str, suites)),
                "targets": list(languages), **({"behind": behind} if behind else {}), **step,
            },
            *gaps,
        ],
        **about,
    }  # fmt: skip
    done = execute_source(source, out, start, command)
    if mteb is not None:
        write_results(done, suites, mteb, step.get("data"))
    return done


def _gaps(
    taught: Mapping[str, Any], folder: Path, suites: Sequence[str], translator: str, origin: str,
    languages: Sequence[str], about: Mapping[str, Any], step: Mapping[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    """A step `translation_gap.v1` for each n-way test of the task that was taught.

    Raises:
        UsageError: there is none, or nothing was taught.
    """
    from isogloss.errors import UsageError
    from isogloss.task.suites import read_suite

    if not translator:
        return []
    wanted = step.get("tasks", ())
    parts = [
        (suite, part.name) for suite in map(str, suites) for part in read_suite(suite).tasks
        if part.use == taught.get("task") and part.n_way and (not wanted or part.name in wanted)
    ]  # fmt: skip
    if not parts:
        raise UsageError(
            "a translator needs a model that was taught a task, and an n-way test of that task",
            remedy="name a folder that isogloss transfer --keep left, or leave out the translator",
        )
    return [
        {
            "use": "translation_gap.v1", "name": f"gap-{name}" if len(parts) < 2 else f"gap-{at}",
            "solver": str(folder), "suite": f"{suite}:{name}", "origin": origin,
            "targets": list(languages), "translator": translator,
            "network": bool(about.get("network")),
            **{key: step[key] for key in ("data", "split") if step.get(key)},
        }
        for at, (suite, name) in enumerate(parts)
    ]  # fmt: skip


def compare(
    before: str | Path,
    after: str | Path,
    *,
    out: str | Path,
    start: Start = silent,
    command: str = "",
    **options: Any,
) -> Run:
    """What one run of `evaluate` or `transfer` has over another, paired by example.

    Args:
        before: the folder of the first run, such as that of the plain model.
        after: the folder of the second.
        out: the run's folder.
        start: starts progress bars.
        command: what the user typed, for the report.
        options: `seed` of intervals and tests, and the settings of the step `compare_runs.v1`.

    Raises:
        IsoglossError: bad input, with file, line and remedy.
    """
    about, step = _parted(options)
    runs = {"before": str(before), "after": str(after)}
    source = {
        "name": Path(out).name,
        "title": f"{_short(after)} against {_short(before)}",
        "steps": [{"use": "compare_runs.v1", "name": "compare", **runs, **step}],
        **about,
    }
    return execute_source(source, out, start, command)


def import_mteb(
    results: str | Path,
    *,
    out: str | Path,
    start: Start = silent,
    command: str = "",
    **options: Any,
) -> Run:
    """Results of MTEB of one model as a run, with a report.

    Args:
        results: a result file, or the folder of a model's, such as `results/org__model/revision`.
        out: the run's folder.
        start: starts progress bars.
        command: what the user typed, for the report.
        options: the settings of the step `mteb_results.v1`.

    Raises:
        IsoglossError: bad input, with file and remedy.
    """
    about, step = _parted(options)
    read = {"use": "mteb_results.v1", "name": "results", "results": str(results), **step}
    source = {"name": Path(out).name, "title": f"{_short(results)}: results of MTEB",
              "steps": [read], **about}  # fmt: skip
    return execute_source(source, out, start, command)


def write_results(run: Run, suites: Sequence[str], folder: str | Path, data: str | None) -> None:
    """The scores by language of a run that evaluated suites, as MTEB's result files."""
    from isogloss.task.mteb import write_mteb
    from isogloss.task.suites import read_suite

    for suite in map(read_suite, suites):
        rows = [one for one in run.scores if one.dataset == suite.name and one.language]
        write_mteb(rows, suite, folder, data=data)


def run(
    recipe: str | Path | dict[str, Any],
    *,
    out: str | Path | None = None,
    seed: int | None = None,
    model: str | Path | None = None,
    languages: Sequence[str] = (),
    texts: Mapping[str, str | Path] | None = None,
    start: Start = silent,
    command: str = "",
) -> Run:
    """Run a recipe, from a TOML file or a dictionary.

    Args:
        recipe: the file or the dictionary.
        out: the run's folder; by default `runs/<its name>`.
        seed: instead of the recipe's.
        model: instead of the recipe's.
        languages: instead of the recipe's.
        texts: paths of texts instead of the recipe's, by the names that it gives them.
        start: starts progress bars.
        command: what the user typed, for the report.

    Raises:
        IsoglossError: bad input, with file, line and remedy.
    """
    told = {"seed": seed, "model": model and str(model), "languages": list(languages) or None}
    changes: dict[str, Any] = {key: value for key, value in told.items() if value is not None}
    changes["text"] = {name: _text(path, None) for name, path in (texts or {}).items()}
    read, steps = read_recipe(recipe, changes)
    return execute(read, steps, out or Path("runs") / read.name, start=start, command=command)


def execute_source(source: dict[str, Any], out: str | Path, start: Start, command: str) -> Run:
    """Do what a recipe in a dictionary says, see `execute`."""
    recipe, steps = read_recipe(source)
    return execute(recipe, steps, out, start=start, command=command)


def _parted(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the run and options of its main step; None means the default."""
    ours = ("seed", "strict", "network", "licence", "held_out_licence")
    given = {k: v for k, v in options.items() if v is not None}
    return {k: v for k, v in given.items() if k in ours}, {
        k: v for k, v in given.items() if k not in ours
    }


def _text(path: str | Path, licence: str | None) -> dict[str, Any]:
    return {"path": str(path)} | ({"licence": licence} if licence else {})


def _layers(layers: str | Sequence[int]) -> str | list[int]:
    return layers if isinstance(layers, str) else list(layers)


def _short(model: str | Path) -> str:
    return str(model).rstrip("/").rpartition("/")[2]
