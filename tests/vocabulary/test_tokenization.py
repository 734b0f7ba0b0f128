"""Cuts of every kind of tokenizer, token by token against what the tokenizer says of itself."""

import pytest

from isogloss.encode import load_encoder
from isogloss.errors import ModelError
from isogloss.vocabulary.tokenization import of_encoder, of_python, of_tokenizer

TEXTS = ["red heart", "", "字 heart", "Grünes Herz"]


def test_a_cut_is_what_the_tokenizer_says(tokenizer):
    cut = of_tokenizer(tokenizer, "mine").cut(TEXTS)
    made = [tokenizer.encode(text, add_special_tokens=False) for text in TEXTS]
    assert cut.ids.tolist() == [i for one in made for i in one.ids]
    assert cut.lengths.tolist() == [len(one.ids) for one in made]
    at = 0
    for one in made:
        for number, (begin, _) in zip(one.ids, one.offsets, strict=True):
            name = tokenizer.id_to_token(number)
            blank = name in ("▁", "Ġ")
            assert cut.begins[at] == (-1 if blank else begin)
            assert cut.unknown[at] == (name in ("[UNK]", "<unk>"))
            at += 1


def test_bytes_of_a_character_are_parts(tokenizer_of):
    for kind in ("byte-bpe", "bpe"):
        cut = of_tokenizer(tokenizer_of(kind), kind).cut(["字"])
        told = cut.begins >= 0
        assert cut.partial[told].sum() == 3 and not cut.partial[~told].any()
        assert (cut.begins[told] == 0).all() and not cut.unknown.any()
    cut = of_tokenizer(tokenizer_of("wordpiece"), "wordpiece").cut(["字"])
    assert cut.unknown.tolist() == [True] and cut.partial.tolist() == [False]


def test_truncation_and_padding_are_left_aside_and_kept(tokenizer_of):
    from tokenizers import Tokenizer

    short = Tokenizer.from_str(tokenizer_of("wordpiece").to_str())
    whole = of_tokenizer(tokenizer_of("wordpiece"), "whole")
    short.enable_truncation(2)
    short.enable_padding(length=9)
    made = of_tokenizer(short, "short")
    assert made.cut(TEXTS).lengths.tolist() == whole.cut(TEXTS).lengths.tolist()
    assert made.fingerprint == whole.fingerprint
    assert short.truncation["max_length"] == 2 and short.padding["length"] == 9


def test_characters_that_become_no_token_are_counted(tokenizer_of):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    plain.train_from_iterator(["ab ba"], trainers.BpeTrainer(show_progress=False))
    cut = of_tokenizer(plain, "plain").cut(["ab ça字", "b", "字 é"])
    assert cut.lost.tolist() == [2, 0, 2] and cut.lengths.tolist()[2] == 0
    spelled = Tokenizer(models.BPE())
    spelled.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    spelled.train_from_iterator(["ab ba"], trainers.BpeTrainer(show_progress=False))
    assert of_tokenizer(spelled, "spelled").cut(["a字b"]).lost.tolist() == [1]
    for kind in ("wordpiece", "byte-bpe", "bpe", "unigram"):
        assert of_tokenizer(tokenizer_of(kind), kind).cut(TEXTS).lost is None


def test_a_tokenizer_that_fails_says_so():
    from tokenizers import Tokenizer, models

    broken = of_tokenizer(Tokenizer(models.WordPiece({"a": 0}, unk_token="[UNK]")), "broken")
    with pytest.raises(ModelError, match="broken fails on this text"):
        broken.cut(["b"])


def test_an_encoder_gives_its_name_window_and_special_tokens(model_folder):
    encoder = load_encoder(model_folder("bert"))
    made = of_encoder(encoder)
    assert (made.name, made.fingerprint) == (encoder.name, encoder.fingerprint)
    assert (made.window, made.added) == (encoder.window, encoder.reader.added)
    assert made.cut(["red heart"]).unknown.tolist() == [False] * 2


def test_lower_case_is_done_first(model_folder):
    encoder = load_encoder(model_folder("gpt2"))

    class Lower:
        name, fingerprint = "lower", "0"
        reader = encoder.reader._replace(lower=True)

    upper = of_encoder(encoder).cut(["RED Heart"])
    lower = of_encoder(Lower()).cut(["RED Heart"])
    assert lower.ids.tolist() == of_encoder(encoder).cut(["red heart"]).ids.tolist()
    assert lower.ids.tolist() != upper.ids.tolist()


def test_a_python_tokenizer_tells_less():
    from transformers import ByT5Tokenizer

    made = of_python(ByT5Tokenizer(extra_ids=0), "byt5")
    cut = made.cut(["ab é", ""])
    assert cut.lengths.tolist() == [5, 0] and cut.begins is None and cut.partial is None
    assert not cut.unknown.any() and made.size == 259
    assert made.cut([]).ids.shape == (0,)
