"""What the axes of a model's tensors are, by the names that its architecture gives them.

Merging needs no such thing. Growing does: a layer that reads more columns must weigh each less, a
table of the same shape must not, and a head is repeated as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from isogloss.errors import ModelError

Axis = Literal["hidden", "inner", "heads", "groups"] | None
"""`heads` are all rows of the queries, `groups` those of keys and values; None does not grow."""
_HEADED = ("ForMaskedLM", "ForCausalLM", "ForPreTraining")


class Axes(NamedTuple):
    """What a tensor's axes are.

    Attributes:
        rows: the first, or the only one.
        columns: the second.
        summed: whether what stands in a column is multiplied by an input and summed, as by a layer;
            of a vector, whether a tied table does so with what it gives.
    """

    rows: Axis = None
    columns: Axis = None
    summed: bool = False


@dataclass(frozen=True)
class Layout:
    """The names of one family of architectures.

    Attributes:
        layers: a pattern whose group is the number of a layer.
        axes: pattern of the end of a name to its axes, the first that fits.
        last: pattern of what stands before a tied table that says which token follows.
        table: pattern of that table, where a file holds it apart.
        tied: whether it is tied if the configuration says nothing.
    """

    layers: str
    axes: tuple[tuple[str, Axes], ...]
    last: str
    table: str
    tied: bool


_READS = Axes("hidden", "hidden", True)
_BERT = Layout(
    layers=r"(?:^|\.)encoder\.layer\.(\d+)\.",
    axes=(
        (r"embeddings\.(word|position|token_type)_embeddings\.weight", Axes(None, "hidden")),
        (r"attention\.self\.(query|key|value)\.weight", Axes("heads", "hidden", True)),
        (r"attention\.self\.(query|key|value)\.bias", Axes("heads")),
        (r"attention\.output\.dense\.weight", Axes("hidden", "heads", True)),
        (r"intermediate\.dense\.weight", Axes("inner", "hidden", True)),
        (r"intermediate\.dense\.bias", Axes("inner")),
        (r"layer\.\d+\.output\.dense\.weight", Axes("hidden", "inner", True)),
        (r"(pooler|transform|lm_head|classifier)\.dense\.weight", _READS),
        (r"(LayerNorm|layer_norm)\.(weight|bias)|dense\.bias", Axes("hidden")),
        (
            r"decoder\.weight|(out_proj|classifier|seq_relationship)\.weight",
            Axes(None, "hidden", True),
        ),
        (r"(predictions|lm_head|decoder|out_proj|classifier|seq_relationship)\.bias", Axes()),
        (r"position_ids|token_type_ids", Axes()),
    ),
    last=r"(predictions\.transform\.LayerNorm|lm_head\.layer_norm)\.(weight|bias)",
    table=r"decoder\.weight",
    tied=True,
)
_LLAMA = Layout(
    layers=r"(?:^|\.)layers\.(\d+)\.",
    axes=(
        (r"embed_tokens\.weight", Axes(None, "hidden")),
        (r"self_attn\.q_proj\.weight", Axes("heads", "hidden", True)),
        (r"self_attn\.q_proj\.bias", Axes("heads")),
        (r"self_attn\.[kv]_proj\.weight", Axes("groups", "hidden", True)),
        (r"self_attn\.[kv]_proj\.bias", Axes("groups")),
        (r"self_attn\.o_proj\.weight", Axes("hidden", "heads", True)),
        (r"self_attn\.[qk]_norm\.weight|rotary_emb\.inv_freq", Axes()),
        (r"mlp\.(gate|up)_proj\.weight", Axes("inner", "hidden", True)),
        (r"mlp\.(gate|up)_proj\.bias", Axes("inner")),
        (r"mlp\.down_proj\.weight", Axes("hidden", "inner", True)),
        (r"(o_proj|down_proj)\.bias|(layernorm|norm)\.weight", Axes("hidden")),
        (r"(lm_head|score)\.weight", Axes(None, "hidden", True)),
        (r"score\.bias", Axes()),
    ),
    last=r"(?:^|model\.)norm\.weight",
    table=r"lm_head\.weight",
    tied=False,
)
LAYOUTS = {
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "camembert"), _BERT),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _LLAMA),
}
"""By the `model_type` of a configuration."""

BY_LAYERS = Layout(
    layers=r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.", axes=(("", Axes()),), last="(?!)",
    table="(?!)", tied=False,
)  # fmt: skip
"""Any architecture of one stack of layers, where nothing but their number grows."""
_DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")


def layout_of(config: Mapping[str, Any]) -> Layout:
    """The names of an architecture.

    Raises:
        ModelError: one whose names are not known here.
    """
    kind = config.get("model_type")
    if kind not in LAYOUTS:
        raise ModelError(
            f"a model of type {kind!r} cannot be made wider: what its axes mean is not known here",
            remedy=f"known: {', '.join(LAYOUTS)}; others can be given more layers",
        )
    return LAYOUTS[str(kind)]


def is_tied(config: Mapping[str, Any], layout: Layout) -> bool:
    """Whether the table of tokens also says which token follows."""
    named = str((config.get("architectures") or [""])[0])
    return bool(config.get("tie_word_embeddings", layout.tied)) and named.endswith(_HEADED)


def axes_of(name: str, layout: Layout, tied: bool) -> Axes:
    """The axes of a tensor.

    Where the table is tied, it cannot weigh repeated columns less, as it gives inputs too; so what
    stands before it does.

    Raises:
        ModelError: a name that the architecture does not have.
    """
    axes = next((axes for end, axes in layout.axes if re.search(rf"(?:{end})$", name)), None)
    if axes is None:
        raise ModelError(
            f"{name} is no tensor of this architecture that is known here, so its axes are not",
            remedy="save the model by its own class of transformers, without what was added to it",
        )
    if tied and re.search(rf"(?:{layout.last})$", name):
        return axes._replace(summed=True)
    if tied and re.search(rf"(?:{layout.table})$", name):
        return axes._replace(summed=False)
    return axes


def layer_of(name: str, layout: Layout) -> int | None:
    """The number of the layer that a tensor is of."""
    found = re.search(layout.layers, name)
    return int(found[1]) if found else None


def depth_key(config: Mapping[str, Any]) -> str:
    """What a configuration calls the number of layers.

    Raises:
        ModelError: it has no name for it that is known here, or several.
    """
    found = [key for key in _DEPTHS if isinstance(config.get(key), int)]
    if len(found) != 1:
        raise ModelError(
            f"its configuration has {len(found)} numbers of layers",
            remedy=f"one of {', '.join(_DEPTHS)} must be there",
        )
    return found[0]


def check_layers(names: Iterable[str], layout: Layout, count: int) -> None:
    """Refuse models that are no single stack of layers with the same tensors.

    Raises:
        ModelError: encoders with decoders, layers of several kinds, or others than there should be.
    """
    stacks: dict[str, dict[int, set[str]]] = {}
    for name in names:
        if found := re.search(layout.layers, name):
            layers = stacks.setdefault(name[: found.start(1)], {})
            layers.setdefault(int(found[1]), set()).add(name[found.end(1) :])
    alike = all(len({frozenset(ends) for ends in each.values()}) == 1 for each in stacks.values())
    if len(stacks) != 1 or not alike or set(*stacks.values()) != set(range(count)):
        told = ", ".join(f"{len(each)} of {stack}*" for stack, each in stacks.items())
        raise ModelError(
            f"is no stack of {count} layers with the same tensors, by the names of those that it "
            f"has ({told or 'no layers'})",
            remedy="only such models are grown",
        )


def rename(name: str, layout: Layout, number: int) -> str:
    """The same tensor of another layer."""
    found = re.search(layout.layers, name)
    assert found is not None
    return f"{name[: found.start(1)]}{number}{name[found.end(1) :]}"
