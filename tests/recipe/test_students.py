"""New rows begin where their translations are, not anywhere."""

import numpy as np
import pytest

from isogloss.recipe.students import _translated_rows


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {f"e{i}": i for i in range(20)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="e0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def test_a_new_row_is_that_of_its_translation_at_the_length_rows_have(tokenizer):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(20, 8))
    ids = [rng.choice(20, 4, replace=False) for _ in range(400)]
    source = [[f"f{i}" for i in row] for row in ids]
    target = [[f"e{i}" for i in rng.permutation(row)] for row in ids]
    source[3], target[5] = None, None
    wanted = [f"f{i}" for i in range(20)] + ["unseen"]
    rows = _translated_rows(wanted, source, target, tokenizer, table)
    assert set(rows) == set(wanted) - {"unseen"}
    length = np.linalg.norm(table, axis=1).mean()
    for i in range(20):
        np.testing.assert_allclose(np.linalg.norm(rows[f"f{i}"]), length)
        cosines = table @ rows[f"f{i}"] / (np.linalg.norm(table, axis=1) * length)
        assert cosines.argmax() == i and cosines[i] > 0.99
