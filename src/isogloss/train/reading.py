"""Texts of a batch as a model reads them, and what it gives, back in their order."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, spots
from isogloss.train.contracts import Batch

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PER_TEXT = ("vectors", "layer_vectors", "likelihoods")
"""Outputs `[..., views, B, d]` of a model."""
LAYERED = ("layer_vectors", "layer_states")
"""Outputs `[layers + 1, ...]`."""


def text_ends(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The special tokens that a tokenizer puts before and behind a text."""
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.no_padding()
    plain.no_truncation()
    found = plain.encode("a")
    inside = [i for i, added in enumerate(found.special_tokens_mask) if not added]
    return found.ids[: inside[0]], found.ids[inside[-1] + 1 :]


def by_length(lengths: torch.Tensor, size: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Texts of like length in parts of `size`, and the order that undoes them."""
    order = lengths.argsort(stable=True)
    return list(order.split(size)), order.argsort()


def padded(
    batch: Batch, first: list[int], last: list[int], pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids `[n, t]` of the texts of a batch with their ends around them, and where they are."""
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    parts = [batch["ids"][a:b] for a, b in itertools.pairwise(bounds)]
    ends = [torch.tensor(side, dtype=torch.long) for side in (first, last)]
    rows = [torch.cat([ends[0], part, ends[1]]) for part in parts]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)  # [n, t]
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1])[None] < lengths[:, None]


def own_places(batch: Batch, before: int, width: int, device: torch.device) -> torch.Tensor:
    """Where each padded token stands in `ids`, -1 for what is around a text: `[n, t]`."""
    starts = batch["offsets"][:, None]  # [n, 1]
    ends = torch.cat([batch["offsets"][1:], batch["offsets"].new_tensor([len(batch["ids"])])])
    found = starts + torch.arange(width, device=device)[None] - before
    return torch.where((found >= starts) & (found < ends[:, None]), found, -1)


def sides(batch: Batch) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The first and the second of two views, each as a batch of its own.

    Raises:
        TrainingError: other than two views, or gold tokens in the first.
    """
    ids, offsets, gold = batch["ids"], batch["offsets"], batch["gold"]
    if int(batch["views"]) != 2:
        raise TrainingError(
            f"a model of source and target reads two views a row, and the mixture gives "
            f"{int(batch['views'])}",
            remedy="name a mixture for such models, such as span_denoise.v1",
        )
    half = len(offsets) // 2
    cut = int(offsets[half])
    if len(found := spots(batch)) and int(found[0]) < cut:
        raise TrainingError("the source of a pair has gold tokens; only the target is told")
    return (
        {"ids": ids[:cut], "offsets": offsets[:half]},
        {"ids": ids[cut:], "offsets": offsets[half:] - cut, "gold": gold[cut:]},
    )


def before_target(body: Any, labels: torch.Tensor) -> torch.Tensor:
    """What a decoder reads to tell targets `[n, t]`, `UNKNOWN` behind their ends.

    Some architectures, such as M2M-100, have no method for it, and shift as their forward does.
    """
    if own := getattr(body, "prepare_decoder_input_ids_from_labels", None):
        return own(labels=labels)
    shifted = labels.roll(1, 1)
    shifted[:, 0] = body.config.decoder_start_token_id
    return shifted.masked_fill(shifted == UNKNOWN, body.config.pad_token_id)


def in_order(
    found: Sequence[Mapping[str, torch.Tensor]],
    orders: Mapping[str, torch.Tensor],
    tokens: torch.Tensor,
    views: int,
) -> dict[str, torch.Tensor]:
    """Outputs of some texts after others, as one of all in the order of the batch.

    Args:
        found: by name, of each part.
        orders: by name, what undoes the order of the parts.
        tokens: the same where nothing is said by name.
        views: of the batch.
    """
    outputs = {}
    for name in found[0]:
        dimension = 1 if name in LAYERED else 0
        value = torch.cat([one[name] for one in found], dimension)
        value = value.index_select(dimension, orders.get(name, tokens))
        if name in PER_TEXT:
            value = value.view(*value.shape[:dimension], views, -1, value.shape[-1])
        outputs[name] = value
    return outputs


def mean_of(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the tokens of each text: `[..., n, t, d]` to `[..., n, d]`, in float32."""
    states = states if states.dtype == torch.float64 else states.float()
    return (states * mask[..., None]).sum(-2) / mask.sum(-1)[:, None]


class Mean(nn.Module):
    """How a vector is made of the states of a text: their mean, and what that goes through.

    What stands in its place in a body is called as it is, and says whether it reads all layers.

    Args:
        then: nothing by default.
    """

    layered = False

    def __init__(self, then: nn.Module | None = None) -> None:
        super().__init__()
        self.then = then or nn.Identity()

    def forward(
        self, last: torch.Tensor, every: Sequence[torch.Tensor] | None, mask: torch.Tensor
    ) -> torch.Tensor:
        """States `[n, t, d]` of the last layer, and of all if it is layered, to `[n, d]`."""
        return self.then(mean_of(last, mask))


def likelihoods(logits: torch.Tensor, gold: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Sums of log p of golds `[m]` by text `[n, 1]`, from logits `[m, V]` at places `[n, t]`."""
    found = -F.cross_entropy(logits, gold, reduction="none")  # [m]
    rows = at.nonzero()[:, 0]  # [m]
    return found.new_zeros(len(at)).index_add(0, rows, found)[:, None]


@contextmanager
def words_at(
    stack: nn.Module, at: torch.Tensor, more: torch.Tensor | float
) -> Generator[list[tuple[torch.Tensor, Any]]]:
    """Inside the block, a model's own head sees the states of its stack at `[n, t]` alone.

    Every architecture has a head of its own; all read what the stack gives.

    Args:
        stack: of layers, under the head.
        at: where.
        more: `[m, h]` what is added to these states, or 0.

    Yields:
        A list that gets the stack's own last and hidden states.
    """
    kept: list[tuple[torch.Tensor, Any]] = []

    def select(module: nn.Module, inputs: Any, output: Any) -> Any:
        kept.append((output.last_hidden_state, output.get("hidden_states")))
        output.last_hidden_state = (output.last_hidden_state[at] + more)[None]  # [1, m, h]
        return output

    hook = stack.register_forward_hook(select)
    try:
        yield kept
    finally:
        hook.remove()
