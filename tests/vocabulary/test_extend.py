"""Words come behind the old ones, other scripts are spelled in Latin, English stays as it was."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from isogloss.errors import ModelError, UsageError
from isogloss.vocabulary.extend import extend, extend_wordpiece, new_words, with_romanisation
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.romanise import SCRIPTS, romanisation
from isogloss.vocabulary.words import words

SPELLED = {
    "Москва Щербаков": "moskva shcherbakov",
    "Αθήνα": "athina",
    "नई दिल्ली नरेंद्र मोदी ने कहा": "nai dilli narendr modi ne kaha",
    "সব ২০১৯": "sab 2019",
    "سلمان في الرِّياض": "slman fy alryad",
    "キャンディー・ソフトクリーム ファイル": "kyandi sofutokurimu fairu",
    "서울 바나나": "seoul banana",
    "Hello, wörld 12": "hello, world 12",
}


@pytest.fixture(scope="module")
def plain(minilm):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{minilm}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def romanised(plain):
    return with_romanisation(plain, SCRIPTS)


@pytest.mark.parametrize(("text", "latin"), SPELLED.items())
def test_scripts_are_spelled_in_latin(romanised, text, latin):
    assert romanised.normalizer.normalize_str(text) == latin


def test_it_lives_in_the_saved_file(romanised, tmp_path):
    from tokenizers import Tokenizer

    romanised.save(str(tmp_path / "t.json"))
    again = Tokenizer.from_file(str(tmp_path / "t.json"))
    for text in SPELLED:
        assert again.encode(text).ids == romanised.encode(text).ids


@given(st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cs"]), max_size=40))
def test_latin_text_is_cut_as_before(plain, romanised, text):
    assert romanised.encode(text).ids == plain.encode(text).ids


def test_new_words_come_behind_and_old_ids_stay(romanised):
    sentences = [words(romanised, "Москва слушает Москва"), words(romanised, "the Москва слово")]
    added = new_words(romanised, sentences, size=10)
    assert added == ["moskva"]
    extended = extend_wordpiece(romanised, added)
    old, new = romanised.get_vocab(), extended.get_vocab()
    assert {t: new[t] for t in old} == old and new["moskva"] == len(old)
    assert extended.encode("Москва", add_special_tokens=False).tokens == ["moskva"]
    assert extended.encode("Hello world").ids == romanised.encode("Hello world").ids
    with pytest.raises(ModelError, match="there already"):
        extend_wordpiece(extended, ["moskva"])


def test_other_kinds_of_vocabulary_are_refused():
    from isogloss.vocabulary.learn import learn_unigram

    with pytest.raises(ModelError, match="Unigram"):
        extend_wordpiece(learn_unigram({"eng_Latn": ["a b c"] * 5}, size=100), ["x"])
    with pytest.raises(UsageError, match="no romanisation for 'Hang'"):
        romanisation("Hang")


def grown(tokenizer, texts, size=40):
    wanted = new_words(tokenizer, [words(tokenizer, text) for text in texts], size=size)
    return wanted, extend(tokenizer, wanted, strict=False)


def test_every_added_token_is_given_and_old_ids_stay(tokenizer, texts):
    wanted, made = grown(tokenizer, texts)
    assert len(wanted) == 40 and set(made.added) | set(made.unreached) == set(wanted)
    assert len(made.unreached) <= 2
    old, new = tokenizer.get_vocab(), made.tokenizer.get_vocab()
    assert old.items() <= new.items()
    assert sorted(new[t] for t in (*made.added, *made.parts)) == list(range(len(old), len(new)))
    pieces = read_pieces(made.tokenizer)
    for name in made.added:
        space = " " if pieces.byte_level and pieces.starts[new[name]] else ""
        text = space + pieces.texts[new[name]]
        assert made.tokenizer.encode(text, add_special_tokens=False).tokens == [name]
        assert len(tokenizer.encode(text, add_special_tokens=False).ids) > 1
    assert bool(made.parts) == (type(tokenizer.model).__name__ == "BPE")


@pytest.mark.parametrize("kind", ["byte-bpe", "bpe", "unigram"])
@given(seed=st.integers(0, 1000), extra=st.text(max_size=12))
@settings(max_examples=6, deadline=None)
def test_new_tokens_stand_for_what_was_there_and_nothing_else_changes(
    tokenizer_of, texts, kind, seed, extra
):
    tokenizer = tokenizer_of(kind)
    rng = random.Random(seed)
    wanted = [w for text in rng.sample(texts, 150) for w in words(tokenizer, text)]
    vocabulary = tokenizer.get_vocab()
    wanted = sorted({w for w in wanted if w not in vocabulary and len(w) > 2})[:25]
    made = extend(tokenizer, wanted, strict=False)
    cut = {
        made.tokenizer.token_to_id(name): [t.id for t in tokenizer.model.tokenize(name)]
        for name in (*made.added, *made.parts)
    }
    for text in [*rng.sample(texts, 40), extra, f"{extra}{wanted[0]}x"]:
        new = made.tokenizer.encode(text, add_special_tokens=False).ids
        spelled = [i for number in new for i in cut.get(number, [number])]
        assert spelled == tokenizer.encode(text, add_special_tokens=False).ids


def test_a_piece_that_is_too_likely_would_change_other_words():
    """The mechanism itself: a score over that of the spelling by more than a hair takes more."""
    pieces = [("<unk>", 0.0), ("a", -2.0), ("b", -2.0), ("c", -2.0), ("bc", -2.5)]
    tokenizer = Tokenizer(models.Unigram(pieces, 0))
    made = extend(tokenizer, ["ab"]).tokenizer
    assert made.encode("abc").tokens == ["a", "bc"] and made.encode("ab").tokens == ["ab"]
    likely = Tokenizer(models.Unigram([*pieces, ("ab", -2.0)], 0))
    assert likely.encode("abc").tokens == ["ab", "c"]


def test_merges_are_made_left_to_right_and_repeats_are_met():
    names = ["a", "b", "c", "ab", "<unk>"]
    tokenizer = Tokenizer(
        models.BPE({n: i for i, n in enumerate(names)}, [("a", "b")], unk_token="<unk>")
    )
    made = extend(tokenizer, ["ababc", "cd"])
    assert made.parts == ("abab", "d")
    assert json.loads(made.tokenizer.to_str())["model"]["merges"] == [
        ["a", "b"], ["ab", "ab"], ["abab", "c"], ["c", "d"]
    ]  # fmt: skip
    assert made.tokenizer.encode("ababc").tokens == ["ababc"]
    looked_up = Tokenizer(
        models.BPE({n: i for i, n in enumerate(names)}, [("a", "b")], ignore_merges=True)
    )
    made = extend(looked_up, ["ababc"])
    assert made.parts == () and made.tokenizer.encode("ababc").tokens == ["ababc"]


def test_added_tokens_beside_the_vocabulary_keep_their_ids(tokenizer_of):
    for kind in ("byte-bpe", "unigram"):
        tokenizer = Tokenizer.from_str(tokenizer_of(kind).to_str())
        tokenizer.add_special_tokens(["<lang>"])
        size = tokenizer.get_vocab_size()
        made = extend(tokenizer, ["Ġzebraqq" if kind == "byte-bpe" else "▁zebraqq"])
        assert made.tokenizer.token_to_id("<lang>") == size - 1
        assert made.tokenizer.token_to_id(made.added[0]) == size + len(made.parts)
        assert made.tokenizer.encode("<lang>").ids[0] == size - 1


def test_tokens_that_cannot_be_added_are_named(tokenizer):
    there = next(t for t in tokenizer.get_vocab() if t.isalpha() and len(t) > 2)
    for tokens, kind, said in (
        ([], UsageError, "no token"), ([" "], UsageError, "empty"),
        ([there], ModelError, f"there already, such as '{there}'"),
        (["qqzq", "qqzq"], ModelError, "'qqzq' is to be added twice"),
    ):  # fmt: skip
        with pytest.raises(kind, match=said):
            extend(tokenizer, tokens)
    byte = read_pieces(tokenizer).byte_level
    good = {"WordPiece": "qqzq"}.get(type(tokenizer.model).__name__, "ĠQqzq" if byte else "▁Qqzq")
    bad = "zzq qqz"
    with pytest.raises(ModelError, match="1 of 2 tokens would never be used, such as 'zzq qqz'"):
        extend(tokenizer, [good, bad])
    made = extend(tokenizer, [good, bad], strict=False)
    assert made.added == (good,) and made.unreached == (bad,)
    assert bad not in made.tokenizer.get_vocab()
