"""Some weights of a body by where they stand or what they are: layers, biases, norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn

from isogloss.encode.inserted.blocks import Layers, blocks_of, chosen_layers
from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.student import Change, only


@register("parameters", "layers.v1")
def some_layers(module: Body, *, layers: Layers = "last:2", head: bool = False) -> Change:
    """Whole layers change; the others stay, bit for bit.

    Upper layers carry what is of a task, and the lower ones, with the table, what is of a language:
    `last:n` keeps zero-shot transfer, `["embeddings", "first:n"]` learns a language under a task.
    Source: Chalkidis, Fergadiotis and Androutsopoulos (2021), MultiEURLEX, where the first N blocks
    and the embeddings are frozen.

    Args:
        module: how texts are read with the model.
        layers: numbers from 1, 0 the embeddings (tokens, positions and what else stands with
            them); `all`, `first:n`, `last:n`, `but_last:n`, `embeddings`, or a list.
        head: whether a head that the model has changes too; one that begins here always does.

    Raises:
        UsageError: a layer that the body has not.
    """
    body, blocks = module.body, blocks_of(module.body)
    numbers = chosen_layers(layers, len(blocks))
    chosen = [w for number in numbers if number for w in blocks[number - 1].parameters()]
    if 0 in numbers:
        chosen += embedding_weights(body.base_model, blocks)
    if head:
        inside = {id(weight) for weight in body.base_model.parameters()}
        chosen += [weight for weight in body.parameters() if id(weight) not in inside]
    return Change(only(module, chosen))


@register("parameters", "bitfit.v1")
def bitfit(module: Body, *, layers: Layers | None = None) -> Change:
    """Bias terms alone change, those of the norms among them: about a thousandth of all weights.

    Prefer it for few labelled examples, and where a fine-tuned model is to keep its languages.
    Source: Ben Zaken, Ravfogel and Goldberg (2022), BitFit; across languages Chalkidis et al.
    (2021), MultiEURLEX.

    Args:
        module: how texts are read with the model.
        layers: as in `layers.v1`; everywhere by default, the model's own head included.

    Raises:
        ModelError: the body has no biases there, as Llama has none.
    """
    return _in_layers(module, layers, "bias", lambda owner, name: name == "bias")


@register("parameters", "layer_norm.v1")
def layer_norm(module: Body, *, layers: Layers | None = None) -> Change:
    """Scale and shift of the norms alone change.

    Prefer it as `bitfit.v1`, of which it changes a part and also the scales; and for bodies
    without biases.
    Source: Chalkidis et al. (2021), MultiEURLEX, LNFit.

    Args:
        module: how texts are read with the model.
        layers: as in `layers.v1`; everywhere by default, the model's own head included.

    Raises:
        ModelError: the body has no norms with weights there.
    """
    return _in_layers(module, layers, "norm", lambda owner, name: "norm" in owner.lower())


def _in_layers(
    module: Body, layers: Layers | None, what: str, is_one: Callable[[str, str], bool]
) -> Change:
    """The weights of which `is_one(name of the owner's class, name of the weight)` holds."""
    body = module.body
    if layers is None:
        there: list[nn.Module] = [body]
    else:
        blocks = blocks_of(body)
        numbers = chosen_layers(layers, len(blocks))
        there = [blocks[number - 1] for number in numbers if number]
        there += [*_beside(body.base_model, blocks)] if 0 in numbers else []
    found = [w for part in there for owner, name, w in _owned(part) if is_one(owner, name)]
    inside = {id(weight) for weight in body.base_model.parameters()}
    if not any(id(weight) in inside for weight in found):
        raise ModelError(
            f"the {body.config.model_type} body has no {what} there that could change",
            file=body.name_or_path, remedy="train with layers.v1, lora.v1 or full.v1",
        )  # fmt: skip
    return Change(only(module, found))


def _owned(module: nn.Module) -> Iterator[tuple[str, str, nn.Parameter]]:
    for owner in module.modules():
        for name, weight in owner.named_parameters(recurse=False):
            yield type(owner).__name__, name, weight


def embedding_weights(base: nn.Module, blocks: nn.ModuleList) -> list[nn.Parameter]:
    """Of token and position tables, and of what stands in one module with them."""
    return [weight for part in _beside(base, blocks) for weight in part.parameters()]


def _beside(base: nn.Module, blocks: nn.ModuleList) -> Iterator[nn.Module]:
    """Children of the base that hold a table and not the blocks."""
    for child in base.children():
        parts = list(child.modules())
        if blocks not in parts and any(isinstance(part, nn.Embedding) for part in parts):
            yield child
