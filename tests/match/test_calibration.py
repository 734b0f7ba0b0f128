"""What is expected of a threshold is what happens, where the truth is known."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.match import calibration
from isogloss.match.calibration import Outcomes, calibrate, outcomes, plant
from isogloss.match.mining import Mined, mine_pairs
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest


def world(share, n=1200, planted=400, noise=0.5, seed=0, retrieval="max", apart=0.0):
    """Text of which a share has translations, pairs planted in it, and what is mined.

    The meanings of the planted pairs lie apart from those of the text.
    """
    rng = np.random.default_rng(seed)
    meanings = rng.normal(size=(2 * n + planted, 24)) + 0.6
    meanings[2 * n :] += apart * np.resize([1, -1], 24)
    told = rng.random(n) < share
    where = plant(planted, seed=seed)
    other = np.where(told, np.arange(n), n + np.arange(n))  # an untranslated text has its own
    sides = [
        np.concatenate([own, 2 * n + np.sort(np.concatenate([where.present, alone]))])
        for own, alone in ((np.arange(n), where.source_only), (other, where.target_only))
    ]
    x, y = (unit(meanings[s] + noise * rng.normal(size=(len(s), 24))) for s in sides)
    made = mine_pairs(nearest(x, y, 4), nearest(y, x, 4), retrieval=retrieval)
    rows = [{m: i for i, m in enumerate(s.tolist())} for s in sides]
    present = np.array([[r[2 * n + i] for r in rows] for i in where.present.tolist()])
    side = "target" if retrieval == "backward" else "source"
    alone = where.target_only if side == "target" else where.source_only
    mapped = rows[1] if side == "target" else rows[0]
    orphans = np.array([mapped[2 * n + i] for i in alone.tolist()])
    found = outcomes(made, present=present, orphans=orphans, sizes=(n, n), side=side)
    own = (made.source < n) & (made.target < n)
    right = told[np.minimum(made.source, n - 1)] & (made.source == made.target)
    return found, made, own, right, told


def truth(made, own, right, told, threshold):
    kept = own & (made.scores >= threshold)
    return right[kept].mean(), right[kept].sum() / told.sum()


def near(interval, value):
    return interval.low <= value <= interval.high or abs(interval.value - value) < 0.05


@pytest.mark.parametrize("retrieval", ["max", "forward", "backward", "intersection"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_precision_recall_and_share_are_the_true_ones(share, retrieval):
    found, *rest = world(share, retrieval=retrieval, seed=2)
    for wanted in (None, 0.8):
        made = calibrate(found, precision=wanted)
        precision, _ = truth(*rest, made.threshold)
        assert near(made.precision, precision)
        assert abs(made.share.value - rest[-1].mean()) < 0.08
        assert wanted is None or (made.reached and made.precision.value >= wanted)


def test_over_several_worlds_the_errors_cancel():
    wrong = []
    for seed in range(12):
        found, *rest = world(0.5, n=600, seed=seed)
        made = calibrate(found, resamples=2)
        expected = made.precision.value, made.recall.value, made.share.value
        wrong.append(np.subtract(expected, (*truth(*rest, made.threshold), rest[-1].mean())))
    assert (np.abs(np.mean(wrong, 0)) < 0.03).all()


def test_the_share_is_wrong_if_orphans_are_not_counted():
    found, *rest = world(0.3, noise=0.7)
    blind = found._replace(orphans=np.full_like(found.orphans, -np.inf))
    assert abs(calibrate(blind).share.value - rest[-1].mean()) > 0.05
    assert near(calibrate(found).share, rest[-1].mean())


def test_text_of_the_planted_kind_is_seldom_said_to_be_of_another():
    kinds = ((0.1, "max"), (0.3, "forward"), (0.5, "intersection"), (0.9, "backward"))
    found = [
        world(share, 300, 120, noise=0.7, seed=seed, retrieval=retrieval)[0]
        for share, retrieval in kinds
        for seed in range(25)
    ]
    assert sum(calibrate(one, resamples=100).misfit.beyond for one in found) <= 7


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_planted_text_of_another_kind_is_told_where_it_promises_too_much(share, seed):
    found, *rest = world(share, 500, 160, noise=0.7, seed=seed, apart=1.0)
    made = calibrate(found)
    assert made.misfit.beyond
    assert truth(*rest, made.threshold)[0] < made.precision.low


def test_the_misfit_is_what_no_share_explains():
    present, orphans = np.full(100, 2.0), np.full(100, 1.0)
    text = np.repeat([2.0, 1.0, -np.inf], [30, 30, 40])  # all should reach 1, pi of them 2
    made = calibrate(Outcomes(present, np.full(100, -np.inf), orphans, text)).misfit
    assert made.value == pytest.approx(0.4, abs=1e-4) and made.beyond
    wrong = Outcomes(np.full(100, -np.inf), present, orphans, text)  # mined, rightly or not
    assert calibrate(wrong).misfit.value == made.value
    none = np.full(100, -np.inf)
    fits = Outcomes(present, none, orphans, np.repeat([2.0, 1.0], [30, 70]))
    plain = Outcomes(present, none, none, np.repeat([2.0, -np.inf], [37, 63]))
    assert calibrate(fits).misfit == calibrate(plain).misfit == (0, 0)


def test_the_nearest_mixture_is_that_of_a_search_through_all_shares():
    mined, false, text = np.sort(np.random.default_rng(0).random((3, 50, 9)))[..., ::-1]
    pi = np.linspace(0, 1, 2001)[:, None, None]
    gaps = np.abs(text - pi * mined - (1 - pi) * false).max(2)  # [shares, 50]
    found, share = calibration._gap(mined, false, text)
    np.testing.assert_allclose(found, gaps.min(0), atol=3e-4)
    assert ((share >= 0) & (share <= 1)).all() and share.std() > 0.1


def test_what_no_orphan_did_may_be_chance_of_few_and_not_of_many():
    none, low = np.full(30, -np.inf), np.r_[np.full(29, 2.0), 1.0]
    text = np.repeat([2.0, 1.0, -np.inf], [1000, 300, 8700])
    few, many = (
        calibrate(Outcomes(low, none, np.full(n, -np.inf), text)).misfit for n in (20, 2000)
    )
    assert few.value == many.value > many.limit and not few.beyond


def test_the_rarer_translations_are_the_stricter_the_threshold():
    thresholds = [calibrate(world(share, noise=0.7)[0], precision=0.7).threshold
                  for share in (0.05, 0.3, 0.9)]  # fmt: skip
    assert thresholds[0] > thresholds[1] > thresholds[2]


def test_shares_are_those_that_were_put_together():
    present, orphan = np.linspace(1, 2, 101), np.linspace(0, 1.5, 101)
    text = np.concatenate([np.repeat(present, 1), np.repeat(orphan, 3)])  # pi is 1/4
    found = Outcomes(present, np.full(101, -np.inf), orphan, text)
    made = calibrate(found)
    assert made.share.value == pytest.approx(0.25)
    r1, r0 = (present >= made.threshold).mean(), ((orphan >= made.threshold).sum() + 0.5) / 102
    assert made.recall.value == pytest.approx(r1)
    assert made.precision.value == pytest.approx(0.25 * r1 / (0.25 * r1 + 0.75 * r0))


def test_no_orphan_mined_is_not_certainty():
    ones, none = np.full(30, 2.0) + np.arange(30), np.full(30, -np.inf)
    made = calibrate(Outcomes(ones, none, none, np.concatenate([ones, np.tile(none, 9)])))
    assert made.share.value == pytest.approx(0.1)
    assert made.precision.value < 0.9 and made.precision.high == 1


def test_a_precision_out_of_reach_gives_the_highest_and_says_so():
    found, *_ = world(0.05, noise=0.9)
    made = calibrate(found, precision=0.99)
    assert not made.reached and made.precision.value < 0.99


def test_text_without_translations_reaches_nothing():
    found, *_ = world(0.5)
    made = calibrate(found._replace(text=np.tile(found.orphans, 3)))
    assert made.share.value == pytest.approx(0) and not made.reached


def test_planting_takes_each_pair_once_by_halves_and_is_the_same_again():
    made = plant(101, seed=3)
    assert [len(part) for part in made] == [50, 25, 26]
    assert sorted(np.concatenate(made).tolist()) == list(range(101))
    assert all((a == b).all() for a, b in zip(made, plant(101, seed=3), strict=True))
    assert (made.present != plant(101, seed=4).present).any()


def test_outcomes_tell_right_from_wrong_on_either_side():
    # 3 and 4 sentences are the user's; planted are sources 3, 4, 5 and targets 4, 5, 6
    made = Mined(np.array([3, 4, 0, 5, 1]), np.array([4, 2, 1, 6, 5]), np.arange(5.0, 0, -1))
    present = np.array([[3, 4], [4, 5]])
    found = outcomes(made, present=present, orphans=np.array([5]), sizes=(3, 4), side="source")
    assert found.right.tolist() == [5, -np.inf] and found.wrong.tolist() == [-np.inf, 4]
    assert found.orphans.tolist() == [-np.inf]  # its partner is planted
    assert found.text.tolist() == [3, -np.inf, -np.inf]
    found = outcomes(made, present=present, orphans=np.array([6]), sizes=(3, 4), side="target")
    assert found.right.tolist() == [5, -np.inf] and found.wrong.tolist() == [-np.inf, 1]
    assert found.text.tolist() == [-np.inf, 3, -np.inf, -np.inf]


def test_what_cannot_be_calibrated_says_so():
    none, some = np.full(5, -np.inf), np.arange(5.0)
    with pytest.raises(UsageError, match="19 planted pairs are too few"):
        plant(19)
    with pytest.raises(UsageError, match="between 0 and 1"):
        calibrate(Outcomes(some, none, none, some), precision=1.0)
    with pytest.raises(VectorError, match="nothing that was planted was mined"):
        calibrate(Outcomes(none, none, none, some))
    with pytest.raises(VectorError, match="exactly as sentences with a translation"):
        calibrate(Outcomes(some, none, some, some))
    with pytest.raises(VectorError, match="needs present pairs, orphans"):
        calibrate(Outcomes(some, none, none[:0], some))


def test_the_share_is_read_from_high_scores_where_orphans_are_of_another_kind():
    # A tenth of the text has a translation; orphans reach low scores that the other nine do not.
    mined = np.array([[0.9, 0.8, 0.5, 0.2]])
    false = np.array([[0.8, 0.3, 0.01, 0.0]])
    text = 0.1 * mined + 0.9 * np.array([[0.4, 0.15, 0.01, 0.0]])
    share = calibration._share(mined, false, text, 10_000)[0]
    plain = ((mined - false) * (text - false)).sum() / ((mined - false) ** 2).sum()
    assert abs(share - 0.1) < 0.5 * abs(plain - 0.1)


def test_a_score_that_none_of_a_few_sentences_reaches_is_no_certainty():
    # Half of 40 sentences have a translation; by chance none of them reached the highest score.
    mined, false = np.array([[0.9, 0.5, 0.04]]), np.array([[0.2, 0.05, 0.0]])
    text = 0.5 * mined + 0.5 * false
    text[0, 2] = 0
    few, many = (calibration._share(mined, false, text, n)[0] for n in (40, 10**9))
    assert abs(few - 0.5) < 0.05 < abs(many - 0.5)
