"""A step that brings one more model into a run."""

from __future__ import annotations

import shutil
from typing import Any, ClassVar

from pydantic import field_validator

from isogloss.errors import IsoglossError
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import register
from isogloss.score import Scores


@register("step", "open_model.v1")
class OpenModel(Step):
    """One more model, for steps that need two: whose vectors are aimed at, or what is connected.

    It is copied into the cache, weights in other formats left out, and counts by its bytes.

    Attributes:
        path: a folder, or a name that is in the local cache of the hub.
    """

    alone: ClassVar[bool] = True
    path: str

    @field_validator("path")
    @classmethod
    def _there(cls, path: str) -> str:
        from isogloss.encode.resolve import find_model

        try:
            find_model(path)
        except IsoglossError as error:
            raise ValueError(str(error)) from None
        return path

    def key_settings(self) -> dict[str, Any]:
        """The model's fingerprint, wherever it lies."""
        from isogloss.encode.resolve import find_model

        return {"path": find_model(self.path).fingerprint}

    def run(self, place: Workplace) -> None:
        """Copy it."""
        from isogloss.encode.resolve import find_model

        left = shutil.ignore_patterns("*.bin", "*.h5", "*.msgpack", "*.ot", "onnx", "openvino")
        shutil.copytree(find_model(self.path).path, place.folder / "model", ignore=left)
        place.write(Scores())
