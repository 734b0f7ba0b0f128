"""Vocabularies without their bodies: what is written is what is read, and where they fit."""

import json
from dataclasses import replace

import numpy as np
import pytest

from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError
from isogloss.vocabulary.parts import (
    fingerprint_body,
    is_tied,
    matched,
    part_of,
    read_part,
    rows_of,
    write_part,
)
from isogloss.vocabulary.surgery import columns, open_model, put_columns

SHAPES = ("bert", "gpt2", "llama", "llama-untied", "t5", "mt5")


@pytest.fixture
def opened(model_folder):
    def make(shape):
        return open_model(find_model(str(model_folder(shape))))

    return make


@pytest.mark.parametrize("shape", SHAPES)
def test_a_part_is_read_as_it_was_written(opened, tmp_path, shape):
    model = opened(shape)
    part = part_of(model)
    assert write_part(part, tmp_path) == []
    again = read_part(tmp_path)
    assert again.fingerprint == part.fingerprint and again.rows == model.rows
    np.testing.assert_array_equal(rows_of(model, again), columns(model))
    assert again.about["named"] == part.about["named"]
    ours, theirs = model.wrapper, again.settings
    assert theirs["eos_token" if shape != "bert" else "mask_token"] in ours.get_vocab()
    facts = json.loads((tmp_path / "part.json").read_text())
    assert facts["tied"] is is_tied(model) is (shape != "llama-untied")
    assert [one["width"] for one in facts["tables"]] == [t.width for t in model.tables]
    for role, (token, number) in facts["roles"].items():
        assert number == ours.convert_tokens_to_ids(token) and getattr(ours, f"{role}_token")
    size = sum(t.nbytes for t in part.values) + 2000  # the vocabulary alone, without a body
    assert (tmp_path / "tables.safetensors").stat().st_size < size


def test_bfloat16_keeps_its_bits_and_a_fingerprint_knows_values_and_tokens(opened, tmp_path):
    import torch

    part = part_of(opened("llama"))
    narrow = replace(part, values=tuple(v.bfloat16() for v in part.values))
    write_part(narrow, tmp_path)
    assert all(
        torch.equal(a, b) and a.dtype == b.dtype
        for a, b in zip(read_part(tmp_path).values, narrow.values, strict=True)
    )
    changed = part.values[0].clone()
    changed[7, 3] += 1
    other = replace(part, values=(changed,))
    cut_otherwise = replace(part, tokenizer=opened("gpt2").tokenizer)
    found = {one.fingerprint for one in (part, narrow, other, cut_otherwise)}
    assert len(found) == 4


def test_bodies_are_told_apart_whatever_their_vocabulary(opened, tmp_path):
    import torch
    import transformers

    model = opened("bert")
    name = fingerprint_body(model)
    put_columns(model, columns(model)[:40] + 1)
    assert fingerprint_body(model) == name
    with torch.no_grad():
        model.model.bert.encoder.layer[1].output.dense.weight.add_(0.01)
    assert fingerprint_body(model) != name
    # The same body, saved without its head, is the same.
    whole = opened("bert")
    whole.model.bert.save_pretrained(tmp_path)
    whole.wrapper.save_pretrained(tmp_path)
    alone = open_model(find_model(str(tmp_path)))
    assert isinstance(alone.model, transformers.BertModel)
    assert fingerprint_body(alone) == name and is_tied(alone) is None
    part = part_of(whole)
    np.testing.assert_array_equal(rows_of(alone, part), columns(whole)[:, :32])
    with pytest.raises(ModelError, match=r"has no cls\.predictions\.bias"):
        matched(whole, part_of(alone))


def test_parts_that_do_not_fit_are_refused_with_the_reason(opened):
    tied, untied = opened("llama"), opened("llama-untied")
    with pytest.raises(ModelError, match=r"rows of its own .untied., and that of the model is its"):
        matched(tied, part_of(untied))
    with pytest.raises(ModelError, match=r"is its input embeddings .tied., and that of the model"):
        matched(untied, part_of(tied))
    with pytest.raises(ModelError, match="architecture 'gpt2', and the model is 'llama'"):
        matched(tied, part_of(opened("gpt2")))
    part = part_of(tied)
    table = part.tables[0]._replace(shape=(part.rows, 16))
    with pytest.raises(ModelError, match=r"rows of 16 values where model.embed_tokens.weight .*32"):
        matched(tied, replace(part, tables=(table,), values=(part.values[0][:, :16],)))


def test_files_that_are_absent_cut_short_or_changed_are_refused(opened, tmp_path):
    with pytest.raises(ModelError, match=r"is no vocabulary part.*\n.*isogloss vocabulary part"):
        read_part(tmp_path)
    write_part(part_of(opened("llama")), tmp_path)
    whole = (tmp_path / "tables.safetensors").read_bytes()
    (tmp_path / "tables.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ModelError, match="cannot be read"):
        read_part(tmp_path)
    (tmp_path / "tables.safetensors").write_bytes(whole[:-1] + b"\x07")
    with pytest.raises(ModelError, match=r"not those that part.json tells of"):
        read_part(tmp_path)
    (tmp_path / "tables.safetensors").write_bytes(whole)
    read_part(tmp_path)
    facts = json.loads((tmp_path / "part.json").read_text())
    for key in ("architecture", "roles", "tied", "body_fingerprint"):
        kept = {name: value for name, value in facts.items() if name != key}
        (tmp_path / "part.json").write_text(json.dumps(kept))
        with pytest.raises(ModelError, match=f"cannot be read: KeyError: '{key}'"):
            read_part(tmp_path)
    (tmp_path / "part.json").write_text(json.dumps(facts))
    opened("gpt2").tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelError, match=r"not those that part.json tells of"):
        read_part(tmp_path)
