"""Commands on spaces of word vectors: map them, look words up in them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss.cli.options import Json, Seed, listed, plain_console, tell

Vectors = Annotated[
    str,
    typer.Argument(
        help="Word vectors: word2vec, GloVe or fastText text, fastText .bin, .npz, .npy with words."
    ),
]
Limit = Annotated[int, typer.Option(help="Words read of each file, the first ones; 0 for all.")]
BadRows = Annotated[
    Literal["refuse", "skip"],
    typer.Option(
        help="What happens to a word that occurs twice and a vector with NaN: the file is refused, "
        "or they are left out and counted."
    ),
]


def map_command(
    source: Vectors,
    target: Vectors,
    out: Annotated[Path, typer.Option(help="Folder for the maps and the mapped vectors.")],
    method: Annotated[
        str,
        typer.Option(
            help="procrustes, least_squares, ridge, cca, rcsls; supervised, semi_supervised, "
            "identical, unsupervised (self-learning); orthogonal, wasserstein_procrustes."
        ),
    ] = "procrustes",
    dictionary: Annotated[
        str | None,
        typer.Option(help="Pairs to learn from, a word and its translation a line."),
    ] = None,
    normalise: Annotated[
        str | None,
        typer.Option(
            help="Done to each side first, in order; unit, centre, zca, ... or none. By default "
            "unit,centre,unit; self-learning has its own."
        ),
    ] = None,
    limit: Limit = 200_000,
    bad_rows: BadRows = "refuse",
    vectors: Annotated[bool, typer.Option(help="Write the mapped vectors too.")] = True,
    form: Annotated[
        Literal["text", "npz"],
        typer.Option(
            "--format",
            help="Of the mapped vectors: word2vec text, or npz, which holds words with spaces too.",
        ),
    ] = "text",
    seed: Seed = 0,
) -> None:
    """Bring the word vectors of two languages into one space.

    Example: isogloss map cc.fi.vec cc.hu.vec --method semi_supervised --dictionary seeds.tsv
    --out runs/fin-hun
    """
    from isogloss.progress import bars
    from isogloss.recipe.spaces import map_spaces

    wanted = None if normalise is None else [] if normalise == "none" else listed(normalise)
    with bars() as start:
        files, notes = map_spaces(
            source, target, out, method=method, dictionary=dictionary, normalisers=wanted,
            limit=limit or None, bad_rows=bad_rows, form=form if vectors else None, seed=seed,
            start=start,
        )  # fmt: skip
    tell(notes)
    for file in files:
        typer.echo(file)


def lexicon(
    source: Vectors,
    target: Vectors,
    dictionary: Annotated[
        str | None, typer.Option(help="Words to ask and their right answers, to be scored on.")
    ] = None,
    maps: Annotated[
        str | None, typer.Option("--map", help="The folder that `isogloss map` made.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A TSV of the best translations of every source word.")
    ] = None,
    k: Annotated[int, typer.Option(help="Translations a word in that file.")] = 5,
    limit: Limit = 200_000,
    bad_rows: BadRows = "refuse",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Translate words between two spaces, and score it on a dictionary.

    Example: isogloss lexicon cc.fi.vec cc.hu.vec --map runs/fin-hun --dictionary test.tsv
    --out fin-hun.tsv
    """
    from isogloss.cli.tables import by_setting
    from isogloss.recipe.spaces import look_up

    scores, notes = look_up(
        source, target, maps=maps, dictionary=dictionary, out=out, k=k, limit=limit or None,
        bad_rows=bad_rows, seed=seed,
    )  # fmt: skip
    tell(notes)
    if as_json:
        typer.echo(scores.to_json())
    elif scores:
        plain_console().print(by_setting(scores, "score", "Words found"))
    if out is not None:
        print(f"isogloss: translations are in {out}", file=sys.stderr)
