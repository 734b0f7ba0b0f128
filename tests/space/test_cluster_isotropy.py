"""Each cluster loses its own mean and directions, and new vectors go with their cluster."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.space.cluster_isotropy import cluster_isotropy
from isogloss.space.map import Map
from isogloss.space.normalise import normalise

D = 10


def clusters(n=80, seed=0):
    """Three far clusters, each stretched along a direction of its own."""
    rng = np.random.default_rng(seed)
    centres = 40 * np.eye(3, D)
    axes = np.eye(D)[[5, 6, 7]]
    parts = [
        c + 6 * rng.normal(size=(n, 1)) * a + rng.normal(size=(n, D))
        for c, a in zip(centres, axes, strict=True)
    ]
    return np.concatenate(parts).astype(np.float32), axes


def test_it_equals_the_plain_definition_on_known_clusters():
    x, _ = clusters()
    made = cluster_isotropy(x, clusters=3, components=2).apply(x)
    for part in np.split(np.arange(len(x)), 3):
        centred = x[part].astype(np.float64) - x[part].mean(0, dtype=np.float64)
        top = np.linalg.svd(centred, full_matrices=False)[2][:2]
        np.testing.assert_allclose(made[part], centred - centred @ top.T @ top, atol=1e-4)


def test_directions_of_clusters_go_where_one_projection_leaves_them():
    x, axes = clusters()
    ours = cluster_isotropy(x, clusters=3, components=1).apply(x)
    globally = normalise(x, ["all_but_the_top"]).apply(x)
    for part, axis in zip(np.split(np.arange(len(x)), 3), axes, strict=True):
        assert (ours[part] @ axis).std() < 0.5
        assert (globally[part] @ axis).std() > 3
    assert narrowest(ours) > 0.3 > 0.03 > narrowest(globally)


def narrowest(x):
    """Least variance of a direction as a share of the largest."""
    variances = np.linalg.eigvalsh(np.cov(x.T))
    return variances[0] / variances[-1]


def test_one_cluster_is_all_but_the_top():
    x, _ = clusters()
    np.testing.assert_allclose(
        cluster_isotropy(x, clusters=1, components=1).apply(x),
        normalise(x, ["all_but_the_top"]).apply(x),
        atol=1e-4,
    )


def test_a_new_vector_goes_with_its_cluster_and_the_map_reads_back(tmp_path):
    x, _ = clusters()
    made = cluster_isotropy(x, clusters=3, components=1)
    alone = np.stack([made.apply(row[None])[0] for row in x])
    np.testing.assert_allclose(alone, made.apply(x), atol=1e-4)
    made.save(tmp_path / "map")
    again = Map.load(tmp_path / "map")
    np.testing.assert_array_equal(again.apply(x), made.apply(x))
    assert again.width == D
    with pytest.raises(VectorError, match=r"takes vectors \[n, 10\]"):
        again.apply(x[:, :4])
    with pytest.raises(VectorError, match="by clusters has no inverse"):
        made.inverse()


def test_small_clusters_are_centred_only_and_counted():
    x, _ = clusters()
    far = np.concatenate([x, 1000 + np.eye(3, D, dtype=np.float32)])
    made = cluster_isotropy(far, clusters=4, components=2)
    assert made.about["centred_only"] == 1 and made.about["clusters"] == 4
    kept = made.apply(far)[-3:]
    np.testing.assert_allclose(kept, np.eye(3, D) - np.eye(3, D).mean(0), atol=1e-3)


def test_equal_vectors_leave_clusters_empty_and_finite():
    x = np.repeat(clusters(n=2)[0], 10, 0)
    made = cluster_isotropy(x, clusters=20, components=1)
    assert made.about["clusters"] == 6 and np.isfinite(made.apply(x)).all()


def test_bad_counts_are_refused():
    x, _ = clusters()
    with pytest.raises(VectorError, match="5 vectors do not make 27 clusters"):
        cluster_isotropy(x[:5])
    with pytest.raises(VectorError, match="NaN"):
        cluster_isotropy(np.full_like(x, np.nan))
    with pytest.raises(UsageError, match="1 at least"):
        cluster_isotropy(x, components=0)
