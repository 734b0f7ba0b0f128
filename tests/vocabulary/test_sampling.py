"""Shares of languages by temperature, and the lines that are drawn."""

from collections import Counter

import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.sampling import sample, shares

COUNTS = {"x": 80, "y": 20, "z": 5}


@pytest.mark.parametrize("temperature", [0, 0.3, 0.7, 1, 2])
def test_shares_are_the_formula(temperature):
    total = sum(n**temperature for n in COUNTS.values())
    wanted = {tag: n**temperature / total for tag, n in COUNTS.items()}
    assert shares(COUNTS, temperature) == pytest.approx(wanted)


def test_lines_are_drawn_in_those_shares():
    texts = {tag: [f"{tag}{i}" for i in range(n)] for tag, n in COUNTS.items()}
    for temperature in (0, 0.5, 1):
        drawn = Counter(line[0] for line in sample(texts, temperature=temperature, seed=1))
        q = shares(COUNTS, temperature)
        assert drawn["x"] == 80
        for tag in "yz":
            assert drawn[tag] == pytest.approx(80 * q[tag] / q["x"], abs=0.5)
    every = Counter(sample(texts, temperature=0, seed=1))
    assert {every[line] for line in texts["y"]} == {4} and {every[x] for x in texts["z"]} == {16}
    assert sample(texts, temperature=1, seed=3) == [x for lines in texts.values() for x in lines]


def test_the_seed_decides_what_is_drawn():
    texts = {"x": [f"x{i}" for i in range(30)], "y": [f"y{i}" for i in range(20)]}
    draws = [sample(texts, temperature=0, seed=seed) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2] and len(draws[2]) == 60


@pytest.mark.parametrize("texts", [{}, {"x": []}, {"x": [" ", ""]}])
def test_no_text(texts):
    with pytest.raises(UsageError, match="no text"):
        sample(texts, temperature=0, seed=0)


@pytest.mark.parametrize("temperature", [-0.5, float("nan"), float("inf")])
def test_no_temperature(temperature):
    with pytest.raises(UsageError, match="no share"):
        sample({"x": ["a"], "y": ["b", "c"]}, temperature=temperature, seed=0)
