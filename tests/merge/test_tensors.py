"""Reading and writing safetensors by their offsets."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import ModelError
from isogloss.merge.tensors import FLOATS, floats, read, read_tensors, slices, stored

from .conftest import load


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_slices_are_what_safetensors_reads(save, kind):
    made = {"a": torch.randn(7, 5).to(kind), "b": torch.randn(()).to(kind), "c": torch.zeros(0, 3)}
    found = read_tensors(save("model", made).path)
    assert set(found) == set(made) and found["c"].count == 0
    parts = [
        floats(read(found["a"], at, n), found["a"].kind, np.float64) for at, n in slices(35, 9)
    ]
    assert np.array_equal(np.concatenate(parts), made["a"].double().numpy().ravel())
    assert found["a"].shape == (7, 5) and list(slices(0, 9)) == []


@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_bfloat16_is_rounded_as_torch_does(numbers):
    values = np.array(numbers, np.float32)
    made = floats(stored(values, "BF16"), "BF16")
    wanted = torch.from_numpy(values).bfloat16().float().numpy()
    np.testing.assert_array_equal(made, wanted)


@pytest.mark.parametrize("kind", FLOATS)
def test_what_is_stored_comes_back(kind):
    values = np.array([0.0, -0.0, 1.5, -2.0, np.inf, np.nan])
    np.testing.assert_array_equal(floats(stored(values, kind), kind, np.float64), values)


def test_files_that_are_cut_short_or_none_are_refused(save):
    made = save("model", {"a": torch.ones(100)})
    file = made.path / "model.safetensors"
    whole = file.read_bytes()
    for data, said in (
        (whole[:-4], "promises"), (whole + b"xx", "promises"), (whole[:20], "cut short"),
        (b"", "cut short"), (b"PK\3\4" * 50, "cut short"),
        (whole.replace(b'"F32"', b'"X32"'), "type X32"), (whole.replace(b"[100]", b"[101]"), "400"),
        (whole.replace(b"{", b"[", 1), "header"),
    ):  # fmt: skip
        file.write_bytes(data)
        with pytest.raises(ModelError, match=said):
            read_tensors(made.path)


def test_shards_must_be_there_and_beside_the_index(save):
    made = save("model", {"a": torch.ones(3)})
    (made.path / "model.safetensors").rename(made.path / "one.safetensors")
    index = made.path / "model.safetensors.index.json"
    for names, said in (
        ({"a": "two.safetensors"}, "two.safetensors is missing"),
        ({"a": "../model/one.safetensors"}, "no file beside it"),
        ({"b": "one.safetensors"}, "1 tensors are not in the shard"),
        ({}, "no weight_map"),
    ):
        index.write_text(json.dumps({"weight_map": names}))
        with pytest.raises(ModelError, match=said):
            read_tensors(made.path)
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    assert read_tensors(made.path)["a"].count == 3
    index.unlink()
    with pytest.raises(ModelError, match="has neither"):
        read_tensors(made.path)


def test_load_reads_what_was_saved(save):
    made = {"a": torch.randn(3)}
    assert torch.equal(load(save("model", made).path)["a"], made["a"])
