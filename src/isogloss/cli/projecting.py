"""The command that carries labels to translations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss.cli.options import Json, Network, Seed, tell
from isogloss.errors import UsageError


def project_labels(
    labels: Annotated[
        str,
        typer.Option(
            help="Labelled text: CoNLL, CoNLL-U, TSV, JSONL. Tags are BIO (BIOES, BILOU), or one a "
            "word, such as UPOS."
        ),
    ],
    source: Annotated[str, typer.Option(help="Language of the labels: eng.")],
    target: Annotated[str, typer.Option(help="Language to project to: hau.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for labels.jsonl, labels.conll (.conllu) and counts.json."),
    ] = None,
    translations: Annotated[
        Path | None,
        typer.Option(help="A translation a line, in the order of the labels; empty for none."),
    ] = None,
    translator: Annotated[
        str | None,
        typer.Option(
            help="Instead: local:FOLDER, command:PROGRAM ARGUMENTS, openai:URL#MODEL, lexicon:FILE."
        ),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            help="Links between words in Pharaoh format (0-0 1-2), a line an example; of words as "
            "--segment cuts them."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Instead, what makes links: an encoder (all-MiniLM-L6-v2, a folder), or eflomal, "
            "hmm, fast_align, ibm1 ... trained on these sentences. For candidates: the encoder; "
            "without one the translator judges."
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="aligned: along links. markers: marks around spans that the translator carries, "
            "links where it loses them. codec: marks that it puts into its finished translation. "
            "candidates: the stretches most like each span, by --model or by the translator, of "
            "all or of those that --proposer names. Codec needs a translator local:FOLDER, "
            "candidates that, lexicon:FILE or --model; both take --translations too."
        ),
    ] = "aligned",
    proposer: Annotated[
        Path | None,
        typer.Option(
            help="For candidates: judge what a model of source and target proposes (a folder of "
            "mT5 or the like) in place of all stretches. One that was not taught to is taught by "
            "the labels, and left in --out."
        ),
    ] = None,
    beams: Annotated[int, typer.Option(help="Of --proposer: how many propose, 1 or more.")] = 20,
    within: Annotated[
        bool,
        typer.Option(
            "--within",
            help="Of --proposer: it can write nothing but tokens that follow each other in the "
            "translation; for small models.",
        ),
    ] = False,
    unproposed: Annotated[
        Literal["lost", "all"],
        typer.Option(
            help="Of --proposer: a span of which no proposal stands in the translation is lost, or "
            "sought in all stretches."
        ),
    ] = "lost",
    epochs: Annotated[
        float | None, typer.Option(help="Of teaching --proposer: rounds through the labels; 5.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of teaching --proposer, its peak; 1e-4.")
    ] = None,
    shape: Annotated[
        str, typer.Option(help="words (tags of words), intents (with an intent), trees (CoNLL-U).")
    ] = "words",
    segment: Annotated[
        str,
        typer.Option(
            help="Words of a translation: tokens (punctuation apart), words (as align-words cuts "
            "them), spaces (translations that are tokenised already)."
        ),
    ] = "tokens",
    gap: Annotated[
        int | None, typer.Option(help="Most words without a link inside a span; any by default.")
    ] = None,
    meeting: Annotated[
        str, typer.Option(help="Of spans with a word in common keep: larger, first or neither.")
    ] = "larger",
    lost: Annotated[
        str,
        typer.Option(
            help="Where a span is lost leave out the example; or span: that one, whose words then "
            "look unlabelled."
        ),
    ] = "example",
    coverage: Annotated[
        float, typer.Option(help="Least share of words with a link, 0 to 1; 0.7 drops bad pairs.")
    ] = 0.0,
    style: Annotated[
        str, typer.Option(help="Marks: xml (<a> ... </a>), or brackets ([ ... ]).")
    ] = "xml",
    extraction: Annotated[
        str | None,
        typer.Option(help="How links are chosen, as --methods of align-words; itermax by default."),
    ] = None,
    layer: Annotated[
        int | None, typer.Option(help="Layer of the encoder; two thirds up by default.")
    ] = None,
    hmm: Annotated[
        bool,
        typer.Option(
            "--hmm", help="Of tags of words: fit a hidden Markov model and take what it says."
        ),
    ] = False,
    texts: Annotated[
        Path | None,
        typer.Option(help="Only write the sentences here, a line each, to translate elsewhere."),
    ] = None,
    seed: Seed = 0,
    network: Network = False,
    as_json: Json = False,
) -> None:
    """Carry labels of words to a translation: names, slots, parts of speech, trees.

    1. Write the sentences, and translate them with what you have:

    isogloss project-labels --labels train.tsv --source eng --texts train.eng.txt

    2. Project along links between words:

    Example: isogloss project-labels --labels train.tsv --source eng --target hau
    --translations train.hau.txt --model all-MiniLM-L6-v2 --gap 1 --coverage 0.5 --out runs/hau

    Or let a translator carry marks, with links for what it loses:

    isogloss project-labels --labels train.tsv --source eng --target hau --method markers
    --translator local:models/en-ha --model eflomal --out runs/hau

    Or let a model that learned from the labels propose, and a translator choose:

    isogloss project-labels --labels train.tsv --source eng --target hau --method candidates
    --translator local:models/nllb --proposer models/mt5 --out runs/hau

    Nothing is dropped unseen: counts.json says what became of every span and sentence.
    """
    from isogloss.progress import bars
    from isogloss.recipe import projection as job
    from isogloss.settings import read_settings
    from isogloss.task.projection.aligned import Rules
    from isogloss.task.solver import Tuning

    if texts is not None:
        typer.echo(f"{job.write_texts(labels, texts, source, shape):,} sentences: {texts}")
        return
    if out is None or not target:
        raise UsageError("there is no --target or no --out", remedy="give both, or --texts alone")
    told = {"epochs": epochs, "learning_rate": learning_rate}
    tuning = read_settings(Tuning, {k: v for k, v in told.items() if v is not None})
    if proposer is None and (beams != 20 or within or unproposed != "lost" or tuning != Tuning()):
        raise UsageError("there is no proposer to set up", remedy="name one: --proposer")
    proposing = (
        None if proposer is None else job.Proposing(proposer, beams, within, unproposed, tuning)
    )
    with bars() as start:
        files, facts = job.run(
            labels, out, (source, target),
            job.Means(translations, translator, links, model, layer, extraction, proposing),
            method=method,
            shape=shape, segment=segment, rules=Rules(gap, meeting, lost, coverage), style=style,  # ty: ignore[invalid-argument-type]
            hmm=hmm, seed=seed, network=network, start=start,
        )  # fmt: skip
    tell(facts["notes"])
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    for why, count in facts["counts"].items():
        typer.echo(f"{count:>9,} {why}")
    for file in files:
        typer.echo(str(file))
