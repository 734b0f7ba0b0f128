"""The command that learns a tokenizer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.options import Json, Network, Seed, listed, tell


def learn(
    text: Annotated[
        str,
        typer.Option(
            help="Text to learn from: a folder with a file a language, a pattern with {language}, "
            "one file and --languages, or any parallel text. Files may differ in length."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for tokenizer.json and tokenizer_config.json.")],
    algorithm: Annotated[
        str,
        typer.Option(
            help="unigram, bpe, byte_bpe, byte_fallback_bpe, wordpiece, superword_bpe or vocap."
        ),
    ] = "unigram",
    size: Annotated[
        int | None,
        typer.Option(help="Tokens to learn, special ones among them; 64,000 (vocap 500,000)."),
    ] = None,
    languages: Annotated[
        str, typer.Option(help="Tags separated by commas. All that the text has by default.")
    ] = "",
    temperature: Annotated[
        float | None,
        typer.Option(
            help="How much more a language counts that has more text: 0, every language alike (the "
            "default; vocap 0.7), to 1, as much as there is."
        ),
    ] = None,
    special: Annotated[
        str | None,
        typer.Option(
            help="Special tokens of a model family: bert, gpt2, llama, t5, none. The one that the "
            "algorithm is usual for by default."
        ),
    ] = None,
    romanise: Annotated[
        bool, typer.Option("--romanise", help="Spell other scripts in Latin letters first.")
    ] = False,
    lower: Annotated[
        bool, typer.Option("--lower", help="Write all in lower case (unigram always does).")
    ] = False,
    coverage: Annotated[
        float | None,
        typer.Option(
            help="bpe, byte_fallback_bpe, wordpiece: share of all characters whose kinds are kept; "
            "rarer ones become bytes or unknown."
        ),
    ] = None,
    transition: Annotated[
        float | None,
        typer.Option(help="superword_bpe: share of the tokens that stay inside words; 0.9."),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(help="vocap: by how much a language's vocabularies differ in size; 1,000."),
    ] = None,
    largest: Annotated[
        int | None, typer.Option(help="vocap: the most tokens that a language may get; 50,000.")
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(help="vocap: 0 gives to all languages alike, 1 by their share of text; 0.7."),
    ] = None,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Learn a tokenizer for many languages that transformers loads as it is.

    For an encoder take wordpiece or unigram; where text must come back letter by letter, byte_bpe,
    or byte_fallback_bpe, which spends fewer tokens on scripts of many bytes a letter; where length
    costs most, superword_bpe, whose tokens may span spaces; where large languages would take all
    the places, vocap, which gives places to what each language gains from them.

    Too few tokens for a language show as few characters a token, or as unknown ones.

    Example: isogloss tokenizers learn --text texts/{language}.txt --languages deu,fin,hin
    --algorithm byte_bpe --size 32000 --temperature 0.3 --out tokenizer

    Example: isogloss tokenizers learn --text emoji --algorithm vocap --size 4000 --step 100
    --out tokenizer
    """
    from isogloss.progress import bars
    from isogloss.recipe.learning import learn_from

    with bars() as start:
        files, scores, notes = learn_from(
            text, out, algorithm=algorithm, languages=listed(languages), romanise=romanise,
            size=size, temperature=temperature, special=special, lower=lower or None,
            coverage=coverage, transition=transition, step=step, largest=largest, beta=beta,
            seed=seed, network=network, start=start,
        )  # fmt: skip
    tell(notes)
    if as_json:
        typer.echo(scores.to_json())
        return
    from rich.console import Console

    from isogloss.cli.tables import by_language

    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(by_language(scores, "On the text it was learned from"))
    for file in files:
        console.print(str(file), soft_wrap=True, highlight=False)
