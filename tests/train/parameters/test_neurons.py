"""Only the weights of chosen neurons change, and a model without them is as it was."""

import torch

from isogloss.train.feed_forward import switched_off
from isogloss.train.student import student_of
from loading import load

sparse = load("train/parameters/test_sparse.py")
parts = sparse.parts


def test_weights_of_other_neurons_stay_and_theirs_are_what_changed(parts):
    chosen = [(0, 1), (1, 5), (1, 2)]
    student = student_of("neurons.v1", *parts, neurons=chosen)
    before, batch = sparse.weights(student), sparse.mixture().batch(0, 0)
    after = sparse.weights(sparse.taught(student))
    own = {name: w.shape for name, w in before.items() if not torch.equal(w, after[name])}
    assert len(own) == 6 and all("layer.0." in n or "layer.1." in n for n in own)
    for name, weight in before.items():
        lines = torch.nonzero((weight != after[name]).view(len(weight), -1).any(1)).ravel().tolist()
        columns = torch.nonzero((weight != after[name]).flatten(1).any(0) if weight.ndim == 2
                                else torch.zeros(0)).ravel().tolist()  # fmt: skip
        numbers = [n for layer, n in sorted(chosen) if f"layer.{layer}." in name]
        if "intermediate.dense" in name:
            assert lines == numbers
        elif name in own:
            assert columns == numbers and name.endswith("output.dense.weight")
    # Without the neurons it is the model that it was without them.
    student.module.eval()
    whole = student.module(batch)["vectors"]
    with switched_off(student.module.body, chosen), torch.no_grad():
        off = student.module(batch)["vectors"]
        for name, weight in student.module.named_parameters():
            weight.copy_(before[name])
        assert torch.equal(off, student.module(batch)["vectors"])
    assert not torch.allclose(off, whole, atol=1e-4)
