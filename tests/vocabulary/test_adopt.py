"""A learned tokenizer takes a model's place: special tokens, their ids, and where they stand."""

import json

import pytest

from isogloss.vocabulary.adopt import adopt_special


def _model(tokenizer_of, processor):
    from tokenizers import Tokenizer, processors

    made = Tokenizer.from_str(tokenizer_of("wordpiece", 1200).to_str())
    ids = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = {
        "template": processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
        ),
        "bert": processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)),
    }[processor]
    made.enable_padding(length=12)
    return made


@pytest.mark.parametrize("processor", ["template", "bert"])
@pytest.mark.parametrize("kind", ["unigram", "bpe", "byte-bpe"])
def test_texts_stand_between_the_models_special_tokens(tokenizer_of, kind, processor):
    model, learned = _model(tokenizer_of, processor), tokenizer_of(kind, 1200)
    made, before = adopt_special(model=model, tokenizer=learned), learned.to_str()
    inside = learned.encode("red heart", add_special_tokens=False).ids
    found = made.encode("red heart")
    assert found.tokens[0] == "[CLS]" and found.tokens[-1] == "[SEP]"
    assert found.ids[1:-1] == inside
    assert len(set(made.get_vocab().values())) == made.get_vocab_size()
    assert made.encode("red", "heart").tokens.count("[SEP]") == 2
    special = {t["content"] for t in json.loads(made.to_str())["added_tokens"] if t["special"]}
    assert {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"} <= special
    assert learned.to_str() == before


def test_the_unknown_token_keeps_its_id_under_the_models_name(tokenizer_of):
    learned = tokenizer_of("unigram", 1200)
    made = adopt_special(learned, _model(tokenizer_of, "template"))
    unknown = learned.token_to_id("<unk>")
    assert made.token_to_id("[UNK]") == unknown and made.token_to_id("<unk>") is None
    assert made.encode("☃", add_special_tokens=False).ids[-1] == unknown
