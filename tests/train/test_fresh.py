"""Small models of random weights: of the shape that was asked for, the same ones every time."""

import pytest
import torch

from isogloss.encode.folder import open_folder
from isogloss.encode.weights import load_tokenizer, read_window
from isogloss.errors import UsageError
from isogloss.recipe.learning import save_tokenizer
from isogloss.train.fresh import FAMILIES, SENTINEL, fresh_model, learn_for, save_fresh
from isogloss.vocabulary.special import PRESETS


@pytest.fixture(scope="module")
def lines(texts):
    return {"eng_Latn": texts[:400], "rus_Cyrl": texts[-400:]}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_transformers_loads_each_family_unchanged(family, lines, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    tokenizer = learn_for(family, lines, size=700, sentinels=9)
    save_tokenizer(tokenizer, tmp_path, PRESETS[FAMILIES[family].special].roles)
    model = fresh_model(family, tokenizer, width=16, layers=3, heads=4, longest=40)
    save_fresh(model, 40, tmp_path)
    again = AutoModel.from_pretrained(tmp_path)
    assert again.config.num_hidden_layers == 3 and again.config.hidden_size == 16
    table = model.get_input_embeddings().weight
    assert torch.equal(again.get_input_embeddings().weight, table)
    assert len(table) == len(AutoTokenizer.from_pretrained(tmp_path))
    assert model.get_output_embeddings().weight is table
    folder = open_folder(tmp_path, family)
    assert read_window(folder, load_tokenizer(folder)) == 40
    ends = {"bert": ["[CLS]", "[SEP]"], "gpt2": [], "llama": ["<s>"], "t5": ["</s>"]}
    assert tokenizer.encode("").tokens == ends[family]


def test_the_seed_alone_decides_the_weights(lines):
    tokenizer = learn_for("gpt2", lines, size=400)
    one, again, other = (
        fresh_model("gpt2", tokenizer, seed=seed).get_input_embeddings().weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_sentinels_stand_last_the_first_at_the_very_end_and_are_not_cut(lines):
    tokenizer = learn_for("t5", lines, size=500, sentinels=3)
    size = tokenizer.get_vocab_size()
    assert [tokenizer.token_to_id(SENTINEL.format(i)) for i in range(3)] == [
        size - 1, size - 2, size - 3,
    ]  # fmt: skip
    assert size <= 500
    found = tokenizer.encode("red <extra_id_0> heart", add_special_tokens=False)
    assert found.ids.count(size - 1) == 1


def test_shapes_that_cannot_be_are_refused(lines):
    tokenizer = learn_for("llama", lines, size=700)
    with pytest.raises(UsageError, match="3 heads cannot share a width of 64"):
        fresh_model("bert", tokenizer, heads=3)
    with pytest.raises(UsageError, match="4 heads cannot share a width of 12"):
        fresh_model("llama", tokenizer, width=12, heads=4)
    with pytest.raises(UsageError, match="no room beside 32 sentinels"):
        learn_for("t5", lines, size=30)
