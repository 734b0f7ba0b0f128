"""The step that makes a model of the run larger."""

from __future__ import annotations

from typing import Any, ClassVar

from isogloss.merge.grow import Growth
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores


@register("step", "grow.v1")
class Grow(Step):
    """Make a wider or deeper model that begins with what a smaller one knows.

    The score is the mean cosine of the beginnings of its vectors of words to those of the smaller
    one: 1 where the function is kept.

    Attributes:
        model: `teacher`, or an earlier step that made a model.
        sizes: what it becomes, `{ hidden = 768, layers = 12 }`; see `merge.grow.Growth`.
        keep: leave the model in the run's `files/<step>/model`.
    """

    alone: ClassVar[bool] = True
    model: str = "teacher"
    sizes: Growth
    keep: bool = False

    def needs(self) -> dict[str, str]:
        """The model."""
        return {"model": self.model}

    def key_settings(self) -> dict[str, Any]:
        """All but the name of the model, whose fingerprint counts."""
        return {k: v for k, v in super().key_settings().items() if k != "model"}

    def run(self, place: Workplace) -> None:
        """Grow, leave the model and how near it is to the smaller one."""
        from isogloss.recipe.growing import grow_model

        made = grow_model(
            place.model_folder(self.model).path, place.folder / "model", self.sizes,
            start=place.start,
        )  # fmt: skip
        sizes = ", ".join(
            f"{key} {old} to {new}" for key, (old, new) in made.facts["sizes"].items()
        )
        place.notes += [f"{self.name}: {sizes}", *made.facts["notes"]]
        if self.keep:
            place.keep_model()
        [found] = made.facts["smoke"]["cosines"].values()
        place.write(
            Scores(
                [
                    Score(
                        measure="cosine_to_grown", value=found["mean"], low=found["low"],
                        high=found["high"], interval="bootstrap over words", n=len(found["each"]),
                        system=self.name, seed=place.seed, settings={"model": self.model},
                    )
                ]
            )
        )  # fmt: skip
