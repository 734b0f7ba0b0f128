"""LoRA adapters merged as what they make of their base."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from isogloss.errors import ModelError
from isogloss.merge.adapters import Adapter, is_lora

from .conftest import SHAPES, load, tensors


@pytest.fixture
def adapter(tmp_path):
    """Write an adapter of rank 3 as peft does, and give it with what it adds."""

    def make(name, base, seed, turned=False, more=None, **settings):
        rng = torch.Generator().manual_seed(seed)
        made, added = {}, {}
        for layer in ("layers.0.w", "embed.weight"):
            o, i = SHAPES[layer][::-1] if turned else SHAPES[layer]
            down, up = (torch.randn(s, generator=rng) * 0.1 for s in ((3, i), (o, 3)))
            key = f"base_model.model.{layer.removesuffix('.weight')}"
            made |= {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}
            scale = 6 / (3**0.5 if settings.get("use_rslora") else 3)
            product = scale * up.double() @ down.double()
            added[layer] = product.T if turned else product
        folder = tmp_path / name
        folder.mkdir()
        save_file(made | (more or {}), folder / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": 3, "lora_alpha": 6, "fan_in_fan_out": turned}
        (folder / "adapter_config.json").write_text(json.dumps(config | settings))
        return Adapter(name, folder, base=base), added

    return make


@pytest.fixture
def base(save):
    made = tensors(0)
    made["layers.0.w.weight"] = made.pop("layers.0.w")
    return save("base", made)


def check(made, base, added, weight=1.0):
    for name, x in load(base.path).items():
        change = added.get(name.removesuffix(".weight")) if "layers" in name else added.get(name)
        wanted = x.double() if change is None else x.double() + weight * change
        np.testing.assert_allclose(made[name].double(), wanted, atol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("stable", [False, True])
def test_one_adapter_is_folded_into_its_base(base, adapter, merged, turned, stable):
    one, added = adapter("one", base, 1, turned, use_rslora=stable)
    check(merged([one], base, "task_arithmetic"), base, added)
    small = merged([one], base, "task_arithmetic", size=1, threads=1)
    whole = merged([one], base, "task_arithmetic", size=10**9)
    assert all(torch.equal(small[name], whole[name]) for name in small)


def test_a_negative_weight_subtracts_and_languages_and_tasks_add_up(base, adapter, merged):
    one, added = adapter("one", base, 1)
    other, more = adapter("other", base, 2)
    check(merged([one], base, "task_arithmetic", weights=(-1.0,)), base, added, -1.0)
    both = merged([one, other], base, "task_arithmetic", weights=(1.0, -0.5))
    check(both, base, {name: added[name] - 0.5 * more[name] for name in added})
    back = merged([one, one], base, "task_arithmetic", weights=(1.0, -1.0))
    assert all(torch.equal(back[name], x) for name, x in load(base.path).items())


def test_modules_that_were_saved_whole_are_taken_and_grafted(base, adapter, merged):
    new = torch.ones(65)
    one, added = adapter("one", base, 1, more={"base_model.model.norm": new})
    made = merged([one], base, grafts=(("layers.0", one),))
    assert torch.equal(made["norm"], new)
    wanted = load(base.path)["layers.0.w.weight"].double() + added["layers.0.w"]
    np.testing.assert_allclose(made["layers.0.w.weight"].double(), wanted, atol=1e-6)
    assert is_lora(one.path) and not is_lora(base.path)


def test_adapters_of_another_kind_or_base_are_refused(base, adapter, save, merged):
    for i, (settings, said) in enumerate(
        (({"use_dora": True}, "use_dora"), ({"peft_type": "IA3"}, "IA3"),
         ({"alpha_pattern": {"q": 3}}, "alpha_pattern"),
         ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4, which changes the base"),
         ({"lora_alpha": "6"}, "lora_alpha is no number"))
    ):  # fmt: skip
        one, _ = adapter(f"kind{i}", base, 1, **settings)
        with pytest.raises(ModelError, match=said) as error:
            merged([one], base, "task_arithmetic")
        assert "merge_and_unload" in str(error.value)
    lost = {"base_model.model.head.weight": torch.ones(2)}
    one, _ = adapter("lost", base, 1, more=lost)
    with pytest.raises(ModelError, match=r"a model with head\.weight, and base has no such"):
        merged([one], base, "task_arithmetic")
    single = {"base_model.model.norm.lora_B.weight": torch.ones(2, 3)}
    one, _ = adapter("single", base, 1, more=single)
    with pytest.raises(ModelError, match="no pair"):
        merged([one], base, "task_arithmetic")
    wide = tensors(0) | {"layers.0.w.weight": torch.ones(64, 66)}
    del wide["layers.0.w"]
    one, _ = adapter("narrow", save("wide", wide), 1)
    with pytest.raises(ModelError, match="do not fit"):
        one.tensors  # noqa: B018
    one, _ = adapter("pickled", base, 1)
    (one.path / "adapter_model.safetensors").rename(one.path / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"has no adapter_model\.safetensors[^$]*save_pretrained"):
        merged([one], base, "task_arithmetic")
