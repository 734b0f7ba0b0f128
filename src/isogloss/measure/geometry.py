"""The shape of a language's cloud of vectors, and how alike two clouds are."""

from __future__ import annotations

import numpy as np

from isogloss.measure.pair import Finding, Pair
from isogloss.registry import register
from isogloss.score import Interval, bootstrap_ratio, resampling

DEVIATIONS = 3.0


@register("measure", "isotropy.v1")
def isotropy(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """I = min_c Z(c) / max_c Z(c) with Z(c) = sum_i exp(c . x_i), c the eigenvectors of X^T X.

    1 is a cloud that looks the same from every side; on unit vectors, so that scales of models
    do not matter. The interval resamples sentences with the two extreme directions fixed.
    Source: Mu and Viswanath (2018), All-but-the-Top, equation 1.
    """
    x = pair.units[0].astype(np.float64)  # [n, d]
    _, vectors = np.linalg.eigh(x.T @ x)  # [d, d]
    along = np.exp(x @ vectors)  # [n, d]; the opposite direction of each has 1 / exp
    z = np.concatenate([along, 1 / along], 1)  # [n, 2d]
    sums = z.sum(0)
    found = bootstrap_ratio(z[:, sums.argmin()], z[:, sums.argmax()], seed=seed)
    return [Finding("isotropy", interval=found, method="bootstrap, extreme directions fixed")]


@register("measure", "outlier_dimensions.v1")
def outlier_dimensions(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """How many dimensions of the mean vector lie more than 3 deviations from its own mean.

    Source: Rajaee and Pilehvar (2022), An Isotropy Analysis in the Multilingual BERT Embedding
    Space, section 4.2.
    """
    x = pair.x.astype(np.float32)
    means = resampling(len(x), 1000, seed).astype(np.float32) @ x  # [resamples, d]
    low, high = np.percentile(_outliers(means), [2.5, 97.5])
    found = Interval(float(_outliers(x.mean(0)[None])[0]), float(low), float(high))
    return [Finding("outlier_dimensions", interval=found, settings={"deviations": DEVIATIONS})]


def _outliers(means: np.ndarray) -> np.ndarray:
    centre, spread = means.mean(1, keepdims=True), means.std(1, keepdims=True)
    return (np.abs(means - centre) > DEVIATIONS * spread).sum(1)


@register("measure", "cka_linear.v1")
def cka_linear(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """Linear CKA = ||Y^T X||^2 / (||X^T X|| ||Y^T Y||), Frobenius norms of centred vectors.

    Invariant to rotation and scale of either side; the biased estimator. Items enter through
    products, so the interval comes from the influence of each sentence on log CKA:
    g_i = 2 x_i A y_i / ||A||^2 - x_i B x_i / ||B||^2 - y_i C y_i / ||C||^2 with A = X^T Y,
    B = X^T X, C = Y^T Y, standard error CKA sqrt(sum g_i^2).
    Source: Kornblith et al. (2019), Similarity of Neural Network Representations, section 3.
    """
    x, y = (side - side.mean(0) for side in (pair.x.astype(np.float64), pair.y.astype(np.float64)))
    a, b, c = x.T @ y, x.T @ x, y.T @ y  # [d, d] each
    aa, bb, cc = ((m * m).sum() for m in (a, b, c))
    if not (bb and cc):
        return [Finding("cka_linear", interval=Interval(*[float("nan")] * 3), method="undefined")]
    value = aa / np.sqrt(bb * cc)
    g = 2 * ((x @ a) * y).sum(1) / max(aa, 1e-300)  # [n]
    g -= ((x @ b) * x).sum(1) / bb + ((y @ c) * y).sum(1) / cc
    error = 1.96 * value * np.sqrt((g * g).sum())
    found = Interval(float(value), float(max(0, value - error)), float(min(1, value + error)))
    return [Finding("cka_linear", interval=found, method="influence function")]
