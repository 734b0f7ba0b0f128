"""Cross-lingual vectors come to lie where the body expects embeddings."""

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.vocabulary.initialise.rows import MADE, Help, Source
from isogloss.vocabulary.initialise.word_vectors import word_vectors


def test_what_is_linear_is_found(whole_words):
    rng = np.random.default_rng(0)
    names = [f"w{chr(97 + i)}" for i in range(20)]
    matrix, offset = rng.normal(size=(4, 6)), rng.normal(size=6)
    vectors = rng.normal(size=(20, 4))
    source, target = whole_words(*names), whole_words("nya", "nyb", "zz")
    table = np.vstack([np.full(6, 7), vectors @ matrix + offset]).astype(np.float32)
    new = rng.normal(size=(2, 4))
    help = Help(source_words=(names, vectors), target_words=(("nya", "nyb"), new))
    made = word_vectors(Source(table, source), target, help, penalty=1e-6)
    np.testing.assert_allclose(made.rows[1:3], new @ matrix + offset, atol=1e-3)
    assert [MADE[i] for i in made.made] == ["copied", "predicted", "predicted", "random"]
    np.testing.assert_array_equal(made.rows[0], table[0])


def test_spaces_that_cannot_be_one_are_refused(whole_words):
    one = whole_words("a")
    source = Source(np.ones((2, 3), np.float32), one)
    wide = Help(source_words=(("a",), np.ones((1, 2))), target_words=(("a",), np.ones((1, 5))))
    with pytest.raises(VectorError, match="widths 2 and 5"):
        word_vectors(source, one, wide)
    none = Help(source_words=(("b",), np.ones((1, 2))), target_words=(("a",), np.ones((1, 2))))
    with pytest.raises(VectorError, match="no source token stands in any"):
        word_vectors(source, one, none)
