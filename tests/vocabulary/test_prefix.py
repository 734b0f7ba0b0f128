"""Tokens before every text, whatever the tokenizer puts there already."""

import pytest
from tokenizers import Tokenizer, processors

from isogloss.errors import ModelError
from isogloss.vocabulary.prefix import with_prefix


def ends(tokenizer, kind):
    """The tokenizer with what families of models put around texts."""
    made = Tokenizer.from_str(tokenizer.to_str())
    a, b = made.get_vocab_size() - 2, made.get_vocab_size() - 1
    one, other = (made.id_to_token(i) for i in (a, b))
    if kind == "bert":
        made.post_processor = processors.BertProcessing((other, b), (one, a))
    elif kind == "roberta":
        made.post_processor = processors.RobertaProcessing((other, b), (one, a))
    elif kind == "template":
        made.post_processor = processors.TemplateProcessing(
            single=[one, "$A"], pair=[one, "$A", "$B:1", f"{other}:1"],
            special_tokens=[(one, a), (other, b)],
        )  # fmt: skip
    return made


@pytest.mark.parametrize("kind", ["bert", "roberta", "template", "none"])
def test_texts_and_pairs_have_them_before_the_first(tokenizer, kind):
    plain = ends(tokenizer, kind)
    made, new = with_prefix(plain, 3)
    assert len(set(new)) == 3 and min(new) >= plain.get_vocab_size()
    before = {"none": 0}.get(kind, 1)
    for text in ("the red heart", "Sonne, and more", ""):
        old = plain.encode(text)
        assert made.encode(text).ids == old.ids[:before] + new + old.ids[before:]
        assert (
            made.encode(text, add_special_tokens=False).ids
            == plain.encode(text, add_special_tokens=False).ids
        )
        old, pair = plain.encode(text, "a dog"), made.encode(text, "a dog")
        assert pair.ids == old.ids[:before] + new + old.ids[before:]
        first = old.type_ids[before] if text else 0
        assert pair.type_ids == old.type_ids[:before] + [first] * 3 + old.type_ids[before:]
    assert plain.get_vocab_size() == tokenizer.get_vocab_size()


def test_a_second_prefix_has_other_names(tokenizer):
    once, first = with_prefix(tokenizer, 2)
    twice, second = with_prefix(once, 2)
    assert not {*first} & {*second}
    assert twice.encode("heart").ids[:4] == first + second


def test_tokens_that_no_template_holds_are_refused(tokenizer):
    made = Tokenizer.from_str(tokenizer.to_str())
    made.add_special_tokens(["a:b:c"])
    odd = ("a:b:c", made.token_to_id("a:b:c"))
    made.post_processor = processors.RobertaProcessing(odd, odd)
    with pytest.raises(ModelError, match="make no template"):
        with_prefix(made, 1)
