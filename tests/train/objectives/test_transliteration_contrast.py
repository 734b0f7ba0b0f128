"""Contrast of texts and their romanisations among all texts of a batch."""

import numpy as np
import pytest
import torch

from isogloss.errors import UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.objectives.transliteration_contrast import TransliterationContrast

LAYERS, ROWS, WIDTH = 4, 5, 6


def pairs(rng):
    views = [[rng.integers(0, 9, 3) for _ in range(ROWS)] for _ in range(2)]
    batch = stack_texts(views, [["rus_Cyrl"] * ROWS] * 2)
    return {"layer_vectors": torch.from_numpy(rng.normal(size=(LAYERS, 2, ROWS, WIDTH)))}, batch


CASES = {
    "transliteration_contrast.v1": lambda rng: (
        TransliterationContrast(layers=(1, 3), temperature=0.3), *pairs(rng)
    ),
}  # fmt: skip


def plain(vectors, temperature, cosine):
    """The loss of one layer `[2, B, d]`, text by text."""
    texts, found = [*vectors[0], *vectors[1]], []
    for i, one in enumerate(texts):
        scores = {}
        for j, other in enumerate(texts):
            if i != j:
                scale = one.norm() * other.norm() if cosine else 1.0
                scores[j] = torch.exp(one @ other / scale / temperature)
        own = scores[(i + ROWS) % (2 * ROWS)]
        found.append(-torch.log(own / sum(scores.values())))
    return sum(found) / len(found)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_it_is_the_plain_sum_with_its_gradient(similarity):
    outputs, batch = pairs(np.random.default_rng(0))
    ours = outputs["layer_vectors"].clone().requires_grad_()
    theirs = outputs["layer_vectors"].clone().requires_grad_()
    objective = TransliterationContrast(layers=(0, -1), temperature=0.7, similarity=similarity)
    mine = objective({"layer_vectors": ours}, batch).total
    other = sum(plain(theirs[layer], 0.7, similarity == "cosine") for layer in (0, 3)) / 2
    torch.testing.assert_close(mine, other)
    mine.backward()
    other.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert not ours.grad[1:3].any()  # only the layers that are named


def test_texts_of_the_same_script_are_negatives_as_they_are_not_between_views():
    outputs, batch = pairs(np.random.default_rng(1))
    vectors = outputs["layer_vectors"]
    vectors[2, 1] = vectors[2, 0]  # every text is its romanisation
    alike = vectors.clone()
    alike[2, :] = alike[2, :, :1]  # and all texts are the same one
    objective = TransliterationContrast(layers=(2,))
    both = [float(objective({"layer_vectors": v}, batch).total) for v in (vectors, alike)]
    assert both[1] == pytest.approx(np.log(2 * ROWS - 1)) and both[0] < both[1]
    views = float(ContrastViews()({"vectors": alike[2]}, batch).total)
    assert views == pytest.approx(np.log(ROWS))


@pytest.mark.parametrize("layers", [(), (4,), (-5,)])
def test_layers_that_the_model_has_not_are_told(layers):
    outputs, batch = pairs(np.random.default_rng(0))
    with pytest.raises(UsageError, match="the model has layers 0 to 3"):
        TransliterationContrast(layers=layers)(outputs, batch)


def test_other_than_two_views_are_told():
    outputs, batch = pairs(np.random.default_rng(0))
    with pytest.raises(UsageError, match="of 1 views"):
        TransliterationContrast(layers=(1,))(
            {"layer_vectors": outputs["layer_vectors"][:, :1]}, batch
        )
