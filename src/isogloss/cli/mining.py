"""The commands that find translations in two texts, and that score those one has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.options import Json, Model, Network, Pooling, Seed, listed, tell

Margin = Annotated[
    str,
    typer.Option(
        help="How much nearer two sentences are than their neighbours: ratio or distance; "
        "absolute is the plain cosine."
    ),
]
K = Annotated[int, typer.Option("--k", help="Neighbours that the margin looks at.")]
Layer = Annotated[int | None, typer.Option(help="Layer of the model; the last by default.")]


def mine(
    model: Model,
    source: Annotated[
        list[Path],
        typer.Option(help="Text of one language, a sentence a line, plain or .gz; may come often."),
    ],
    target: Annotated[list[Path], typer.Option(help="Text of the other language, likewise.")],
    source_language: Annotated[str, typer.Option(help="Tag of the source: deu.")],
    target_language: Annotated[str, typer.Option(help="Tag of the target: eng.")],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for bitext.tsv, Moses files, bitext.tmx and mined.json; a stopped run "
            "there goes on, a finished one is left alone."
        ),
    ],
    margin: Margin = "ratio",
    retrieval: Annotated[
        str,
        typer.Option(
            help="max: each sentence once, best pairs first; intersection: fewer pairs, more of "
            "them right; forward or backward: each source (target) with its best."
        ),
    ] = "max",
    k: K = 4,
    threshold: Annotated[
        float | None, typer.Option(help="Leave out pairs that score less; good ratios lie over 1.")
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            help="Share of right pairs to aim for, such as 0.9; needs --planted. Without it the "
            "threshold is that of the best expected F1."
        ),
    ] = None,
    planted: Annotated[
        str | None,
        typer.Option(
            help="Parallel text, such as TSV, TMX or Moses: known translations of the same domain "
            "that are not in the text, some hundreds. They are hidden in it to find the threshold, "
            "and what it is worth."
        ),
    ] = None,
    memory: Annotated[
        str, typer.Option(help="For vectors while neighbours are searched: 2GB, 512MiB.")
    ] = "2GB",
    index: Annotated[
        str,
        typer.Option(help="exact; lists: faster, misses a few; flat, ivf: the same two by faiss."),
    ] = "exact",
    layer: Layer = None,
    pooling: Pooling = None,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Find the sentences of two texts that are translations of each other.

    Example: isogloss mine all-MiniLM-L6-v2 --source deu.txt --target eng.txt.gz
    --source-language deu --target-language eng --planted known.tsv --precision 0.9
    --out runs/bitext
    """
    from isogloss.progress import bars
    from isogloss.recipe.mining import Choice, Search
    from isogloss.recipe.mining import mine as job

    with bars() as start:
        made = job(
            model, source, target, out, languages=(source_language, target_language),
            search=Search(k=k, index=index, layer=layer, pooling=pooling, seed=seed),
            choice=Choice(
                margin=margin, retrieval=retrieval, threshold=threshold, precision=precision
            ),
            planted=planted, memory=memory, network=network, start=start,
        )  # fmt: skip
    tell(made.facts["notes"])
    if as_json:
        typer.echo(json.dumps(made.facts, ensure_ascii=False, indent=1))
        return
    counts = made.facts["counts"]
    for side in ("source", "target"):
        dropped = ", ".join(f"{n:,} {why}" for why, n in counts[side]["dropped"].items())
        left_out = f"; left out: {dropped}" if dropped else ""
        typer.echo(f"{side}: {counts[side]['sentences']:,} sentences{left_out}")
    typer.echo(f"pairs:  {counts['pairs_kept']:,} of {counts['pairs_found']:,} found")
    if found := made.facts["calibration"]:
        typer.echo(f"threshold {found['threshold']:.4f}, with it to be expected:")
        for name in ("precision", "recall"):
            interval = "[{low:.2f}, {high:.2f}]".format(**found[name])
            typer.echo(f"  {name} {found[name]['value']:.2f} {interval}")
    for file in made.files:
        typer.echo(str(file))


def score_bitext(
    model: Model,
    text: Annotated[
        str,
        typer.Option(
            help="Parallel text: TSV, TMX, Moses (news for news.deu and news.eng), a folder, a "
            "pattern with {language} ..."
        ),
    ],
    out: Annotated[Path, typer.Option(help="TSV to write: id, margin, cosine, source, target.")],
    languages: Annotated[str, typer.Option(help="Source and target: deu,eng.")] = "",
    margin: Margin = "ratio",
    k: K = 4,
    layer: Layer = None,
    pooling: Pooling = None,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """How good are the pairs of a bitext? The margin and cosine of each, among its own sentences.

    Example: isogloss score-bitext all-MiniLM-L6-v2 --text crawled.tsv --languages deu,eng
    --out scores.tsv
    """
    from isogloss.progress import bars
    from isogloss.recipe.bitext_scores import score_bitext as job

    with bars() as start:
        quantiles, notes = job(
            model, text, out, languages=listed(languages), margin=margin, k=k, layer=layer,
            pooling=pooling, network=network, start=start,
        )  # fmt: skip
    tell(notes)
    if as_json:
        typer.echo(json.dumps(quantiles, indent=1))
        return
    typer.echo("quantile " + " ".join(f"{name:>7}" for name in quantiles["margin"]))
    for name, values in quantiles.items():
        typer.echo(f"{name:8} " + " ".join(f"{value:7.3f}" for value in values.values()))
    typer.echo(str(out))
