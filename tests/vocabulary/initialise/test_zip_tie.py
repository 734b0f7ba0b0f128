"""Rows tie together the pieces and the bytes that spell a token in its place."""

import numpy as np
import pytest

from isogloss.vocabulary.initialise.mean import mean
from isogloss.vocabulary.initialise.rows import Help, Source, overlap
from isogloss.vocabulary.initialise.zip_tie import zip_tie
from isogloss.vocabulary.pieces import byte_of, read_pieces


def made_from(source, target, seed=0):
    pieces = read_pieces(source)
    table = np.random.default_rng(seed).normal(size=(len(pieces), 5)).astype(np.float32)
    shared = overlap(source, target)
    made = zip_tie(Source(table, source), target, Help())
    np.testing.assert_array_equal(made.rows[shared.target], table[shared.source])
    return table, made, set(shared.target.tolist())


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_rows_are_means_of_pieces_in_place(tokenizer_of, kind):
    """Oracle: the pieces of the token behind another word, or behind a letter that is cut off."""
    source, target = tokenizer_of(kind, 600), tokenizer_of("wordpiece")
    table, made, shared = made_from(source, target)
    theirs, ours = read_pieces(target), read_pieces(source)
    places = set()
    for i, text in enumerate(theirs.texts):
        if text is None or i in shared:
            continue
        if theirs.starts[i]:
            ids = source.encode(text, add_special_tokens=False).ids
        else:  # the algorithm alone sees no begin of a word
            ids = [token.id for token in source.model.tokenize(text)]
        ids = [j for j in ids if not ours.special[j]]
        if ids:
            np.testing.assert_allclose(made.rows[i], table[ids].mean(0), atol=1e-5)
            places.add(bool(theirs.starts[i]))
    assert places == {True, False}
    plain = mean(Source(table, source), target, Help()).rows
    inside = [i for i in range(len(theirs)) if theirs.texts[i] and not theirs.starts[i]
              and i not in shared]  # fmt: skip
    assert (np.abs(plain - made.rows)[inside].max(1) > 0.05).mean() > 0.5


def test_characters_without_a_piece_are_tied_from_their_bytes(tokenizer_of):
    source = tokenizer_of("bpe", 600)
    from tokenizers import Tokenizer, models

    target = Tokenizer(models.WordPiece({"[UNK]": 0, "##龍": 1}, unk_token="[UNK]"))
    table, made, _ = made_from(source, target)
    ids = [source.token_to_id(f"<0x{byte:02X}>") for byte in "龍".encode()]
    np.testing.assert_allclose(made.rows[1], table[ids].mean(0), atol=1e-6)
    assert made.parts[1] == 3 and made.made[0] != 0  # the unknown tokens are one


def test_parts_of_characters_are_written_with_bytes(tokenizer_of):
    source, target = tokenizer_of("bpe", 600), tokenizer_of("byte-bpe")
    table, made, shared = made_from(source, target)
    pieces = read_pieces(target)
    raw = [i for i in np.flatnonzero(pieces.bytes) if i not in shared]
    assert len(raw) > 100 and (made.made[raw] != 0).all()
    for i in raw:
        ids = [source.token_to_id(f"<0x{byte_of()[c]:02X}>") for c in pieces.names[i]]
        np.testing.assert_allclose(made.rows[i], table[ids].mean(0), atol=1e-5)
    assert (mean(Source(table, source), target, Help()).made[raw] == 0).all()


def test_a_source_without_bytes_draws_what_it_cannot_write(tokenizer_of):
    source, target = tokenizer_of("wordpiece", 600), tokenizer_of("byte-bpe")
    _, made, shared = made_from(source, target)
    pieces = read_pieces(target)
    raw = [i for i in np.flatnonzero(pieces.bytes) if i not in shared]
    assert (made.made[raw] == 0).all() and made.counts()["combined"] > 100
