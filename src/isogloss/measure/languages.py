"""Measure a model's languages against the pivot, one language at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isogloss import registry
from isogloss.encode import encode_cached
from isogloss.errors import UsageError
from isogloss.measure.measured import Measured
from isogloss.measure.pair import Pair
from isogloss.score import Scores

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.encode.protocol import Encoder
    from isogloss.encode.vectors import Vectors

PROBE = "language_probe.v1"


def measure_languages(
    encoder: Encoder,
    corpus: Corpus,
    *,
    pivot: str,
    languages: Sequence[str],
    layers: str | Sequence[int] = "last",
    pooling: str | None = None,
    probe_layers: str | Sequence[int] = "last",
    measures: Sequence[str] | None = None,
    strict: bool = False,
    seed: int = 0,
    cache: Path | None = None,
    progress: Callable[[int], None] | None = None,
    through: Callable[[Vectors], Vectors] | None = None,
    pivot_encoder: Encoder | None = None,
) -> Measured:
    """Every measure of every language and layer, against the pivot.

    Only the pivot's vectors and one language's are in memory at a time.

    Args:
        encoder: the model.
        corpus: n-way parallel text.
        pivot: canonical tag of the language to compare with.
        languages: canonical tags to measure.
        layers: `all`, `last` or layer numbers.
        pooling: the encoder's own by default.
        probe_layers: layers whose language-ID probe is trained.
        measures: registered names; all by default.
        strict: refuse texts over the window.
        seed: of bootstrap and folds.
        cache: folder of cached vectors.
        progress: called with 1 after each language.
        through: what is done to the vectors of a language and layer before they are measured.
        pivot_encoder: reads the pivot, if the encoder does not; its layers are those of the other.

    Raises:
        UsageError: a layer that the model does not have.
        UnknownName: a measure that does not exist.
        TruncationError: strict, and a text is over the window.
        VectorError: vectors that are not numbers.
    """
    chosen = [registry.full_name("measure", name) for name in measures or registry.names("measure")]
    wanted, probed = layer_numbers(encoder, layers), set(layer_numbers(encoder, probe_layers))

    def encode(language: str, encoder: Encoder = encoder) -> dict[int, Vectors]:
        read = encode_cached(
            encoder, corpus.texts(language), language=language, layers=wanted, pooling=pooling,
            strict=strict, cache=cache,
        )  # fmt: skip
        return read if through is None else {layer: through(v) for layer, v in read.items()}

    of_pivot = encode(pivot, pivot_encoder or encoder)
    if progress:
        progress(1)
    scores: list = []
    items: dict[str, np.ndarray] = {}
    for language in languages:
        of_language = encode(language)
        for layer in wanted:
            names = [name for name in chosen if name != PROBE or layer in probed]
            measured = measure_pair(Pair(of_language[layer], of_pivot[layer]), names, seed=seed)
            scores += measured.scores
            items |= measured.items
        if progress:
            progress(1)
    return Measured(Scores(scores), items)


def measure_pair(pair: Pair, measures: Sequence[str], *, seed: int = 0) -> Measured:
    """These measures of one pair, sharing what they have in common."""
    found = [f for name in measures for f in registry.get("measure", name)(pair, seed=seed)]
    return pair.scores(found, seed)


def layer_numbers(encoder: Encoder, layers: str | Sequence[int]) -> list[int]:
    """The layers that `all`, `last` or a list of numbers mean for this encoder, rising.

    Raises:
        UsageError: a layer that the model does not have.
    """
    if layers == "all":
        return list(encoder.layers)
    if layers == "last":
        return [encoder.layers[-1]]
    numbers = [int(layer) for layer in layers]
    if absent := [layer for layer in numbers if layer not in encoder.layers]:
        raise UsageError(
            f"{encoder.name} has no layer {absent[0]}",
            remedy=f"it has layers {encoder.layers[0]} to {encoder.layers[-1]}",
        )
    return sorted(set(numbers))
