"""One set of adapters a language, switched by the language of each text."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from isogloss.encode.inserted.blocks import Layers
from isogloss.encode.inserted.bottleneck import (
    Activation,
    Bottleneck,
    check_reduction,
    silence,
    sublayers,
)
from isogloss.encode.inserted.now import Now, by_language, places_of
from isogloss.encode.inserted.sites import Placement, add_at, inner_layers
from isogloss.errors import UsageError
from isogloss.registry import register


class PerLanguage(nn.Module):
    """`Bottleneck`s by site and language.

    Attributes:
        languages: canonical tags.
        sets: by site, one a language.
    """

    def __init__(self, languages: tuple[str, ...], now: Now) -> None:
        super().__init__()
        self.languages, self.now = languages, now
        self.sets = nn.ModuleDict()

    def site(self, name: str, make: Any) -> Any:
        """Make the adapters of a site, and give what they add to `[n, t, d]`."""
        own = nn.ModuleList([make() for _ in self.languages])
        self.sets[name] = own

        def added(z: torch.Tensor) -> torch.Tensor:
            places = places_of(self.now, self.languages)
            return by_language(places, z, lambda rows, place: own[place](rows))

        return added

    def add(self, language: str, like: str | None = None) -> list[nn.Module]:
        """One more language, whose adapters begin as those of another or as nothing.

        Returns:
            Its adapters.

        Raises:
            UsageError: it is there, or `like` is not.
        """
        if language in self.languages or (like is not None and like not in self.languages):
            raise UsageError(
                f"{language} cannot be added like {like}: there are {', '.join(self.languages)}",
                remedy="add a language that has no modules, like one that has",
            )
        new = []
        for own in self.sets.values():
            assert isinstance(own, nn.ModuleList)
            one = copy.deepcopy(own[self.languages.index(like) if like else 0])
            if like is None:
                assert isinstance(one, Bottleneck)
                one.reset()
            own.append(one)
            new.append(one)
        self.languages = (*self.languages, language)
        return new


@register("inserted", "per_language.v1")
def per_language(
    body: Any,
    now: Now,
    *,
    languages: tuple[str, ...] = (),
    placement: Placement = "pfeiffer",
    reduction: int = 2,
    activation: Activation = "gelu",
    layers: Layers = "all",
    drop: Layers | None = None,
    seed: int = 0,
) -> PerLanguage:
    """A bottleneck of each language behind the feed-forward layers; a text goes through its own.

    Args:
        body: of transformers.
        now: what is read at the moment.
        languages: that have one, canonical tags; those of the run by default.
        placement: see `Site`; `xmod` for a body that was pretrained so.
        reduction: d over the width of the bottleneck.
        activation: in it.
        layers: that have one.
        drop: layers in which nothing inserted works from now on.
        seed: of the first values.

    Raises:
        UsageError: no languages, a layer that the body has not, or a reduction that leaves nothing.
        ModelError: an architecture that nothing is put into.
    """
    tags = languages_of(now, languages)
    width = int(body.config.hidden_size)
    check_reduction(reduction, width)
    torch.manual_seed(seed)
    silence(body, now, drop)
    made = PerLanguage(tags, now)
    for layer in inner_layers(body, layers):
        for where in sublayers(placement):
            added = made.site(
                f"{layer}_{where}", lambda: Bottleneck(width, width // reduction, activation)
            )
            add_at(body, now, layer, where, placement, added)
    return made


def languages_of(now: Now, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Canonical tags, each once; those of the run if none are named.

    Raises:
        UsageError: there are none.
    """
    from isogloss.language import read_language

    tags = tuple(dict.fromkeys(str(read_language(tag)) for tag in languages)) or now.languages
    if not tags:
        raise UsageError("modules of languages need languages", remedy="name them: languages")
    return tags
