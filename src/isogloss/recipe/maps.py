"""A step that fits a map of each language's vectors, and what lets later steps measure through it.

Nothing is fitted on what it is scored on: the step leaves which rows it saw (`fit.json`), and a
measuring step takes only rows that it did not see.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, field_validator, model_validator

from isogloss.encode import encode_cached
from isogloss.encode.vectors import Vectors, pair_rows
from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.files import write_json
from isogloss.measure.languages import layer_numbers
from isogloss.recipe.step import Step, Workplace, full_name
from isogloss.registry import register
from isogloss.score import Score, Scores
from isogloss.space.linear import fit, orthogonality_deviation
from isogloss.space.map import Affine, Map
from isogloss.space.normalise import normalise

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus

MAPS, FIT = "maps", "fit.json"


@register("step", "map.v1")
class FitMaps(Step):
    """Fit a map of sentence vectors for each language on its own, and to the pivot if wanted.

    Attributes:
        model: `teacher`, or the name of a step that made a model.
        text: the corpus that the maps are fitted on.
        normalisers: registered normalisers, fitted on each language apart, in this order.
        to_pivot: a registered linear map, fitted after them from each language to the pivot on
            the rows that both have; none by default.
        layers: `all`, `last` or a list of layers; each has maps of its own.
        pooling: how token vectors become one; the model's own way by default.
        fit_share: share of the text's rows to fit on, drawn at random, so that the others may be
            measured; all by default. Rows of one pivot sentence go to one side together.
    """

    model: str = "teacher"
    text: str
    normalisers: tuple[str, ...] = ()
    to_pivot: str | None = None
    layers: Literal["all", "last"] | tuple[int, ...] = "last"
    pooling: str | None = None
    fit_share: float | None = Field(default=None, gt=0, lt=1)

    @field_validator("normalisers")
    @classmethod
    def _known_normalisers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(full_name("normaliser", name) for name in names)

    @field_validator("to_pivot")
    @classmethod
    def _known_map(cls, name: str | None) -> str | None:
        return None if name is None else full_name("map", name)

    @model_validator(mode="after")
    def _does_something(self) -> FitMaps:
        if not self.normalisers and self.to_pivot is None:
            raise ValueError("a map needs normalisers, to_pivot or both")
        return self

    def needs(self) -> dict[str, str]:
        """The model and the text."""
        return {"model": self.model, "text": self.text}

    def run(self, place: Workplace) -> None:
        """Fit, save each language's maps, and say how far linear ones are from a rotation."""
        encoder, corpus = place.encoder(self.model), place.texts[self.text]
        rows = drawn_rows(corpus, place.pivot, self.fit_share, place.seed)
        fitted_on = corpus if rows is None else corpus.take(rows)
        if rows is not None:
            place.notes.append(
                f"{self.name}: fitted on {len(rows)} of {len(corpus)} rows of {corpus.name}, drawn "
                f"with seed {place.seed}; measured on the others"
            )
        layers = layer_numbers(encoder, self.layers)
        advance = place.start(f"{self.name}: fit maps", 1 + len(place.languages))
        made, of_pivot, scores = {}, {}, []
        for language in (place.pivot, *place.languages):
            vectors = _read(encoder, fitted_on, language, layers, self.pooling, place)
            of_pivot = of_pivot or vectors
            for layer in layers:
                own = normalise(vectors[layer].array, self.normalisers)
                made.setdefault(layer, own)  # of the pivot, which comes first
                if self.to_pivot is not None and language != place.pivot:
                    both = _Translations(vectors[layer], of_pivot[layer], own, made[layer])
                    turn, score = self._to_pivot(both)
                    own = own.then(turn)
                    scores.append(score)
                own.save(_folder(place.folder, language, layer))
            advance(1)
        write_json(
            place.folder / FIT,
            {"text": corpus.fingerprint, "rows": rows, "model": encoder.fingerprint,
             "pooling": self.pooling or encoder.pooling, "layers": layers},
        )  # fmt: skip
        place.write(
            Scores(scores).having(system=encoder.name, dataset=corpus.name, seed=place.seed)
        )

    def _to_pivot(self, both: _Translations) -> tuple[Map, Score]:
        x, y = both.x, both.y
        i, j, dropped = pair_rows(x, y)
        turn = fit(
            str(self.to_pivot),
            source=both.left.apply(x.array[i]),
            target=both.right.apply(y.array[j]),
        )
        [step] = turn.steps
        assert isinstance(step, Affine) and step.matrix is not None
        return turn, Score(
            measure="orthogonality_deviation", value=orthogonality_deviation(step.matrix),
            n=len(i), language=x.language, pivot=y.language, direction=f"{x.language}>{y.language}",
            layer=x.layer, pooling=x.pooling, dropped=dropped, truncated=x.truncated + y.truncated,
            model_fingerprint=x.model_fingerprint, corpus_fingerprint=x.corpus_fingerprint,
            settings={"map": self.to_pivot, "normalisers": list(self.normalisers),
                      "step": self.name},
        )  # fmt: skip


class _Translations(NamedTuple):
    """Vectors of a language and of the pivot, and the normalisers fitted on each."""

    x: Vectors
    y: Vectors
    left: Map
    right: Map


