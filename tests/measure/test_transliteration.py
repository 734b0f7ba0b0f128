"""Four cosines and their contrasts equal plain loops; a shared script is not taken for meaning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import VectorError
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.transliteration import (
    derangement,
    script_retrieval,
    transliteration_similarity,
)
from isogloss.score import bootstrap_mean


def world(n=80, d=10, seed=0):
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, d))
    return [meaning + 0.5 * rng.normal(size=(n, d)) for _ in range(4)]


def values(scores):
    return {(r.measure, r.settings["script"]): r.value for r in scores}


def cosines(x, y):
    return np.array([p @ q / np.linalg.norm(p) / np.linalg.norm(q)
                     for p, q in zip(x, y, strict=True)])  # fmt: skip


def test_it_equals_plain_loops():
    x, y, xt, yt = world()
    order = derangement(80, 3)
    found = transliteration_similarity(x, y, xt, yt, seed=3, language="ell_Grek")
    contrasts = []
    for script, a, b in (("original", x, y), ("transliterated", xt, yt)):
        matched, random = cosines(a, b), cosines(a, b[order])
        contrasts.append(matched - random)
        for kind, outcomes in (
            ("matched", matched), ("random", random), ("contrast", matched - random)
        ):  # fmt: skip
            assert values(found)[f"script_{kind}", script] == pytest.approx(
                outcomes.mean(), abs=1e-6
            )
    row = found[6]
    expected = bootstrap_mean(contrasts[1] - contrasts[0], seed=3)[0]
    np.testing.assert_allclose([row.value, row.low, row.high], expected, atol=1e-6)
    assert len(found) == 7 and all(r.measure in MEASURES and r.n == 80 for r in found)
    assert {r.language for r in found} == {"ell_Grek"}


def test_what_a_script_adds_to_all_pairs_is_no_contrast():
    x, y, _, _ = world()
    both = np.eye(11)[10] * 4  # what texts in one script share
    wide = [np.hstack([a, np.zeros((80, 1))]) for a in (x, y)]
    found = values(transliteration_similarity(*wide, *(a + both for a in wide)))
    for kind in ("matched", "random"):
        key = f"script_{kind}"
        assert found[key, "transliterated"] > found[key, "original"]
    assert found["script_contrast", "change"] < -0.1


def test_transliteration_that_aligns_is_seen():
    x, y, _, _ = world()
    noise = 3 * np.random.default_rng(1).normal(size=x.shape)
    found = values(transliteration_similarity(x + noise, y, x, y))
    assert found["script_contrast", "change"] > 0.3


@given(st.integers(2, 40), st.integers(0, 1000))
def test_a_derangement_is_an_order_without_fixed_points(n, seed):
    order = derangement(n, seed)
    assert sorted(order) == list(range(n)) and not (order == np.arange(n)).any()
    np.testing.assert_array_equal(order, derangement(n, seed))


def test_derangements_are_equally_likely():
    seen = [tuple(derangement(4, seed)) for seed in range(1800)]
    counts = [seen.count(order) for order in set(seen)]
    assert len(counts) == 9 and min(counts) > 140 and max(counts) < 265  # 200 +- 5 deviations


def test_what_does_not_fit_is_refused():
    x, y, xt, yt = world()
    with pytest.raises(VectorError, match=r"transliterated y is \[79, 10\] and x \[80, 10\]"):
        transliteration_similarity(x, y, xt, yt[1:])
    with pytest.raises(VectorError, match="y: 1 of 80"):
        transliteration_similarity(x, np.where(np.arange(80)[:, None] == 2, np.nan, y), xt, yt)
    with pytest.raises(VectorError, match="1 rows have no other order"):
        transliteration_similarity(x[:1], y[:1], xt[:1], yt[:1])


def test_texts_that_find_themselves_in_latin_letters():
    x, spelled, *_ = world()
    made = script_retrieval(x, spelled, language="ell_Grek")
    plain = [
        int(np.argmax([cosines(row[None], other[None])[0] for other in spelled])) == i
        for i, row in enumerate(x)
    ]
    [items] = made.items.values()
    np.testing.assert_array_equal(items, plain)
    [row] = made.scores
    assert 0 < row.value == np.mean(plain) and row.measure in MEASURES
    all_alike = np.ones((5, 3))
    assert script_retrieval(all_alike, all_alike).scores[0].value == 0  # ties are misses
    with pytest.raises(VectorError, match="1 rows are not told apart"):
        script_retrieval(x[:1], spelled[:1])
