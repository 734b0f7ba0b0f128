"""Low-rank changes of a body's affine maps, saved as `peft` reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from isogloss.encode.inserted.blocks import Layers, blocks_of, chosen_layers
from isogloss.errors import MissingExtra, UsageError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.student import Change, only

# Where peft has no targets of its own: what its others are, queries and values.
_TARGETS = {"distilbert": ("q_lin", "v_lin"), "modernbert": ("Wqkv",), "mpnet": ("q", "v")}
_NAME = "default"


@register("parameters", "lora.v1")
def lora(
    module: Body,
    *,
    rank: int = 8,
    alpha: float = 16.0,
    dropout: float = 0.0,
    targets: tuple[str, ...] = (),
    layers: Layers | None = None,
    seed: int = 0,
) -> Change:
    """W + (alpha / r) B A instead of W: A `[r, i]` and B `[o, r]` change, W does not.

    B is zero at first, so that the model begins as it was. What is saved as a model is a plain one,
    with the product added; a delta also holds `adapter_model.safetensors` and
    `adapter_config.json`, which `peft` puts onto the base, and `isogloss merge` adds up.
    Prefer it where the base is large, or where several changes of one base are to be kept or added
    up. `layers = ["first:5", "last:5"]` is LayRA: languages are read and written in the outer
    layers, so that those between keep what other languages have in common.
    Source: Hu et al. (2022), LoRA, section 4.1; layers as in Continually Adding New Languages to
    Multilingual Language Models (2025), LayRA: how many on each side is a matter of the model.

    Args:
        module: how texts are read with the model.
        rank: r.
        alpha: over r, what the product is multiplied with.
        dropout: of what A reads.
        targets: ends of the names of affine maps; by default those of peft for the architecture,
            queries and values.
        layers: as in `layers.v1`; all by default.
        seed: of A.

    Raises:
        MissingExtra: peft is not installed.
        UsageError: no map has such a name, or a setting that peft refuses.
    """
    try:
        import peft
    except ImportError:
        raise MissingExtra("peft", "peft", "LoRA") from None

    body = module.body
    ends = targets or _default_targets(body)
    names = _maps(body, ends, layers)
    conv = {type(body.get_submodule(name)).__name__ == "Conv1D" for name in names}
    torch.manual_seed(seed)
    try:
        kept: Any = alpha  # peft takes any number and says int
        config = peft.LoraConfig(
            r=rank, lora_alpha=kept, lora_dropout=dropout, fan_in_fan_out=conv == {True},
            target_modules=list(ends) if layers is None else names,
        )  # fmt: skip
        peft.inject_adapter_in_model(config, body, _NAME)
    except ValueError as error:
        raise UsageError(f"peft refuses these settings: {error}") from None
    factors = {name: weight for name, weight in body.named_parameters() if ".lora_" in name}
    return Change(
        only(module, factors.values()),
        plain=lambda: _merged(body, names),
        beside=lambda folder: _save(folder, config, factors),
    )


def _default_targets(body: Any) -> tuple[str, ...]:
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    kind = body.config.model_type
    found = _TARGETS.get(kind) or KNOWN.get(kind)
    if not found:
        raise UsageError(
            f"peft names no targets for the architecture {kind}",
            remedy="name them, such as targets = ['q_proj', 'v_proj']",
        )
    return (found,) if isinstance(found, str) else tuple(found)


def _maps(body: Any, ends: tuple[str, ...], layers: Layers | None) -> list[str]:
    """Full names of the affine maps that are meant, which must be some."""
    from transformers.pytorch_utils import Conv1D

    inside = None
    if layers is not None:
        blocks = blocks_of(body)
        numbers = [number for number in chosen_layers(layers, len(blocks)) if number]
        inside = {id(part) for number in numbers for part in blocks[number - 1].modules()}
    found = [
        name
        for name, part in body.named_modules()
        if isinstance(part, torch.nn.Linear | Conv1D)
        and any(name == end or name.endswith(f".{end}") for end in ends)
        and (inside is None or id(part) in inside)
    ]
    if not found:
        raise UsageError(
            f"no affine map of the {body.config.model_type} body there is called "
            + " or ".join(ends),
            remedy="name targets that the model has, such as query or q_proj",
        )
    return found


def _merged(body: Any, names: list[str]) -> Callable[[], None]:
    """Put plain maps with the products added in the place of the adapted ones."""
    swapped = []
    for name in names:
        parent, _, child = name.rpartition(".")
        owner, adapted = body.get_submodule(parent), body.get_submodule(name)
        plain = adapted.get_base_layer()
        before = plain.weight.data
        with torch.no_grad():
            plain.weight.data = before + adapted.get_delta_weight(_NAME)
        setattr(owner, child, plain)
        swapped.append((owner, child, adapted, plain, before))

    def undo() -> None:
        # Not by subtraction, which would leave other bits.
        for owner, child, adapted, plain, before in swapped:
            plain.weight.data = before
            setattr(owner, child, adapted)

    return undo


def _save(folder: Path, config: Any, factors: dict[str, torch.nn.Parameter]) -> None:
    from safetensors.torch import save_file

    named = {
        f"base_model.model.{name.replace(f'.{_NAME}.', '.')}": weight.detach().contiguous()
        for name, weight in factors.items()
    }
    save_file(named, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    training, config.inference_mode = config.inference_mode, True  # as peft saves it
    config.save_pretrained(str(folder))
    config.inference_mode = training
