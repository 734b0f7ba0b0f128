"""A trimmed tokenizer cuts what was kept as before, by new ids, and still cuts everything else."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from isogloss.errors import CorpusError, ModelError, UsageError
from isogloss.vocabulary.pieces import byte_of, read_pieces
from isogloss.vocabulary.trim import count_tokens, of_scripts, trim, trim_to_texts

KINDS = ("wordpiece", "byte-bpe", "bpe", "unigram")


def same_ids(old, new, kept, text):
    """Whether the text has the same tokens by both."""
    at = {int(o): n for n, o in enumerate(kept)}
    return [at.get(i) for i in old.encode(text).ids] == new.encode(text).ids


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10_000), share=st.floats(0.02, 0.95), text=st.text(max_size=30))
@settings(max_examples=8, deadline=None)
def test_text_whose_tokens_are_kept_is_cut_as_before(tokenizer_of, texts, kind, seed, share, text):
    tokenizer = tokenizer_of(kind)
    rng = np.random.default_rng(seed)
    size = tokenizer.get_vocab_size()
    made = trim(tokenizer, np.flatnonzero(rng.random(size) < share))
    kept = np.zeros(size, bool)
    kept[made.kept] = True
    some = [texts[i] for i in rng.integers(0, len(texts), 25)]
    for line in [text, *some, f"{text} {some[0]}", "𐤀𐤁 x"]:
        needed = count_tokens(tokenizer, [line]) > 0
        if kept[needed].all():
            assert same_ids(tokenizer, made.tokenizer, made.kept, line)
        found = made.tokenizer.encode(line).ids
        assert len(found) or not line.strip() or not tokenizer.encode(line).ids
        assert all(i < len(made.kept) for i in found)


def test_texts_keep_their_tokens_and_a_second_trim_is_a_no_op(tokenizer, texts):
    some = [*texts[::12], "neue Wörter, nicht gesehen", "ξενικά"]
    made = trim_to_texts(tokenizer, some)
    assert len(made.kept) < tokenizer.get_vocab_size()
    assert sum(made.reasons.values()) == len(made.kept)
    assert all(same_ids(tokenizer, made.tokenizer, made.kept, text) for text in some)
    again = trim_to_texts(made.tokenizer, some)
    assert again.tokenizer.to_str() == made.tokenizer.to_str()
    np.testing.assert_array_equal(again.kept, np.arange(len(made.kept)))
    old, new = read_pieces(tokenizer), read_pieces(made.tokenizer)
    assert new.names == tuple(old.names[i] for i in made.kept)


@pytest.mark.parametrize("asked", [{"least": 9}, {"size": 700}, {"size": 650, "least": 3}])
def test_rare_tokens_are_left_out_until_none_is_rare(tokenizer, texts, asked):
    made = trim_to_texts(tokenizer, texts[::2], **asked)
    again = trim_to_texts(made.tokenizer, texts[::2], **asked)
    assert again.tokenizer.to_str() == made.tokenizer.to_str()
    assert len(made.kept) <= asked.get("size", len(made.kept))
    if "least" in asked and made.reasons.get("asked for"):
        counts = count_tokens(made.tokenizer, texts[::2])
        few = sum(counts < asked["least"])
        assert few <= len(made.kept) - made.reasons["asked for"]


def test_a_script_keeps_what_is_written_in_it(tokenizer, texts):
    made = trim(tokenizer, of_scripts(tokenizer, ["Latn"]))
    latin = [t for t in texts if not any("\u0370" <= c <= "\u07ff" for c in t)]
    assert len(latin) > 500
    assert all(same_ids(tokenizer, made.tokenizer, made.kept, text) for text in latin[::3])
    letters = {t for t in read_pieces(made.tokenizer).texts if t}
    cyrillic = [text for text in letters if any("\u0400" <= c <= "\u04ff" for c in text)]
    assert len(cyrillic) <= 1  # Unigram's least likely piece
    with pytest.raises(UsageError, match="ISO 15924"):
        of_scripts(tokenizer, ["Abcd"])


def test_what_no_tokenizer_can_be_without_stays(tokenizer_of):
    byte = trim(tokenizer_of("byte-bpe"), [])
    names = set(byte.tokenizer.get_vocab())
    assert names == {*byte_of(), "<|endoftext|>", "<|pad|>"}
    fallback = trim(tokenizer_of("bpe"), [])
    assert fallback.tokenizer.get_vocab_size() == 256 + 3
    assert fallback.tokenizer.encode("щ").tokens[-2:] == ["<0xD1>", "<0x89>"]
    unigram = tokenizer_of("unigram")
    scores = json.loads(unigram.to_str())["model"]["vocab"]
    lowest = min(scores, key=lambda entry: entry[1])[0]
    assert set(trim(unigram, []).tokenizer.get_vocab()) == {"<pad>", "</s>", "<unk>", lowest}


def test_without_the_least_likely_piece_unknown_characters_would_cost_less():
    """The mechanism itself: the penalty of an unknown character hangs on the lowest score."""
    pieces = [("<unk>", 0.0), ("ab", -22.0), ("a", -1.0), ("zzz", -30.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, 0))
    made = trim_to_texts(tokenizer, ["ab"])
    assert tokenizer.encode("ab").tokens == ["ab"] == made.tokenizer.encode("ab").tokens
    assert "zzz" in made.tokenizer.get_vocab() and "a" not in made.tokenizer.get_vocab()
    less = Tokenizer(models.Unigram([*pieces[:2], ("a", -1.0), ("q", -9.0)], 0))
    assert less.encode("ab").tokens == ["ab"]  # -22 against -1 - (22 + 10)


def test_a_token_keeps_the_symbols_on_its_way_and_no_others():
    vocabulary = ["a", "b", "c", "d", "ab", "cd", "abcd", "bc", "abc"]
    merges = [("a", "b"), ("c", "d"), ("ab", "cd"), ("b", "c"), ("ab", "c")]
    tokenizer = Tokenizer(models.BPE({n: i for i, n in enumerate(vocabulary)}, merges,
                                     unk_token="a"))  # fmt: skip
    made = trim(tokenizer, [6])
    assert set(made.tokenizer.get_vocab()) == {"a", "b", "c", "d", "ab", "cd", "abcd"}
    assert json.loads(made.tokenizer.to_str())["model"]["merges"] == [list(m) for m in merges[:3]]
    assert made.reasons == {"always kept": 1, "asked for": 1, "on the way of merges": 5}
    assert made.tokenizer.encode("abcd").tokens == ["abcd"]


def test_words_that_are_looked_up_before_merging_need_no_merges():
    vocabulary = {name: i for i, name in enumerate(["a", "b", "ab", "abba"])}
    model = models.BPE(vocabulary, [("a", "b")], ignore_merges=True)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = trim(tokenizer, [3])
    assert made.tokenizer.encode("abba ab").tokens == ["abba", "a", "b"]
    assert set(trim(tokenizer, [2]).tokenizer.get_vocab()) == {"a", "b", "ab"}


def test_marked_ends_of_words_are_kept():
    names = ["a", "b", "b</w>", "ab</w>", "a</w>", "ab", "ab</w>x", "<unk>"]
    tokenizer = Tokenizer(
        models.BPE(
            {n: i for i, n in enumerate(names)}, [("a", "b</w>"), ("a", "b")],
            end_of_word_suffix="</w>", unk_token="<unk>",
        )
    )  # fmt: skip
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = trim_to_texts(tokenizer, ["ab"])
    assert made.tokenizer.encode("ab").tokens == ["ab</w>"]
    assert set(made.tokenizer.get_vocab()) == {"a", "b</w>", "ab</w>", "<unk>"}


def test_an_unknown_word_stays_unknown():
    names = ["[UNK]", "ab", "a", "##bx", "##b"]
    tokenizer = Tokenizer(models.WordPiece({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    assert tokenizer.encode("abx").tokens == ["[UNK]"]
    made = trim_to_texts(tokenizer, ["abx a"])
    assert "ab" in made.tokenizer.get_vocab()  # else the word would be a, ##bx
    assert trim(tokenizer, [2, 3]).tokenizer.encode("abx").tokens == ["a", "##bx"]


def language_tokens():
    from tokenizers import AddedToken, processors

    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1, "b": 2, "</s>": 3}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["</s>", "deu_Latn", "fra_Latn", "rus_Cyrl"])
    tokenizer.add_tokens([AddedToken("<x>", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="deu_Latn $A </s>", special_tokens=[("deu_Latn", 4), ("</s>", 3)]
    )
    tokenizer.enable_padding(pad_id=3, pad_token="</s>")
    return tokenizer


def test_added_tokens_stay_unless_told_otherwise():
    tokenizer = language_tokens()
    made = trim_to_texts(tokenizer, ["b <x>"])
    assert made.kept.tolist() == [0, 2, 3, 4, 5, 6, 7]
    assert made.tokenizer.encode("b <x>").ids == [3, 1, 6, 2]
    assert json.loads(made.tokenizer.to_str())["padding"]["pad_id"] == 2
    less = trim_to_texts(tokenizer, ["b <x>"], without=["fra_Latn", "rus_Cyrl"])
    assert less.kept.tolist() == [0, 2, 3, 4, 7]
    assert less.tokenizer.encode("b <x>").tokens == ["deu_Latn", "b", "<x>", "</s>"]
    for wrong, said in ((["deu_Latn"], "cannot be without"), (["b"], "no added tokens")):
        with pytest.raises(UsageError, match=said):
            trim(tokenizer, [1], without=wrong)


def test_an_older_way_to_add_special_tokens_is_followed():
    from tokenizers import processors

    tokenizer = language_tokens()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 3), ("rus_Cyrl", 6))
    made = trim(tokenizer, [2], without=["fra_Latn"])
    assert made.tokenizer.encode("b").tokens == ["rus_Cyrl", "b", "</s>"]


def test_bad_input_is_refused(tokenizer_of):
    tokenizer = tokenizer_of("wordpiece")
    for lines, said in (([], "no text"), ([" "], "no text"), (["𐤀𐤁𐤂"], "only unknown")):
        with pytest.raises(CorpusError, match=said):
            trim_to_texts(tokenizer, lines)
    with pytest.raises(UsageError, match="size 3 is less than the 5"):
        trim_to_texts(tokenizer, ["sun"], size=3)
    with pytest.raises(UsageError, match="least=0"):
        trim_to_texts(tokenizer, ["sun"], least=0)
    with pytest.raises(UsageError, match="ids that no token has"):
        trim(tokenizer, [10**6])
    twice = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("a", -2.0)], 0))
    with pytest.raises(ModelError, match="1 tokens twice, such as 'a'"):
        trim(twice, [0])


def test_a_normaliser_that_marks_spaces_is_like_any_other(tokenizer_of, texts):
    from tokenizers import normalizers

    tokenizer = Tokenizer.from_str(tokenizer_of("bpe").to_str())
    marks = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(marks)
    state = json.loads(tokenizer.to_str()) | {"pre_tokenizer": None}
    tokenizer = Tokenizer.from_str(json.dumps(state))
    some = texts[::15]
    made = trim_to_texts(tokenizer, some)
    assert len(made.kept) < tokenizer.get_vocab_size()
    assert all(same_ids(tokenizer, made.tokenizer, made.kept, text) for text in some)
