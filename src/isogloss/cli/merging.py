"""The command that merges models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.options import Json, Network, Seed, listed, tell
from isogloss.cli.vocabulary import pairs
from isogloss.errors import UsageError

if TYPE_CHECKING:
    from isogloss.recipe.vocabulary import Result

Models = Annotated[
    list[str],
    typer.Argument(
        help="Model folders or hub names, of one architecture and one vocabulary; or LoRA adapters "
        "of the base."
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "--setting",
        help="A number of the method: share=0.2 (of changes kept, the largest), over=tensor (what "
        "the share is of; model by default), drop=0.9 (probability), scale=1. Once for each.",
    ),
]


def merge(
    models: Models,
    out: Annotated[
        Path, typer.Option(help="Folder of the merged model; one of this very command is left.")
    ],
    method: Annotated[
        str,
        typer.Option(
            help="linear, slerp; with --base: task_arithmetic, sparse, ties, dare, dare_ties; with "
            "--base and --origin: diff_vector."
        ),
    ] = "linear",
    weights: Annotated[
        str,
        typer.Option(
            help="A number a model: 0.7,0.3. Equal by default, or 1 each where differences are "
            "added; a negative one subtracts. slerp goes 0.3 of the way to its second model."
        ),
    ] = "",
    base: Annotated[
        str | None,
        typer.Option(
            help="The model that the others were trained from; its configuration, tokenizer and "
            "card are the result's. The first model for linear and slerp."
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(help="Where differences are from, if they are moved to another --base."),
    ] = None,
    setting: Setting = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--weights-of",
            help="Other weights for tensors whose name has a pattern: 'layers\\.[0-5]\\.=1,0'. The "
            "first that is found counts.",
        ),
    ] = None,
    graft: Annotated[
        list[str] | None,
        typer.Option(
            help="Take tensors whose name has a pattern from a model as they are: "
            "'embeddings=MODEL'."
        ),
    ] = None,
    groups: Annotated[
        str,
        typer.Option(
            help="A name a model: romance,romance,slavic. Each group is merged for itself, then "
            "the groups are averaged."
        ),
    ] = "",
    grow: Annotated[
        list[str] | None,
        typer.Option(
            help="Instead of merging, make one model larger: hidden=768, inner=3072, layers=12, "
            "width=aki (further rows from the layer above; fpi, copies, by default), depth=stack "
            "(all layers again; interpolate, each beside its copy, by default). Once for each."
        ),
    ] = None,
    only_shared: Annotated[
        bool,
        typer.Option(
            "--only-shared", help="Leave what some model lacks as the base has it, and count it."
        ),
    ] = False,
    check: Annotated[
        bool, typer.Option(help="Load all models at the end and compare their vectors of words.")
    ] = True,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Merge models on their weights alone, without training.

    linear averages checkpoints or runs. task_arithmetic adds what each learned to the base, and
    with negative weights takes it away; sparse is the same for differences that are few, or with
    share makes them so. ties keeps the largest changes and those that agree on a sign, dare drops
    changes at random and enlarges the rest, dare_ties does both: try them where a sum of several
    models is worse than each. diff_vector moves what was learned on one base to another.

    --grow makes a wider or deeper model of one: rows and columns are repeated so that the function
    stays where the hidden size grows by a whole multiple; layers that are repeated change it.

    Files are read in slices, so memory does not grow with the models.

    Example: isogloss merge run1/model run2/model run3/model --out averaged

    Example: isogloss merge german finnish --base MODEL --method ties --set share=0.2 --out both

    Example: isogloss merge chat-v1 --method diff_vector --origin base-v1 --base base-v2
    --out chat-v2

    Example: isogloss merge small --grow hidden=768 --grow layers=12 --out large
    """
    from isogloss.progress import bars
    from isogloss.recipe.merging import merge_models as job

    if grow:
        others = {
            "--method": method != "linear", "--weights": weights, "--base": base,
            "--origin": origin, "--set": setting, "--weights-of": rule, "--graft": graft,
            "--groups": groups, "--only-shared": only_shared,
        }  # fmt: skip
        _grow(models, out, grow, [option for option, given in others.items() if given],
              check=check, network=network, as_json=as_json)  # fmt: skip
        return
    with bars() as start:
        made = job(
            models, out, method=method, settings=pairs(setting), weights=_numbers(weights),
            base=base, origin=origin,
            rules=[(name, _numbers(value) or []) for name, value in _named(rule, "--weights-of")],
            grafts=_named(graft, "--graft"), groups=listed(groups) or None,
            only_shared=only_shared, check=check, seed=seed, network=network, start=start,
        )  # fmt: skip
    _show(made, [f"{n:>8,} tensors {how}" for how, n in made.facts["tensors"].items()], as_json)


def _grow(
    models: Sequence[str],
    out: Path,
    sizes: list[str],
    others: Sequence[str],
    *,
    check: bool,
    network: bool,
    as_json: bool,
) -> None:
    """Make one model larger; `others` are options of merging that were given beside."""
    from isogloss.merge.grow import Growth
    from isogloss.progress import bars
    from isogloss.recipe.growing import grow_model
    from isogloss.settings import read_settings

    if len(models) != 1 or others:
        raise UsageError(
            f"--grow is of one model alone, and {', '.join(others) or f'{len(models)} models'} "
            "came with it",
            remedy="merge first, and grow what comes out",
        )
    growth = read_settings(Growth, pairs(sizes, "--grow"))
    with bars() as start:
        made = grow_model(models[0], out, growth, check=check, network=network, start=start)
    changed = made.facts["sizes"].items()
    _show(made, [f"{key}: {old} to {new}" for key, (old, new) in changed], as_json)


def _show(made: Result, lines: Sequence[str], as_json: bool) -> None:
    """What was done, how near the result is to each model, and where it lies."""
    facts = made.facts
    tell(facts["notes"])
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for line in lines:
        typer.echo(line)
    if facts["smoke"]:
        typer.echo(
            f"smoke check: cosines of vectors of {facts['smoke']['words']} words to those of"
        )
        for name, found in facts["smoke"]["cosines"].items():
            interval = f"[{found['low']:.3f}, {found['high']:.3f}]"
            typer.echo(f"  {name}: {found['mean']:.3f} {interval}, least {min(found['each']):.3f}")
    typer.echo(f"model: {made.folder}")


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(part) for part in listed(text)] or None
    except ValueError:
        raise UsageError(f"{text!r} are not numbers", remedy="such as 0.7,0.3") from None


def _named(given: Sequence[str] | None, option: str) -> list[tuple[str, str]]:
    """Patterns and what stands behind the last equals sign."""
    found = []
    for one in given or ():
        pattern, equals, value = one.rpartition("=")
        if not (pattern and equals and value):
            raise UsageError(f"{option} {one!r} is not PATTERN=VALUE")
        found.append((pattern, value))
    return found
