"""LoRA begins as the model, is saved merged and as peft has it, and is what peft computes."""

import json
import sys

import numpy as np
import pytest
import torch

from isogloss.encode.folder import open_folder
from isogloss.errors import MissingExtra, UsageError
from isogloss.train.contracts import Lesson
from isogloss.train.delta import load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.readers import sentences, words
from isogloss.train.student import student_of
from loading import load

_made = load("train/parameters/test_layers.py")
peft = pytest.importorskip("peft", reason="needs pip install isogloss[peft]")


def student(folder, reader=words, **settings):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return student_of("lora.v1", folder, tokenizer, reader=reader, **settings)


def taught(folder, **settings):
    found = student(folder, **settings)
    train(
        found, [Lesson(_made.Rows(), [(1.0, Mlm())])],
        LoopSettings(steps=3, learning_rate=3e-2, threads=1),
    )  # fmt: skip
    return found


def states(model, ids):
    with torch.no_grad():
        return model.eval().base_model(input_ids=ids).last_hidden_state


IDS = torch.randint(5, 200, (2, 7), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", ["bert", "gpt2", "llama"])
def test_it_begins_as_the_model_and_ends_as_peft_and_as_the_merged_folder(
    shape, model_folder, tmp_path
):
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    auto = AutoModelForMaskedLM if shape == "bert" else AutoModelForCausalLM
    folder = model_folder(shape)
    base = auto.from_pretrained(folder)
    before = states(base, IDS)
    assert torch.equal(states(student(folder).module.body, IDS), before)
    made = taught(folder)
    after = states(made.module.body, IDS)
    assert not torch.allclose(after, before, atol=1e-3)
    made.save(tmp_path / "whole")
    assert torch.equal(states(made.module.body, IDS), after)  # saving leaves what trains as it is
    torch.testing.assert_close(states(auto.from_pretrained(tmp_path / "whole"), IDS), after)
    made.save_delta(tmp_path / "delta", "base", {"use": "lora.v1"})
    theirs = peft.PeftModel.from_pretrained(base, str(tmp_path / "delta"))
    torch.testing.assert_close(states(theirs.base_model.model, IDS), after)
    again = student(folder)
    load_delta(tmp_path / "delta", again.module, "base")
    assert torch.equal(states(again.module.body, IDS), after)


def test_the_gradients_are_those_of_peft(model_folder):
    from transformers import AutoModelForMaskedLM

    ours = student(model_folder("bert"), rank=3, alpha=6.0, seed=5)
    torch.manual_seed(5)
    config = peft.LoraConfig(r=3, lora_alpha=6)
    theirs = peft.get_peft_model(AutoModelForMaskedLM.from_pretrained(model_folder("bert")), config)
    for model in (ours.module.body, theirs):
        model.eval()
        model(input_ids=IDS).logits.sum().backward()
    named = dict(theirs.base_model.model.named_parameters())
    ours_named = {n: w for n, w in ours.module.body.named_parameters() if w.requires_grad}
    assert len(ours_named) == 2 * 2 * 2
    for name, weight in ours_named.items():
        assert torch.equal(weight, named[name])
        torch.testing.assert_close(weight.grad, named[name].grad)


def test_frozen_weights_are_saved_but_for_those_that_were_adapted(model_folder, tmp_path):
    from safetensors.torch import load_file

    folder = model_folder("bert")
    taught(folder, layers="last:1", targets=("query", "output.dense")).save(tmp_path / "s")
    before, after = (load_file(x / "model.safetensors") for x in (folder, tmp_path / "s"))
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    of = "bert.encoder.layer.1."
    assert moved == {f"{of}attention.self.query.weight", f"{of}attention.output.dense.weight",
                     f"{of}output.dense.weight"}  # fmt: skip


@pytest.mark.parametrize("layers", [None, "last:1"])
def test_the_merge_room_adds_it_to_the_base(layers, model_folder, tmp_path, merged_by_hand):
    from safetensors.torch import load_file

    folder = model_folder("bert")
    made = taught(folder, layers=layers)
    made.save(tmp_path / "whole")
    made.save_delta(tmp_path / "delta", "base", {"use": "lora.v1"})
    whole = load_file(tmp_path / "whole" / "model.safetensors")
    for name, values in merged_by_hand(folder, tmp_path / "delta").items():
        np.testing.assert_allclose(values, whole[name].numpy().ravel(), atol=1e-6, err_msg=name)


@pytest.fixture
def merged_by_hand():
    """What the merge room reads of an adapter on a base, by name."""
    from isogloss.merge.adapters import Adapter, is_lora
    from isogloss.merge.plan import weights_of

    def make(base, delta):
        assert is_lora(delta)
        adapter = Adapter("a", delta, base=weights_of(open_folder(base, "base")))
        return {n: t.values(0, int(np.prod(t.shape))) for n, t in adapter.tensors.items()}

    return make


def test_an_adapter_of_a_body_goes_onto_the_folder_of_a_model_with_a_head(
    model_folder, tmp_path, merged_by_hand
):
    """Sentences are read without the head, so names lack what stands before them in the folder."""
    from safetensors.torch import load_file

    folder = model_folder("bert")
    made = student(folder, reader=sentences)
    for _, weight in made.module.named_parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight)
    made.save_delta(tmp_path / "delta", "base", {"use": "lora.v1"})
    found = merged_by_hand(folder, tmp_path / "delta")
    made.save(tmp_path / "whole")
    body = {name: values for name, values in found.items() if name.startswith("bert.")}
    assert len(body) > 30
    for name, tensor in load_file(tmp_path / "whole" / "model.safetensors").items():
        if "pooler" not in name:  # which the folder lacks
            wanted = tensor.numpy().ravel()
            np.testing.assert_allclose(body.pop(f"bert.{name}"), wanted, rtol=1e-5, atol=1e-5)
    assert not body


def test_settings_are_written_for_peft(model_folder, tmp_path):
    made = student(model_folder("gpt2"), rank=4, alpha=2.0, layers=("first:1",))
    made.save_delta(tmp_path / "delta", "base", {"use": "lora.v1"})
    config = json.loads((tmp_path / "delta" / "adapter_config.json").read_text())
    assert config["r"] == 4 and config["lora_alpha"] == 2.0 and config["fan_in_fan_out"]
    assert config["target_modules"] == ["transformer.h.0.attn.c_attn"]
    assert config["base_model_name_or_path"] is None and config["inference_mode"]


def test_targets_that_are_not_there_and_a_lacking_package_are_named(model_folder, monkeypatch):
    folder = model_folder("bert")
    with pytest.raises(UsageError, match=r"no affine map of the bert body there is called q_proj"):
        student(folder, targets=("q_proj",))
    with pytest.raises(UsageError, match="is no layer of a model with 2"):
        student(folder, layers="last:3")
    with pytest.raises(UsageError, match="peft refuses these settings"):
        student(folder, rank=0)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"isogloss\[peft\]"):
        student(folder)
