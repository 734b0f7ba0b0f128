"""Contrast and distillation of whole sentences."""

import numpy as np
import pytest
import torch

from isogloss.errors import TrainingError
from isogloss.train.batch import stack_texts
from isogloss.train.objectives.additive_margin import AdditiveMargin
from isogloss.train.objectives.contrast import Contrast, ContrastViews
from isogloss.train.objectives.distil import Distil
from isogloss.train.objectives.distil_mse import DistilMse
from isogloss.train.objectives.triplet import Triplet

ROWS, WIDTH = 6, 5
TAGS = ("eng_Latn", "deu_Latn", "swh_Latn", "quy_Latn")


def texts(rng, views=2, negatives=0, **rows):
    """A batch of some views, the last of them negatives, and vectors of it."""
    ids = [[rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(views)]
    languages = [[tag] * ROWS for tag in TAGS[:views]]
    marks = np.repeat(np.arange(views) >= views - negatives, ROWS)
    batch = stack_texts(
        ids, languages, {tag: number for number, tag in enumerate(TAGS)}, rows=rows,
        texts={"negative": marks} if negatives else {},
    )  # fmt: skip
    return {"vectors": torch.from_numpy(rng.normal(size=(views, ROWS, WIDTH)))}, batch


def taught(objective):
    def case(rng):
        return objective, *texts(rng, teacher=rng.normal(size=(ROWS, WIDTH)))

    return case


CASES = {
    "contrast.v1": taught(Contrast()),
    "contrast_views.v1": lambda rng: (ContrastViews(), *texts(rng)),
    "additive_margin.v1": lambda rng: (AdditiveMargin(), *texts(rng, 4, negatives=1)),
    "distil.v1": taught(Distil()),
    "distil_mse.v1": taught(DistilMse()),
    "triplet.v1": lambda rng: (Triplet(), *texts(rng, 4, negatives=2)),
}
"""For the contract of objectives: a generator to an objective, outputs and a batch."""


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def same(ours, theirs, vectors):
    """Value and gradient of two functions of vectors `[views, B, d]` are the same."""
    found = []
    for loss in (ours, theirs):
        given = vectors.clone().requires_grad_()
        total = loss(given)
        found.append((total.detach(), torch.autograd.grad(total, given)[0]))
    (a, slope), (b, other) = found
    torch.testing.assert_close(a, b)
    torch.testing.assert_close(slope, other)
    assert slope.abs().max() > 1e-4


def losses():
    """Those of sentence-transformers, which read `compute_loss_from_embeddings` of plain lists."""
    return pytest.importorskip("sentence_transformers.sentence_transformer.losses")


def plain_ranking(x, y, negatives, margin, scale):
    """LaBSE, one cosine at a time."""

    def cos(a, b):
        return a @ b / a.norm() / b.norm()

    total = 0.0
    for i in range(len(x)):
        own = torch.exp(scale * (cos(x[i], y[i]) - margin))
        rest = [torch.exp(scale * cos(x[i], y[j])) for j in range(len(y)) if j != i]
        rest += [torch.exp(scale * cos(x[i], each)) for each in negatives]
        total = total - torch.log(own / (own + sum(rest)))
    return total / len(x)


@pytest.mark.parametrize("margin", [0.0, 0.3])
@pytest.mark.parametrize("negatives", [0, 2])
def test_ranking_is_the_plain_sum_both_ways(rng, margin, negatives):
    outputs, batch = texts(rng, 2 + negatives, negatives)

    def plain(views):
        x, y, extra = views[0], views[1], views[2:].flatten(0, 1)
        there = plain_ranking(x, y, extra, margin, 10.0)
        return (there + plain_ranking(y, x, [], margin, 10.0)) / 2

    ranked = AdditiveMargin(margin=margin, scale=10.0)
    same(lambda v: ranked({"vectors": v}, batch).total, plain, outputs["vectors"])


def test_of_several_views_every_pair_is_ranked(rng):
    outputs, batch = texts(rng, 3)
    pairs = [
        AdditiveMargin()({"vectors": outputs["vectors"][[left, right]]}, {}).total
        for left, right in ((0, 1), (0, 2), (1, 2))
    ]
    torch.testing.assert_close(AdditiveMargin()(outputs, batch).total, sum(pairs))


@pytest.mark.filterwarnings("ignore:The MultipleNegativesSymm:DeprecationWarning")
def test_without_a_margin_it_is_contrast_and_what_sentence_transformers_has(rng):
    outputs, batch = texts(rng)
    ranked = AdditiveMargin(margin=0.0)
    assert float(ranked(outputs, batch).total) == pytest.approx(
        float(ContrastViews()(outputs, batch).total)
    )
    symmetric = losses().MultipleNegativesSymmetricRankingLoss(None)
    same(
        lambda v: ranked({"vectors": v}, batch).total,
        lambda v: symmetric.compute_loss_from_embeddings([*v], None), outputs["vectors"],
    )  # fmt: skip


def test_nli_triplets_are_ranked_as_sentence_transformers_does(rng):
    outputs, batch = texts(rng, 4, negatives=2)
    ranked = AdditiveMargin(margin=0.0, both=False)
    negatives = losses().MultipleNegativesRankingLoss(None)
    same(
        lambda v: ranked({"vectors": v}, batch).total,
        lambda v: negatives.compute_loss_from_embeddings([*v], None), outputs["vectors"],
    )  # fmt: skip
    without = ranked({"vectors": outputs["vectors"][:2]}, {}).total
    assert ranked(outputs, batch).total > without, "every negative takes a share"


def test_a_margin_pulls_at_pairs_that_are_right_already():
    """Two pairs that rank first by little: without a margin nearly no gradient is left."""
    x = torch.eye(2, 3, dtype=torch.float64)
    y = (x + torch.tensor([0.0, 0.0, 0.7])).requires_grad_()
    slopes = []
    for margin in (0.0, 0.7):
        loss = AdditiveMargin(margin=margin)({"vectors": torch.stack([x, y])}, {}).total
        slopes.append(float(torch.autograd.grad(loss, y)[0].norm()))
    assert slopes[1] > 100 * slopes[0]


def test_negatives_are_no_translations(rng):
    """Distillation and contrast with a teacher leave their vectors where they are, or push."""
    outputs, batch = texts(rng, 3, negatives=1, teacher=rng.normal(size=(ROWS, WIDTH)))
    for objective, moved in ((Distil(), False), (DistilMse(), False), (Contrast(), True)):
        vectors = outputs["vectors"].clone().requires_grad_()
        loss = objective({"vectors": vectors}, batch).total
        slope = torch.autograd.grad(loss, vectors)[0]
        assert slope[:2].any() and bool(slope[2].any()) == moved


def test_distillation_does_not_see_the_length_of_vectors(rng):
    _, outputs, batch = CASES["distil.v1"](rng)
    longer = {"vectors": outputs["vectors"] * 3}
    torch.testing.assert_close(Distil()(outputs, batch).total, Distil()(longer, batch).total)
    assert DistilMse()(outputs, batch).total != DistilMse()(longer, batch).total
    unit = DistilMse(unit=True)
    torch.testing.assert_close(unit(outputs, batch).total, unit(longer, batch).total)


def test_squared_differences_are_those_of_sentence_transformers(rng):
    _, outputs, batch = CASES["distil_mse.v1"](rng)
    theirs = losses().MSELoss(None)
    same(
        lambda v: DistilMse()({"vectors": v}, batch).total,
        lambda v: theirs.compute_loss_from_embeddings([*v], [batch["teacher"]] * 2),
        outputs["vectors"],
    )  # fmt: skip


def test_source_and_translation_go_to_the_vector_of_the_source(rng):
    """Reimers and Gurevych (2020), their sum over a batch of pairs, written out."""
    _, outputs, batch = CASES["distil_mse.v1"](rng)
    source, translation = outputs["vectors"]
    total = sum(
        ((batch["teacher"][j] - source[j]) ** 2).sum()
        + ((batch["teacher"][j] - translation[j]) ** 2).sum()
        for j in range(ROWS)
    )
    torch.testing.assert_close(DistilMse()(outputs, batch).total, total / ROWS / 2 / WIDTH)


@pytest.mark.parametrize("objective", [Distil(), DistilMse()])
def test_a_teacher_of_another_width_is_refused(rng, objective):
    outputs, batch = texts(rng, teacher=rng.normal(size=(ROWS, 1)))
    with pytest.raises(TrainingError, match="have 5 numbers and the teacher's 1"):
        objective(outputs, batch)


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "manhattan"])
def test_triplets_are_those_of_sentence_transformers(rng, distance):
    outputs, batch = texts(rng, 3, negatives=1)
    metric = getattr(losses().TripletDistanceMetric, distance.upper())
    theirs = losses().TripletLoss(None, metric, 0.5)
    same(
        lambda v: Triplet(distance=distance, margin=0.5)({"vectors": v}, batch).total,
        lambda v: theirs.compute_loss_from_embeddings([*v], None), outputs["vectors"],
    )  # fmt: skip


def test_several_negatives_of_a_triplet_are_averaged(rng):
    outputs, batch = texts(rng, 4, negatives=2)
    marks = torch.arange(3).repeat_interleave(ROWS) == 2
    each = [
        Triplet()({"vectors": outputs["vectors"][[0, 1, other]]}, {"negative": marks})
        for other in (2, 3)
    ]
    torch.testing.assert_close(Triplet()(outputs, batch).total, (each[0].total + each[1].total) / 2)


def test_a_triplet_that_is_right_by_the_margin_is_left():
    vectors = torch.tensor([[[1.0, 0.0]], [[1.0, 0.1]], [[-1.0, 0.0]]], requires_grad=True)
    loss = Triplet()({"vectors": vectors}, {"negative": torch.tensor([False, False, True])})
    assert float(loss.total.detach()) == 0
    assert not torch.autograd.grad(loss.total, vectors)[0].any()
