"""A few chosen weights of a body, wherever they stand; all others stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.student import Change, only


@register("parameters", "sparse.v1")
def sparse(
    module: Body,
    *,
    places: Mapping[str, Any] | None = None,
    share: float = 0.05,
    seed: int = 0,
    stay: Sequence[str] = (),
) -> Change:
    """Weights at given places change, or at random ones; all else stays, bit for bit.

    theta = theta_0 + m * (what is learned), m of 0 and 1. What is saved as a delta is the places
    and what stands there. The mask of LT-SFT is found by training: the step `sparse_train.v1` of a
    recipe trains twice and gives it. Random places are what that is compared with.
    Prefer it to adapters and LoRA where several changes are to be added up afterwards, as few
    weights are in two of them, and nothing is added to the model.
    Source: Ansell, Ponti, Korhonen and Vulić (2022), Composable Sparse Fine-Tuning for
    Cross-Lingual Transfer.

    Args:
        module: how texts are read with the model.
        places: by name of a weight, the flat places `[k]` that change; none for random ones.
        share: of all weights that may change, the part that random places are.
        seed: of random places.
        stay: parts of names; weights that have one stay.

    Raises:
        UsageError: places that the model has not, a share that is none.
    """
    if places is not None:
        return only_at(module, {n: torch.as_tensor(at).long() for n, at in places.items()})
    if not 0 < share <= 1:
        raise UsageError(f"a share of {share} of the weights", remedy="give one over 0, up to 1")
    sizes = {name: weight.numel() for name, weight in eligible(module, stay).items()}
    return only_at(module, at_random(sizes, max(1, round(share * sum(sizes.values()))), seed))


def eligible(module: Body, stay: Collection[str] = ()) -> dict[str, torch.Tensor]:
    """Weights of a model that train now, by name, but those that begin beside it or that stay.

    Raises:
        UsageError: none is left.
    """
    beside = set(map(id, module.made))
    found: dict[str, torch.Tensor] = {
        name: weight
        for name, weight in module.named_parameters()
        if weight.requires_grad
        and id(weight) not in beside
        and not any(part in name for part in stay)
    }
    if not found:
        raise UsageError("no weight may change", remedy="let fewer names stay")
    return found


def only_at(
    module: Body,
    places: Mapping[str, torch.Tensor],
    groups: Sequence[Mapping[str, Any]] | None = None,
) -> Change:
    """Freeze all but some places of weights, and what begins beside the body.

    Gradients elsewhere are 0, and AdamW without decay leaves a weight whose gradients were all 0
    as it is, bit for bit.

    Args:
        module: whose weights they are.
        places: by name, flat places `[k]`.
        groups: of an optimiser, whose factors are kept; one group by default.

    Raises:
        UsageError: places that the model has not.
    """
    own = dict(module.named_parameters())
    places = {name: at for name, at in places.items() if len(at)}
    for name, at in places.items():
        if name not in own or int(at.min()) < 0 or int(at.max()) >= own[name].numel():
            raise UsageError(
                f"the model has no weight {name}" if name not in own else
                f"{name} has {own[name].numel():,} values, and places up to {int(at.max()):,}",
                remedy="give the places that were found for this model",
            )  # fmt: skip
    changing = [own[name] for name in places]
    free = only(module, changing)
    for weight, at in zip(changing, places.values(), strict=True):
        weight.register_hook(partial(_only, at=at))
    kept = {id(weight) for group in free for weight in group["params"]}
    narrowed = [
        {**group, "params": [p for p in group["params"] if id(p) in kept], "partly": True}
        for group in groups or free
    ]
    return Change([group for group in narrowed if group["params"]], places=places)


def _only(gradient: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    at = at.to(gradient.device)
    flat = gradient.reshape(-1)
    return torch.zeros_like(flat).index_copy_(0, at, flat[at]).view(gradient.shape)


def most_changed(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor], count: int
) -> dict[str, torch.Tensor]:
    """Where the `count` largest |theta_1 - theta_0| are, over all weights together.

    Of those that tie with the last the first are taken; what did not change is never taken, so
    there may be fewer. It holds one number a weight, half of what AdamW holds.

    Args:
        before: weights by name.
        after: the same after training.
        count: of places.

    Returns:
        By name, the flat places `[k]`, in order.

    Raises:
        TrainingError: nothing changed.
    """
    changes = torch.cat(
        [
            (after[name].detach() - weight.detach()).abs().reshape(-1)
            for name, weight in before.items()
        ]
    )  # [weights]
    count = min(count, int((changes > 0).sum()))
    if not count:
        raise TrainingError(
            "no weight changed, so none can be chosen", remedy="train longer, or faster"
        )
    least = changes.kthvalue(len(changes) - count + 1).values
    chosen = changes > least
    ties = torch.nonzero(changes == least).ravel()
    chosen[ties[: count - int(chosen.sum())]] = True
    sizes = {name: weight.numel() for name, weight in before.items()}
    return _by_name(torch.nonzero(chosen).ravel().cpu(), sizes)


def at_random(sizes: Mapping[str, int], count: int, seed: int) -> dict[str, torch.Tensor]:
    """So many places of weights of these sizes, all as likely: flat places `[k]` by name."""
    drawn = np.random.default_rng(seed).choice(
        sum(sizes.values()), count, replace=False, shuffle=False
    )
    return _by_name(torch.from_numpy(np.sort(drawn)), sizes)


def _by_name(places: torch.Tensor, sizes: Mapping[str, int]) -> dict[str, torch.Tensor]:
    """Sorted places in all weights one behind the other, as places in each that has some."""
    ends = torch.tensor(list(sizes.values())).cumsum(0)
    cuts = torch.searchsorted(places, ends).tolist()
    found, start = {}, 0
    for name, first, last, end in zip(sizes, [0, *cuts], cuts, ends.tolist(), strict=False):
        if last > first:
            found[name] = places[first:last] - start
        start = end
    return found
