"""The step that trains what connects a multilingual encoder to a decoder."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from isogloss.recipe.factors import Factor
from isogloss.recipe.step import Workplace
from isogloss.recipe.train_step import Train
from isogloss.registry import register


@register("step", "connect.v1")
class Connect(Train):
    """Train a connector between two frozen models: `parameters.connector.connector`.

    By default the aim is the decoder's own vectors of the pivot, read as words (`targets`).

    Attributes:
        decoder: `teacher`, or an earlier step that made a model.
        hidden: width of the layer between.
        layers: of the encoder that are read, `last` or `all`.
        pooling: of the decoder's states, `last` or `mean`.
        keep: only the whole `model`, or `nothing`: it is both models with the connector.
    """

    parameters: Factor = Field(default={"use": "connector.v1"})
    decoder: str = "teacher"
    hidden: int | None = Field(default=None, ge=1)
    layers: Literal["last", "all"] = "last"
    pooling: Literal["last", "mean"] = "last"

    @field_validator("parameters")
    @classmethod
    def _known_parameters(cls, value: Factor) -> Factor:
        if value != {"use": "connector.v1"}:
            raise ValueError("a connector is what trains; its settings are those of the step")
        return value

    def needs(self) -> dict[str, str]:
        """The decoder too."""
        return {**super().needs(), "decoder": self.decoder}

    def key_settings(self) -> dict[str, Any]:
        """The decoder counts by its fingerprint."""
        return {k: v for k, v in super().key_settings().items() if k != "decoder"}

    def _change(self, place: Workplace) -> Factor:
        return {
            "use": "connector.v1", "decoder": str(place.model_folder(self.decoder).path),
            "hidden": self.hidden, "layers": self.layers, "pooling": self.pooling,
            "seed": place.seed,
        }  # fmt: skip
