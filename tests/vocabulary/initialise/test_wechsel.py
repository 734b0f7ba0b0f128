"""WECHSEL against a slow version that takes token by token, as the paper tells it."""

import dataclasses

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.initialise.rows import Help, Source, overlap
from isogloss.vocabulary.initialise.wechsel import rotation, wechsel
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.token_vectors import token_vectors_from_words


@pytest.fixture(scope="module")
def case(tokenizer_of, texts):
    """Two vocabularies, and word vectors of which the second are the first turned, with noise."""
    source, target = tokenizer_of("wordpiece", 500), tokenizer_of("unigram", 500)
    rng = np.random.default_rng(0)
    words = sorted({w for text in texts[::5] for w in text.split()})
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    one = rng.normal(size=(len(words), 16)) + 0.3
    other = one @ turn + 0.05 * rng.normal(size=one.shape)
    counts = rng.integers(1, 99, len(words))
    table = rng.normal(3, 1, (source.get_vocab_size() + 2, 6)).astype(np.float32)
    help = Help(
        source_words=(words, one), target_words=(words, other),
        source_frequencies=counts, target_frequencies=counts,
        dictionary=[(w, w) for w in words[::2]],
    )  # fmt: skip
    return Source(table, source), target, help


def vectors_of(case):
    source, target, help = case
    counts = help.source_frequencies
    return (
        token_vectors_from_words(source.tokenizer, *help.source_words, counts),
        token_vectors_from_words(target, *help.target_words, counts),
    )


def slow_rotation(help):
    (words, one), (_, other) = help.source_words, help.target_words
    at = {word: i for i, word in enumerate(words)}
    pairs = [
        (at[a], at[b])
        for first, second in help.dictionary
        for a in (first, first.lower(), first.title())
        for b in (second, second.lower(), second.title())
        if a in at and b in at
    ]
    i, j = np.array(pairs).T
    return orthogonal_procrustes(one[i], other[j])[0]


def plain(source, target, x, y, k=10, temperature=0.1):
    """Rows by the definition, None for drawn ones; and whether the last neighbour has a rival."""
    length = np.linalg.norm(y, axis=1)
    old = np.flatnonzero((length > 0) & ~read_pieces(source.tokenizer).special)
    rows, rival, pieces = [], [], read_pieces(target)
    special = {
        i: j for i, j in zip(*overlap(source.tokenizer, target), strict=True)
        if pieces.special[i]
    }  # fmt: skip
    for i, a in enumerate(x.astype(float)):
        cosines = y[old] @ a / length[old] / max(np.linalg.norm(a), 1e-12)
        best = np.argsort(-cosines)[: k + 1]
        raised = np.exp(cosines[best[:k]] / temperature)
        row = raised / raised.sum() @ source.rows[old[best[:k]]] if a.any() else None
        rows.append(source.rows[special[i]] if i in special else None if pieces.special[i] else row)
        rival.append(
            cosines[best[k - 1]] - cosines[best[k]] < 1e-5 and a.any() and i not in special
        )
    return rows, np.array(rival)


@pytest.mark.parametrize("settings", [{}, {"neighbours": 3, "temperature": 0.5}])
def test_rows_are_those_of_the_definition(case, settings):
    source, target, help = case
    turn = slow_rotation(help)
    np.testing.assert_allclose(rotation(help), turn, atol=1e-5)
    y, x = vectors_of(case)
    made = wechsel(source, target, help, **settings)
    given = {"k": settings.get("neighbours", 10), "temperature": settings.get("temperature", 0.1)}
    wanted, rival = plain(source, target, x, y @ turn, **given)
    assert (made.made == 0).tolist() == [row is None for row in wanted]
    assert rival.mean() < 0.3 and made.parts.max() == given["k"]
    for i, right in enumerate(wanted):
        if right is not None and not rival[i]:
            np.testing.assert_allclose(made.rows[i], right, atol=2e-4)


def test_words_that_look_alike_are_not_copied_but_special_tokens_are(case):
    source, target, help = case
    made, pieces = wechsel(source, target, help), read_pieces(target)
    shared = overlap(source.tokenizer, target)
    same = (made.rows[shared.target] == source.rows[shared.source]).all(1)
    np.testing.assert_array_equal(same, pieces.special[shared.target])
    assert same.any() and not same.all()


def test_the_rotation_is_needed_unless_the_spaces_are_one(case):
    source, target, help = case
    turned = wechsel(source, target, help).rows
    words, one = help.source_words
    alone = dataclasses.replace(help, dictionary=None)
    combined = wechsel(source, target, help).made == 2
    wrong = wechsel(source, target, alone, aligned=True).rows
    assert np.abs(wrong - turned)[combined].mean() > 0.1
    one_space = dataclasses.replace(alone, source_words=(words, one @ slow_rotation(help)))
    right = wechsel(source, target, one_space, aligned=True).rows
    assert (np.abs(right - turned)[combined].max(1) < 1e-3).mean() > 0.95  # but for ties


def test_vectors_of_tokens_go_before_those_of_words(case):
    source, target, help = case
    y, x = vectors_of(case)
    given = dataclasses.replace(
        help, source_tokens=y, target_tokens=x, source_frequencies=None, target_frequencies=None
    )
    np.testing.assert_array_equal(
        wechsel(source, target, given).rows, wechsel(source, target, help).rows
    )
    alone = Help(source_tokens=y, target_tokens=x)
    assert wechsel(source, target, alone, aligned=True).counts()["combined"] > 200


def test_what_cannot_work_is_said(case):
    source, target, help = case
    words, one = help.source_words
    for wrong, error, said in (
        ({"target_words": None}, UsageError, r"wechsel\.v1 needs target_words"),
        ({"dictionary": None}, UsageError, r"wechsel\.v1 needs dictionary"),
        ({"dictionary": [("xq", "qx")]}, UsageError, "of 1 pairs of the dictionary none"),
        ({"target_words": (words, one[:, :9])}, VectorError, "widths 16 and 9"),
        ({"source_words": (["€"], one[:1]), "source_frequencies": None}, UsageError,
         "no token of the source"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            wechsel(source, target, dataclasses.replace(help, **wrong))
