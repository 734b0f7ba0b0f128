"""Commands on tokenizers: audit them, learn one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli import learning
from isogloss.cli.options import Json, Network, Seed, listed, tell

app = typer.Typer(no_args_is_help=True)
app.command("learn")(learning.learn)


@app.callback()
def tokenizers() -> None:
    """What tokenizers do to each language, and new ones that treat many well."""


@app.command()
def audit(
    tokenizers: Annotated[
        list[str],
        typer.Argument(
            help="Any number: a tokenizer.json, a model folder, a hub name, all-MiniLM-L6-v2 "
            "(demonstration model), bytes, characters; name=... gives one a name of its own."
        ),
    ],
    text: Annotated[
        str, typer.Option(help="Parallel text: a folder, a pattern with {language}, a file.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for results, tables of languages and pairs as TSV, and the report."
        ),
    ],
    pivot: Annotated[str, typer.Option(help="The language everything is compared with.")] = "eng",
    languages: Annotated[
        str,
        typer.Option(
            help="Tags separated by commas: deu,sw,zh-Hant. All that the text has by default."
        ),
    ] = "",
    pairs: Annotated[
        bool, typer.Option(help="Compare all pairs of languages too, in files/audit/pairs.tsv.")
    ] = True,
    rows: Annotated[int, typer.Option(help="Languages printed, the worst; 0 for all.")] = 20,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the text, recorded with the results.")
    ] = None,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """What does each language pay under each tokenizer?

    Example: isogloss tokenizers audit all-MiniLM-L6-v2 bytes mine=learned/tokenizer.json
    --text ntrex128 --out runs/tokenizers
    """
    from isogloss.progress import bars
    from isogloss.recipe.tokenizers import audit_tokenizers as job

    with bars() as start:
        run = job(
            tokenizers, text, out=out, pivot=pivot, languages=listed(languages), pairs=pairs,
            licence=licence, seed=seed, network=network, start=start,
            command=shlex.join(["isogloss", *sys.argv[1:]]),
        )  # fmt: skip
    tell(n for n in run.provenance.get("notes", []) if n.startswith("WARNING"))
    if as_json:
        typer.echo(run.scores.to_json())
        return
    from rich.console import Console

    from isogloss.cli.tables import audited
    from isogloss.vocabulary.consequences import consequences

    console = Console(width=None if sys.stdout.isatty() else 160)
    for table in audited(run.scores, rows):
        console.print(table)
    for sentence in consequences(run.scores, most=1):
        console.print(sentence, highlight=False)
    for file in sorted((run.folder / "files").rglob("*.tsv")):
        console.print(f"table:  {file}", soft_wrap=True, highlight=False)
    console.print(f"report: {run.report}", soft_wrap=True, highlight=False)
