"""Token vectors to one vector a text: a weighted mean, whatever its name.

`v = sum_t w_t h_t / sum_t w_t` over the tokens of the text, special tokens included. The names
differ only in the weights `w_t`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from isogloss.errors import UsageError

_WEIGHTS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    # Each takes the position of a token counted from 0 and the length of its text.
    "mean": lambda position, length: position < length,
    "cls": lambda position, length: (position == 0) & (length > 0),
    "last": lambda position, length: position == length - 1,
    "weighted": lambda position, length: (position + 1) * (position < length),
}
POOLINGS = tuple(_WEIGHTS)


EVERY = "every"  # no pooling: the vectors of all tokens of a batch, one text after the other


def check_pooling(pooling: str) -> str:
    """The name itself, if there is such a pooling.

    Raises:
        UsageError: there is none; the message lists the known ones.
    """
    if pooling not in _WEIGHTS:
        raise UsageError(
            f"there is no pooling called {pooling!r}", remedy=f"known: {', '.join(POOLINGS)}"
        )
    return pooling


def pool(hidden: torch.Tensor, lengths: torch.Tensor, pooling: str) -> torch.Tensor:
    """One vector a text from the vectors of its tokens.

    `mean` suits encoders, `cls` models trained with it, `last` decoders, `weighted` decoders that
    were not trained for embeddings: later tokens have read more (Muennighoff 2022, SGPT, section
    3.1.1).

    Args:
        hidden: `[b, t, d]`, texts padded on the right.
        lengths: `[b]` tokens per text.
        pooling: one of `POOLINGS`.

    Returns:
        `[b, d]` float32; zeros for a text without tokens.
    """
    position = torch.arange(hidden.shape[1], device=hidden.device)[None]  # [1, t]
    weights = _WEIGHTS[pooling](position, lengths[:, None].to(hidden.device))  # [b or 1, t]
    weights = weights.expand(len(hidden), -1).float()  # [b, t]
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1)
    return torch.bmm(weights[:, None], hidden.float())[:, 0]  # [b, d]
