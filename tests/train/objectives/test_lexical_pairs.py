"""Losses over word pairs, against plain loops."""

import math

import numpy as np
import pytest
import torch

from isogloss.errors import UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.objectives.attract import Attract
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.objectives.multi_similarity import MultiSimilarity

ROWS, WIDTH = 6, 4


def pairs(rng):
    views = [[rng.integers(0, 9, 1) for _ in range(ROWS)] for _ in range(2)]
    batch = stack_texts(views, [["eng_Latn"] * ROWS, ["deu_Latn"] * ROWS])
    return {"vectors": torch.from_numpy(rng.normal(size=(2, ROWS, WIDTH)))}, batch


CASES = {
    "attract.v1": lambda rng: (Attract(), *pairs(rng)),
    "multi_similarity.v1": lambda rng: (MultiSimilarity(slack=0.2), *pairs(rng)),
}


def scored(vectors):
    """Of each text: the score of its pair, and of all others."""
    texts = [v / v.norm() for v in (*vectors[0], *vectors[1])]
    for i, one in enumerate(texts):
        pair = (i + ROWS) % (2 * ROWS)
        yield (
            one @ texts[pair],
            [one @ other for j, other in enumerate(texts) if j not in (i, pair)],
        )


def plain_attract(vectors, margin=0.6):
    losses = [torch.relu(margin + max(others) - own) for own, others in scored(vectors)]
    return sum(losses) / ROWS


def plain_multi_similarity(vectors, a=2.0, b=50.0, threshold=0.5, slack=0.2):
    total = 0
    for own, others in scored(vectors):
        if own < max(others) + slack:
            total = total + torch.log(1 + torch.exp(-a * (own - threshold))) / a
        hard = [torch.exp(b * (s - threshold)) for s in others if s > own - slack]
        if hard:
            total = total + torch.log(1 + sum(hard)) / b
    return total / (2 * ROWS)


@pytest.mark.parametrize(
    ("objective", "plain"),
    [(Attract(), plain_attract), (MultiSimilarity(slack=0.2), plain_multi_similarity)],
)
@pytest.mark.parametrize("seed", range(3))
def test_they_are_the_plain_loops_with_their_gradients(objective, plain, seed):
    outputs, batch = pairs(np.random.default_rng(seed))
    ours, theirs = (outputs["vectors"].clone().requires_grad_() for _ in range(2))
    mine, other = objective({"vectors": ours}, batch).total, plain(theirs)
    torch.testing.assert_close(mine, other)
    mine.backward()
    other.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def apart(angle):
    """Pairs at an angle, far from all others."""
    basis = torch.eye(2 * ROWS, dtype=torch.float64)
    left = basis[:ROWS]
    return torch.stack([left, math.cos(angle) * left + math.sin(angle) * basis[ROWS:]])


def test_pairs_whose_margin_is_kept_have_no_gradient_as_they_have_in_a_contrast():
    _, batch = pairs(np.random.default_rng(0))
    for angle, moves in ((0.5, False), (1.3, True)):
        vectors = apart(angle).requires_grad_()
        Attract()({"vectors": vectors}, batch).total.backward()
        assert bool(vectors.grad.any()) == moves
        again = apart(angle).requires_grad_()
        ContrastViews()({"vectors": again}, batch).total.backward()
        assert again.grad.any()


def test_nearer_negatives_weigh_more():
    _, batch = pairs(np.random.default_rng(0))
    vectors = apart(1.0)
    vectors[0, 1] = vectors[0, 0] * 0.8 + 0.6 * vectors[0, 1]  # text 1 comes near text 0
    given = vectors.clone().requires_grad_()
    MultiSimilarity()({"vectors": given}, batch).total.backward()
    lengths = given.grad.norm(dim=-1)[0]
    assert lengths[:2].min() > 5 * lengths[2:].max()


def test_what_are_no_pairs_are_told():
    outputs, batch = pairs(np.random.default_rng(0))
    for vectors in (outputs["vectors"][:1], outputs["vectors"][:, :1]):
        for objective in (Attract(), MultiSimilarity()):
            with pytest.raises(UsageError, match="are not pairs among others"):
                objective({"vectors": vectors}, batch)
