"""Links between the words of translations, by an encoder's vectors or by statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isogloss import registry
from isogloss.errors import UsageError
from isogloss.match.statistical import MODELS, align_statistically
from isogloss.match.word_alignment import align_words, middle

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder

PAIRS = 512  # of sentences whose vectors are held at once


def link_words(
    source: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    by: str = "itermax",
    *,
    encoder: Encoder | None = None,
    layer: int | None = None,
    seed: int = 0,
) -> list[list[tuple[int, int]]]:
    """Links of every sentence with its translation: pairs of word numbers from 0.

    Args:
        source: words of n sentences.
        target: words of their translations.
        by: a registered extraction, which reads the vectors of an encoder; or a statistical model
            of `MODELS`, which is trained on these very sentences and wants hundreds of them.
        encoder: for an extraction.
        layer: of the encoder; two thirds up by default.
        seed: of a statistical model.

    Raises:
        UsageError: an extraction without an encoder, or a layer for a statistical model.
        UnknownName: neither an extraction nor a statistical model.
    """
    if by in MODELS:
        if layer is not None:
            raise UsageError(f"{by} reads words and has no layer {layer}", remedy="leave it out")
        return [one.pairs for one in align_statistically(source, target, model=by, seed=seed)]
    registry.get("extraction", by)  # one that is not there is told before the work
    if encoder is None:
        raise UsageError(
            f"{by} reads vectors of words, and there is no encoder",
            remedy=f"give one, or a statistical model: {', '.join(MODELS)}",
        )
    at = middle(encoder.layers) if layer is None else layer
    made: list[list[tuple[int, int]]] = []
    for first in range(0, len(source), PAIRS):
        sides = [next(iter(encoder.encode_words(side[first : first + PAIRS], layers=[at]).values()))
                 for side in (source, target)]  # fmt: skip
        made += [one.pairs for one in align_words(*sides, [by])[by]]
    return made
