"""What a training is named by in a recipe: factors, each a registered name and its settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from isogloss import registry
from isogloss.errors import SettingsError, UnknownName
from isogloss.settings import NotNegative, Settings, Share, read_keywords

if TYPE_CHECKING:
    from isogloss.train.material import Material

Factor = dict[str, Any]
"""`use`, the registered name, and its settings."""
_ON_THE_WAY = ("transform", "copies")


def _on_the_way(
    *, transform: list[Factor] | None = None, copies: Annotated[int, Field(ge=1)] = 1
) -> None:
    """What every mixture may be told beside its own settings, of these types."""


_Points = Annotated[tuple[tuple[Share, NotNegative], ...], Field(min_length=1)]


def _weighed(*, weight: NotNegative | _Points) -> None:
    """What every objective may be told beside its own settings, of these types."""


class LessonTable(Settings):
    """What is read, and what it is pulled toward.

    Attributes:
        mixture: `use` and the settings of a registered mixture; it names texts by `text`. Beside
            these, `transform` is a list of registered transforms that its texts go through first,
            each with `use` and its settings, and `copies` how often they do, each time with other
            draws.
        objectives: each with `use`, its settings, and `weight`: a number, 1 by default, or points
            `[share of the steps, weight]` with lines between them.
        languages: of the run, that are read, the pivot too only if it is named; all by default.
    """

    mixture: Factor
    objectives: tuple[Factor, ...] = Field(min_length=1)
    languages: tuple[str, ...] | None = Field(default=None, min_length=1)

    @field_validator("mixture")
    @classmethod
    def _known_mixture(cls, value: Factor) -> Factor:
        known = known_factor("mixture", value, beside=tuple(_ON_THE_WAY))
        given = {key: known[key] for key in _ON_THE_WAY if key in known}
        try:
            found = read_keywords(_on_the_way, given)
        except SettingsError as error:
            raise ValueError("; ".join(error.problems)) from None
        if "transform" in found:
            found["transform"] = [known_factor("transform", one) for one in found["transform"]]
        return {**known, **found}

    @field_validator("objectives")
    @classmethod
    def _known_objectives(cls, values: tuple[Factor, ...]) -> tuple[Factor, ...]:
        known = tuple(known_factor("objective", value, beside=("weight",)) for value in values)
        for factor in known:
            try:
                read_keywords(_weighed, {"weight": factor.get("weight", 1.0)})
            except SettingsError as error:
                told = "; ".join(error.problems)
                raise ValueError(f"{factor['use']}: {told}") from None
        return known


def known_factor(kind: str, value: Factor, beside: tuple[str, ...] = ()) -> Factor:
    """The factor with its full name and its settings checked; `beside` are keys of others."""
    if not isinstance(use := value.get("use"), str):
        raise ValueError(f"use: required, one of {', '.join(registry.names(kind))}")
    own = {name: given for name, given in value.items() if name not in ("use", *beside)}
    try:
        name = registry.full_name(kind, use)
        read = read_keywords(registry.get(kind, name), own)
    except UnknownName as error:
        raise ValueError(f"use: {error.message}; {error.remedy}") from None
    except SettingsError as error:
        raise ValueError("; ".join(f"{use}: {problem}" for problem in error.problems)) from None
    return {"use": name, **read, **{key: value[key] for key in beside if key in value}}


def objective_of(factor: Factor) -> Any:
    """The objective that a factor names."""
    settings = {key: value for key, value in factor.items() if key not in ("use", "weight")}
    return registry.get("objective", factor["use"])(**settings)


def columns_of(objective: Any) -> tuple[str, ...]:
    """What an objective needs of a batch."""
    return getattr(objective, "columns", ())


def texts_of(mixture: Factor) -> list[str]:
    """The texts that the settings of a mixture name."""
    return [str(value) for key, value in mixture.items() if key.split("_")[-1] == "text"]


def files_of(value: Any) -> Iterator[Path]:
    """The files that settings name."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from files_of(one)


def mixture_of(factor: Factor, material: Material, *, seed: int) -> Any:
    """The mixture that a factor names, of the texts as its transforms make them."""
    left_out = ("use", *_ON_THE_WAY)
    settings = {key: value for key, value in factor.items() if key not in left_out}
    return registry.get("mixture", factor["use"])(_changed(factor, material, seed), **settings)


def _changed(mixture: Factor, material: Material, seed: int) -> Material:
    """The material with the texts of a mixture as its transforms make them."""
    import numpy as np

    from isogloss.train.transforms.apply import transformed

    factors, copies = mixture.get("transform", ()), mixture.get("copies", 1)
    if not factors and copies == 1:
        return material
    before, after = dict(material.originals), dict(material.texts)
    for name in texts_of(mixture):
        corpus = material.texts[name]
        before[name], after[name] = transformed(
            corpus, material.pivot, factors, copies=copies, seed=seed
        )
        for note in after[name].notes[len(corpus.notes) :]:
            material.note(note)
    read = material.vectors

    def vectors(name: str) -> np.ndarray:
        assert read is not None, "replaced only where there is one"
        return np.tile(read(name), (copies if name in before else 1, 1))

    return replace(
        material, texts=after, originals=before, vectors=None if read is None else vectors
    )
