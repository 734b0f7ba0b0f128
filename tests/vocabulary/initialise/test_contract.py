"""What every initialiser of this room holds, whatever its method."""

import numpy as np
import pytest
from scipy import sparse

from isogloss import registry
from isogloss.vocabulary.initialise.rows import MADE, Help, Source

SETTINGS = {"normal.v1": [{}, {"covariance": True}], "script.v1": [{}, {"shared": False}]}
CASES = [
    (entry.name, settings)
    for entry in registry.entries()
    if entry.kind == "initialiser" and entry.module.startswith("isogloss.vocabulary")
    for settings in SETTINGS.get(entry.name, [{}])
]  # others are trained first


@pytest.fixture(scope="module")
def case(tokenizer_of):
    """A padded source, a target of another algorithm, and every help there is."""
    source, target = tokenizer_of("wordpiece", 500), tokenizer_of("unigram", 500)
    rng = np.random.default_rng(0)
    size, wanted = source.get_vocab_size(), target.get_vocab_size()
    table = rng.normal(1, 0.1, (size + 12, 8)).astype(np.float32)
    words = ["woman", "man", "dog", "cat", "Hund", "mujer", "perro", "собака", "red", "heart"]
    vectors = rng.normal(size=(len(words), 5)).astype(np.float32)
    translations = sparse.random_array((wanted, len(table)), density=0.01, rng=rng)
    help = Help(
        seed=3, source_words=(words, vectors), target_words=(words, vectors),
        target_tokens=rng.normal(0.5, 1, (wanted, 6)).astype(np.float32),
        dictionary=[(w, w) for w in words], translations=sparse.csr_array(translations),
    )  # fmt: skip
    return Source(table, source), target, help


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_rows_fit_the_target_and_say_how_they_were_made(name, settings, case):
    source, target, help = case
    before = source.rows.copy()
    made = registry.get("initialiser", name)(source, target, help, **settings)
    size = target.get_vocab_size()
    assert made.rows.shape == (size, 8) and made.rows.dtype == np.float32
    assert np.isfinite(made.rows).all() and (made.rows != 0).any(1).all()
    assert made.made.shape == made.parts.shape == (size,)
    assert sum(made.counts().values()) == size and set(made.counts()) <= set(MADE)
    assert ((made.made == 0) <= (made.parts == 0)).all()
    again = registry.get("initialiser", name)(source, target, help, **settings)
    np.testing.assert_array_equal(made.rows, again.rows)
    np.testing.assert_array_equal(source.rows, before)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_a_head_beside_the_table_gets_the_same_combinations(name, settings, case):
    source, target, help = case
    head = np.random.default_rng(1).normal(size=source.rows.shape).astype(np.float32)
    one, other, both = (
        registry.get("initialiser", name)(Source(rows, source.tokenizer), target, help, **settings)
        for rows in (source.rows, head, np.hstack([source.rows, head]))
    )
    same = np.isin(both.made, (MADE.index("copied"), MADE.index("combined")))
    wanted = np.hstack([one.rows, other.rows])
    np.testing.assert_allclose(both.rows[same], wanted[same], atol=1e-5)
    np.testing.assert_array_equal(both.made, one.made)
