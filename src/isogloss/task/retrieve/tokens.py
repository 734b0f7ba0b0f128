"""Vectors of the tokens of queries and passages, projected to few dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.encode.protocol import Encoder, differs_by_language
from isogloss.encode.texts import choose_layers
from isogloss.encode.words import TokenVectors
from isogloss.errors import ModelError, UsageError, VectorError
from isogloss.files import fingerprint_texts
from isogloss.match.neighbours import unit
from isogloss.space.normalise import directions
from isogloss.task.retrieve.maxsim import Tokens

MASKS = ("[MASK]", "<mask>", "<|mask|>")
"""How tokenizers spell the mask."""


@dataclass(frozen=True, eq=False)
class Projection:
    """P, from states to the few dimensions that are compared.

    Attributes:
        matrix: `[d, p]`.
        made: `trained`, `pca`, `random` or `none`.
        settings: how it was made.
    """

    matrix: np.ndarray
    made: str
    settings: Mapping[str, Any]

    def apply(self, states: np.ndarray) -> np.ndarray:
        """Unit vectors `[t, p]` of states `[t, d]`.

        Raises:
            VectorError: of another width.
        """
        if states.shape[1] != len(self.matrix):
            raise VectorError(
                f"states of width {states.shape[1]}, and the projection reads {len(self.matrix)}",
                remedy="use the projection with the model it was made for",
            )
        return unit(states if self.made == "none" else states @ self.matrix)

    @property
    def about(self) -> dict[str, Any]:
        """What names it, the matrix too."""
        values = np.ascontiguousarray(self.matrix, np.float32).tobytes().hex()
        return {"made": self.made, **self.settings, "matrix": fingerprint_texts([values])}


def trained_projection(folder: Path) -> Projection:
    """The head that `late_interaction.v1` left beside a model.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    from isogloss.train.label_head import read_head

    about, weights = read_head(folder, "late_interaction.v1")
    if "weight" not in weights:
        raise ModelError("the head late_interaction.v1 has no weight", file=folder)
    matrix = weights["weight"].float().numpy().T  # [d, p]
    return Projection(matrix, "trained", {"dimensions": about["dimensions"]})


def pca_projection(states: np.ndarray, dimensions: int) -> Projection:
    """The first principal directions of states `[t, d]` about the origin, nothing trained.

    Of all projections to so few dimensions the one that keeps the products of these states best.
    Prefer it where there is nothing to train on: it needs no more than a sample of passages.

    Raises:
        UsageError: more dimensions than the states have.
    """
    check_dimensions(dimensions, states.shape[1])
    matrix = directions(states)[1][:, :dimensions]
    return Projection(
        np.ascontiguousarray(matrix), "pca", {"dimensions": dimensions, "n": len(states)}
    )


def random_projection(width: int, dimensions: int, seed: int = 0) -> Projection:
    """Normal numbers: keeps any products about as they were, the better the more dimensions.

    Prefer it over PCA where passages to come are unlike those there are.
    Source: Johnson and Lindenstrauss (1984).

    Raises:
        UsageError: more dimensions than the states have.
    """
    check_dimensions(dimensions, width)
    drawn = np.random.default_rng(seed).normal(scale=dimensions**-0.5, size=(width, dimensions))
    return Projection(drawn.astype(np.float32), "random", {"dimensions": dimensions, "seed": seed})


def no_projection(width: int) -> Projection:
    """States as they are."""
    return Projection(np.eye(width, dtype=np.float32), "none", {"dimensions": width})


def check_dimensions(dimensions: int, width: int) -> None:
    """Refuse more dimensions than there are."""
    if not 1 <= dimensions <= width:
        raise UsageError(f"{dimensions} dimensions of states that have {width}")


def read_states(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    language: str,
    layer: int | None = None,
    masks: int = 0,
) -> Tokens:
    """States of the own tokens of each text, not projected and not of length 1.

    Texts over the window are read in overlapping parts, so no token is without a vector. What
    stands around a text has none here, as in training.

    Args:
        encoder: one that has vectors of tokens.
        texts: of queries or passages.
        language: canonical tag, for encoders that differ by language.
        layer: the last by default.
        masks: mask tokens put behind each text, whose states are further vectors. Good for queries
            of models that were trained so, as ColBERT's; others read nothing sensible into them.

    Raises:
        UsageError: masks where the tokenizer has none.

    Source: Khattab and Zaharia (2020), ColBERT, section 3.2 (query augmentation).
    """
    [at] = choose_layers(None if layer is None else [layer], encoder.layers, encoder.name)
    more = [mask_of(encoder)] * masks if masks else []
    sentences = [[*text.split(), *more] for text in texts]
    found = _words(encoder, sentences, language, at)
    return Tokens(found.array, np.diff(found.starts), found.windowed)


def read_tokens(
    encoder: Encoder,
    texts: Sequence[str],
    projection: Projection,
    *,
    language: str,
    layer: int | None = None,
    masks: int = 0,
) -> Tokens:
    """Projected unit vectors of the tokens of each text, see `read_states`."""
    states = read_states(encoder, texts, language=language, layer=layer, masks=masks)
    return states._replace(array=projection.apply(states.array))


def mask_of(encoder: Encoder) -> str:
    """How the tokenizer of an encoder spells its mask.

    Raises:
        UsageError: it has none, or one that it does not know once texts are lower-cased.
    """
    reader = encoder.reader
    to_id = getattr(reader.tokenizer, "token_to_id", lambda name: None)
    for name in MASKS:
        number = to_id(name)
        if number is not None:
            read = reader.tokenizer.encode(
                name.lower() if reader.lower else name, add_special_tokens=False
            )
            if read.ids == [number]:
                return name
    raise UsageError(
        f"{encoder.name} has no mask token, so queries cannot be made longer",
        remedy="set masks to 0, or take a model that learned from hidden tokens",
    )


def _words(
    encoder: Encoder, sentences: Sequence[Sequence[str]], language: str, layer: int
) -> TokenVectors:
    more: dict[str, Any] = {"language": language} if differs_by_language(encoder) else {}
    return encoder.encode_words(sentences, layers=[layer], **more)[layer]
