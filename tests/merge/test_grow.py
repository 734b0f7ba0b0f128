"""A grown model gives what the small one gives where the paper says so; else its rows are shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from isogloss.errors import ModelError, UsageError
from isogloss.merge import grow
from isogloss.merge.grow import Growth, grow_weights, plan_growth, repeat
from isogloss.merge.plan import Weights

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 20, "vocab_size": 50, "pad_token_id": 0}  # fmt: skip
MODELS = {
    "bert": ("BertForMaskedLM", "BertConfig", {}),
    "bert-untied": ("BertForMaskedLM", "BertConfig", {"tie_word_embeddings": False}),
    "bert-classes": ("BertForSequenceClassification", "BertConfig", {"num_labels": 3}),
    "xlm-roberta": ("XLMRobertaForMaskedLM", "XLMRobertaConfig", {}),
    "roberta-classes": ("RobertaForSequenceClassification", "RobertaConfig", {}),
    "llama": ("LlamaForCausalLM", "LlamaConfig", {"num_key_value_heads": 2}),
    "llama-tied": ("LlamaForCausalLM", "LlamaConfig", {"tie_word_embeddings": True}),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", {"num_key_value_heads": 1}),
    "qwen3": ("Qwen3ForCausalLM", "Qwen3Config", {"num_key_value_heads": 2, "head_dim": 8}),
    "mistral": ("MistralForCausalLM", "MistralConfig", {"num_key_value_heads": 4}),
}


def small(name: str, folder: Path, **more) -> Path:
    """A model of random weights, biases and normalisations too, as transformers saves it."""
    kind, config, settings = MODELS[name]
    torch.manual_seed(0)
    made = getattr(transformers, kind)(getattr(transformers, config)(**SMALL, **settings, **more))
    with torch.no_grad():
        for key, weight in made.named_parameters():
            weight.normal_(1.0 if "orm.weight" in key else 0.0, std=0.3)
    made.save_pretrained(folder)
    return folder


def grown(folder: Path, out: Path, size: int = grow.SLICE, **asked):
    """Grow a folder; what was settled, and the tensors."""
    out.mkdir(exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    found = grow_weights(Weights("small", folder), config, out, Growth(**asked), size=size)
    (out / "config.json").write_text(json.dumps(found.config))
    return found


def outputs(folder: Path, name: str):
    """Logits, and the last states, in double precision."""
    kind = getattr(transformers, MODELS[name][0])
    model, info = kind.from_pretrained(folder, dtype=torch.float64, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert not info["mismatched_keys"]
    ids = torch.arange(3, 33).view(3, 10)
    with torch.no_grad():
        read = model.eval()(input_ids=ids, output_hidden_states=True)
    return read.logits, read.hidden_states[-1]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("sizes", [{"hidden": 32}, {"hidden": 48, "inner": 77}, {"inner": 31}])
def test_the_function_stays_where_columns_are_repeated_alike(tmp_path, name, sizes):
    folder = small(name, tmp_path / "small")
    found = grown(folder, tmp_path / "large", **sizes)
    (before, states), (after, wide) = (outputs(f, name) for f in (folder, tmp_path / "large"))
    assert wide.shape[-1] == sizes.get("hidden", 16) and not found.notes
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
    times = wide.shape[-1] // 16
    weighed = times if name == "llama-tied" else 1  # its table reads what the norm divided
    torch.testing.assert_close(wide * weighed, states.repeat(1, 1, times), atol=1e-5, rtol=1e-5)


def test_columns_with_unequal_copies_are_told_of_and_near(tmp_path):
    folder = small("bert", tmp_path / "small")
    found = grown(folder, tmp_path / "large", hidden=28)
    assert "no whole multiple" in found.notes[0]
    assert found.config["num_attention_heads"] == 7 and found.config["intermediate_size"] == 35
    (before, _), (after, _) = (outputs(f, "bert") for f in (folder, tmp_path / "large"))
    assert not torch.allclose(after, before, atol=1e-3)
    cosines = torch.cosine_similarity(after, before, -1)
    assert cosines.mean() > 0.9


def test_rows_of_the_layer_above_come_as_a_plain_loop_has_them(tmp_path):
    folder = small("bert", tmp_path / "small")
    found = grown(folder, tmp_path / "large", hidden=28, inner=33, width="aki")
    one, made = (load_file(f / "model.safetensors") for f in (folder, tmp_path / "large"))
    assert "layer above" in " ".join(found.notes)
    for layer in (0, 1):
        own, above = (f"bert.encoder.layer.{i}." for i in (layer, min(layer + 1, 1)))
        for name, old, new, reads, read in (
            ("intermediate.dense", 20, 33, 16, 28), ("output.dense", 16, 28, 20, 33),
            ("attention.self.query", 16, 28, 16, 28), ("attention.output.dense", 16, 28, 16, 28),
        ):  # fmt: skip
            weight, bias = torch.empty(new, read), torch.empty(new)
            for i in range(new):
                source = one[(own if i < old else above) + name + ".weight"][i % old]
                bias[i] = one[(own if i < old else above) + name + ".bias"][i % old]
                for j in range(read):
                    copies = len(range(j % reads, read, reads))
                    weight[i, j] = source[j % reads] / copies
            torch.testing.assert_close(made[f"{own}{name}.weight"], weight)
            torch.testing.assert_close(made[f"{own}{name}.bias"], bias)
        norm = f"{own}output.LayerNorm.weight"
        torch.testing.assert_close(made[norm], one[norm][torch.arange(28) % 16])


@pytest.mark.parametrize(
    ("depth", "order"), [("interpolate", [0, 0, 0, 1, 1]), ("stack", [0, 1, 0, 1, 0])]
)
def test_layers_stand_beside_their_copies_or_again_on_top(tmp_path, depth, order):
    folder = small("llama", tmp_path / "small")
    found = grown(folder, tmp_path / "large", layers=5, depth=depth)
    assert found.layers == order and found.config["num_hidden_layers"] == 5
    one, made = (load_file(f / "model.safetensors") for f in (folder, tmp_path / "large"))
    for i, source in enumerate(order):
        name = "model.layers.{}.mlp.up_proj.weight"
        assert torch.equal(made[name.format(i)], one[name.format(source)])
    assert torch.equal(made["lm_head.weight"], one["lm_head.weight"])
    outputs(tmp_path / "large", "llama")


def test_any_single_stack_gets_more_layers(tmp_path):
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_embd=16, n_layer=3, n_head=2, vocab_size=50)
    )
    model.save_pretrained(tmp_path / "small")
    found = grown(tmp_path / "small", tmp_path / "large", layers=4, depth="stack")
    assert found.config["n_layer"] == 4 and found.layers == [0, 1, 2, 0]
    made = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "large").transformer.h
    own = model.transformer.h
    for layer, source in zip(made, found.layers, strict=True):
        for one, other in zip(layer.parameters(), own[source].parameters(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("kind", ["T5", "Bart", "Albert"])
def test_stacks_of_two_kinds_and_shared_layers_are_refused(tmp_path, kind):
    small = {
        "T5": {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2},
        "Bart": {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 16,
                 "decoder_ffn_dim": 16, "encoder_attention_heads": 2,
                 "decoder_attention_heads": 2},
        "Albert": {"hidden_size": 16, "embedding_size": 8, "intermediate_size": 16,
                   "num_attention_heads": 2, "num_hidden_layers": 2},
    }[kind]  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(vocab_size=50, **small)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tmp_path / "small")
    with pytest.raises(ModelError, match=r"is no stack of 2 layers|0 numbers of layers"):
        grown(tmp_path / "small", tmp_path / "large", layers=3)


def test_heads_that_share_keys_stay_with_them():
    found = repeat(4, 6, groups=2, size=2)
    np.testing.assert_array_equal(found.source.reshape(6, 2)[:, 0] // 2, [0, 1, 0, 2, 3, 2])
    np.testing.assert_array_equal(found.shared.reshape(6, 2)[:, 0], [2, 1, 2, 2, 1, 2])
    assert found.again.reshape(6, 2)[:, 1].tolist() == [False, False, True] * 2
    whole = repeat(3, 7)
    assert whole.source.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert np.bincount(whole.source, 1 / whole.shared).tolist() == pytest.approx([1, 1, 1])


def test_neither_slices_nor_shards_change_a_bit(tmp_path):
    folder = small("llama", tmp_path / "small")
    asked = {"hidden": 24, "layers": 3, "width": "aki"}
    grown(folder, tmp_path / "a", **asked)
    grown(folder, tmp_path / "b", size=7, **asked)
    one, other = (f / "model.safetensors" for f in (tmp_path / "a", tmp_path / "b"))
    assert one.read_bytes() == other.read_bytes()
    model = transformers.LlamaForCausalLM.from_pretrained(folder)
    model.save_pretrained(tmp_path / "shards", max_shard_size="5KB")
    grown(tmp_path / "shards", tmp_path / "c", **asked)
    assert len(list((tmp_path / "c").glob("*.safetensors"))) > 2
    (before, _), (after, _) = (outputs(tmp_path / f, "llama") for f in ("a", "c"))
    assert torch.equal(after, before)
    index = json.loads((tmp_path / "c" / "model.safetensors.index.json").read_text())
    sizes = [f.stat().st_size for f in (tmp_path / "c").glob("*.safetensors")]
    assert 0 < index["metadata"]["total_size"] < sum(sizes)


def test_rounding_is_to_the_type_that_was_there(tmp_path):
    folder = small("bert", tmp_path / "small")
    model = transformers.BertForMaskedLM.from_pretrained(folder, dtype=torch.bfloat16)
    model.save_pretrained(tmp_path / "half")
    grown(tmp_path / "half", tmp_path / "large", hidden=48)
    one, made = (load_file(tmp_path / f / "model.safetensors") for f in ("half", "large"))
    name = "bert.encoder.layer.0.attention.self.key.weight"
    assert made[name].dtype == torch.bfloat16
    assert torch.equal(made[name][:16, :16], (one[name].float() / 3).bfloat16())


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("bert", {}, "nothing would grow"),
        ("bert", {"hidden": 8}, "only grows"),
        ("bert", {"layers": 1}, "only grows"),
        ("bert", {"hidden": 18}, "multiple of 4"),
        ("llama", {"hidden": 20}, "multiple of 8"),
    ],
)
def test_sizes_that_cannot_be_are_refused(tmp_path, name, asked, said):
    config = getattr(transformers, MODELS[name][1])(**SMALL, **MODELS[name][2]).to_dict()
    with pytest.raises(UsageError, match=said):
        plan_growth(config, Growth(**asked))


def test_what_is_not_known_is_refused(tmp_path):
    with pytest.raises(ModelError, match="'gpt2' cannot be made wider"):
        plan_growth({"model_type": "gpt2"}, Growth(hidden=32))
    with pytest.raises(ModelError, match="no hidden_size"):
        plan_growth({"model_type": "bert", "num_hidden_layers": 2}, Growth(hidden=32))
    with pytest.raises(ModelError, match="has 0 numbers of layers"):
        plan_growth({"model_type": "bert"}, Growth(layers=32))
    folder = small("bert", tmp_path / "small")
    from safetensors.torch import save_file

    made = load_file(folder / "model.safetensors")
    file = folder / "model.safetensors"
    save_file({**made, "bert.adapter.weight": torch.ones(16, 4)}, file)
    with pytest.raises(ModelError, match="weight is no tensor of this architecture"):
        grown(folder, tmp_path / "out", hidden=32)
    made["bert.encoder.layer.0.output.dense.bias"] = torch.ones(15)
    save_file(made, file)
    with pytest.raises(ModelError, match=r"is \[15\], and by the configuration"):
        grown(folder, tmp_path / "out", hidden=32)
