"""New rows come from the normal of their script and place; shared ones stay."""

from collections import defaultdict

import numpy as np
import pytest

from isogloss.vocabulary.initialise.rows import Help, Source, overlap
from isogloss.vocabulary.initialise.script import COMMON, script, script_of
from isogloss.vocabulary.pieces import read_pieces


def grouped_table(tokenizer, d=4):
    """Rows around a point of their script and place, and which group each token is of."""
    pieces, points = read_pieces(tokenizer), {}
    rng = np.random.default_rng(0)
    table = rng.normal(0, 0.01, (len(pieces), d)).astype(np.float32)
    groups = []
    for i, text in enumerate(pieces.texts):
        key = None if text is None else (script_of(text), bool(pieces.starts[i]))
        groups.append(key)
        if key is not None:
            table[i] += points.setdefault(key, rng.normal(0, 5, d))
    return table, groups, points


def test_scripts_of_texts():
    for text, wanted in (
        ("Haus", "LATIN"), ("дом", "CYRILLIC"), ("बिल्ली", "DEVANAGARI"), ("中文", "CJK"),
        ("ひと", "HIRAGANA"), ("123", COMMON), ("a1", "LATIN"), ("1a", COMMON), ("...", COMMON),
        ("Ａ", "LATIN"), ("e\u0301\u0301", COMMON), ("قطة", "ARABIC"), ("", COMMON),
    ):  # fmt: skip
        assert script_of(text) == wanted, text


@pytest.mark.parametrize("kinds", [("wordpiece", "unigram"), ("byte-bpe", "bpe")])
def test_new_tokens_lie_where_their_script_and_place_lie(tokenizer_of, kinds):
    source, target = tokenizer_of(kinds[0], 700), tokenizer_of(kinds[1])
    table, groups, points = grouped_table(source)
    made = script(Source(table, source), target, Help())
    theirs, shared = read_pieces(target), overlap(source, target)
    np.testing.assert_array_equal(made.rows[shared.target], table[shared.source])
    seen = set()
    for i, text in enumerate(theirs.texts):
        key = None if text is None else (script_of(text), bool(theirs.starts[i]))
        if key is not None and groups.count(key) > 2 and i not in shared.target:
            assert np.abs(made.rows[i] - points[key]).max() < 0.1, theirs.names[i]
            seen.add(key)
    assert {name for name, _ in seen} >= {"LATIN", "CYRILLIC", "ARABIC"}
    assert {starts for _, starts in seen} == {True, False}
    assert made.counts() == {
        "random": len(theirs) - len(shared.target), "copied": len(shared.target)
    }  # fmt: skip


def test_moments_without_position_or_shared_tokens(tokenizer_of):
    source, target = tokenizer_of("wordpiece"), tokenizer_of("unigram")
    pieces, theirs = read_pieces(source), read_pieces(target)
    table = np.random.default_rng(1).normal(size=(len(pieces), 3)).astype(np.float32)
    groups = defaultdict(list)
    for i, text in enumerate(pieces.texts):
        if text is not None:
            table[i, 0] += 9 * (script_of(text) == "LATIN")
            table[i, 1] *= 4 if script_of(text) == "LATIN" else 1
            groups[script_of(text)].append(i)
    settings = {"shared": False, "position": False}
    made = np.stack([
        script(Source(table, source), target, Help(seed=s), **settings).rows for s in range(30)
    ])  # fmt: skip
    for name, ids in groups.items():
        new = [i for i, text in enumerate(theirs.texts) if text and script_of(text) == name]
        if len(ids) > 20 and len(new) > 20:
            drawn = made[:, new].reshape(-1, 3)
            np.testing.assert_allclose(drawn.mean(0), table[ids].mean(0), atol=0.25)
            np.testing.assert_allclose(drawn.std(0), table[ids].std(0, ddof=1), rtol=0.1)
    shared = overlap(pieces, theirs)
    special = theirs.special[shared.target]
    assert special.any()
    same = (made[0][shared.target] == table[shared.source]).all(1)
    np.testing.assert_array_equal(same, special)


def wordpiece(tokens):
    from tokenizers import Tokenizer, models

    vocabulary = {token: i for i, token in enumerate(("[UNK]", *tokens))}
    return Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))


def test_what_the_source_lacks_is_drawn_from_the_script_and_then_from_all():
    latin = [f"{a}{b}" for a in "abcdefghij" for b in "abcdefghij"]
    source = wordpiece([*latin, "##б", "##г"])
    table = np.random.default_rng(0).normal(5, 0.1, (103, 2)).astype(np.float32)
    table[-2:] = -5
    target = wordpiece(["##zz", *"дкл", *"कखग"])
    made = np.stack([script(Source(table, source), target, Help(seed=s)).rows for s in range(200)])
    np.testing.assert_allclose(made[:, 1].mean(0), 5, atol=0.1)  # Latin, but none inside words
    np.testing.assert_allclose(made[:, 2:5], -5, atol=1e-5)  # Cyrillic, but none begins a word
    np.testing.assert_allclose(made[:, 5:].mean((0, 1)), table.mean(0), atol=0.2)
    np.testing.assert_allclose(made[:, 5:].std((0, 1)), table.std(0), rtol=0.1)
