"""Where the answer to a question stands in a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import TrainingError
from isogloss.files import write_json
from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.batch import UNKNOWN, Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.grids import pad_texts

FOLDER = "answers"
"""Where the weights lie in the folder of their model."""


@register("objective", "answer_span.v1")
class AnswerSpan(nn.Module):
    """-(log p_begin(s) + log p_end(e)) / 2, mean over texts; s to e are the tokens of the answer.

    p_begin and p_end are softmaxes of u . h + a and w . h + b over the tokens that may be in an
    answer and the first token of the text, which stands for no answer: [CLS] is not among the
    states. Texts are a question and a stretch of what is asked about.

    Reads: outputs `states` `[tokens, d]`; batch `asked` `[tokens]`, 1 where an answer may be, and
    `begin`, `end` `[B]`, places in the text, 0 for no answer, `UNKNOWN` where it is not known.
    Source: Devlin et al. (2019), BERT, sections 4.2 and 4.3.

    Args:
        factor: of the head's learning rate, over that of the model.
        seed: of the first weights.
    """

    outputs: ClassVar = ("states",)
    columns: ClassVar = ("asked", "begin", "end")

    def __init__(self, *, factor: Positive = 10.0, seed: int = 0) -> None:
        super().__init__()
        self.factor, self.seed = factor, seed
        self.layer: nn.Linear | None = None

    def begin(self, model: Any) -> None:
        """Make the weights of the model's width, unless they are there."""
        if self.layer is not None:
            return
        made = nn.Linear(model.body.config.hidden_size, 2)
        with torch.no_grad():
            drawn = torch.Generator().manual_seed(self.seed)
            made.weight.normal_(std=0.02, generator=drawn)
            made.bias.zero_()
        self.layer = made

    def count(self, batch: Batch) -> int:
        """Texts of which it is known where the answer is."""
        return int((batch["begin"] != UNKNOWN).sum())

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        logits, _ = self._logits(outputs, batch)  # [B, t, 2]
        gold = torch.stack([batch["begin"], batch["end"]], 1)  # [B, 2]
        total = F.cross_entropy(logits, gold, ignore_index=UNKNOWN)
        return Loss(total, {"answer_span": float(total.detach())})

    def tell(self, outputs: Mapping[str, torch.Tensor], batch: Texts) -> list[torch.Tensor]:
        """Of each text the logits of begin and end `[t, 2]`, very small where neither can be."""
        logits, lengths = self._logits(outputs, batch)
        return [one[:length] for one, length in zip(logits, lengths.tolist(), strict=True)]

    def _logits(
        self, outputs: Mapping[str, torch.Tensor], batch: Texts
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.layer is None:
            raise TrainingError("the head has no weights before training begins")
        lengths = batch.lengths()
        states, _ = pad_texts(outputs["states"], batch.offsets, lengths)
        may = pad_texts((batch["asked"] == 1).long(), batch.offsets, lengths)[0] > 0
        may[:, 0] = True
        logits = self.layer(states)
        # Finite, as -inf times a gold share of 0 would be no number.
        return logits.masked_fill(~may[:, :, None], torch.finfo(logits.dtype).min / 2), lengths

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write `answers/head.safetensors` beside the model, and `head.json` with what it reads."""
        from safetensors.torch import save_file

        assert self.layer is not None, "saved after training"
        into = folder / FOLDER
        into.mkdir()
        weights = {n: w.detach().contiguous() for n, w in self.layer.state_dict().items()}
        save_file(weights, into / "head.safetensors")
        write_json(into / "head.json", {"reads": "states"})
