"""The languages most like some others to a model, from parallel text: mPLM-Sim as a job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isogloss.corpus import read_corpus
from isogloss.encode import encode_cached, load_encoder
from isogloss.encode.cache import cache_root
from isogloss.errors import UnknownLanguage, UsageError
from isogloss.measure.languages import layer_numbers
from isogloss.measure.similarity import similarity
from isogloss.progress import Start, silent
from isogloss.score import Score, Scores


def similar(
    model: str,
    text: str | Path,
    targets: Sequence[str],
    *,
    among: Sequence[str] = (),
    layer: int | None = None,
    k: int = 5,
    pooling: str | None = None,
    seed: int = 0,
    strict: bool = False,
    network: bool = False,
    start: Start = silent,
) -> tuple[Scores, list[str]]:
    """The k languages nearest to each target by `measure.similarity`, best first, and notes.

    The targets' vectors and one other language's are in memory at a time.

    Args:
        model: a local folder, a hub name, or `all-MiniLM-L6-v2`.
        text: n-way parallel text, see `read_corpus`.
        targets: languages of the text.
        among: the languages to choose from; all of the text by default.
        layer: 0 is the embedding layer; the last by default.
        k: how many a target, at most.
        pooling: how token vectors become one; the model's own way by default.
        seed: of the bootstrap.
        strict: refuse texts over the window.
        network: allow fetching model and text.
        start: starts progress bars.

    Returns:
        Rows `language_similarity`: `language` is the target, `pivot` the other one, the settings
        hold its rank. Languages that share fewer than 2 rows with a target are told in the notes.

    Raises:
        UnknownLanguage: one that the text does not have, or no other one to choose.
        UsageError: k under 1, or a layer that the model does not have.
    """
    if k < 1:
        raise UsageError(f"k is {k}; at least 1 language can be asked for")
    corpus = read_corpus(text, network=network)
    asked = list(dict.fromkeys(map(str, corpus.resolve(targets))))
    others = list(map(str, corpus.resolve(among) if among else corpus.languages))
    for target in asked:
        if not set(others) - {target}:
            raise UnknownLanguage(
                f"there is no language to compare {target} with", file=corpus.source,
                remedy=f"the text has {', '.join(map(str, corpus.languages))}",
            )  # fmt: skip
    encoder = load_encoder(model, network=network)
    [number] = layer_numbers(encoder, "last" if layer is None else [layer])

    def read(language: str):
        return encode_cached(
            encoder, corpus.texts(language), language=language, layers=[number], pooling=pooling,
            strict=strict, cache=cache_root(),
        )[number]  # fmt: skip

    near = {target: read(target) for target in asked}
    found: dict[str, list[Score]] = {target: [] for target in asked}
    notes = [corpus.sniffed, *corpus.notes]
    advance = start("comparing languages", len(others))
    for other in others:
        theirs = near.get(other) or read(other)
        for target in asked:
            if other == target:
                continue
            [row] = similarity({target: near[target], other: theirs}, seed=seed).scores(
                layer=number, pooling=theirs.pooling, system=encoder.name, dataset=corpus.name,
                seed=seed, truncated=near[target].truncated + theirs.truncated,
                model_fingerprint=encoder.fingerprint, corpus_fingerprint=corpus.fingerprint,
            )  # fmt: skip
            if row.value is None:
                notes.append(f"{target} and {other} share {row.n} rows: not compared")
            else:
                found[target].append(row)
        advance(1)
    ranked = Scores()
    for rows in found.values():
        rows.sort(key=lambda row: -(row.value or 0))
        for rank, row in enumerate(rows[:k], 1):
            ranked += Scores([row]).having(settings={"rank": rank, "of": len(rows)})
    if cut := sum(vectors.truncated for vectors in near.values()):
        notes.append(f"{cut} texts of {', '.join(asked)} were cut to the model's window")
    return ranked, notes
