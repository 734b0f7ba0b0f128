"""The blocks of a body, and which of them are meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from torch import nn

from isogloss.errors import ModelError, UsageError

Layers = int | str | tuple[int | str, ...]
"""Layer numbers as everywhere, 0 the embeddings and negative ones from the end; or `all`,
`first:n`, `last:n`, `but_last:n`, `embeddings`; or a list of such."""
_SOME = re.compile(r"(first|last|but_last):(\d+)")


def blocks_of(body: Any) -> nn.ModuleList:
    """The list of blocks that a body's states run through: layer k is block k - 1.

    Raises:
        ModelError: there is none, or more than one, as in an encoder-decoder.
    """
    count = int(body.config.get_text_config().num_hidden_layers)
    lists = [m for m in body.base_model.modules() if isinstance(m, nn.ModuleList)]
    nested = {id(inner) for outer in lists for inner in outer.modules() if inner is not outer}
    found = [m for m in lists if len(m) == count and id(m) not in nested]
    if len(found) != 1:
        raise ModelError(
            f"{len(found)} lists of {count} layers were found in the {body.config.model_type} "
            "body, where one is needed",
            file=body.name_or_path,
        )
    return found[0]


def chosen_layers(layers: Layers, count: int) -> list[int]:
    """Sorted layer numbers, 0 for the embeddings, of a body of so many layers.

    Raises:
        UsageError: none, one that it has not, or something that says no layer.
    """
    items = [layers] if isinstance(layers, int | str) else list(layers)
    found = sorted({number for item in items for number in _numbers(item, count)})
    if not found:
        raise UsageError("no layer is chosen", remedy="name some, such as 'all' or 'last:2'")
    return found


def _numbers(item: int | str, count: int) -> Iterable[int]:
    if isinstance(item, int) and -count <= item <= count:
        return [item if item >= 0 else count + 1 + item]
    if item == "all":
        return range(1, count + 1)
    if item == "embeddings":
        return [0]
    some = _SOME.fullmatch(str(item))
    if some and (size := int(some[2])) <= count:
        starts = {"first": (1, size + 1), "last": (count - size + 1, count + 1),
                  "but_last": (1, count - size + 1)}  # fmt: skip
        return range(*starts[some[1]])
    raise UsageError(
        f"layers: {item!r} is no layer of a model with {count}",
        remedy=f"0 to {count}, 'all', 'first:n', 'last:n', 'but_last:n', 'embeddings', or a list",
    )
