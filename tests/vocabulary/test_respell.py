"""Tokens are spelled by tokens that stand where they stand."""

import numpy as np
import pytest

from isogloss.vocabulary.initialise.rows import overlap
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.respell import Speller, respell

KINDS = ("wordpiece", "byte-bpe", "bpe", "unigram")


def _text(pieces, ids):
    return "".join(pieces.texts[i] or "" for i in ids).lstrip("▁ ")  # the bare mark of a word


@pytest.mark.parametrize("other", KINDS)
def test_spellings_say_the_token_and_stand_where_it_stands(tokenizer, tokenizer_of, other):
    target = tokenizer_of(other, 800)
    ours, theirs = read_pieces(tokenizer), read_pieces(target)
    spelled, shared = respell(tokenizer, target), set(overlap(ours, theirs).target.tolist())
    checked = 0
    for number, ids in enumerate(spelled):
        text = theirs.texts[number]
        if number in shared and not theirs.special[number]:
            assert len(ids) == 1
        if text is None or not (text.isascii() and text.isalpha() and text.islower()):
            continue
        assert _text(ours, ids) == text
        assert bool(ours.starts[ids[0]]) == bool(theirs.starts[number])
        assert not ours.starts[ids[1:]].any()
        checked += 1
    assert checked > 150


def test_a_whole_word_is_spelled_as_the_source_cuts_it(tokenizer):
    speller = Speller(tokenizer)
    words = ["umbrella", "wonderful", "brown", "handball"]
    before = " " if speller.pieces.byte_level else ""
    for word, ids in zip(words, speller.spell([(True, w) for w in words]), strict=True):
        assert ids == tokenizer.encode(f"{before}{word}", add_special_tokens=False).ids


def test_wordpiece_goes_on_with_pieces_that_go_on(tokenizer_of):
    source = tokenizer_of("wordpiece", 1200)
    speller = Speller(source)
    whole = source.encode("xingling", add_special_tokens=False)
    [begun], [gone_on] = speller.spell([(True, "x")]), speller.spell([(False, "ingling")])
    assert begun + gone_on == whole.ids
    assert source.token_to_id("-") is not None
    assert speller.spell([(False, "-")]) == [[source.token_to_id("-")]]  # never joined to a word


def test_what_cannot_be_spelled_is_unknown_or_nothing(tokenizer_of):
    pieces = tokenizer_of("wordpiece", 1200), tokenizer_of("unigram", 1200)
    speller = Speller(pieces[0])
    assert speller.unknown == 1
    assert speller.spell([(True, "☃"), (True, "▁"), (False, "☃")]) == [[1], [], [1]]
    spelled = respell(pieces[0], pieces[1])
    assert spelled[pieces[1].token_to_id("<unk>")] == [1]  # tokens of one role


def test_bytes_are_spelled_by_bytes(tokenizer_of):
    from isogloss.vocabulary.pieces import byte_of

    levels, fallback = tokenizer_of("byte-bpe", 1200), tokenizer_of("bpe", 1200)
    pieces = read_pieces(levels)
    spelled = respell(fallback, levels)
    raw = np.flatnonzero(pieces.bytes)
    assert len(raw) > 60
    for number in raw:
        values = [byte_of()[c] for c in pieces.names[number]]
        assert [fallback.id_to_token(i) for i in spelled[number]] == [
            f"<0x{v:02X}>" for v in values
        ]
    back = respell(levels, fallback)
    number = fallback.token_to_id("<0xE2>")
    assert back[number] == [levels.token_to_id("â")]


def test_a_padded_and_truncated_tokenizer_spells_the_same(tokenizer_of):
    from tokenizers import Tokenizer

    source = tokenizer_of("wordpiece", 1200)
    cut = Tokenizer.from_str(source.to_str())
    cut.enable_padding(length=9)
    cut.enable_truncation(1)
    wanted = [(True, "wonderful"), (False, "wonderful")]
    assert Speller(cut).spell(wanted) == Speller(source).spell(wanted)
