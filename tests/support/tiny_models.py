"""Small tokenizers of every algorithm and small models of every shape, and fixtures of them.

`tests/conftest.py` gives the fixtures to the whole suite; the functions are imported.
"""

from __future__ import annotations

from pathlib import Path

import pytest

LANGUAGES = ("eng", "deu", "spa", "rus", "ara")


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Some thousand short texts in five languages."""
    from isogloss import read_corpus

    corpus = read_corpus("emoji", languages=list(LANGUAGES))
    return [text for language in LANGUAGES for text in corpus.texts(language) if text]


def learn(kind: str, texts: list[str], size: int = 1200):
    """A tokenizer of one of `KINDS`."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    plain_bytes = [f"<0x{byte:02X}>" for byte in range(256)]
    kinds = {
        "wordpiece": (models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer,
                      ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
        "byte-bpe": (models.BPE(), trainers.BpeTrainer, ["<|endoftext|>", "<|pad|>"]),
        "bpe": (models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
                trainers.BpeTrainer, ["<unk>", "<s>", "</s>", *plain_bytes]),
        "unigram": (models.Unigram(), trainers.UnigramTrainer, ["<pad>", "</s>", "<unk>"]),
    }  # fmt: skip
    model, trainer, special = kinds[kind]
    made = Tokenizer(model)
    more = {}
    if kind == "wordpiece":
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.decoder = decoders.WordPiece()
    elif kind == "byte-bpe":
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        more["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    else:
        made.normalizer = normalizers.NFKC()
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.decoder = decoders.Metaspace()
        if kind == "unigram":
            more["unk_token"] = "<unk>"
    made.train_from_iterator(
        texts, trainer(vocab_size=size, special_tokens=special, show_progress=False, **more)
    )
    return _plain_bytes(made) if kind == "bpe" else made


def _plain_bytes(tokenizer):
    """Byte pieces were given to the trainer as special tokens; they are ordinary ones."""
    import json

    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if not t["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(state))


KINDS = ("wordpiece", "byte-bpe", "bpe", "unigram")


@pytest.fixture(scope="session")
def tokenizer_of(texts):
    """From a kind to a tokenizer, learned once."""
    known: dict = {}

    def make(kind: str, size: int = 1200):
        if (kind, size) not in known:
            known[kind, size] = learn(kind, texts, size)
        return known[kind, size]

    return make


SHAPES = {
    "bert": "wordpiece", "gpt2": "byte-bpe", "llama": "bpe", "llama-untied": "bpe",
    "t5": "unigram", "mt5": "unigram",
}  # fmt: skip
NAMED = {
    "wordpiece": {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
    "byte-bpe": {"bos": "<|endoftext|>", "eos": "<|endoftext|>", "pad": "<|pad|>"},
    "bpe": {"bos": "<s>", "eos": "</s>", "unk": "<unk>"},
    "unigram": {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"},
}


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, tokenizer_of):
    """From one of `SHAPES` to a folder with a small model of random weights, not to be changed."""
    known: dict[str, Path] = {}

    def make(shape: str) -> Path:
        if shape not in known:
            known[shape] = tmp_path_factory.mktemp(shape)
            save_model(shape, tokenizer_of(SHAPES[shape]), known[shape])
        return known[shape]

    return make


def save_model(shape: str, tokenizer, folder: Path) -> None:
    """A model with a language head, of random weights, as transformers saves it."""
    import torch
    import transformers

    torch.manual_seed(0)
    named = NAMED[SHAPES[shape]]
    ids = {f"{role}_token_id": tokenizer.token_to_id(name) for role, name in named.items()}
    ids = {role: ids[role] for role in ids if role[:3] in ("pad", "bos", "eos")}
    size = tokenizer.get_vocab_size()
    common = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
              "intermediate_size": 48}  # fmt: skip
    five = {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2,
            "decoder_start_token_id": ids.get("pad_token_id")}  # fmt: skip
    padded = {"vocab_size": -(-size // 64) * 64}  # as many released models are
    model_name, config_name, settings = {
        "bert": ("BertForMaskedLM", "BertConfig", common),
        "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 2}),
        "llama": ("LlamaForCausalLM", "LlamaConfig",
                  {**common, **padded, "tie_word_embeddings": True}),
        "llama-untied": ("LlamaForCausalLM", "LlamaConfig",
                         {**common, **padded, "tie_word_embeddings": False}),
        "t5": ("T5ForConditionalGeneration", "T5Config", five),
        "mt5": ("MT5ForConditionalGeneration", "MT5Config", {**five, "tie_word_embeddings": False}),
    }[shape]  # fmt: skip
    config = getattr(transformers, config_name)(**{"vocab_size": size, **ids, **settings})
    model = getattr(transformers, model_name)(config)
    with torch.no_grad():  # biases of zeros would hide that they were not carried over
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                weight.normal_(std=0.1)
    model.save_pretrained(folder)
    names = {f"{role}_token": name for role, name in named.items()}
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    wrapped.save_pretrained(folder)


def with_ends(tokenizer):
    """The tokenizer, which now puts [CLS] before and [SEP] behind a text."""
    from tokenizers import processors

    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    return tokenizer


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A BERT of random weights with a language head, over English and German names of emoji."""
    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
    import torch

    from isogloss import read_corpus

    corpus = read_corpus("emoji", languages=["eng", "deu"])
    known = [text for tag in ("eng", "deu") for text in corpus.texts(tag) if text]
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)  # what it happens to know is the same in every run of the tests
    save_model("bert", with_ends(learn("wordpiece", known, 600)), folder)
    return folder


@pytest.fixture(scope="session")
def tiny_body(tiny, tmp_path_factory) -> Path:
    """The body of `tiny` alone, as a sentence encoder is that has lost its head."""
    import torch
    from transformers import BertModel

    body = tmp_path_factory.mktemp("body")
    torch.manual_seed(0)  # of the pooler, which it lacks
    BertModel.from_pretrained(tiny).save_pretrained(body)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (body / name).write_bytes((tiny / name).read_bytes())
    return body
