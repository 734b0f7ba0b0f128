"""Neurons that fire for few languages, by the entropy of how often they fire for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isogloss.errors import VectorError


class LanguageNeurons(NamedTuple):
    """Neurons in the order of their entropy, the lowest first.

    Attributes:
        layers: `[n]` of each.
        neurons: `[n]` which of its layer each is.
        languages: `[n, languages]` whether a neuron is a language's.
        entropy: `[n]`.
    """

    layers: np.ndarray
    neurons: np.ndarray
    languages: np.ndarray
    entropy: np.ndarray


def activation_entropy(shares: np.ndarray) -> np.ndarray:
    """LAPE_j = -sum_k q_jk log q_jk, q_jk = p_jk / sum_l p_jl.

    It is 0 for a neuron that fires for one language alone.

    Args:
        shares: p `[..., languages]`, of the tokens of a language those that a neuron fires for.

    Returns:
        `[...]`; infinite for a neuron that never fires.

    Source: Tang et al. (2024), Language-Specific Neurons: The Key to Multilingual Capabilities in
    Large Language Models, the section on language activation probability entropy.
    """
    sums = shares.sum(-1, keepdims=True)
    parts = shares / np.where(sums > 0, sums, 1)
    logs = np.log(np.where(parts > 0, parts, 1))
    return np.where(sums[..., 0] > 0, -(parts * logs).sum(-1), np.inf)


def language_neurons(
    shares: Sequence[np.ndarray], *, share: float = 0.01, often: float = 0.95
) -> LanguageNeurons:
    """The neurons of the lowest entropy among those that fire often for some language.

    A neuron is a language's if it fires for more of its tokens than `often` of all the shares, of
    every neuron and language, are; so it may be several languages'. Only those that are some
    language's are taken, so there may be fewer than asked for. Of those that tie the first are.
    Prefer it to the difference of two languages' shares where there are many languages. Texts of
    the languages should be alike, as parallel text is: neurons of a topic else pass for neurons of
    a language.
    Source: Tang et al. (2024), Language-Specific Neurons: The Key to Multilingual Capabilities in
    Large Language Models; 0.01 and 0.95 are theirs.

    Args:
        shares: for each layer `[neurons, languages]`, of the tokens of a language those that a
            neuron fires for.
        share: of all neurons, how many to take.
        often: the quantile of all shares that one must be over.

    Raises:
        VectorError: no shares, shares that are none, or of one language alone.
    """
    if not shares or any(one.ndim != 2 or one.shape[1] != shares[0].shape[1] for one in shares):
        raise VectorError("shares are an array [neurons, languages] for each layer")
    every = np.concatenate(shares).astype(np.float64)  # [all neurons, languages]
    if not every.size or every.shape[1] < 2:
        raise VectorError(
            f"{every.shape[1]} languages have no entropy", remedy="give text of two or more"
        )
    if not ((every >= 0) & (every <= 1)).all():
        raise VectorError("shares of tokens are from 0 to 1, and these are not")
    if not (0 < share <= 1 and 0 <= often <= 1):
        raise VectorError(f"a share of {share} and a quantile of {often} are not both from 0 to 1")
    place = max(0, round(often * every.size) - 1)
    owned = every > np.partition(every, place, axis=None)[place]
    entropy = np.where(owned.any(1), activation_entropy(every), np.inf)
    chosen = entropy.argsort(kind="stable")[: max(1, round(share * len(every)))]
    chosen = chosen[np.isfinite(entropy[chosen])]
    sizes = [len(one) for one in shares]
    layers = np.repeat(np.arange(len(shares)), sizes)
    inside = np.concatenate([np.arange(size) for size in sizes])
    return LanguageNeurons(layers[chosen], inside[chosen], owned[chosen], entropy[chosen])
