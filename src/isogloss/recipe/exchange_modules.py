"""The step that puts the modules of one model in the place of those of another."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from isogloss.errors import ModelError
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import register
from isogloss.score import Scores


@register("step", "exchange_modules.v1")
class ExchangeModules(Step):
    """A model in which one part that was put into its body is that of another model.

    Attributes:
        model: `teacher`, or an earlier step that made a model, with modules in its body.
        of: another, whose part is taken.
        part: its number in both; 0 was put in first.
        keep: leave the model in the run's `files/<step>/model`.
    """

    alone: ClassVar[bool] = True
    model: str
    of: str
    part: int = Field(default=0, ge=0)
    keep: bool = False

    def needs(self) -> dict[str, str]:
        """Both models."""
        return {"model": self.model, "of": self.of}

    def run(self, place: Workplace) -> None:
        """Exchange, and leave the model."""
        from isogloss.encode.inserted.files import exchange

        folders = [place.model_folder(name) for name in (self.model, self.of)]
        for folder in folders:
            if folder.kind != "inserted.v1":
                raise ModelError(
                    "has no modules in its body", file=folder.path,
                    remedy="give a model that train.v1 made with bottleneck.v1 or the like",
                )  # fmt: skip
        exchange(folders[0].path, folders[1].path, place.folder / "model", self.part)
        if self.keep:
            place.keep_model()
        place.write(Scores())
