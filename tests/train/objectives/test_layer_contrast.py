"""Contrast inside the model is that of single layers, and at the last that of whole models."""

import numpy as np
import pytest
import torch

from isogloss.errors import UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.objectives.layer_contrast import LayerContrast, chosen_layers

ROWS, WIDTH, LAYERS = 6, 4, 5


def pairs(rng, views=3, **settings):
    texts = [[rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(views)]
    tags = ["eng_Latn", "deu_Latn", "fra_Latn"][:views]
    batch = stack_texts(texts, [[tag] * ROWS for tag in tags])
    vectors = torch.from_numpy(rng.normal(size=(LAYERS, views, ROWS, WIDTH)))
    return LayerContrast(**settings), {"layer_vectors": vectors}, batch


CASES = {"layer_contrast.v1": lambda rng: pairs(rng, layers=(1, 3))}


@pytest.mark.parametrize(
    ("layers", "wanted"), [("middle", [2]), ("all", [0, 1, 2, 3, 4]), ((0, 3), [0, 3])]
)
def test_it_is_the_mean_over_layers_of_the_contrast_of_views(layers, wanted):
    objective, outputs, batch = pairs(np.random.default_rng(0), layers=layers)
    vectors = outputs["layer_vectors"].requires_grad_()
    plain = sum(
        ContrastViews(temperature=0.1)({"vectors": vectors[layer]}, batch).total for layer in wanted
    ) / len(wanted)
    loss = objective(outputs, batch).total
    torch.testing.assert_close(loss, plain)
    (a,), (b,) = (torch.autograd.grad(one, [vectors]) for one in (loss, plain))
    torch.testing.assert_close(a, b)
    assert [layer for layer in range(LAYERS) if a[layer].any()] == wanted


@pytest.mark.parametrize("layers", [(5,), (-1,), ()])
def test_layers_that_are_not_there_are_refused(layers):
    with pytest.raises(UsageError, match="has 0, its embeddings, to 4"):
        chosen_layers(layers, 5)


@pytest.mark.parametrize("layers", [6, 12])
def test_the_middle_is_half_way_up(layers):
    assert chosen_layers("middle", layers + 1) == [layers // 2]
