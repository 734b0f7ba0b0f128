"""Tiny models with random weights, saved as the folders that people have."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    MambaConfig,
    MambaModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
    T5Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
VOCABULARY = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
SIZE = {"vocab_size": len(VOCABULARY), "hidden_size": 16, "num_hidden_layers": 3}
HEADS = {"num_attention_heads": 4, "intermediate_size": 24}
POSITIONS = 40


def tokenizer(special: bool = True, truncate: int | None = None) -> PreTrainedTokenizerFast:
    """Letters as tokens; [CLS] and [SEP] around the text if `special`."""
    made = Tokenizer(models.WordPiece({t: i for i, t in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if special:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    if truncate:
        made.enable_truncation(truncate)
        made.enable_padding(length=truncate)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", model_max_length=10**30
    )


def network(kind: str) -> torch.nn.Module:
    """A random network of three layers and 16 dimensions."""
    torch.manual_seed(0)
    positions = {"max_position_embeddings": POSITIONS}
    roberta = {**SIZE, **HEADS, "max_position_embeddings": POSITIONS + 2, "pad_token_id": 1}
    t5 = {
        "vocab_size": len(VOCABULARY),
        "d_model": 16,
        "d_kv": 4,
        "d_ff": 24,
        "num_layers": 3,
        "num_heads": 4,
        "n_positions": POSITIONS,
    }
    made = {
        "bert": lambda: BertModel(BertConfig(**SIZE, **HEADS, **positions, pad_token_id=0)),
        "roberta": lambda: RobertaModel(RobertaConfig(**roberta)),
        "xlm-roberta": lambda: XLMRobertaModel(XLMRobertaConfig(**roberta)),
        "gpt2": lambda: GPT2Model(
            GPT2Config(
                vocab_size=len(VOCABULARY), n_embd=16, n_layer=3, n_head=4, n_positions=POSITIONS
            )
        ),
        "llama": lambda: LlamaModel(
            LlamaConfig(**SIZE, **HEADS, **positions, num_key_value_heads=2)
        ),
        "mamba": lambda: MambaModel(MambaConfig(**SIZE, state_size=4)),
        "t5": lambda: T5Model(T5Config(**t5)),
        "t5-encoder": lambda: T5EncoderModel(T5Config(**t5)),
    }[kind]().eval()
    for parameter in made.parameters():  # biases and norms too, which start at 0 and 1
        parameter.data += 0.2 * torch.randn_like(parameter)
    return made


def save(kind: str, folder: Path, truncate: int | None = None) -> Path:
    """A folder of `save_pretrained`; decoders get no special tokens."""
    network(kind).save_pretrained(folder)
    tokenizer(kind not in ("gpt2", "llama", "mamba"), truncate).save_pretrained(folder)
    return folder


def save_static(folder: Path, truncate: int | None = None) -> Path:
    """A StaticEmbedding folder as sentence-transformers writes it."""
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(0)
    inner = tokenizer().backend_tokenizer
    inner.no_padding()
    if truncate:
        inner.enable_truncation(truncate)
    module = StaticEmbedding(inner, embedding_weights=torch.randn(len(VOCABULARY), 8))
    SentenceTransformer(modules=[module]).save(str(folder))
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., Path]:
    """`tiny("bert")` is the folder of a tiny random model."""
    return lambda kind, **options: save(kind, tmp_path / kind, **options)


@pytest.fixture
def tiny_static(tmp_path: Path) -> Callable[..., Path]:
    """`tiny_static()` is the folder of a small random table."""
    return lambda **options: save_static(tmp_path / "static", **options)


@pytest.fixture
def rewrite() -> Callable[..., None]:
    """`rewrite(file, key=value)` changes keys of a JSON file."""

    def change(file: Path, **changes: object) -> None:
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Sockets raise when they connect; the list says where to."""
    tried: list[object] = []

    def refuse(self: object, address: object, *rest: object) -> None:
        tried.append(address)
        raise AssertionError(f"a connection to {address} was tried")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: refuse(None, a))
    return tried
