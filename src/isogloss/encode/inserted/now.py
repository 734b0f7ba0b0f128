"""What is read at the moment, for modules that are put into a body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from isogloss.errors import UsageError

if TYPE_CHECKING:
    from isogloss.encode.inserted.sites import Site


@dataclass(eq=False)
class Now:
    """What is read at the moment.

    Attributes:
        language: `[n]` of the texts as places in `languages`, or `[1]` of all of them.
        mask: `[n, t]`, which places hold tokens.
        languages: canonical tags.
        scores: the module whose output meets the rows of a table in a head that is not the body's.
        sites: what was put where, by (layer, sublayer, placement).
        rough: whether products are of bfloat16.
        silent: layers in which nothing of it works.
        taken: layers into which something was put.
        branched: layers whose blocks are a language's own.
    """

    language: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    languages: tuple[str, ...] = ()
    scores: nn.Module | None = None
    sites: dict[tuple[int, str, str], Site] = field(default_factory=dict)
    rough: bool = False
    silent: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    branched: set[int] = field(default_factory=set)


def places_of(now: Now, languages: Sequence[str], otherwise: int | None = None) -> torch.Tensor:
    """The place of each text's language among some tags: `[n]`, or `[1]` for all texts.

    Args:
        now: what is read.
        languages: the tags.
        otherwise: the place of languages that are not among them.

    Raises:
        UsageError: texts of no language, or of one that has no place.
    """
    if now.language is None or not now.languages:
        raise UsageError(
            "modules of languages are in the body, and of the texts no language is known",
            remedy="give the language; in training, name a mixture with the column language",
        )
    known = {tag: place for place, tag in enumerate(languages)}
    found = [known.get(tag, known.get(_bare(tag), -1)) for tag in now.languages]
    places = torch.tensor(found, device=now.language.device)[now.language]
    if otherwise is not None:
        return torch.where(places < 0, otherwise, places)
    if (places < 0).any():
        lacking = now.languages[int(now.language[places < 0][0])]
        raise UsageError(
            f"there is no module for {lacking}", remedy=f"there are {', '.join(languages)}"
        )
    return places


def _bare(tag: str) -> str:
    """`spa_Latn` of `spa_Latn-MX` and `spa_Latn.ref2`."""
    return tag.partition(".")[0].partition("-")[0]


def by_language(
    places: torch.Tensor, x: torch.Tensor, each: Callable[[torch.Tensor, int], torch.Tensor]
) -> torch.Tensor:
    """What `each(rows, place)` makes of the rows of `x` `[n, ...]`, in their order.

    Args:
        places: `[n]`, or `[1]` of all rows.
        x: rows.
        each: gives as many rows.
    """
    there: list[Any] = places.unique().tolist()
    if len(there) == 1:
        return each(x, there[0])
    rows = [torch.nonzero(places == place).ravel() for place in there]
    made = [each(x[at], place) for at, place in zip(rows, there, strict=True)]
    return torch.cat(made)[torch.cat(rows).argsort()]
