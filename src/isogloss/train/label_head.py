"""A head that says which of some classes: of a text, of a token; saved beside the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.encode.folder import read_object
from isogloss.errors import ModelError, TrainingError
from isogloss.files import write_json
from isogloss.train.batch import UNKNOWN
from isogloss.train.contracts import Loss, wanted_of

HEADS = "heads"
"""Where the heads lie in the folder of their model."""


class LabelHead(nn.Module):
    """logits = W h + b, a class a row of W; the loss is the mean -log p(label) of what has one.

    Its weights are made when training begins, of the model's width, and train beside it.

    Args:
        classes: how many there are.
        factor: of the learning rate, over that of the model.
        drop: share of the numbers of h that are left out in training.
        seed: of the first weights.
    """

    part: ClassVar[str] = "label"

    def __init__(
        self, classes: int, factor: float = 10.0, drop: float = 0.1, seed: int = 0
    ) -> None:
        super().__init__()
        self.classes, self.factor, self.drop, self.seed = classes, factor, drop, seed
        self.layer: nn.Linear | None = None

    def begin(self, model: Any) -> None:
        """Make the weights, unless they are there."""
        if self.layer is not None:
            return
        made = nn.Linear(model.body.config.hidden_size, self.classes)
        with torch.no_grad():
            drawn = torch.Generator().manual_seed(self.seed)
            made.weight.normal_(std=0.02, generator=drawn)
            made.bias.zero_()
        self.layer = made

    def told(self, vectors: torch.Tensor, labels: torch.Tensor) -> Loss:
        """The loss of vectors `[n, d]` with labels `[n]`, some of them `UNKNOWN`."""
        known = labels != UNKNOWN
        logits = self.logits(F.dropout(vectors[known], self.drop, self.training))  # [m, classes]
        if (wrong := int(labels.max())) >= self.classes:
            raise TrainingError(
                f"a label has the number {wrong}, and the head tells {self.classes} classes",
                remedy=f"set classes to the number of labels, at least {wrong + 1}",
            )
        total = F.cross_entropy(logits, labels[known])
        return Loss(total, {self.part: float(total.detach())})

    def shares(self, vectors: torch.Tensor) -> torch.Tensor:
        """The share of each class `[n, classes]`, of vectors `[n, d]`."""
        return self.logits(vectors).softmax(-1)

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """A number a class `[..., classes]`, of vectors `[..., d]`.

        Raises:
            TrainingError: training has not begun.
        """
        if self.layer is None:
            raise TrainingError("the head has no weights before training begins")
        return self.layer(vectors)

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write the next of the folders `heads/1`, `heads/2` ... of a model.

        It has `head.safetensors`, and `head.json` with what the head reads and its classes by
        number. It reads `vectors`, means of the last states with what stands around a text, or
        `states`.
        """
        assert self.layer is not None, "saved after training"
        about = {
            "reads": wanted_of(self)[0],
            "classes": list(names) or list(map(str, range(self.classes))),
        }
        write_head(folder, self.layer, about)


def write_head(folder: Path, weights: nn.Module, about: Mapping[str, Any]) -> None:
    """Write `head.safetensors` and `head.json` into the next of the folders `heads/<number>`."""
    from safetensors.torch import save_file

    heads = folder / HEADS
    heads.mkdir(exist_ok=True)
    into = heads / str(sum(1 for _ in heads.iterdir()) + 1)
    into.mkdir()
    kept = {n: w.detach().contiguous() for n, w in weights.state_dict().items()}
    save_file(kept, into / "head.safetensors")
    write_json(into / "head.json", dict(about))


def read_head(folder: Path, use: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What `write_head` wrote last of an objective that says `use`: about it, and its weights.

    Raises:
        ModelError: the model has no such head, or one that cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    found = sorted(
        (folder / HEADS).glob("*/head.json"), key=lambda f: (len(f.parent.name), f.parent.name)
    )
    for file in reversed(found):
        about = read_object(file)
        if about.get("use") == use:
            try:
                return about, load_file(file.with_name("head.safetensors"))
            except (OSError, SafetensorError) as error:
                raise ModelError(f"the head {use} cannot be read: {error}", file=file) from None
    raise ModelError(
        f"the model has no head {use}", file=folder, remedy=f"train it with the objective {use}"
    )