class Fit(NamedTuple):
    """What a map step was fitted on.

    Attributes:
        folder: of the step.
        text: fingerprint of its corpus.
        rows: the rows it saw; None is all.
        model: fingerprint.
        pooling: of token vectors.
        layers: that have maps.
    """

    folder: Path
    text: str
    rows: list[int] | None
    model: str
    pooling: str
    layers: list[int]


def read_fit(folder: Path) -> Fit:
    """What `FitMaps` left in its folder."""
    return Fit(folder, **json.loads((folder / FIT).read_text(encoding="utf-8")))


def through(made: Fit) -> Callable[[Vectors], Vectors]:
    """From vectors to what the maps of their language and layer make of them.

    Raises:
        UsageError: vectors of another model, pooling or layer than the maps were fitted on.
    """

    def apply(vectors: Vectors) -> Vectors:
        for what, theirs, ours in (
            ("model", vectors.model_fingerprint, made.model),
            ("pooling", vectors.pooling, made.pooling),
        ):
            if theirs != ours:
                raise UsageError(
                    f"the maps were fitted on another {what} ({ours}) than is measured ({theirs})",
                    remedy=f"give both steps the same {what}",
                )
        if vectors.layer not in made.layers:
            raise UsageError(
                f"there is no map of layer {vectors.layer}, only of {made.layers}",
                remedy="give the map step the layers that are measured",
            )
        mapped = Map.load(_folder(made.folder, vectors.language, vectors.layer))
        return vectors.with_array(mapped.apply(vectors.array))

    return apply


def unseen(made: Fit, corpus: Corpus, place: Workplace) -> Corpus:
    """The rows of a corpus that the maps were not fitted on.

    Raises:
        CorpusError: none is left; or sentence pairs of other rows, or of another text, are the
            same word for word as some that were fitted on.
    """
    fitted_on = next(text for text in place.texts.values() if text.fingerprint == made.text)
    seen = set(range(len(fitted_on)) if made.rows is None else made.rows)
    measured = corpus
    if corpus.fingerprint == made.text:
        others = [row for row in range(len(corpus)) if row not in seen]
        if len(others) < 2:
            raise CorpusError(
                f"{len(others)} rows are left to measure: the maps were fitted on the others",
                file=corpus.source,
                remedy="fit on another text, or set a smaller fit_share in the map step",
            )
        measured = corpus.take(others, name=f"{corpus.name}-unseen")
    for language in place.languages:
        known = _pairs(fitted_on.take(sorted(seen)), language, place.pivot)
        if both := len(known & _pairs(measured, language, place.pivot)):
            raise CorpusError(
                f"{both} pairs of {language} and {place.pivot} that maps were fitted on would be "
                "measured: they stand word for word in both",
                file=corpus.source,
                remedy="take them out of one of the texts",
            )
    return measured


def drawn_rows(corpus: Corpus, pivot: str, share: float | None, seed: int) -> list[int] | None:
    """The rows to fit on, rising, all rows of one pivot sentence or none; None means every row.

    Raises:
        CorpusError: fewer than 2 rows on either side.
    """
    if share is None:
        return None
    # A row without a pivot text is a group of its own; no text holds a NUL.
    keys = [text or f"\0{i}" for i, text in enumerate(corpus.texts(pivot))]
    groups: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    sizes = np.array([len(rows) for rows in groups.values()])
    order = np.random.default_rng(seed).permutation(len(sizes))
    upto = int(np.searchsorted(sizes[order].cumsum(), round(share * len(keys)), side="left")) + 1
    members = list(groups.values())
    rows = sorted(row for at in order[:upto] for row in members[at])
    if min(len(rows), len(keys) - len(rows)) < 2:
        raise CorpusError(
            f"{len(rows)} of {len(keys)} rows to fit on and {len(keys) - len(rows)} to measure; "
            "both sides need 2 at least",
            file=corpus.source,
            remedy="choose another fit_share, or give more text",
        )
    return rows


def copy_maps(step: Path, name: str, folder: Path) -> None:
    """Copy a step's maps to `folder/maps/<language>/<name>/layer-<n>`, if it made some."""
    import shutil

    from isogloss.files import atomic_folder

    if (step / MAPS).is_dir():
        for language in sorted((step / MAPS).iterdir()):
            with atomic_folder(folder / MAPS / language.name / name) as temporary:
                shutil.copytree(language, temporary, dirs_exist_ok=True)


def _read(
    encoder: Any,
    corpus: Corpus,
    language: str,
    layers: list[int],
    pooling: str | None,
    place: Workplace,
) -> dict[int, Vectors]:
    from isogloss.encode.cache import cache_root

    vectors = encode_cached(
        encoder, corpus.texts(language), language=language, layers=layers, pooling=pooling,
        strict=place.strict, cache=cache_root(),
    )  # fmt: skip
    if (n := len(vectors[layers[0]])) < 2:
        raise VectorError(f"{language} has {n} texts to fit a map on; at least 2 are needed")
    return vectors


def _pairs(corpus: Corpus, language: str, pivot: str) -> set[tuple[str, str]]:
    both = zip(corpus.texts(language), corpus.texts(pivot), strict=True)
    return {(left, right) for left, right in both if left is not None and right is not None}


def _folder(step: Path, language: str, layer: int) -> Path:
    return step / MAPS / language / f"layer-{layer:02d}"
