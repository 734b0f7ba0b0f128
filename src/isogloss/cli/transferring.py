"""The command that brings a task to languages without labels."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from isogloss.cli.options import Json, Model, Network, listed, named_paths
from isogloss.errors import UsageError


def transfer(
    model: Model,
    train: Annotated[
        str,
        typer.Option(
            help="A suite and the languages whose labels are learned from: sib200/eng, "
            "ner_english:wikigold/eng where a suite has several tasks, or my-suite.toml/eng,spa."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the run; a stopped run goes on, a finished one is left."),
    ],
    test: Annotated[
        str,
        typer.Option(help="The suite with the targets, by default the same: masakhaner2:entities."),
    ] = "",
    languages: Annotated[
        str, typer.Option(help="Targets, separated by commas. All that the suite tests by default.")
    ] = "",
    strategy: Annotated[
        str,
        typer.Option(
            help="Strategies, separated by commas, with their settings: "
            "zero_shot,few_shot:shots=5:continued=true. The first is what others are compared with."
        ),
    ] = "zero_shot",
    learner: Annotated[
        Literal["tune", "probe"],
        typer.Option(
            help="tune: all weights and a head. probe: a linear classifier over vectors, a second "
            "on a CPU, for any encoder."
        ),
    ] = "tune",
    epochs: Annotated[
        float | None, typer.Option(help="Of tuning: rounds through the labels; 5.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of tuning, its peak; 1e-4.")] = None,
    batch: Annotated[int | None, typer.Option(help="Of tuning: examples a step; 32.")] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(help="Of tuning: float32; bfloat16 is faster where the processor has it."),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0,1,2",
    select: Annotated[
        Literal["last", "source-dev"],
        typer.Option(help="Weights that are kept: the last, or the best on the source's dev."),
    ] = "last",
    leaks_by: Annotated[
        str,
        typer.Option(
            help="An encoder whose vectors find translations of training data in the tests; "
            "without it they are found where a suite gives them the same id."
        ),
    ] = "",
    translator: Annotated[
        str | None,
        typer.Option(
            help="local:FOLDER, command:PROGRAM ..., openai:URL#MODEL, lexicon:FILE or "
            "parallel:TEXT."
        ),
    ] = None,
    lexicon: Annotated[
        list[str] | None,
        typer.Option(help="hin=en-hi.tsv.gz: a dictionary from the source. Repeat for more."),
    ] = None,
    act: Annotated[
        list[str] | None,
        typer.Option(
            help="arabic=maltese_to_arabic: for rewritten, what is done with the target's words of "
            "a class: letters:FILE, lexicon:FILE, translate:LANGUAGE, maltese_to_arabic or leave. "
            "Repeat for more."
        ),
    ] = None,
    word_classes: Annotated[
        str | None,
        typer.Option(help="For rewritten: words with their classes, a tab between them."),
    ] = None,
    parallel: Annotated[
        str | None, typer.Option(help="Parallel text with the source, to project labels through.")
    ] = None,
    folder: Annotated[
        list[str] | None,
        typer.Option(
            help="hin=models/hin: another model of the same shape, for swap_vocabulary and "
            "stacked. Repeat for more."
        ),
    ] = None,
    proposer: Annotated[
        Path | None,
        typer.Option(
            help="For projected:carry=candidates:propose=true: a folder of mT5 or the like that "
            "names spans; one that was not taught to is taught by the source's labels."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Folder of the suite's data; by default that of ISOGLOSS_DATA."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the models of the first seed in files/transfer.")
    ] = False,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Bring a task from languages with labels to others, by strategies side by side.

    Every strategy is tried for every target with every seed. The report has scores with intervals,
    what labels each model saw and what it was chosen by, what it cost, and what became of the
    source. Labels of tests are shut away until a strategy has answered.

    Example: isogloss transfer all-MiniLM-L6-v2 --train sib200/eng --languages deu,hau,hin
    --strategy zero_shot,few_shot:shots=10,target_labels --learner probe --out runs/topics
    """
    from isogloss.cli.main import _command, _show
    from isogloss.progress import bars
    from isogloss.recipe.main_jobs import transfer as job

    told = {"epochs": epochs, "learning_rate": learning_rate, "batch": batch,
            "precision": precision}  # fmt: skip
    tuning = {name: value for name, value in told.items() if value is not None}
    with bars() as start:
        run = job(
            model, train=train, languages=listed(languages), out=out, test=test, learner=learner,
            strategies=[strategy_table(one) for one in listed(strategy)], tuning=tuning or None,
            seeds=[_whole(one) for one in listed(seeds)], select=select, leaks_by=leaks_by,
            translator=translator,
            lexicons=named_paths(lexicon or (), "--lexicon", "hin=en-hi.tsv.gz") or None,
            folders=named_paths(folder or (), "--folder", "hin=models/hin") or None,
            acts=named_paths(act or (), "--act", "arabic=maltese_to_arabic") or None,
            proposer=None if proposer is None else str(proposer), word_classes=word_classes,
            parallel=parallel, data=data, keep=keep, network=network, start=start,
            command=_command(),
        )  # fmt: skip
    _show(run, as_json)


def strategy_table(text: str) -> dict[str, Any]:
    """`few-shot:shots=5` as a recipe spells it; values are those of TOML, else text.

    Raises:
        UsageError: a setting without a value.
    """
    use, *settings = text.split(":")
    table: dict[str, Any] = {"use": use.replace("-", "_")}
    for setting in settings:
        name, mark, value = setting.partition("=")
        if not (name and mark and value):
            raise UsageError(
                f"--strategy {text}: {setting!r} is no setting", remedy="such as few_shot:shots=5"
            )
        try:
            table[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            table[name] = value
    return table


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--seeds {text}: not a whole number", remedy="such as 0,1,2") from None
