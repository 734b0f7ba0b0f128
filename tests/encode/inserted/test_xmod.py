"""An X-MOD of transformers gives the same vectors as the body with adapters that it becomes."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers

from isogloss.encode import load_encoder
from isogloss.encode.inserted.xmod import import_xmod
from isogloss.errors import ModelError, UsageError

TEXTS = ["one two", "three", "two three one one"]
NAMES = ["en_XX", "de_DE", "hi_IN", "hi_IN_rom"]
TAGS = ("eng_Latn", "deu_Latn", "hin_Deva", "hin_Latn")


@pytest.fixture(scope="module", params=[True, False])
def folder(request, tmp_path_factory):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["<s>", "<pad>", "</s>", "<unk>", "one", "two", "three"]
    made = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>")
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    folder = tmp_path_factory.mktemp("xmod")
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", unk_token="<unk>", bos_token="<s>",
        eos_token="</s>",
    )  # fmt: skip
    wrapped.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.XmodConfig(
        hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
        vocab_size=7, languages=NAMES, adapter_reuse_layer_norm=True, max_position_embeddings=20,
        ln_before_adapter=request.param,
    )  # fmt: skip
    model = transformers.XmodForMaskedLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape))
    model.save_pretrained(folder)
    return folder


def test_vectors_are_those_of_transformers_in_each_language(folder, tmp_path):
    assert import_xmod(folder, tmp_path / "out") == TAGS
    encoder = load_encoder(str(tmp_path / "out"))
    theirs = transformers.XmodModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for name, tag in zip(NAMES, TAGS, strict=True):
        theirs.set_default_language(name)
        for layer in (1, 2):
            found = encoder.encode(TEXTS, language=tag, layers=[layer])[layer].array
            for text, vector in zip(TEXTS, found, strict=True):
                with torch.no_grad():
                    out = theirs(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
                wanted = out.hidden_states[layer][0].mean(0).numpy()
                np.testing.assert_allclose(vector, wanted, atol=1e-5)
    with pytest.raises(UsageError, match="there is no module for fra_Latn"):
        encoder.encode(TEXTS, language="fra_Latn")
    head = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "out")
    same = transformers.XmodForMaskedLM.from_pretrained(folder).state_dict()
    assert all(torch.equal(same[name], weight) for name, weight in head.state_dict().items())


def test_what_is_computed_otherwise_is_refused(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    for number, change in enumerate(
        ({"model_type": "bert"}, {"pre_norm": True}, {"adapter_layer_norm": True})
    ):
        other = shutil.copytree(folder, tmp_path / str(number))
        (other / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(ModelError, match="is not an X-MOD"):
            import_xmod(other, tmp_path / "out")
    (other / "config.json").write_text(json.dumps(config | {"languages": ["xx_1"]}))
    with pytest.raises(ModelError, match="its language xx_1"):
        import_xmod(other, tmp_path / "out")
    (other / "config.json").write_text(json.dumps(config | {"languages": [*NAMES, "fr_XX"]}))
    with pytest.raises(ModelError, match="has 32 weights of adapters, not 40"):
        import_xmod(other, tmp_path / "out")
    (other / "config.json").write_text(json.dumps(config | {"languages": NAMES[:1]}))
    with pytest.raises(ModelError, match=r"config\.json has no language "):
        import_xmod(other, tmp_path / "out")
