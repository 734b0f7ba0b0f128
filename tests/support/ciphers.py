"""Small languages that translate word for word, and models of source and target for them."""

import numpy as np

from isogloss.task.examples import TRANSLATIONS, make_examples

WORDS = {
    "eng": "sun rain wind snow tree leaf".split(),
    "rus": "свет дождь ветер снег лес лист".split(),
    "ell": "φως βροχη ανεμος χιονι δεντρο φυλλο".split(),
}
TAGS = {"eng": "eng_Latn", "rus": "rus_Cyrl", "ell": "ell_Grek"}


def sentences(n, seed=0):
    """Rows of one to three places in a vocabulary, rising.

    Order is that of a language, not of a sentence, so that a model of one layer can learn it.
    """
    rng, rows = np.random.default_rng(seed), []
    while len(rows) < n:
        row = sorted(rng.permutation(6)[: int(rng.integers(1, 4))].tolist())
        rows.append(row)
    return rows


def said(row, language):
    """A row in a language; Greek says words the other way round."""
    words = [WORDS[language][i] for i in row]
    return " ".join(reversed(words) if language == "ell" else words)


def pairs(source, target, rows, split="train"):
    """Examples of one direction."""
    columns = {
        "text": [said(row, source) for row in rows], "to": [TAGS[target]] * len(rows),
        "translation": [said(row, target) for row in rows],
    }  # fmt: skip
    return make_examples("cipher", source, TRANSLATIONS, columns, split=split)


def tokenizer():
    """A token a word, with the special tokens of T5."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    names = ["<pad>", "</s>", "<unk>", *(f"▁{w}" for words in WORDS.values() for w in words)]
    made = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return made


def save(shape, folder, padded=0):
    """A small model of a shape, with rows of padding, and its tokenizer."""
    import torch
    import transformers

    torch.manual_seed(0)
    own = tokenizer()
    ids = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "bos_token_id": None,
           "vocab_size": own.get_vocab_size() + padded}  # fmt: skip
    wide = {"d_model": 48, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4,
            "decoder_attention_heads": 4, "encoder_ffn_dim": 96, "decoder_ffn_dim": 96,
            "max_position_embeddings": 32, "dropout": 0.0}  # fmt: skip
    five = {"d_model": 48, "d_kv": 12, "d_ff": 96, "num_layers": 1, "num_decoder_layers": 1,
            "num_heads": 4, "dropout_rate": 0.0}  # fmt: skip
    name, kind, settings = {
        "t5": ("T5ForConditionalGeneration", "T5Config", five),
        "mt5": ("MT5ForConditionalGeneration", "MT5Config",
                {**five, "tie_word_embeddings": False}),
        "marian": ("MarianMTModel", "MarianConfig", {**wide, "forced_eos_token_id": None}),
        "mbart": ("MBartForConditionalGeneration", "MBartConfig", wide),
        "m2m": ("M2M100ForConditionalGeneration", "M2M100Config", wide),
        "bart": ("BartForConditionalGeneration", "BartConfig", wide),
    }[shape]  # fmt: skip
    model = getattr(transformers, name)(getattr(transformers, kind)(**ids, **settings))
    model.save_pretrained(folder)
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_max_length=32,
    )  # fmt: skip
    wrapped.save_pretrained(folder)
    return folder
