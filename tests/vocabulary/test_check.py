"""The audit finds what is wrong; outputs are compared to the bit; unused tokens are found."""

import json

import pytest

from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError
from isogloss.vocabulary.check import audit, bits_per_character, compare, remember, run, unreached
from isogloss.vocabulary.surgery import columns, open_model, put_columns


def test_the_audit_finds_what_is_wrong(model_folder):
    made = open_model(find_model(str(model_folder("gpt2"))))
    before = remember(made)
    was = made.model.config.pad_token_id
    assert audit(made, before)["tokens"] == made.rows
    made.model.config.pad_token_id = 5
    with pytest.raises(ModelError, match=r"pad_token_id of config\.json is not that of"):
        audit(made, before)
    made.model.config.pad_token_id = was
    made.tables = (made.tables[0]._replace(names=made.tables[0].names[:1]),)
    with pytest.raises(ModelError, match=r"lm_head.weight and transformer.wte.weight"):
        audit(made, before)
    made.model.config.vocab_size += 1
    with pytest.raises(ModelError, match="1,200 rows, and vocab_size is 1,201"):
        audit(made)


def test_other_states_are_not_let_through(model_folder):
    opened = open_model(find_model(str(model_folder("llama"))))
    before = run(opened, ["red fish", "blue"])
    ids = {i: i for i in range(opened.tokens)}
    assert compare(before, run(opened, ["red fish", "blue"]), ids).same_logits == 2
    put_columns(opened, columns(opened)[::-1])
    with pytest.raises(ModelError, match="2 of 2 texts with the same tokens have other hidden"):
        compare(before, run(opened, ["red fish", "blue"]), ids)


def test_tokens_that_no_text_gives_are_found(tokenizer):
    from tokenizers import Tokenizer

    assert len(unreached(tokenizer)) <= 12
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    name = "zz qq"
    if isinstance(vocabulary, list):
        vocabulary.append([name, -99.0])
        at = len(vocabulary) - 1
    else:
        at = vocabulary[name] = max(vocabulary.values()) + 1
    assert at in unreached(Tokenizer.from_str(json.dumps(state)))


@pytest.mark.parametrize("shape", ["bert", "llama", "t5"])
def test_bits_of_a_character_by_hand(model_folder, shape):
    import torch

    opened = open_model(find_model(str(model_folder(shape))))
    text = "red fish"
    found = bits_per_character(opened, [text, ""])
    ids = opened.tokenizer.encode(text).ids
    bits = 0.0
    for i, token in enumerate(ids):
        given = torch.tensor([ids[:i]])
        if shape == "bert":
            given = torch.tensor([[opened.wrapper.mask_token_id if j == i else x
                                   for j, x in enumerate(ids)]])  # fmt: skip
        if shape == "t5" or not given.shape[1]:
            continue
        with torch.inference_mode():
            p = opened.model(input_ids=given).logits[0, i if shape == "bert" else -1].softmax(-1)
        bits -= float(p[token].log2())
    first = opened.tokenizer.encode(text).offsets[0][1] if shape == "llama" else 0
    if shape == "t5":
        assert found is None
    else:
        spaces = 1 if shape == "bert" else 0
        assert found == pytest.approx(bits / (len(text) - first - spaces), rel=1e-4)
