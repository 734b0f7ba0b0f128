"""A tiny static model of two languages that are one language with two spellings."""

import json

import numpy as np
import pytest

WORDS = 400
WIDTH = 16


@pytest.fixture(scope="session")
def bilingual(tmp_path_factory):
    """A folder: the word `s7` has nearly the vector of `t7`; other words share nothing."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("bilingual")
    body = folder / "0_StaticEmbedding"
    body.mkdir()
    names = ["[UNK]", *(f"{side}{i}" for side in "st" for i in range(WORDS))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(names)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(body / "tokenizer.json"))
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(WORDS, WIDTH)) + 0.3
    near = rows + 0.5 * rng.normal(size=rows.shape)
    table = np.concatenate([np.zeros((1, WIDTH)), rows, near]).astype(np.float32)
    save_file({"embedding.weight": table}, body / "model.safetensors")
    module = {"idx": 0, "name": "0", "path": body.name,
              "type": "sentence_transformers.models.StaticEmbedding"}  # fmt: skip
    (folder / "modules.json").write_text(json.dumps([module]), encoding="utf-8")
    return folder
