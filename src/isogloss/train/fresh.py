"""Small models of random weights: what plumbing-scale comparisons are pretrained from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss import registry
from isogloss.encode.weights import quiet
from isogloss.errors import UsageError
from isogloss.vocabulary.learn import learn
from isogloss.vocabulary.sampling import Texts
from isogloss.vocabulary.special import PRESETS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SENTINEL = "<extra_id_{}>"
"""What stands for the i-th hidden span, as T5 and its like name them."""


class Family(NamedTuple):
    """How one architecture spells its shape.

    Attributes:
        model: class of transformers, with the head that it is pretrained with.
        config: its configuration.
        special: one of `special.PRESETS`.
        algorithm: the tokenizer that such models have.
        names: from our words for the shape to those of the configuration.
        fixed: the rest.
    """

    model: str
    config: str
    special: str
    algorithm: str
    names: Mapping[str, tuple[str, ...]]
    fixed: dict[str, Any]


_COMMON = {
    "width": ("hidden_size",), "layers": ("num_hidden_layers",), "heads": ("num_attention_heads",),
    "inner": ("intermediate_size",), "longest": ("max_position_embeddings",),
}  # fmt: skip
FAMILIES = {
    "bert": Family("BertForMaskedLM", "BertConfig", "bert", "wordpiece.v1", _COMMON, {}),
    "llama": Family(
        "LlamaForCausalLM", "LlamaConfig", "llama", "byte_fallback_bpe.v1", _COMMON,
        {"tie_word_embeddings": True},
    ),
    "gpt2": Family(
        "GPT2LMHeadModel", "GPT2Config", "gpt2", "byte_bpe.v1",
        {"width": ("n_embd",), "layers": ("n_layer",), "heads": ("n_head",), "inner": ("n_inner",),
         "longest": ("n_positions",)}, {},
    ),
    "t5": Family(
        "T5ForConditionalGeneration", "T5Config", "t5", "unigram.v1",
        {"width": ("d_model",), "layers": ("num_layers", "num_decoder_layers"),
         "heads": ("num_heads",), "inner": ("d_ff",), "longest": ()}, {},
    ),
}  # fmt: skip


def learn_for(
    family: str,
    texts: Texts,
    *,
    algorithm: str | None = None,
    size: int,
    sentinels: int = 32,
    seed: int = 0,
    **settings: Any,
) -> Tokenizer:
    """A tokenizer with the special tokens of a family; that of T5 has its sentinels last.

    Args:
        family: one of `FAMILIES`.
        texts: lines per language.
        algorithm: a registered tokenizer, the family's own by default.
        size: wanted tokens, sentinels among them.
        sentinels: how many spans of a text can be hidden (t5).
        seed: of the drawing of lines.
        settings: the algorithm's own.

    Raises:
        UsageError: no room beside the sentinels.
    """
    about = FAMILIES[family]
    count = sentinels if family == "t5" else 0
    if size <= count:
        raise UsageError(
            f"a vocabulary of {size} has no room beside {count} sentinels",
            remedy="ask for a larger size",
        )
    name = registry.full_name("tokenizer", algorithm or about.algorithm)
    made = learn(name, texts, size=size - count, seed=seed, special=about.special, **settings)
    if count:  # the first one has the last id, as in T5
        made.add_special_tokens([SENTINEL.format(i) for i in reversed(range(count))])
    return made


def fresh_model(
    family: str,
    tokenizer: Tokenizer,
    *,
    width: int = 64,
    layers: int = 2,
    heads: int = 2,
    longest: int = 128,
    seed: int = 0,
) -> Any:
    """A model of random weights, as its configuration draws them, for a tokenizer of `learn_for`.

    Args:
        family: one of `FAMILIES`.
        tokenizer: has the special tokens of the family.
        width: of the states; the inner layers are four times as wide.
        layers: of t5 in the encoder, and as many in the decoder.
        heads: of attention; they divide the width.
        longest: tokens of a text, special ones included.
        seed: of the weights.

    Raises:
        UsageError: heads that do not divide the width, or leave a llama an odd width a head.
    """
    import torch
    import transformers

    if width % heads or (family == "llama" and width // heads % 2):
        raise UsageError(
            f"{heads} heads cannot share a width of {width}",
            remedy="set width to a multiple of twice the heads",
        )
    about = FAMILIES[family]
    shape = {"width": width, "layers": layers, "heads": heads, "inner": 4 * width,
             "longest": longest}  # fmt: skip
    given: dict[str, Any] = {
        name: shape[key] for key, names in about.names.items() for name in names
    }
    ids = {role: tokenizer.token_to_id(t) for role, t in PRESETS[about.special].roles.items()}
    given |= {f"{role}_token_id": ids.get(role) for role in ("pad", "bos", "eos")}
    if family == "t5":
        given |= {"d_kv": width // heads, "decoder_start_token_id": ids["pad"]}
    torch.manual_seed(seed)
    config = getattr(transformers, about.config)(
        vocab_size=tokenizer.get_vocab_size(), **given, **about.fixed
    )
    return getattr(transformers, about.model)(config).eval()


def save_fresh(model: Any, longest: int, folder: Path) -> None:
    """Write a model into the folder of its saved tokenizer, and there how much it reads at most."""
    with quiet():
        model.save_pretrained(folder, safe_serialization=True)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf-8")) | {"model_max_length": longest}
    file.write_text(json.dumps(settings, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
