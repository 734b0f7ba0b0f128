"""A shorter student is a plain model of some layers of its teacher."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from isogloss.errors import ModelError, UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.objectives.distil_layers import DistilLayers
from isogloss.train.readers import words
from isogloss.train.shorten import shorten
from isogloss.train.student import student_of

SIX = {
    "bert": ("BertForMaskedLM", "BertConfig", {}),
    "distilbert": ("DistilBertModel", "DistilBertConfig",
                   {"dim": 32, "n_layers": 6, "n_heads": 2, "hidden_dim": 48}),
    "llama": ("LlamaForCausalLM", "LlamaConfig", {"tie_word_embeddings": True}),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"n_embd": 32, "n_layer": 6, "n_head": 2}),
    "gemma": ("Gemma3TextModel", "Gemma3TextConfig",
              {"head_dim": 16, "num_key_value_heads": 2, "sliding_window": 4,
               "layer_types": [*["sliding_attention"] * 3, *["full_attention"] * 3]}),
    "modernbert": ("ModernBertModel", "ModernBertConfig", {}),
}  # fmt: skip


def model_of(shape):
    import transformers

    name, config, settings = SIX[shape]
    common = {"vocab_size": 40, "pad_token_id": 0, "hidden_size": 32, "num_hidden_layers": 6,
              "num_attention_heads": 2, "intermediate_size": 48}  # fmt: skip
    if any(key.startswith(("n_", "dim")) for key in settings):
        common = {"vocab_size": 40, "pad_token_id": 0}
    torch.manual_seed(0)
    made = getattr(transformers, config)(**common, **settings)
    return getattr(transformers, name)(made).eval()


@pytest.mark.parametrize("shape", sorted(SIX.keys() - {"modernbert"}))
@pytest.mark.parametrize(("every", "kept"), [(1, [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6]), (4, [2, 6])])
def test_what_is_kept_loads_as_a_plain_shorter_model(shape, every, kept, tmp_path):
    from transformers import AutoModel

    body = model_of(shape)
    long = {name: weight.clone() for name, weight in body.base_model.state_dict().items()}
    assert shorten(body, every) == kept
    ids = torch.arange(1, 21).view(2, 10)
    with torch.no_grad():
        here = body.base_model(input_ids=ids).last_hidden_state
    body.save_pretrained(tmp_path)
    read = AutoModel.from_pretrained(tmp_path).eval()
    assert read.config.num_hidden_layers == len(kept)
    with torch.no_grad():
        torch.testing.assert_close(read(input_ids=ids).last_hidden_state, here)
    names = [name for name in long if name.split(".")[-1] == "weight"]
    first = next(n for n in names if ".0." in n or n.startswith("layers.0."))
    place = first.replace(".0.", f".{kept[0] - 1}.", 1)
    assert read.state_dict()[first].equal(long[place])


def test_models_without_one_stack_of_layers_and_numbers_below_one_are_refused():
    import transformers

    two = transformers.T5Model(
        transformers.T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2)
    )
    with pytest.raises(ModelError, match="4 stacks of 2 layers"):
        shorten(two, 2)
    with pytest.raises(ModelError, match="layer 2 has other weights than layer 1, whose place"):
        shorten(model_of("modernbert"), 2)
    with pytest.raises(UsageError, match="every 0th layer"):
        shorten(model_of("bert"), 0)


def texts():
    rng = np.random.default_rng(0)
    views = [[rng.integers(5, 30, rng.integers(1, 7)) for _ in range(4)] for _ in range(2)]
    gold = np.concatenate([ids for view in views for ids in view])
    return stack_texts(views, [["eng_Latn"] * 4, ["deu_Latn"] * 4], tokens={"gold": gold})


def test_the_student_trains_its_own_layers_beside_the_frozen_teacher(model_folder, tmp_path):
    from transformers import AutoModel

    folder = model_folder("bert")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    student = student_of("shorter.v1", folder, tokenizer, reader=words, every=2)
    module, batch = student.module, texts()
    assert module.origin.layers == (0, 2)
    free = {id(p) for p in module.parameters() if p.requires_grad}
    assert free == {id(p) for group in student.groups() for p in group["params"]}
    assert not free & {id(p) for p in module.origin.module.parameters()}
    layers = DistilLayers()
    layers.begin(module)
    module.eval()
    with torch.no_grad():
        whole = module.origin(batch, ("layer_states", "logits"))
        short = module(batch, ("layer_states", "logits"))
    assert len(whole["layer_states"]) == 3 and len(short["layer_states"]) == 2
    expected = (short["layer_states"] - whole["layer_states"][[0, 2]]).square().mean()
    torch.testing.assert_close(layers(short, batch).total, expected)
    (tmp_path / "saved").mkdir()
    student.save(tmp_path / "saved")
    read = AutoModel.from_pretrained(tmp_path / "saved")
    assert read.config.num_hidden_layers == 1
    sizes = [(tmp / "model.safetensors").stat().st_size for tmp in (tmp_path / "saved", folder)]
    assert sizes[0] < sizes[1], "the teacher is not saved"
