"""Linear maps fitted on pairs: row i of the source goes to row i of the target.

All take normalised or plain vectors as they are; compose them with `normalise` where wanted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss import registry
from isogloss.errors import UsageError, VectorError
from isogloss.registry import register
from isogloss.space.map import Affine, Map
from isogloss.space.normalise import finite

ROUNDING = 1e-6  # share of the largest singular value under which float32 vectors hold nothing


def fit(method: str, *, source: np.ndarray, target: np.ndarray, **settings: Any) -> Map:
    """Fit a registered linear map on `source` `[n, d]` and its translations `target` `[n, e]`.

    Raises:
        VectorError: unequal numbers of rows, fewer than 2, values that are not numbers, or widths
            that the method cannot join.
        UnknownName: a method that does not exist.
    """
    source, target = finite(source, "source"), finite(target, "target")
    if len(source) != len(target) or len(source) < 2:
        raise VectorError(
            f"{len(source)} source and {len(target)} target vectors; row i of one must be the "
            "translation of row i of the other, and there must be 2 at least"
        )
    matrix, about = registry.get("map", method)(
        source.astype(np.float64), target.astype(np.float64), **settings
    )
    described = {"method": registry.full_name("map", method), "n": len(source), **about}
    return Map((Affine(matrix=matrix.astype(np.float32)),), described)


def orthogonality_deviation(matrix: np.ndarray) -> float:
    """||W^T W / s - I||_F / sqrt(e), s the mean squared singular value: 0 is a scaled rotation.

    How far the two spaces are from being turned copies of each other, as far as the map can tell.
    """
    gram = matrix.T.astype(np.float64) @ matrix
    size = np.trace(gram) / len(gram)
    if not size:
        raise VectorError("a matrix of zeros has no orthogonality deviation")
    return float(np.linalg.norm(gram / size - np.eye(len(gram))) / np.sqrt(len(gram)))


Fitted = tuple[np.ndarray, dict[str, Any]]


@register("map", "procrustes.v1")
def procrustes(source: np.ndarray, target: np.ndarray) -> Fitted:
    """W = argmin ||XW - Y|| over W^T W = I: U V^T of the singular vectors of X^T Y.

    The rotation keeps all distances of the source, so it cannot overfit them. Prefer it with few
    pairs and spaces of one kind.
    Source: Schönemann (1966); for word vectors Xing et al. (2015), section 3.
    """
    if source.shape[1] != target.shape[1]:
        raise VectorError(
            f"a rotation needs spaces of one width, got {source.shape[1]} and {target.shape[1]}",
            remedy="use least_squares, ridge or cca",
        )
    u, _, vt = np.linalg.svd(source.T @ target)
    return u @ vt, {}


@register("map", "least_squares.v1")
def least_squares(source: np.ndarray, target: np.ndarray) -> Fitted:
    """W = argmin ||XW - Y||, the smallest W where many fit as well.

    Directions of X under 1e-6 of its largest are float32 rounding, such as those of a dimension
    that never varies, and are not used: fitted, they would have weights of 1e7 and hide all others.

    Prefer it with many pairs, or spaces of different widths.
    Source: Mikolov, Le and Sutskever (2013), Exploiting Similarities among Languages, section 4.
    """
    return np.linalg.lstsq(source, target, rcond=ROUNDING)[0], {}


@register("map", "ridge.v1")
def ridge(source: np.ndarray, target: np.ndarray, *, penalty: float = 1e-2) -> Fitted:
    """W = argmin ||XW - Y||^2 + penalty ||X||^2 / d ||W||^2.

    The penalty is a share of the mean squared singular value of X, so that it means the same at
    any scale and number of pairs. Prefer it where pairs are few for the width.

    Raises:
        UsageError: a penalty that is not positive.
    """
    if penalty <= 0:
        raise UsageError(f"penalty is {penalty}; it must be positive")
    gram = source.T @ source  # [d, d]
    gram += penalty * np.trace(gram) / len(gram) * np.eye(len(gram))
    return np.linalg.solve(gram, source.T @ target), {"penalty": penalty}


@register("map", "cca.v1")
def cca(source: np.ndarray, target: np.ndarray, *, keep: float = 1.0) -> Fitted:
    """Through the canonical directions of both and back: W = A B^+.

    A and B whiten the two sides and turn them so that columns correlate pairwise, strongest
    first; `keep` is the share of columns used. With all of them and full rank it is whitening,
    rotation and de-whitening.
    Source: Faruqui and Dyer (2014), section 2; as one map Ammar et al. (2016), section 3.2.
    """
    if not 0 < keep <= 1:
        raise UsageError(f"keep is {keep}; it must be over 0 and at most 1")
    (white_x, _), (white_y, undo_y) = whiten(source), whiten(target)
    u, correlations, vt = np.linalg.svd((source @ white_x).T @ (target @ white_y))
    count = max(1, round(keep * len(correlations)))
    turned = white_x @ u[:, :count] @ vt[:count]
    return turned @ undo_y, {
        "keep": keep,
        "correlations": [round(float(c), 4) for c in correlations[:count]],
    }


def whiten(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(X^T X)^(-1/2) `[d, d]`, which makes the columns orthonormal, and its way back.

    Both over the rank that x has.
    """
    _, sizes, vt = np.linalg.svd(x, full_matrices=False)
    kept = sizes > ROUNDING * sizes[0]
    axes, sizes = vt[kept].T, sizes[kept]
    return (axes / sizes) @ axes.T, (axes * sizes) @ axes.T
