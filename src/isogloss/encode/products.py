"""Products with a fixed weight matrix through oneDNN, its layout prepared once.

torch sends float32 products to MKL, which on some processors reaches less than half the rate of
oneDNN. Results differ by the order of float32 sums only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F

_ROWS = 1024  # a typical number of tokens, for which the weights are laid out
Pair = tuple[torch.Tensor, torch.Tensor | None]
"""Weight `[e, d]` and bias `[e]` of an affine map."""


def affine(pair: Pair, after: str = "none") -> Callable[..., torch.Tensor]:
    """`x W^T + b` as a function of `x`, with what comes after it fused in.

    Args:
        pair: weight and bias.
        after: `none`; `gelu`, the exact one with the error function; or `add`, which makes it a
            function of `x` and the residual that is added.
    """
    return (_fused if has_fused() else _plain)(pair, after)


def speed_up(body: Any) -> None:
    """Send every affine map of a network through `affine`; changes the network in place.

    The weights are replaced one by one, so there is never a second copy of the network.
    """
    from transformers.pytorch_utils import Conv1D

    if not has_fused():
        return
    for module in body.modules():
        if type(module) is torch.nn.Linear:
            weight = module.weight
        elif type(module) is Conv1D:  # the affine map of GPT-2, whose weight is [d, e]
            weight = module.weight.T
        else:
            continue
        if weight.dtype == torch.float32 and weight.device.type == "cpu":
            bias = None if module.bias is None else module.bias.detach()
            del module.weight
            module.weight = _laid_out(weight.detach())  # models look at its dtype
            module.forward = _with(module.weight, bias, "none")


@cache
def has_fused() -> bool:
    """Whether this build of torch has oneDNN's fused products and they give the right result."""
    if not torch.backends.mkldnn.is_available():
        return False
    generator = torch.Generator().manual_seed(0)
    x, other = torch.randn(2, 3, 8, generator=generator)  # [3, 8] each
    pair = torch.randn(8, 8, generator=generator), torch.randn(8, generator=generator)
    try:
        with torch.inference_mode():
            return all(
                torch.allclose(_fused(pair, after)(*args), _plain(pair, after)(*args), atol=1e-5)
                for after, args in (("none", (x,)), ("gelu", (x,)), ("add", (x, other)))
            )
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


def _plain(pair: Pair, after: str) -> Callable[..., torch.Tensor]:
    weight, bias = pair
    if after == "add":
        return lambda x, other: F.linear(x, weight, bias).add_(other)
    if after == "gelu":
        return lambda x: F.gelu(F.linear(x, weight, bias))
    return lambda x: F.linear(x, weight, bias)


def _fused(pair: Pair, after: str) -> Callable[..., torch.Tensor]:
    return _with(_laid_out(pair[0]), pair[1], after)


def _laid_out(weight: torch.Tensor) -> torch.Tensor:
    return torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _ROWS)


def _with(weight: torch.Tensor, bias: torch.Tensor | None, after: str) -> Any:
    run = torch.ops.mkldnn._linear_pointwise
    if after == "add":
        return lambda x, other: run.binary(x, other, weight, bias, "add")
    if after == "gelu":
        return lambda x: run(x, weight, bias, "gelu", [], "none")
    return lambda x: run(x, weight, bias, "none", [], "")
