"""A body read for its hidden tokens: with the head it has, or one that is made for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from isogloss.encode.weights import quiet
from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.loop import Batch
from isogloss.train.parameters.full import (
    BodyParameters,
    Reader,
    Reading,
    append,
    open_body,
    padded,
)
from isogloss.train.parameters.hypernetwork import text_ends

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.train.masked_text import MaskedText


class WordHead(nn.Module):
    """logits = norm(gelu(W h + a)) E^T + b, E the body's own token table.

    Source: Devlin et al. (2019), BERT, and Press and Wolf (2017) for the tied table.

    Args:
        width: of the body's states.
        columns: of its token table.
        tokens: in it.
    """

    def __init__(self, width: int, columns: int, tokens: int) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(width, columns), nn.LayerNorm(columns)
        self.bias = nn.Parameter(torch.zeros(tokens))
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)

    def forward(self, states: torch.Tensor, table: Any) -> torch.Tensor:
        """States `[m, h]` and the module of the table to logits `[m, V]`."""
        found = self.norm(F.gelu(self.dense(states)))
        scores = table.score(found) if hasattr(table, "score") else found @ table.weight.T
        return scores + self.bias

    def transform(self) -> dict[str, torch.Tensor]:
        """All but what belongs to a vocabulary."""
        return {n: v.detach().clone() for n, v in self.state_dict().items() if n != "bias"}


class MaskedWords(Reading):
    """Logits of the hidden tokens alone, so that no `[n, t, V]` is made.

    Attributes:
        head: one that was made, None where the body has its own.
    """

    def __init__(
        self,
        body: Any,
        head: WordHead | None,
        ends: tuple[list[int], list[int]],
        *,
        begun: bool,
    ) -> None:
        super().__init__()
        self.body, self.head, self.ends = body, head, ends
        self.pad = body.config.pad_token_id or 0
        if head is None:
            self.tokenwise = _of_tokens(body)
        elif begun:
            self.tokenwise = (head.bias,)
        else:
            self.made = tuple(head.parameters())

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Batch columns `ids` `[tokens]`, `offsets` `[B]`, `masked` `[m]` to logits `[m, V]`."""
        ids, mask = padded(batch, *self.ends, self.pad)  # [B, t]
        rows = torch.searchsorted(batch["offsets"], batch["masked"], right=True) - 1  # [m]
        columns = batch["masked"] - batch["offsets"][rows] + len(self.ends[0])
        inputs = {"input_ids": ids, "attention_mask": mask.long(), "return_dict": True}
        if self.head is not None:
            states = self.body(**inputs).last_hidden_state[rows, columns]  # [m, h]
            return {"logits": self.head(states, self.body.get_input_embeddings())}
        # Every architecture has a head of its own; all read what the body gives.
        hook = self.body.base_model.register_forward_hook(partial(_select, at=(rows, columns)))
        try:
            return {"logits": self.body(**inputs).logits[0]}
        finally:
            hook.remove()


def _select(module: nn.Module, inputs: Any, output: Any, *, at: tuple[torch.Tensor, ...]) -> Any:
    output.last_hidden_state = output.last_hidden_state[at][None]  # [1, m, h]
    return output


def _of_tokens(body: Any) -> tuple[nn.Parameter, ...]:
    """What the last layer of a body's own head has a token, but for a tied table."""
    last, table = body.get_output_embeddings(), body.get_input_embeddings().weight
    found = [] if last.weight is table else [last.weight]
    return tuple(found if getattr(last, "bias", None) is None else [*found, last.bias])


def masked_words(
    folder: Path,
    tokenizer: Tokenizer,
    rows: np.ndarray | None = None,
    *,
    seed: int = 0,
    head: Mapping[str, torch.Tensor] | None = None,
) -> MaskedWords:
    """A reader of hidden tokens; the head is the folder's own where all of it is there.

    Args:
        folder: of the model.
        tokenizer: that goes with its rows.
        rows: `[new, d]` rows appended to the table.
        seed: of a head that is made.
        head: what a head that was made for this body begins with, `WordHead.transform`; it is then
            part of the model, and frozen where that is.

    Raises:
        ModelError: a head of another width.
    """
    from transformers import AutoModelForMaskedLM

    torch.manual_seed(seed)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    ends = text_ends(tokenizer)
    if head is None and str((config.get("architectures") or [""])[0]).endswith("ForMaskedLM"):
        with quiet():
            model, found = AutoModelForMaskedLM.from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
        if not found["missing_keys"]:
            append(model, rows)
            return MaskedWords(model, None, ends, begun=True)
    body = open_body(folder, seed)
    append(body, rows)
    tokens, columns = body.get_input_embeddings().weight.shape
    made = WordHead(body.config.hidden_size, columns, tokens)
    if head is not None:
        try:
            made.load_state_dict(dict(head), strict=False)
        except RuntimeError:
            raise ModelError(
                "the head was made for a body of another width", file=folder,
                remedy="make it with word_head.v1 for the body that is trained",
            ) from None  # fmt: skip
    return MaskedWords(body, made, ends, begun=head is not None)


@register("parameters", "head.v1")
def head(
    folder: Path, tokenizer: Tokenizer, rows: np.ndarray | None = None, *, reader: Reader
) -> BodyParameters:
    """Only the head that is made for a body; the body and its table are frozen.

    For sentence encoders, which lost theirs: a table of other tokens can then be learned under a
    body and a head that both know a language.

    Args:
        folder: of the model.
        tokenizer: that goes with its rows.
        rows: `[new, d]` rows appended to the table.
        reader: one that makes a head.

    Raises:
        ModelError: the model has a head.
    """
    module = reader(folder, tokenizer, rows)
    if not module.made:
        raise ModelError("the model has a language head of its own", file=folder)
    module.requires_grad_(False)
    for weight in module.made:
        weight.requires_grad_(True)
    return BodyParameters(folder, tokenizer, module, [{"params": list(module.made)}])


def window_losses(module: MaskedWords, text: MaskedText, language: str, seed: int) -> np.ndarray:
    """Loss of each window of a language `[windows]`, the mean over its hidden tokens.

    Masks depend on the seed and on where a window stands, so models can be compared.
    """
    module.eval()
    found = []
    with torch.no_grad():
        for batch in text.in_order(language, seed):
            losses = F.cross_entropy(module(batch)["logits"], batch["gold"], reduction="none")
            rows = torch.searchsorted(batch["offsets"], batch["masked"], right=True) - 1
            counts = torch.bincount(rows)
            found.append(torch.bincount(rows, losses.double()) / counts)
    return torch.cat(found).numpy()
