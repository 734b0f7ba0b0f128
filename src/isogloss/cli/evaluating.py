"""The command that says what a finished model is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss.cli.options import Json, Network, Seed, listed, tell


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            help="A folder that isogloss transfer --keep left, such as "
            "runs/topics/files/transfer/zero_shot; or any encoder, for similarity, clusters, "
            "retrieval and links between words; or a decoder, for choices by likelihood."
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
    unit: Annotated[
        Literal["byte", "character", "token", "sum"],
        typer.Option(help="Of choices by likelihood: by what length log p of each is divided."),
    ] = "byte",
    against: Annotated[
        str | None,
        typer.Option(
            help="Of choices by likelihood: subtract log p behind this text, such as 'Answer:' or "
            "nothing at all ('')."
        ),
    ] = None,
    between: Annotated[
        str, typer.Option(help="Of choices by likelihood: what stands before each.")
    ] = " ",
    links: Annotated[
        str,
        typer.Option(help="Of links between words: how, as --methods of align-words, or eflomal."),
    ] = "itermax",
    layer: Annotated[
        int | None,
        typer.Option(
            help="Of links between words: layer of the encoder; two thirds up by default."
        ),
    ] = None,
    find: Annotated[
        Literal["vectors", "late", "cross", "poly"],
        typer.Option(
            help="Of retrieval: by a vector a text; or by what was trained beside the model: late "
            "interaction with a vector a token, or a cross-encoder or poly-encoder that puts the "
            "nearest in order."
        ),
    ] = "vectors",
    candidates: Annotated[
        int, typer.Option(help="Of --find late, cross and poly: passages that are scored in full.")
    ] = 256,
    read_as: Annotated[
        str,
        typer.Option(
            help="Of retrieval by a model with modules of languages: the language whose modules "
            "read all texts; by default each text's own."
        ),
    ] = "",
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
    solve as they are: how alike two texts are, which texts belong together, which passage answers,
    which words translate each other. A decoder is asked which choice it finds likeliest.
    The report has every measure with its interval, means over the same languages, labels that the
    model has never seen, and what the suite says of its own text. Where the model was trained on
    the text of a suite, no retrieval in it is scored.

    With --translator: a gap in favour of the machine's version that other languages do not have
    points to errors in the human translation.

    Example: isogloss evaluate runs/topics/files/transfer/zero_shot --suite sib200
    --languages deu,hau,hin --out runs/worth --mteb results

    Example: isogloss evaluate all-MiniLM-L6-v2 --suite tatoeba --out runs/found

    Example: isogloss evaluate runs/late/files/late/model --suite questions.toml --find late
    --out runs/by-tokens

    Example: isogloss evaluate all-MiniLM-L6-v2 --suite word_alignment --languages spa,ita
    --out runs/links
    """
    from isogloss.cli.main import _command, _show
    from isogloss.progress import bars
    from isogloss.recipe.main_jobs import evaluate as job

    choices = {"unit": unit, "against": against, "between": between}
    found = {"by": find, "candidates": candidates, "read_as": read_as}
    with bars() as start:
        run = job(
            model, suites=listed(suite), languages=listed(languages), out=out, tasks=listed(task),
            split=split, choices=choices, links=links, layer=layer, find=found, encoder=encoder,
            data=data, mteb=mteb, seed=seed, network=network, translator=translator, origin=origin,
            start=start, command=_command(),
        )  # fmt: skip
    notes = run.provenance.get("notes", [])
    tell(note for note in notes if not note.startswith("WARNING"))  # `_show` tells the others
    _show(run, as_json)


def compare(
    before: Annotated[
        Path, typer.Argument(help="A run of isogloss evaluate or transfer: of the plain model.")
    ],
    after: Annotated[Path, typer.Argument(help="Another, on the same suite: of the new model.")],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the run; a stopped run goes on, a finished one is left."),
    ],
    strategy: Annotated[
        str, typer.Option(help="Of runs of transfer: strategies; by default all that both have.")
    ] = "",
    data: Annotated[
        str | None,
        typer.Option(help="Folder of the suites' data; by default that of the second run."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """What one run has over another on the same examples, language by language.

    What both told is scored again; differences are paired by example, with Holm's correction over
    languages, and over languages by a mixed-effects model. Nothing is asked of the models.

    Example: isogloss compare runs/plain runs/extended --strategy zero_shot --out runs/change
    """
    from isogloss.cli.main import _command, _show
    from isogloss.progress import bars
    from isogloss.recipe.main_jobs import compare as job

    with bars() as start:
        run = job(
            before, after, out=out, strategies=listed(strategy), data=data, seed=seed, start=start,
            command=_command(),
        )  # fmt: skip
    _show(run, as_json)


def import_mteb(
    results: Annotated[
        Path,
        typer.Argument(help="A result file of MTEB, or the folder of one model's: results/M/REV."),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the run; a stopped run goes on, a finished one is left."),
    ],
    split: Annotated[str, typer.Option(help="Whose scores are taken.")] = "test",
    as_json: Json = False,
) -> None:
    """Results of MTEB, ours or others', as a run with a report.

    What isogloss evaluate wrote with --mteb comes back as it was. Scores that MTEB wrote itself
    have no interval; tasks that a suite here has go by its name.

    Example: isogloss import-mteb results/org__model/revision --out runs/theirs
    """
    from isogloss.cli.main import _command, _show
    from isogloss.recipe.main_jobs import import_mteb as job

    run = job(results, out=out, split=split, command=_command())
    notes = run.provenance.get("notes", [])
    tell(note for note in notes if not note.startswith("WARNING"))
    _show(run, as_json)
