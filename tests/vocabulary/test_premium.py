"""Sizes for a wanted number of tokens: the curve against known ones, and premiums made even."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from isogloss import read_corpus
from isogloss.errors import UsageError
from isogloss.vocabulary.premium import PowerLaw, count_tokens, fit_power_law, learn_for_tokens
from isogloss.vocabulary.sizes import at_sizes

SIZES = [300, 450, 600, 800, 1100, 1500]


@pytest.mark.parametrize("floor", [0, 1200])
@pytest.mark.parametrize("exponent", [0.2, 0.7, 1.6])
def test_a_power_law_is_found_again(floor, exponent):
    true = PowerLaw(floor, 9000.0, exponent, 0, None)
    law = fit_power_law(SIZES, [true(v) for v in SIZES])
    assert law.exponent == pytest.approx(exponent, rel=1e-3)
    assert law.floor == pytest.approx(floor, abs=1) and law.error < 1e-6 > law.held_out
    for size in (200, 700, 20_000):
        assert law(size) == pytest.approx(true(size), rel=1e-3)
        assert law.size(true(size)) == pytest.approx(size, rel=0.01)
    assert law.size(floor - 1) == float("inf")
    assert fit_power_law(SIZES[::-1], [true(v) for v in SIZES[::-1]]) == law


@pytest.mark.parametrize("seed", range(4))
def test_no_other_curve_fits_better(seed):
    rng = np.random.default_rng(seed)
    tokens = [(500 + 9e5 * v**-1.1) * (1 + 0.02 * rng.normal()) for v in SIZES]
    law = fit_power_law(SIZES, tokens)

    def misses(at):
        return (np.exp(at[0]) + np.exp(at[1] - np.exp(at[2]) * np.log(SIZES))) / tokens - 1

    slow = min(
        (least_squares(misses, [c, 12, b], max_nfev=3000) for c in (1, 6) for b in (-1.5, 0, 0.4)),
        key=lambda found: found.cost,
    )
    assert law.error <= np.sqrt((slow.fun**2).mean()) + 1e-5


@pytest.fixture(scope="module")
def names():
    found = []
    for split in ("train", "held-out"):
        corpus = read_corpus(f"emoji?split={split}", languages=["eng", "deu", "zho", "tur"])
        found.append({str(tag): corpus.texts(tag) for tag in corpus.languages})
    return found


def test_a_size_that_was_not_fitted_is_foretold(names):
    train, held = names
    made = at_sizes(train["tur_Latn"], [*SIZES, 950, 1300])
    counts = {size: count_tokens(each, held["tur_Latn"]) for size, each in made.items()}
    law = fit_power_law(SIZES, [counts[size] for size in SIZES])
    for size in (950, 1300):
        assert law(size) == pytest.approx(counts[size], rel=0.03)
    assert 0 < law.error < law.held_out < 0.06


def test_sizes_of_their_own_make_premiums_even(names):
    train, held = names
    same = {t: count_tokens(at_sizes(train[t], [700])[700], held[t]) for t in train}
    made = learn_for_tokens(train, held, tokens=2100, sizes=SIZES, largest=4000)
    own = {tag: each.tokens for tag, each in made.items()}
    assert max(same.values()) / min(same.values()) > 1.2
    assert max(own.values()) / min(own.values()) < 1.06
    assert made["deu_Latn"].size > made["eng_Latn"].size > made["cmn_Hans"].size
    for tag, each in made.items():
        assert each.reached and each.tokenizer.get_vocab_size() == each.size
        assert each.tokens == count_tokens(each.tokenizer, held[tag])
        assert each.expected == pytest.approx(each.tokens, rel=0.05)


def test_what_cannot_be_reached_is_said(names):
    train, held = ({"eng_Latn": side["eng_Latn"]} for side in names)
    made = learn_for_tokens(train, held, tokens=500, sizes=SIZES, largest=1600)["eng_Latn"]
    assert not made.reached and made.size == 1600 and made.tokens > 1500


def test_refused(names):
    train, held = names
    settings = {"tokens": 2000, "sizes": SIZES, "largest": 4000}
    with pytest.raises(UsageError, match="no parallel text of eng_Latn"):
        learn_for_tokens(train, {t: x for t, x in held.items() if t != "eng_Latn"}, **settings)
    with pytest.raises(UsageError, match="same sentences"):
        learn_for_tokens(train, {**held, "eng_Latn": ["a"]}, **settings)
    with pytest.raises(UsageError, match="must be positive"):
        learn_for_tokens(train, held, **{**settings, "tokens": 0})
    with pytest.raises(UsageError, match="eng_Latn: a curve needs 3"):
        learn_for_tokens({"eng_Latn": ["a b"]}, {"eng_Latn": ["a b"]}, **settings)
    for sizes, tokens, said in (
        ([1, 2], [3, 2], "3 different"),
        ([1, 1, 2], [3, 3, 2], "3 different"),
        ([1, 2, 3], [3, 2, 0], "positive"),
        ([1, 2, 3], [3, 4, 5], "must fall"),
    ):
        with pytest.raises(UsageError, match=said):
            fit_power_law(sizes, tokens)
