"""What every registered objective owes the loop; each gives its case in its own tests.

A case is a function of a generator to (objective, outputs, batch), in double precision, in the
`CASES` of a file `tests/train/objectives/test_*.py`.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss import registry
from isogloss.train.batch import Texts
from isogloss.train.contracts import count_of, is_joint, wanted_of
from loading import load


def _cases():
    found = {}
    for file in sorted((Path(__file__).parent / "objectives").glob("test_*.py")):
        module = load(f"train/objectives/{file.name}")
        found |= getattr(module, "CASES", {})
    return found


CASES = _cases()


def test_every_objective_has_a_case():
    assert set(CASES) == set(registry.names("objective"))


@pytest.fixture(params=sorted(CASES))
def case(request):
    return request.param, *CASES[request.param](np.random.default_rng(0))


def test_it_is_what_is_registered_and_reads_what_it_says(case):
    name, objective, outputs, batch = case
    assert isinstance(objective, registry.get("objective", name))
    assert set(wanted_of(objective)) <= set(outputs)
    assert set(getattr(objective, "columns", ())) <= set(batch)

    class Only(dict):
        def __missing__(self, key):
            raise AssertionError(f"{name} reads {key} and does not say so")

    allowed = {*wanted_of(objective)}
    objective(Only({k: v for k, v in outputs.items() if k in allowed}), batch)


def test_its_parts_sum_to_its_loss_which_is_one_number(case):
    _, objective, outputs, batch = case
    loss = objective(outputs, batch)
    assert loss.total.shape == () and torch.isfinite(loss.total) and loss.parts
    assert sum(loss.parts.values()) == pytest.approx(float(loss.total.detach()), rel=1e-5, abs=1e-8)


def test_its_gradient_is_that_of_finite_differences(case):
    _, objective, outputs, batch = case
    names = [name for name in wanted_of(objective) if name in outputs]
    if not names:
        pytest.skip("of weights, and not of what the model gives")
    given = [outputs[name].detach().clone().requires_grad_() for name in names]

    def loss(*values):
        return objective({**outputs, **dict(zip(names, values, strict=True))}, batch).total

    assert torch.autograd.gradcheck(loss, given, atol=1e-5, rtol=1e-4)


def test_it_is_the_mean_of_its_parts_unless_rows_meet_in_it(case):
    _, objective, outputs, batch = case
    if not isinstance(batch, Texts) or is_joint(objective):
        pytest.skip("only whole")
    total = 0.0
    for span, part in batch.split(3):
        share = count_of(objective, part) / count_of(objective, batch)
        if share:
            total += share * objective(_of(outputs, batch, span), part).total
    torch.testing.assert_close(total, objective(outputs, batch).total)


def _of(outputs, batch, span):
    """The outputs of a part of a batch."""
    rows = torch.zeros(batch.size, dtype=torch.bool)
    rows[span] = True
    texts = rows.repeat(batch.views)
    tokens = torch.repeat_interleave(texts, batch.lengths())
    found = {}
    for name, value in outputs.items():
        if name in ("vectors", "layer_vectors", "likelihoods"):
            found[name] = value[..., rows, :]
        elif name in ("states", "layer_states"):
            found[name] = value[..., tokens, :]
        elif name == "logits":
            found[name] = value[tokens[batch["gold"] != -100]]
        else:
            found[name] = value
    return found
