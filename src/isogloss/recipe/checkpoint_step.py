"""The step that takes a model as it was in the middle of its training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from isogloss.recipe.step import Step, Workplace
from isogloss.recipe.train_step import Train, checkpoint_folder
from isogloss.registry import register
from isogloss.score import Scores


@register("step", "checkpoint.v1")
class Checkpoint(Step):
    """Take a model as it was after some steps of its training, to be measured or merged.

    Attributes:
        model: a step `train.v1`.
        after: how many of its steps; it must keep the model of that one by `keep_checkpoints`.
    """

    alone: ClassVar[bool] = True
    model: str
    after: int = Field(ge=1)

    def needs(self) -> dict[str, str]:
        """The step that trained."""
        return {"model": self.model}

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """The step must have kept it."""
        step = earlier.get(self.model)
        if step is None:
            return []
        if not isinstance(step, Train):
            return [f"model: {step.name!r} is a {step.use}, not a train.v1"]
        if self.after in step.keep_checkpoints:
            return []
        kept = ", ".join(map(str, step.keep_checkpoints)) or "none"
        return [
            f"after: {step.name!r} keeps the models of {kept} of its steps, not of {self.after}"
        ]

    def run(self, place: Workplace) -> None:
        """Take it."""
        shutil.copytree(
            checkpoint_folder(place.done[self.model], self.after), place.folder / "model"
        )
        place.write(Scores())
