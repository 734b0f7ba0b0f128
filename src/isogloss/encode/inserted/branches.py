"""Blocks of a language's own in the place of the body's."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from isogloss.encode.inserted.blocks import Layers, blocks_of
from isogloss.encode.inserted.now import Now, places_of
from isogloss.encode.inserted.per_language import languages_of
from isogloss.encode.inserted.sites import inner_layers
from isogloss.errors import UsageError
from isogloss.registry import register


class Branches(nn.Module):
    """Copies of blocks by layer and language.

    Attributes:
        languages: canonical tags.
        sets: by layer, one a language.
    """

    def __init__(self, languages: tuple[str, ...]) -> None:
        super().__init__()
        self.languages, self.sets = languages, nn.ModuleDict()


@register("inserted", "branches.v1")
def branches(
    body: Any, now: Now, *, languages: tuple[str, ...] = (), layers: Layers = "all"
) -> Branches:
    """Chosen blocks are a language's own, and begin as copies of the body's.

    Texts of other languages go through the body's blocks, the shared branch. A batch of several
    languages goes through the blocks of each of them, and each text takes those of its own.

    Args:
        body: of transformers.
        now: what is read at the moment.
        languages: that have a branch, canonical tags; those of the run by default.
        layers: whose blocks are the language's own.

    Raises:
        UsageError: no languages, a layer that the body has not, or one with modules in it.
    """
    made = Branches(languages_of(now, languages))
    for layer in inner_layers(body, layers):
        block = blocks_of(body)[layer - 1]
        if layer in now.branched | now.taken:
            raise UsageError(
                f"there are modules in layer {layer}, which branches would not have",
                remedy="put branches in first, or name other layers",
            )
        now.branched.add(layer)
        own = nn.ModuleList([_copy(block) for _ in made.languages])
        made.sets[str(layer)] = own
        block.forward = _by_language(block.forward, own, now, made.languages)
    return made


def _copy(block: nn.Module) -> nn.Module:
    """A copy that nothing listens to, as transformers does to collect states of layers."""
    made = copy.deepcopy(block)
    for part in made.modules():
        part._forward_hooks.clear()
    return made


def _by_language(
    shared: Callable[..., Any], own: nn.ModuleList, now: Now, languages: tuple[str, ...]
) -> Callable[..., Any]:
    signature = inspect.signature(shared)

    def forward(*given: Any, **named: Any) -> Any:
        bound = signature.bind(*given, **named)
        for some in (bound.arguments, bound.arguments.get("kwargs", {})):
            if some.get("past_key_values") is not None:
                some["past_key_values"] = None  # in it, branches would read each other's keys
        places = places_of(now, languages, otherwise=-1)
        there: list[Any] = places.unique().tolist()
        made = {
            place: (shared if place < 0 else own[place])(*bound.args, **bound.kwargs)
            for place in there
        }
        output = made[there[0]]
        if len(there) == 1:
            return output
        states = _states(output)
        for place in there[1:]:
            states = torch.where((places == place)[:, None, None], _states(made[place]), states)
        return (states, *output[1:]) if isinstance(output, tuple) else states

    return forward


def _states(output: Any) -> torch.Tensor:
    return output[0] if isinstance(output, tuple) else output
