"""The command line: one command a job, each a few lines over the Python functions."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss._version import __version__
from isogloss.cli import (
    evaluating,
    merging,
    mining,
    projecting,
    spaces,
    tokenizers,
    transferring,
    vocabulary,
)
from isogloss.cli.options import (
    Json,
    Model,
    Network,
    Pooling,
    Seed,
    listed,
    named_paths,
    plain_console,
    tell,
)
from isogloss.errors import IsoglossError, UsageError

INTERRUPTED = 130

app = typer.Typer(
    name="isogloss",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"isogloss {__version__}")
        raise typer.Exit


@app.callback()
def isogloss(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Carry a language model across language lines: measure, extend, measure again, show it."""


Out = Annotated[
    Path,
    typer.Option(
        help="Folder of the run; a stopped run there goes on, a finished one is left alone."
    ),
]
Pivot = Annotated[str, typer.Option(help="The language everything is compared with.")]
Languages = Annotated[
    str,
    typer.Option(
        help="Tags separated by commas: deu,sw,zh-Hant. All that the text has by default."
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse texts longer than the model's window.")
]
Licence = Annotated[
    str | None, typer.Option(help="Licence of the text, recorded with the results.")
]


@app.command()
def measure(
    model: Model,
    text: Annotated[
        str, typer.Option(help="Parallel text: a folder, a pattern with {language}, a file.")
    ],
    out: Out,
    pivot: Pivot = "eng",
    languages: Languages = "",
    layers: Annotated[str, typer.Option(help="all, last, or numbers: 0,3,6.")] = "all",
    pooling: Pooling = None,
    licence: Licence = None,
    seed: Seed = 0,
    strict: Strict = False,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Where are the model's languages aligned, and where not?

    Example: isogloss measure all-MiniLM-L6-v2 --text ntrex128 --languages deu,hin --out runs/look
    """
    from isogloss.progress import bars
    from isogloss.recipe.main_jobs import measure as job

    with bars() as start:
        run = job(
            model, text, out=out, pivot=pivot, languages=listed(languages), layers=_layers(layers),
            pooling=pooling, licence=licence, seed=seed, strict=strict, network=network,
            start=start, command=_command(),
        )  # fmt: skip
    _show(run, as_json)


@app.command()
def extend(
    model: Model,
    parallel: Annotated[str, typer.Option(help="Training text, parallel with the pivot.")],
    held_out: Annotated[
        str, typer.Option(help="Text to measure on before and after; never trained on.")
    ],
    out: Out,
    languages: Languages = "",
    pivot: Pivot = "eng",
    student: Annotated[
        str,
        typer.Option(
            help="static (minutes on a CPU), full (the teacher's own body), embeddings or factors "
            "(that body frozen: its token table alone learns, or a few numbers a token)."
        ),
    ] = "static",
    vocabulary: Annotated[
        Literal["extend", "replace"] | None,
        typer.Option(
            help="Of all but static: add words to the model's vocabulary (the default), or learn "
            "another from the text."
        ),
    ] = None,
    initialise: Annotated[
        str | None,
        typer.Option(help="How rows of new tokens begin: trans_tokenization, focus, ofa, mean ..."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.")] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(
            help="Of products in training; bfloat16 is several times as fast on processors that "
            "have it, and rounds more."
        ),
    ] = None,
    licence: Licence = None,
    held_out_licence: Annotated[
        str | None, typer.Option(help="Licence of the held-out text.")
    ] = None,
    seed: Seed = 0,
    strict: Strict = False,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Extend the model to languages it reads badly, and show what changed.

    Example: isogloss extend all-MiniLM-L6-v2 --languages mri,bam --parallel nllb_seed
    --held-out sib200 --out runs/minilm-plus2
    """
    from isogloss.progress import bars
    from isogloss.recipe.main_jobs import extend as job

    with bars() as start:
        run = job(
            model, languages=listed(languages), parallel=parallel, held_out=held_out, out=out,
            pivot=pivot, student=student, steps=steps, licence=licence, seed=seed,
            surgery=vocabulary, initialise=initialise, precision=precision,
            held_out_licence=held_out_licence, strict=strict, network=network, start=start,
            command=_command(),
        )  # fmt: skip
    _show(run, as_json)


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(help="A recipe file, such as recipes/quickstart.toml.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/<name> by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    model: Annotated[str | None, typer.Option(help="Instead of the recipe's.")] = None,
    languages: Annotated[
        str, typer.Option(help="Instead of the recipe's, separated by commas.")
    ] = "",
    text: Annotated[
        list[str] | None,
        typer.Option(help="NAME=PATH: your own text instead of the one the recipe calls NAME."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a recipe, as it is or on a model and text of your own.

    isogloss run recipes/ZeTT.toml

    isogloss run recipes/ZeTT.toml --text train=bible --text held_out=ntrex --languages fin,hin
    --seed 1 --out runs/zett-1
    """
    from isogloss.progress import bars
    from isogloss.recipe.main_jobs import run as job

    with bars() as start:
        made = job(
            recipe, out=out, seed=seed, model=model, languages=listed(languages),
            texts=named_paths(text or []), start=start, command=_command(),
        )  # fmt: skip
    _show(made, as_json)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
) -> None:
    """Write the report of a finished run anew: report.html, and its figures as SVG and PNG."""
    from isogloss.recipe.runs import open_run
    from isogloss.report import write_report

    made = open_run(folder)
    typer.echo(write_report(folder, made.scores, made.provenance))


@app.command("align-words")
def align_words(
    model: Annotated[
        str,
        typer.Argument(
            help="An encoder (folder, hub name, all-MiniLM-L6-v2), or a statistical aligner "
            "trained on the text itself: eflomal, hmm, fast_align, ibm1, ibm2, ibm4."
        ),
    ],
    text: Annotated[
        str,
        typer.Option(
            help="Parallel text: TSV, TMX, Moses (news for news.deu and news.eng), a folder, a "
            "pattern with {language} ...; or a gold TSV: source, target, sure, possible."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for Pharaoh, TSV, JSON lines and grids.")],
    languages: Annotated[str, typer.Option(help="Source and target: deu,eng.")] = "",
    methods: Annotated[
        str,
        typer.Option(
            help="Separated by commas: intersection, itermax, mwmf, softmax, entmax, transport, "
            "partial_transport, unbalanced_transport, forward, reverse, union; or of a "
            "statistical aligner grow_diag_final_and, intersection, union ..."
        ),
    ] = "",
    layer: Annotated[
        int | None, typer.Option(help="Layer of the encoder; two thirds up by default.")
    ] = None,
    unit: Annotated[str, typer.Option(help="Link subword tokens, or the means of words.")] = (
        "subword"
    ),
    distortion: Annotated[
        float, typer.Option(help="How much a link far from the diagonal loses, 0 to 1.")
    ] = 0.0,
    gold: Annotated[
        str | None, typer.Option(help="Gold links of the text, in Pharaoh format.")
    ] = None,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Which words of a sentence are which words of its translation?

    Example: isogloss align-words all-MiniLM-L6-v2 --text ntrex128 --languages deu,eng
    --out runs/links
    """
    from isogloss.cli.tables import by_setting
    from isogloss.match.statistical import MODELS
    from isogloss.progress import bars
    from isogloss.recipe.word_alignment import run as job

    usual = "grow_diag_final_and" if model in MODELS else "itermax"
    with bars() as start:
        files, scores, notes = job(
            model, text, out, languages=listed(languages), gold=gold, start=start,
            methods=listed(methods) or [usual], layer=layer, unit=unit, distortion=distortion,
            seed=seed, network=network,
        )  # fmt: skip
    tell(notes)
    if as_json:
        typer.echo(scores.to_json())
        return
    console = plain_console()
    if scores:
        console.print(by_setting(scores, "method", "Agreement with the gold links"))
    for file in files:
        console.print(str(file), soft_wrap=True, highlight=False)


@app.command()
def languages(
    tags: Annotated[
        list[str], typer.Argument(help="Tags in any common spelling, or English names.")
    ],
    similar: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Instead, list the languages most like these to a model: sources to transfer "
            "from. Needs --text.",
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="With --similar: parallel text that holds the languages.")
    ] = None,
    among: Annotated[
        str,
        typer.Option(help="With --similar: choose from these; from all of the text by default."),
    ] = "",
    layer: Annotated[
        int | None,
        typer.Option(
            help="With --similar: layer of the model, 0 being the embeddings, the last by "
            "default. Layers disagree; compare a few."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="With --similar: how many to list.")] = 5,
    seed: Seed = 0,
    strict: Strict = False,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """What does a tag mean? Canonical form, names, script, direction, speakers.

    With --similar: which languages are most like it to a model? The mean cosine of parallel
    sentences (mPLM-Sim); a task learnt in a near language tends to transfer better.

    Example: isogloss languages deu sw zh-Hant

    Example: isogloss languages por tur --similar all-MiniLM-L6-v2 --text emoji -k 3
    """
    from isogloss.language.describe import describe, table

    if similar is not None:
        if text is None:
            raise UsageError("--similar needs parallel text", remedy="name it with --text")
        _similar(
            as_json, model=similar, text=text, targets=tags, among=listed(among), layer=layer, k=k,
            seed=seed, strict=strict, network=network,
        )  # fmt: skip
        return
    if text is not None:
        raise UsageError("--text is read by --similar only", remedy="name a model with --similar")
    records = describe(tags)
    if as_json:
        typer.echo(json.dumps(records, ensure_ascii=False, indent=1))
    else:
        plain_console().print(table(records))


def _similar(as_json: bool, **asked) -> None:
    from isogloss.cli.tables import similar_languages
    from isogloss.progress import bars
    from isogloss.recipe.similar import similar as job

    with bars() as start:
        scores, notes = job(**asked, start=start)
    tell(notes)
    if as_json:
        typer.echo(scores.to_json())
    else:
        plain_console().print(similar_languages(scores))


app.command("compare")(evaluating.compare)
app.command("evaluate")(evaluating.evaluate)
app.command("import-mteb")(evaluating.import_mteb)
app.command("map")(spaces.map_command)
app.command("lexicon")(spaces.lexicon)
app.command("merge")(merging.merge)
app.command("mine")(mining.mine)
app.command("project-labels")(projecting.project_labels)
app.command("score-bitext")(mining.score_bitext)
app.command("transfer")(transferring.transfer)
app.add_typer(tokenizers.app, name="tokenizers")
app.add_typer(vocabulary.app, name="vocabulary")


def main() -> None:
    """Run the command line; every known error is one message and a non-zero exit."""
    try:
        ended = app(standalone_mode=False)
        if ended == INTERRUPTED:  # typer gives Ctrl-C back as a number
            raise KeyboardInterrupt
    except IsoglossError as error:
        print(f"isogloss: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, typer.Abort):
        print("isogloss: stopped; the same command goes on where it was", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except MemoryError:
        print("isogloss: out of memory; measure fewer languages or layers at once", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("click", "typer"):
            raise
        error.show()  # ty: ignore[missing-attribute]
        raise SystemExit(getattr(error, "exit_code", 2)) from None


def _layers(text: str) -> str | list[int]:
    if text in ("all", "last"):
        return text
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise typer.BadParameter("must be all, last, or numbers separated by commas") from None


def _command() -> str:
    return shlex.join(["isogloss", *sys.argv[1:]])


def _show(run, as_json: bool) -> None:
    """Print the scores and where the report lies; warnings go to standard error.

    Of several processes the first one tells.
    """
    from isogloss.recipe.processes import launched

    if not launched().first:
        return
    notes = run.provenance.get("notes", [])
    tell(note for note in notes if note.startswith("WARNING"))
    if as_json:
        typer.echo(run.scores.to_json())
        return
    from isogloss.cli.tables import summary

    console = plain_console()
    for table in summary(run.scores):
        console.print(table)
    console.print(f"report: {run.report}", soft_wrap=True, highlight=False)
    if run.model:
        console.print(f"model:  {run.model}", soft_wrap=True, highlight=False)
