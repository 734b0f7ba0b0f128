"""Neurons by the entropy of their shares, against a plain loop."""

import math

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.measure.language_neurons import activation_entropy, language_neurons


def plain(shares, share, often):
    """Layer, number, languages and entropy of each neuron, by loops."""
    every = sorted(float(p) for one in shares for row in one for p in row)
    bar = every[max(0, round(often * len(every)) - 1)]
    found = []
    for layer, one in enumerate(shares):
        for number, row in enumerate(one):
            if not any(p > bar for p in row):
                continue
            parts = [p / sum(row) for p in row]
            entropy = -sum(q * math.log(q) for q in parts if q)
            found.append((round(entropy, 12), layer, number, tuple(p > bar for p in row)))
    return sorted(found, key=lambda f: f[:3])[: max(1, round(share * sum(map(len, shares))))]


@pytest.mark.parametrize(("share", "often"), [(0.01, 0.95), (0.2, 0.7), (1.0, 0.0), (0.1, 1.0)])
def test_it_is_that_of_a_plain_loop(share, often):
    rng = np.random.default_rng(0)
    shares = [rng.random((size, 4)) ** 3 for size in (40, 25, 60)]
    shares[1][3] = 0
    found = language_neurons(shares, share=share, often=often)
    wanted = plain(shares, share, often)
    assert list(zip(found.layers, found.neurons, strict=True)) == [w[1:3] for w in wanted]
    assert [tuple(row) for row in found.languages] == [w[3] for w in wanted]
    np.testing.assert_allclose(found.entropy, [w[0] for w in wanted], atol=1e-9)


def test_entropy_has_its_ends():
    shares = np.array([[0.4, 0, 0], [0.2, 0.2, 0.2], [0, 0, 0], [0.9, 0.9, 0]])
    np.testing.assert_allclose(
        activation_entropy(shares), [0, math.log(3), np.inf, math.log(2)], atol=1e-12
    )
    np.testing.assert_allclose(activation_entropy(shares / 3), activation_entropy(shares))


def test_a_neuron_that_hardly_fires_is_no_language_s_however_even():
    shares = np.full((100, 2), 0.5)
    shares[7] = [0.9, 0.001]
    shares[8] = [0.01, 0.0]  # of the lowest entropy, and seldom
    found = language_neurons([shares], share=0.02, often=0.9)
    assert found.neurons.tolist() == [7] and found.languages.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("shares", "options", "said"),
    [([], {}, "for each layer"), ([np.ones((3, 2)), np.ones((3, 4))], {}, "for each layer"),
     ([np.ones((3, 1))], {}, "1 languages have no entropy"),
     ([np.full((3, 2), 1.5)], {}, "from 0 to 1"), ([np.full((3, 2), np.nan)], {}, "from 0 to 1"),
     ([np.ones((3, 2))], {"share": 0.0}, "a share of 0.0")],
)  # fmt: skip
def test_what_is_no_share_is_refused(shares, options, said):
    with pytest.raises(VectorError, match=said):
        language_neurons(shares, **options)
