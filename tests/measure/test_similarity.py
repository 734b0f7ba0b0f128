"""Languages are as alike as their parallel sentences, whatever rows a language lacks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode.vectors import Vectors
from isogloss.errors import UnknownLanguage, UsageError, VectorError
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.similarity import most_similar, similarity
from isogloss.score import bootstrap_mean


def vectors(array, language, rows=None, total=None, layer=3):
    array = np.asarray(array, np.float32)
    rows = np.arange(len(array)) if rows is None else np.asarray(rows)
    return Vectors(
        array=array, rows=rows, total=total or len(array), layer=layer, pooling="mean",
        language=language, tokens=np.full(len(array), 5), truncated=0,
        model_fingerprint="m", corpus_fingerprint="c",
    )  # fmt: skip


def world(seed=0, n=40, d=8):
    """b is near a, c is far from both."""
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, d))
    return {
        name: (meaning + noise * rng.normal(size=(n, d))).astype(np.float32)
        for name, noise in (("a", 0.2), ("b", 0.3), ("c", 2.0))
    }


def plain(x, y):
    return [float(p @ q / np.linalg.norm(p) / np.linalg.norm(q)) for p, q in zip(x, y, strict=True)]


def test_it_equals_a_plain_loop_over_sentences_with_its_interval():
    given = world()
    found = similarity(given)
    for a, one in enumerate(found.languages):
        for b, other in enumerate(found.languages):
            if a == b:
                assert found.matrix[a, b] == 1 and found.n[a, b] == 40
                continue
            expected = bootstrap_mean(np.array(plain(given[one], given[other])))[0]
            measured = [m[a, b] for m in (found.matrix, found.low, found.high)]
            np.testing.assert_allclose(measured, expected, atol=1e-5)


def test_missing_cells_leave_the_rows_that_both_have():
    given = world()
    kept = {"a": np.arange(40), "b": np.arange(5, 40), "c": np.arange(0, 40, 2)[::-1]}
    sparse = {k: vectors(v[kept[k]], k, kept[k], 40) for k, v in given.items()}
    found = similarity(sparse)
    both = np.arange(6, 40, 2)  # rows of b and of c
    assert found.n.tolist() == [[40, 35, 20], [35, 35, 17], [20, 17, 20]]
    expected = np.mean(plain(given["b"][both], given["c"][both]))
    assert found.matrix[1, 2] == pytest.approx(expected, abs=1e-5)
    rows = found.scores(layer=3)
    assert [r.n + sum(r.dropped.values()) for r in rows] == [40] * 3
    assert rows.one(language="b", pivot="c").dropped == {"missing in one language": 23}
    assert all(r.measure in MEASURES and r.low <= r.value <= r.high for r in rows)


@given(st.integers(0, 200))
def test_a_rotation_and_a_scale_of_every_vector_change_nothing(seed):
    given = world(seed)
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    moved = {k: v @ turn * rng.uniform(0.5, 2, (40, 1)) for k, v in given.items()}
    before, after = similarity(given), similarity(moved)
    np.testing.assert_allclose(before.matrix, after.matrix, atol=1e-5)
    np.testing.assert_array_equal(before.matrix, before.matrix.T)


def test_it_compares_translations_and_not_clouds():
    given = world()
    shuffled = {**given, "b": given["b"][::-1]}  # the same cloud, other partners
    assert similarity(given).matrix[0, 1] > 0.8
    assert similarity(shuffled).matrix[0, 1] < 0.3


def test_nearest_languages_come_first():
    found = similarity(world())
    names = [name for name, _ in most_similar(found.matrix, found.languages, "a", 5)]
    assert names == ["b", "c"]
    assert most_similar(found.matrix, found.languages, "c", 1)[0][1] == found.matrix[2, :2].max()
    tied = np.array([[1, 0.5, np.nan, 0.5]] * 4)
    assert [n for n, _ in most_similar(tied, "wxyz", "w")] == ["x", "z", "y"]


def test_pairs_without_common_rows_are_undefined_and_say_so():
    given = world()
    found = similarity(
        {"a": vectors(given["a"][:20], "a", range(20), 40),
         "b": vectors(given["b"][20:], "b", range(20, 40), 40)}
    )  # fmt: skip
    assert np.isnan(found.matrix[0, 1]) and found.n[0, 1] == 0
    assert found.scores()[0].value is None


def test_what_cannot_be_compared_is_refused():
    given = world()
    with pytest.raises(VectorError, match="at least 2 languages"):
        similarity({"a": given["a"]})
    with pytest.raises(VectorError, match="a and b differ in width: 8 and 5"):
        similarity({**given, "b": given["b"][:, :5]})
    with pytest.raises(VectorError, match="number of corpus rows"):
        similarity({**given, "b": given["b"][:7]})
    with pytest.raises(VectorError, match="differ in layer: 3 and 4"):
        similarity({k: vectors(v, k, layer=3 + (k == "b")) for k, v in given.items()})
    with pytest.raises(VectorError, match="c: 1 of 40 vectors hold NaN"):
        similarity({**given, "c": np.where(np.arange(40)[:, None] == 4, np.nan, given["c"])})
    with pytest.raises(UnknownLanguage, match="swh_Latn"):
        most_similar(np.eye(2), ["swh_Latn", "deu_Latn"], "swa_Latn")
    with pytest.raises(UsageError, match="k is 0"):
        most_similar(np.eye(2), ["a", "b"], "a", 0)
