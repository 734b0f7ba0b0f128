"""Commands that give a model another vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from isogloss.cli.options import Json, Model, Network, Seed, listed, tell
from isogloss.errors import UsageError

app = typer.Typer(
    help="Give a model another vocabulary: trim it, extend it, replace it, swap it. Tokenizer, "
    "embeddings, head and all ids change together; the result loads in transformers and, where the "
    "model did, in sentence-transformers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Out = Annotated[
    Path, typer.Option(help="Folder of the new model; one that this very command made is left.")
]
Text = Annotated[
    str | None,
    typer.Option(
        help="A plain .txt file, a folder with a file a language, a pattern with {language}."
    ),
]
Languages = Annotated[
    str, typer.Option(help="Tags separated by commas: deu,sw,zh-Hant. All of the text by default.")
]

Multiple = Annotated[
    int, typer.Option(help="Round the rows up by padding, to a multiple such as 64.")
]


@app.command()
def trim(
    model: Model,
    out: Out,
    text: Text = None,
    languages: Languages = "",
    least: Annotated[
        int, typer.Option(help="Leave out tokens that occur less often in the text.")
    ] = 1,
    size: Annotated[
        int | None, typer.Option(help="Tokens to keep at most, the most frequent ones.")
    ] = None,
    scripts: Annotated[
        str, typer.Option(help="Keep all tokens of these scripts, besides the text's: Latn,Cyrl.")
    ] = "",
    without: Annotated[
        str,
        typer.Option(
            help="Added tokens to leave out, such as language tokens: fra_Latn,rus_Cyrl; all other "
            "ones stay."
        ),
    ] = "",
    multiple: Multiple = 1,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Leave out the tokens that your text does not need: a smaller model with the same answers.

    A text whose tokens all stay is read exactly as before. Embeddings are most of a small
    multilingual model, so a few languages are often a third of its size.

    Example: isogloss vocabulary trim intfloat/multilingual-e5-small --text news.{language}.txt
    --languages deu,eng --out e5-deu-eng

    Example: isogloss vocabulary trim MODEL --scripts Latn,Cyrl --out smaller
    """
    from isogloss.progress import bars
    from isogloss.recipe.vocabulary import trim_vocabulary as job

    with bars() as start:
        made = job(
            model, out, text=text, languages=listed(languages), least=least, size=size,
            scripts=listed(scripts), without=listed(without), multiple=multiple, seed=seed,
            network=network, start=start,
        )  # fmt: skip
    show(made, as_json)


