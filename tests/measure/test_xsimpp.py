"""Errors of margin retrieval equal their definition and are given to what won."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import margin_hits, pair_statistics, unit
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.xsimpp import xsimpp


def world(n=50, d=8, noise=0.8, near=0.5, seed=0):
    """Sentences, translations, and negatives that lie beside the translations."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, d))
    x = y + noise * rng.normal(size=(n, d))
    z = np.vstack([y + near * rng.normal(size=(n, d)) for _ in range(2)])
    return x, y, z, ["entity"] * n + ["number"] * n


def test_it_equals_the_full_matrix_of_ratio_margins():
    x, y, z, kinds = world()
    pool = unit(np.vstack([y, z]))
    c = unit(x) @ pool.T
    near_x, near_y = np.sort(c, 1)[:, -4:].mean(1), np.sort(c, 0)[-4:].mean(0)
    best = (c / ((near_x[:, None] + near_y) / 2)).argmax(1)
    wrong = best != np.arange(50)
    found = xsimpp(x, y, z, kinds, language="deu_Latn")
    row = found.one(measure="xsimpp_error")
    assert row.value == pytest.approx(wrong.mean()) and 0 < row.value < 1
    assert row.settings["negatives"] == {"entity": 50, "number": 50}
    lost = {r.settings["kind"]: r.value for r in found.where(measure="xsimpp_lost_to")}
    of = np.array(["sentence"] * 50 + kinds)[best]
    assert lost == {k: pytest.approx((wrong & (of == k)).mean()) for k in lost}
    assert set(lost) == {"sentence", "entity", "number"}
    assert sum(lost.values()) == pytest.approx(row.value)
    for each in found:
        assert each.measure in MEASURES and each.low <= each.value <= each.high


def test_xsim_is_the_error_of_the_registered_measure():
    x, y, z, kinds = world(noise=1.5)
    a, b = unit(x), unit(y)
    left, _ = margin_hits(a, b, pair_statistics(a, b))
    found = xsimpp(x, y, z, kinds).one(measure="xsim_error").value
    assert found == pytest.approx((~left).mean()) and found > 0


def test_negatives_beside_the_translations_make_it_harder_and_far_ones_do_not():
    x, y, near, kinds = world(near=0.2)
    for negatives, harder in ((-near, False), (near, True)):
        found = xsimpp(x, y, negatives, kinds)
        plain, hard = (found.one(measure=m).value for m in ("xsim_error", "xsimpp_error"))
        assert (hard > plain + 0.2) == harder


def test_the_kind_that_lies_nearest_gets_the_blame():
    x, y, z, kinds = world(noise=0.3)
    z[50:] = x  # numbers lie where the sentences are
    lost = xsimpp(x, y, z, kinds).where(measure="xsimpp_lost_to")
    blame = {r.settings["kind"]: r.value for r in lost}
    assert blame["number"] > 0.8 and blame["entity"] + blame["sentence"] < 0.1


def test_a_tie_is_an_error_and_its_rival_gets_the_blame():
    y = np.eye(6)
    found = xsimpp(y, y, y[:3], ["entity"] * 3, margin="cosine")
    assert found.one(measure="xsim_error").value == 0
    lost = {r.settings["kind"]: r.value for r in found.where(measure="xsimpp_lost_to")}
    assert lost == {"sentence": 0, "entity": 0.5}


def test_what_does_not_fit_is_refused():
    x, y, z, kinds = world()
    with pytest.raises(VectorError, match="50 sentences and 49 translations"):
        xsimpp(x, y[1:], z, kinds)
    with pytest.raises(VectorError, match="100 negatives and 99 kinds"):
        xsimpp(x, y, z, kinds[1:])
    with pytest.raises(VectorError, match=r"negatives must be \[n, 8\], got \[100, 3\]"):
        xsimpp(x, y, z[:, :3], kinds)
    with pytest.raises(VectorError, match="originals: 50 of 50"):
        xsimpp(x, y * np.nan, z, kinds)
    with pytest.raises(VectorError, match="name the kind otherwise"):
        xsimpp(x, y, z, ["sentence"] * 100)
    with pytest.raises(UsageError, match="no score 'best'"):
        xsimpp(x, y, z, kinds, margin="best")
