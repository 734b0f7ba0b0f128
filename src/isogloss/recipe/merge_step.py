"""The step that merges models of the run."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from isogloss.errors import IsoglossError
from isogloss.merge.family import read_point
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores


@register("step", "merge.v1")
class Merge(Step):
    """Merge the teacher and models of earlier steps; see `merging.merge_models`.

    Scores are the mean cosines of the merged model's vectors of words to those of each model.

    Attributes:
        models: `teacher`, or earlier steps that made a model.
        method: a point of `merge.family.POINTS`.
        settings: its numbers, such as `{ share = 0.2 }`.
        weights: one a model.
        base: the model that differences are added to.
        origin: the model that they are from, if not the base.
        rules: other weights by a pattern of tensor names, `{ "layers.0" = [1, 0] }`; the first that
            is found in a name counts.
        grafts: a model by a pattern of tensor names, `{ "embeddings" = "teacher" }`.
        groups: a name a model.
        only_shared: leave what some model lacks as the base has it.
        keep: leave the model in the run's `files/<step>/model`.
    """

    alone: ClassVar[bool] = True
    models: tuple[str, ...] = Field(min_length=1)
    method: str = "linear"
    settings: dict[str, Any] = Field(default={})
    weights: tuple[float, ...] | None = None
    base: str | None = None
    origin: str | None = None
    rules: dict[str, tuple[float, ...]] = Field(default={})
    grafts: dict[str, str] = Field(default={})
    groups: tuple[str, ...] | None = None
    only_shared: bool = False
    keep: bool = False

    @model_validator(mode="after")
    def _a_point(self) -> Merge:
        from isogloss.recipe.merging import check_bases

        try:
            check_bases(self.method, read_point(self.method, self.settings), self.base, self.origin)
        except IsoglossError as error:
            raise ValueError(str(error)) from None
        return self

    def needs(self) -> dict[str, str]:
        """All models, by where they are named."""
        named = {f"models.{i}": name for i, name in enumerate(self.models)}
        named |= {f"grafts.{pattern}": name for pattern, name in self.grafts.items()}
        return named | {
            field: name for field in ("base", "origin") if (name := getattr(self, field))
        }

    def key_settings(self) -> dict[str, Any]:
        """All but the names of the models, whose fingerprints count."""
        left = self.model_dump(mode="json", exclude={"name", "models", "base", "origin", "grafts"})
        # Of several patterns the first counts, and keys of a table would be sorted.
        return left | {"rules": list(self.rules.items()), "grafts": list(self.grafts)}

    def run(self, place: Workplace) -> None:
        """Merge, leave the model and how near it is to each."""
        from isogloss.recipe.merging import merge_models

        paths = {name: place.model_folder(name).path for name in self.needs().values()}
        made = merge_models(
            [paths[name] for name in self.models], place.folder / "model", method=self.method,
            settings=self.settings, weights=self.weights,
            base=paths[self.base] if self.base else None,
            origin=paths[self.origin] if self.origin else None,
            rules=list(self.rules.items()),
            grafts=[(pattern, paths[name]) for pattern, name in self.grafts.items()],
            groups=self.groups, only_shared=self.only_shared, seed=place.seed, start=place.start,
        )  # fmt: skip
        told = ", ".join(f"{n:,} tensors {how}" for how, n in made.facts["tensors"].items())
        place.notes.append(f"{self.name}: merged by {self.method}: {told}")
        names = {str(path): name for name, path in paths.items()}
        place.notes += made.facts["notes"]
        if self.keep:
            place.keep_model()
        place.write(
            Scores(
                Score(
                    measure="cosine_to_merged", value=facts["mean"], low=facts["low"],
                    high=facts["high"], interval="bootstrap over words", n=len(facts["each"]),
                    system=self.name, seed=place.seed, settings={"model": names[name]},
                )
                for name, facts in made.facts["smoke"]["cosines"].items()
            )
        )  # fmt: skip