Initialise = Annotated[
    str,
    typer.Option(
        help="How new rows begin: mean.v1 (of the pieces that spell a token), overlap.v1, "
        "focus.v1, random.v1 ...; a wrong name lists those there are."
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(help="A setting of the initialiser, such as rank=100; give it once for each."),
]
Dictionary = Annotated[
    Path | None, typer.Option(help="Words and their translations, the model's language first.")
]
SourceWords = Annotated[
    Path | None, typer.Option(help="Word vectors of the model's language: word2vec, fastText ...")
]
TargetWords = Annotated[Path | None, typer.Option(help="Word vectors of the new language.")]
TargetText = Annotated[
    str | None,
    typer.Option(help="Text of the new language, to train vectors of its tokens and words on."),
]
AlignedText = Annotated[
    str | None,
    typer.Option(
        help="Text of --pivot and --languages, from which dictionary, translations and vectors are "
        "made where they are not given."
    ),
]
Pivot = Annotated[str, typer.Option(help="The language of --parallel that the model reads.")]


@app.command()
def extend(
    model: Model,
    text: Annotated[
        str, typer.Option(help="Whose words are added: a .txt file, a folder, a pattern.")
    ],
    out: Out,
    languages: Languages = "",
    size: Annotated[int, typer.Option(help="Words to add at most, the most frequent ones.")] = 5000,
    least: Annotated[int, typer.Option(help="Do not add words that occur less often.")] = 2,
    initialise: Initialise = "mean.v1",
    setting: Setting = None,
    dictionary: Dictionary = None,
    source_words: SourceWords = None,
    target_words: TargetWords = None,
    parallel: AlignedText = None,
    pivot: Pivot = "eng",
    multiple: Multiple = 1,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Add the words of your text that the model splits; old tokens keep their ids and rows.

    Fewer tokens a sentence: cheaper, and more text in the window. New rows are a start, not the
    end: train the model on text of the language afterwards.

    Example: isogloss vocabulary extend all-MiniLM-L6-v2 --text news.{language}.txt
    --languages fin --size 8000 --initialise mean.v1 --out minilm-fin
    """
    from isogloss.progress import bars
    from isogloss.recipe.initial_rows import Aids, read_parallel
    from isogloss.recipe.vocabulary import extend_vocabulary as job

    tags = listed(languages)
    both = None if parallel is None else read_parallel(parallel, pivot, tags, network=network)
    with bars() as start:
        made = job(
            model, out, text=text, languages=tags, size=size, least=least,
            initialise=initialise, settings=pairs(setting), multiple=multiple, seed=seed,
            network=network, start=start,
            aids=Aids(dictionary, source_words, target_words, parallel=both),
        )  # fmt: skip
    show(made, as_json)


@app.command()
def replace(
    model: Model,
    tokenizer: Annotated[
        str, typer.Option(help="The new one: a tokenizer.json, or the folder it lies in.")
    ],
    out: Out,
    initialise: Initialise = "focus.v1",
    setting: Setting = None,
    dictionary: Dictionary = None,
    source_words: SourceWords = None,
    target_words: TargetWords = None,
    target_text: TargetText = None,
    parallel: AlignedText = None,
    pivot: Pivot = "eng",
    text: Annotated[
        str | None,
        typer.Option(help="What is compared before and after; parallel text for retrieval."),
    ] = None,
    languages: Languages = "",
    multiple: Multiple = 1,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Give the model another tokenizer, and its tokens first rows; the body stays as it is.

    Special tokens keep their roles. It prints how the rows were made and what the model can do
    before any training, which is little: train it afterwards.

    Example: isogloss vocabulary replace xlm-roberta-base --tokenizer fin.json --initialise focus.v1
    --target-text fin.txt --text ntrex128 --languages eng,fin --out xlmr-fin
    isogloss vocabulary replace all-MiniLM-L6-v2 --tokenizer fin.json --initialise
    trans_tokenization.v1 --parallel bible --text ntrex128 --languages eng,fin --out minilm-fin
    """
    from isogloss.progress import bars
    from isogloss.recipe.initial_rows import Aids, read_parallel
    from isogloss.recipe.replacement import replace_vocabulary as job
    from isogloss.recipe.vocabulary import read_text

    tags = listed(languages)
    lines = read_text(target_text, network=network).lines
    both = None if parallel is None else read_parallel(parallel, pivot, tags, network=network)
    with bars() as start:
        made = job(
            model, out, tokenizer=tokenizer, initialise=initialise, settings=pairs(setting),
            text=text, languages=tags, multiple=multiple, seed=seed, network=network, start=start,
            aids=Aids(dictionary, source_words, target_words, lines, both),
        )  # fmt: skip
    show(made, as_json)


def pairs(given: list[str] | None, option: str = "--setting") -> dict[str, str]:
    """Names and values of `name=value`.

    Raises:
        UsageError: one without a name or a value.
    """
    made = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not (name and equals and value):
            raise UsageError(
                f"{option} {one!r} names no value",
                remedy="write it as name=value, such as rank=100",
            )
        made[name] = value
    return made


@app.command()
def part(model: Model, out: Out, network: Network = False, as_json: Json = False) -> None:
    """Take a model's vocabulary alone: tokenizer, embeddings, the head's rows and biases.

    Put it under another body by `vocabulary swap`, or several over one by `vocabulary hydra`.

    Example: isogloss vocabulary part mbert-retrained-on-finnish --out finnish
    """
    from isogloss.progress import bars
    from isogloss.recipe.vocabulary_parts import take_part as job

    with bars() as start:
        made = job(model, out, network=network, start=start)
    facts = made.facts
    tell(facts["notes"])
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    heads = {None: "no language head", True: "the head is the embeddings (tied)",
             False: "the head has rows of its own"}  # fmt: skip
    typer.echo(
        f"{facts['tokens']:,} tokens, {facts['rows']:,} rows of "
        f"{' + '.join(f'{width:,}' for width in facts['widths'])} values, {facts['architecture']}; "
        f"{heads[facts['tied']]}"
    )
    typer.echo(f"special tokens: {', '.join(f'{r} {t!r}' for r, (t, _) in facts['roles'].items())}")
    typer.echo(f"part: {made.folder}")


@app.command()
def swap(
    model: Model,
    part: Annotated[Path, typer.Option(help="The folder of a part, from vocabulary part.")],
    out: Out,
    text: Annotated[
        str | None,
        typer.Option(help="What is compared before and after; parallel text for retrieval."),
    ] = None,
    languages: Languages = "",
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Put the vocabulary of another model under this one's body.

    The part should come from a model with the same body: one whose embeddings alone were trained on
    another language. A body trained for a task then reads that language.

    Example: isogloss vocabulary swap mbert-trained-on-questions --part finnish --out finnish-task
    """
    from isogloss.progress import bars
    from isogloss.recipe.vocabulary_parts import swap_vocabulary as job

    with bars() as start:
        made = job(
            model, out, part=part, text=text, languages=listed(languages), seed=seed,
            network=network, start=start,
        )  # fmt: skip
    show(made, as_json)


@app.command()
def hydra(
    body: Annotated[str, typer.Argument(help="The model whose body reads all vocabularies.")],
    parts: Annotated[
        str,
        typer.Option(
            help="Folders of parts by name: tat=tatar,eng=english; the first is in "
            "the body that transformers loads."
        ),
    ],
    out: Out,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Compose one body with several vocabularies: read by one, write by another.

    isogloss.vocabulary.hydra.load_hydra opens the folder; its body/ is a plain model.

    Example: isogloss vocabulary hydra tower --parts tat=tatar,eng=english --out hydra-tower
    """
    from isogloss.errors import UsageError
    from isogloss.progress import bars
    from isogloss.recipe.vocabulary_parts import compose_hydra as job

    named: dict[str, Path] = {}
    for one in listed(parts):
        name, equals, folder = one.partition("=")
        if not (name and equals and folder):
            raise UsageError(f"--parts: {one!r} is not name=FOLDER", remedy="such as eng=english")
        if name in named:
            raise UsageError(f"--parts names {name!r} twice", remedy="give each a name of its own")
        named[name] = Path(folder)
    with bars() as start:
        made = job(body, named, out, network=network, start=start)
    facts = made.facts
    tell(facts["notes"])
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for name, sizes in facts["parts"].items():
        typer.echo(f"{name:12} {sizes['tokens']:>10,} tokens, {sizes['rows']:,} rows")
    smoke = facts["smoke"]
    typer.echo(
        f"smoke check: {smoke['texts']} words read as ids and as rows, {smoke['same_states']} with "
        "the same hidden states to the last bit"
    )
    typer.echo(f"body: {made.folder / 'body'}")
    typer.echo(f"hydra: {made.folder}")


def show(made: Any, as_json: bool) -> None:
    """Print what was done, and how the model does before and after."""
    facts = made.facts
    tell(facts["notes"])
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for name in ("tokens", "rows", "bytes"):
        old, new = facts[name]
        typer.echo(f"{name:8} {old:>14,} -> {new:>14,}   {new / max(old, 1):.0%}")
    for name in ("kept because", "added", "rows made"):
        if counts := facts.get(name):
            listing = ", ".join(f"{what}: {n:,}" for what, n in counts.items())
            typer.echo(f"{name}: {listing}")
    if cut := facts.get("lines cut as before"):
        typer.echo(f"text: {cut[0]:,} of {cut[1]:,} lines are cut as before")
    audit, smoke = facts["audit"], facts["smoke"]
    typer.echo(
        f"audit: ids, ties and special tokens hold; {audit['padding rows']:,} padding rows; "
        f"{audit['unreached tokens']:,} tokens that no text was found to give"
    )
    if smoke:
        typer.echo(
            f"smoke check: {smoke['same_ids']} of {smoke['texts']} texts have the same tokens, "
            f"{smoke['same_states']} of those the same hidden states to the last bit"
        )
    if smoke and smoke["same_logits"] is not None and smoke["same_ids"]:
        typer.echo(
            f"  logits: {smoke['same_logits']} the same to the last bit, largest difference "
            f"{smoke['largest']:.1e}"
        )
    if bits := facts["bits_per_character"]:
        typer.echo(f"  bits per character: {bits[0]:.3f} -> {bits[1]:.3f}")
    before = [row for row in facts["scores"] if row["stage"] == "before"]
    after = [row for row in facts["scores"] if row["stage"] == "after"]
    for old, new in zip(before, after, strict=True):
        interval = f"[{new['low']:.2f}, {new['high']:.2f}]"
        typer.echo(
            f"  P@1 {old['direction']}: {old['value']:.3f} -> {new['value']:.3f} {interval}, "
            f"n {new['n']}"
        )
    typer.echo(f"model: {made.folder}")
