"""The command that says what a finished model is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.options import Json, Network, Seed, listed, tell


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            help="A folder that isogloss transfer --keep left, such as "
            "runs/topics/files/transfer/zero_shot; or any encoder, for similarity, clusters and "
            "retrieval."
        ),
    ],
    suite: Annotated[
        str, typer.Option(help="Suites, by name or as TOML files, separated by commas: sib200.")
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the run; a stopped run goes on, a finished one is left."),
    ],
    languages: Annotated[
        str, typer.Option(help="Separated by commas. All that the suites test by default.")
    ] = "",
    task: Annotated[
        str, typer.Option(help="Tasks of the suites; by default all that the model can tell.")
    ] = "",
    split: Annotated[
        str, typer.Option(help="Part of the data: test, or dev to choose by.")
    ] = "test",
    encoder: Annotated[
        str | None, typer.Option(help="Of a probe: its encoder, where that has moved.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Folder of the suites' data; by default that of ISOGLOSS_DATA."),
    ] = None,
    mteb: Annotated[
        Path | None, typer.Option(help="Folder for the scores as MTEB's result files, too.")
    ] = None,
    translator: Annotated[
        str,
        typer.Option(
            help="Also translate the test of --origin and tell what the model does better on that "
            "than on people's translations: local:FOLDER, command:PROGRAM ..., openai:URL#MODEL, "
            "lexicon:FILE or parallel:TEXT."
        ),
    ] = "",
    origin: Annotated[
        str, typer.Option(help="The language that the tests were translated from.")
    ] = "eng",
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """What a finished model is worth, language by language; nothing is trained.

    A model that knows a task is asked the tests of that task. An encoder is asked what vectors
    solve as they are: how alike two texts are, which texts belong together, which passage answers.
    The report has every measure with its interval, means over the same languages, labels that the
    model has never seen, and what the suite says of its own text. Where the model was trained on
    the text of a suite, no retrieval in it is scored.

    With --translator: a gap in favour of the machine's version that other languages do not have
    points to errors in the human translation.

    Example: isogloss evaluate runs/topics/files/transfer/zero_shot --suite sib200
    --languages deu,hau,hin --out runs/worth --mteb results

    Example: isogloss evaluate all-MiniLM-L6-v2 --suite tatoeba --out runs/found
    """
    from isogloss.cli.main import _command, _show
    from isogloss.progress import bars
    from isogloss.recipe.main_jobs import evaluate as job

    with bars() as start:
        run = job(
            model, suites=listed(suite), languages=listed(languages), out=out, tasks=listed(task),
            split=split, encoder=encoder, data=data, mteb=mteb, seed=seed, network=network,
            translator=translator, origin=origin, start=start, command=_command(),
        )  # fmt: skip
    notes = run.provenance.get("notes", [])
    tell(note for note in notes if not note.startswith("WARNING"))  # `_show` tells the others
    _show(run, as_json)
