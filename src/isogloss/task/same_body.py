"""Whether two models are of one architecture, as far as their configurations say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isogloss.errors import ModelError

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder

SHAPING = (
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "head_dim", "intermediate_size", "hidden_act", "layer_norm_eps", "rms_norm_eps",
    "position_embedding_type", "rope_theta", "embedding_size", "dim", "n_layers", "n_heads",
    "hidden_dim", "activation", "d_model", "d_kv", "d_ff", "num_layers", "num_heads",
)  # fmt: skip
"""What a configuration says of how states are computed. Other numbers of heads, or another norm,
leave every weight its shape: such models take each other's weights and compute something else."""


def check_body(own: ModelFolder, other: ModelFolder) -> None:
    """Refuse a model whose blocks are of another architecture; no weights are read.

    What only one of the configurations states, as they come from different versions of a library,
    is not compared.

    Raises:
        ModelError: it is one, with what differs.
    """
    differ = [
        f"{name} is {other.config[name]} and not {own.config[name]}" for name in SHAPING
        if name in own.config and name in other.config and own.config[name] != other.config[name]
    ]  # fmt: skip
    if own.kind != other.kind:
        differ.insert(0, f"kind is {other.kind} and not {own.kind}")
    if differ:
        raise ModelError(
            f"is of another architecture than {own.path}: {'; '.join(differ)}", file=other.path,
            remedy="give a model that was made of the same one",
        )  # fmt: skip
