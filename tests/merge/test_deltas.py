"""Deltas of training merged as what they make of their base."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from isogloss.errors import ModelError
from isogloss.merge.deltas import Delta, check_base, is_delta

from .conftest import SHAPES, load, tensors


@pytest.fixture
def delta(tmp_path):
    """Write a delta that changes a few places of two tensors, and give it with the whole model."""

    def make(name, base, seed, more=None, prefix="body."):
        rng = np.random.default_rng(seed)
        whole, kept = load(base.path), {}
        for tensor in ("embed.weight", "layers.1.w"):
            size = np.prod(SHAPES[tensor])
            at = torch.from_numpy(np.sort(rng.choice(size, 40, replace=False)))
            new = torch.from_numpy(rng.normal(size=40).astype(np.float32))
            whole[tensor].view(-1)[at] = new
            kept |= {f"{prefix}{tensor}.index": at, f"{prefix}{tensor}.value": new}
        folder = tmp_path / name
        folder.mkdir()
        save_file(kept | (more or {}), folder / "delta.safetensors")
        (folder / "delta.json").write_text(json.dumps({"base": "print", "parameters": {}}))
        return Delta(name, folder, base=base), whole

    return make


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(x, other[n]) for n, x in one.items())


def test_a_delta_gives_its_model_to_the_bit_however_it_is_sliced(trio, delta, merged):
    base, _ = trio
    one, whole = delta("one", base, 1)
    assert same(merged([one], base, "sparse"), whole)
    assert same(merged([one], base, "sparse", size=7, threads=1), whole)
    assert same(merged([one, one], base, "sparse", weights=(1.0, -1.0)), load(base.path))


def test_sums_are_those_of_the_dense_models_and_have_no_order(trio, delta, merged):
    base, (trained, _) = trio
    (one, whole), (other, second) = delta("one", base, 1), delta("other", base, 2)
    both = merged([one, other], base, "sparse")
    assert same(both, merged([other, one], base, "sparse"))
    assert same(merged([one, trained], base, "sparse"), merged([trained, one], base, "sparse"))
    for name, x in load(base.path).items():
        a, b = (w[name].double() - x.double() for w in (whole, second))
        assert torch.equal(both[name], (x.double() + (a + b)).float())
        apart = (a != 0) & (b == 0)  # where one alone changed, its value is there to the bit
        assert torch.equal(both[name][apart], whole[name][apart])


def test_weights_that_changed_whole_are_put_in_and_what_is_beside_a_body_is_not(
    trio, delta, merged
):
    base, _ = trio
    more = {"body.norm": torch.ones(65), "head.dense.weight": torch.ones(3, 3)}
    one, whole = delta("one", base, 1, more)
    assert same(merged([one], base, "sparse"), whole | {"norm": more["body.norm"]})
    assert is_delta(one.path) and not is_delta(base.path)


def test_names_of_a_body_without_its_head_are_found(save, delta, merged, trio):
    base, _ = trio
    one, whole = delta("one", base, 1)
    headed = save("headed", {f"bert.{name}": x for name, x in tensors(0).items()})
    made = merged([Delta("one", one.path, base=headed)], headed, "sparse")
    assert same(made, {f"bert.{name}": x for name, x in whole.items()})
    twice = save("twice", {f"{a}.{n}": x for a in "ab" for n, x in tensors(0).items()})
    with pytest.raises(ModelError, match="several such tensors"):
        Delta("one", one.path, base=twice).tensors  # noqa: B018


def test_deltas_of_another_base_are_refused(trio, delta):
    base, _ = trio
    one, _ = delta("one", base, 1)
    check_base(one.path, "print")
    with pytest.raises(ModelError, match="was trained from the model print, and this is other"):
        check_base(one.path, "other")
    index = {"body.norm.index": torch.tensor([64, 65]), "body.norm.value": torch.ones(2)}
    for number, (more, said) in enumerate(
        (({"body.other": torch.ones(2)}, "a model with other, and base has no such"),
         ({"body.norm": torch.ones(64)}, r"body\.norm is \[64\], and base has \[65\]"),
         (index, "places that norm has not"),
         ({**index, "body.norm.index": torch.tensor([4, 3])}, "places that norm has not"),
         ({"body.norm.index": torch.tensor([4])}, "has no pair of its length"))
    ):  # fmt: skip
        one, _ = delta(f"wrong{number}", base, 1, more)
        with pytest.raises(ModelError, match=said):
            one.tensors  # noqa: B018
    (one.path / "delta.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no delta\.safetensors"):
        Delta("one", one.path, base=base).tensors  # noqa: B018
