"""Every measure passes one ordeal, keeps its invariants, and equals its plainest definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss import registry
from isogloss.encode.vectors import Vectors
from isogloss.errors import VectorError
from isogloss.match.neighbours import pair_statistics, unit
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.languages import measure_pair
from isogloss.measure.pair import Pair
from isogloss.measure.pivot import pivot_kept

ALL = registry.names("measure")


def vectors(array, language="deu_Latn", rows=None, total=None):
    array = np.asarray(array, np.float32)
    rows = np.arange(len(array)) if rows is None else np.asarray(rows)
    return Vectors(
        array=array, rows=rows, total=total or len(array), layer=3, pooling="mean",
        language=language, tokens=np.full(len(array), 5), truncated=1,
        model_fingerprint="m", corpus_fingerprint="c",
    )  # fmt: skip


def made(x, y, names=ALL):
    return measure_pair(Pair(vectors(x), vectors(y, "eng_Latn")), names).scores


def noisy(n=60, d=12, seed=0, noise=0.7):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + 0.3
    return x, x + noise * rng.normal(size=(n, d))


def values(scores):
    return {(r.measure, r.direction): r.value for r in scores}


@pytest.mark.parametrize("name", ALL)
def test_the_ordeal(name):
    x, y = noisy()
    pair = Pair(vectors(x[:50], rows=range(50), total=60), vectors(y, "eng_Latn"))
    measured = measure_pair(pair, [name])
    assert measured.scores
    for row in measured.scores:
        assert row.measure in MEASURES
        assert row.low <= row.value <= row.high
        assert row.n == 50 and row.n + sum(row.dropped.values()) == 60
        assert row.interval and row.truncated == 2 and row.layer == 3 and row.pooling == "mean"
        assert row.language == "deu_Latn" and row.pivot == "eng_Latn"
        assert row.model_fingerprint == "m" and row.corpus_fingerprint == "c"


def test_what_is_not_a_number_or_too_little_is_refused():
    x, y = noisy()
    x[3, 2] = np.nan
    with pytest.raises(VectorError, match=r"1 of 60 vectors hold NaN .*first in row 3"):
        made(x, y)
    with pytest.raises(VectorError, match="share 1 rows"):
        Pair(vectors(y, rows=range(60), total=119), vectors(y, "eng_Latn", range(59, 119), 119))
    with pytest.raises(VectorError, match="not the same corpus"):
        Pair(vectors(y), vectors(y[:-1]))


def test_a_space_against_itself():
    x, _ = noisy()
    found = values(made(x, x))
    for side in ("deu_Latn>eng_Latn", "eng_Latn>deu_Latn"):
        assert found["retrieval_p1", side] == 1 and found["xsim_error", side] == 0
    assert found["mexa", None] == 1
    assert found["cosine_matched", None] == pytest.approx(1)
    assert found["cka_linear", None] == pytest.approx(1)
    assert found["language_probe_accuracy", None] == pytest.approx(0.5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_one_rotation_of_both_sides_changes_nothing(seed):
    x, y = noisy(seed=seed)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(12, 12)))[0]
    names = [n for n in ALL if not n.startswith("outlier")]
    before, after = values(made(x, y, names)), values(made(x @ rotation, y @ rotation, names))
    for key, value in before.items():
        assert after[key] == pytest.approx(
            value, abs=0.02 if "p1" in key[0] or "xsim" in key[0] else 1e-3
        )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_permuting_the_pairs_permutes_the_outcomes(seed):
    x, y = noisy(seed=seed)
    order = np.random.default_rng(seed).permutation(60)
    names = ["retrieval_p1.v1", "mexa.v1", "xsim_error.v1", "cosine.v1"]
    plain = measure_pair(Pair(vectors(x), vectors(y, "eng_Latn")), names).items
    mixed = measure_pair(Pair(vectors(x[order]), vectors(y[order], "eng_Latn")), names).items
    for key in plain:
        np.testing.assert_allclose(plain[key][order], mixed[key], atol=1e-5)


def test_swapping_the_roles_swaps_the_directions():
    x, y = noisy(noise=1.5)
    names = ["retrieval_p1.v1", "xsim_error.v1", "retrieval_p1_centred.v1"]
    there = made(x, y, names)
    back = made(y, x, names)
    for row in there:
        left, right = row.direction.split(">")
        other = back.one(measure=row.measure, direction=f"{right}>{left}")
        assert other.value == row.value


def test_mexa_equals_a_plain_double_loop_on_200_sentences():
    x, y = noisy(200, 32, noise=2.0)
    a, b = unit(x), unit(y)
    cosines = a @ b.T
    hits = 0
    for i in range(200):
        best = True
        for j in range(200):
            if j != i and (cosines[i, j] >= cosines[i, i] or cosines[j, i] >= cosines[i, i]):
                best = False
        hits += best
    assert 0 < hits < 200
    assert made(x, y, ["mexa.v1"])[0].value == hits / 200


@pytest.mark.parametrize("tile", [1, 7, 60, 1000])
def test_tiles_change_nothing(tile):
    x, y = map(unit, noisy())
    plain, tiled = pair_statistics(x, y), pair_statistics(x, y, tile=tile)
    for name in plain.__dataclass_fields__:
        np.testing.assert_allclose(getattr(plain, name), getattr(tiled, name), atol=1e-6)


def test_statistics_and_margin_equal_their_plain_definitions():
    x, y = noisy(40, noise=2.0)
    a, b = unit(x), unit(y)
    c = a @ b.T
    s = pair_statistics(a, b)
    other = c - 2 * np.eye(40)
    np.testing.assert_allclose(s.best_other_right, other.max(1), atol=1e-6)
    np.testing.assert_allclose(s.best_other_left, other.max(0), atol=1e-6)
    np.testing.assert_allclose(s.near_right, np.sort(c, 1)[:, -4:].mean(1), atol=1e-6)
    np.testing.assert_allclose(s.near_left, np.sort(c, 0)[-4:].mean(0), atol=1e-6)
    np.testing.assert_allclose(s.mean_other, (c.sum(1) - np.diag(c)) / 39, atol=1e-5)
    margin = c / ((s.near_right[:, None] + s.near_left) / 2)
    errors = made(x, y, ["xsim_error.v1"])
    assert errors[0].value == pytest.approx((margin.argmax(1) != np.arange(40)).mean())
    assert errors[1].value == pytest.approx((margin.argmax(0) != np.arange(40)).mean())


def test_a_duplicate_in_the_pool_is_a_miss_not_a_hit():
    x = np.eye(4, 6)
    x[3] = x[2]
    assert made(x, x, ["retrieval_p1.v1"])[0].value == 0.5


def test_centring_helps_exactly_where_a_constant_hides_the_meaning():
    x, y = noisy(noise=0.3)
    shifted = x + 20 * np.eye(12)[0]
    found = values(made(shifted, y))
    at = "deu_Latn>eng_Latn"
    assert found["retrieval_p1_centred", at] > found["retrieval_p1", at] + 0.5
    assert found["language_probe_accuracy", None] > 0.95


def test_the_probe_agrees_with_a_kept_library():
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = noisy(200, 16, noise=0.5)
    x[:, 0] += 0.8
    ours = made(x, y, ["language_probe.v1"])[0].value
    a, b = unit(x), unit(y)
    model = linear.LogisticRegression(C=100).fit(np.r_[a[:100], b[:100]], [1] * 100 + [0] * 100)
    theirs = model.score(np.r_[a[100:], b[100:]], [1] * 100 + [0] * 100)
    assert ours == pytest.approx(theirs, abs=0.06)


def test_cka_interval_agrees_with_the_jackknife():
    x, y = noisy(80, 6, noise=1.0)

    def cka(keep):
        a, b = (s[keep] - s[keep].mean(0) for s in (x, y))
        return np.sum((a.T @ b) ** 2) / np.sqrt(np.sum((a.T @ a) ** 2) * np.sum((b.T @ b) ** 2))

    everyone = np.arange(80)
    left_out = np.array([cka(np.delete(everyone, i)) for i in everyone])
    error = np.sqrt(79 / 80 * np.sum((left_out - left_out.mean()) ** 2))
    row = made(x, y, ["cka_linear.v1"])[0]
    assert row.value == pytest.approx(cka(everyone), abs=1e-5)
    assert (row.high - row.low) / 2 == pytest.approx(1.96 * error, rel=0.2)


def test_isotropy_sees_a_cone_and_outliers_are_counted():
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(500, 16))
    cone = ball * 0.1 + 1.0
    spiked = ball.copy()
    spiked[:, 5] += 9
    names = ["isotropy.v1", "outlier_dimensions.v1"]
    even, narrow = made(ball, ball, names), made(cone, cone, names)
    assert even[0].value > 0.8 > narrow[0].value
    assert made(spiked, spiked, names)[1].value == 1


def test_the_pivot_is_kept_or_seen_to_be_lost():
    x, _ = noisy()
    kept = pivot_kept(vectors(x, "eng_Latn"), vectors(x, "eng_Latn")).scores
    assert [r.value for r in kept] == pytest.approx([1.0, 1.0])
    lost = pivot_kept(vectors(x[::-1], "eng_Latn"), vectors(x, "eng_Latn")).scores
    assert lost[1].value < 0.1 and lost[0].measure == "pivot_cosine_to_teacher"
