"""Hidden tokens point at the tokens that the model links with what they hide."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from isogloss.match.extract import itermax
from isogloss.match.grid import Grid
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.grids import grids_within
from isogloss.train.objectives.xlm_align import DenoisingAlignment, transported

ROWS, WIDTH, MASK = 5, 5, 0


class Table(nn.Module):
    """States by a table of tokens, with dropout as models have it."""

    def __init__(self, rows):
        super().__init__()
        self.body = nn.Module()
        self.body.config = SimpleNamespace(hidden_size=rows.shape[1])
        self.rows, self.drop = nn.Parameter(rows), nn.Dropout(0.9)

    def forward(self, batch, wanted):
        states = self.drop(self.rows[batch["ids"]])
        given = {"states": states, "layer_states": torch.stack([states * 0, states])}
        return {name: given[name] for name in wanted}


def hidden(rng, layer=1):
    """Texts of two sentences, the second the odd tokens of the first in another order."""
    ids, side, gold = [], [], []
    for _ in range(ROWS):
        first = rng.choice(np.arange(2, 40, 2), rng.integers(3, 7), False)
        last = rng.permutation(first + 1)[: rng.integers(2, 7)]
        text = np.concatenate([first, [MASK], last])
        where = rng.random(len(text)) < 0.4
        where[0], where[len(first)] = True, False
        ids.append(np.where(where, MASK, text))
        gold.append(np.where(where, text, UNKNOWN))
        side.append(np.repeat([0, UNKNOWN, 1], [len(first), 1, len(last)]))
    batch = stack_texts(
        [ids], [["deu_Latn"] * ROWS],
        tokens={"side": np.concatenate(side), "gold": np.concatenate(gold)},
    )  # fmt: skip
    torch.manual_seed(1)
    objective = DenoisingAlignment(layer=layer)
    objective.begin(Table(torch.from_numpy(rng.normal(size=(40, WIDTH)))))
    states = torch.from_numpy(rng.normal(size=(len(batch["ids"]), WIDTH)))
    return objective, {"states": states}, batch


CASES = {"xlm_align.v1": hidden}


def sentences(column, batch):
    """A column of both sentences of every text."""
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    for start, stop in pairwise(bounds):
        side = batch["side"][start:stop]
        yield [column[start:stop][side == n] for n in (0, 1)]


def whole(batch):
    return torch.where(batch["gold"] == UNKNOWN, batch["ids"], batch["gold"])


def test_a_hidden_token_points_at_the_tokens_that_it_is_linked_with():
    objective, outputs, batch = hidden(np.random.default_rng(1))
    states = outputs["states"].requires_grad_()
    links = objective.links(batch)
    links = torch.rand(links.shape, generator=torch.Generator().manual_seed(3)) < 0.25
    total, count, alone = 0.0, 0, 0
    both = zip(sentences(states, batch), sentences(batch["gold"], batch), strict=True)
    for row, (vectors, gold) in enumerate(both):
        sizes = [len(one) for one in gold]
        links[row, sizes[0] :], links[row, :, sizes[1] :] = False, False
        for side in (0, 1):
            linked = links[row] if side == 0 else links[row].T
            for i in torch.nonzero(gold[side] != UNKNOWN).ravel().tolist():
                count += 1
                mates = torch.nonzero(linked[i]).ravel()
                alone += not len(mates)
                if len(mates):
                    asked = objective.asked(vectors[1 - side])
                    logs = (asked @ objective.asking(vectors[side][i]) / WIDTH**0.5).log_softmax(0)
                    total = total - logs[mates].mean()
    objective.links = lambda batch: links
    mine, plain = objective(outputs, batch).total, total / count
    assert 0 < alone < count
    torch.testing.assert_close(mine, plain)
    (a,), (b,) = (torch.autograd.grad(one, [states]) for one in (mine, plain))
    torch.testing.assert_close(a, b)


def test_links_are_of_what_is_hidden_without_dropout_and_leave_the_model_as_it_was():
    objective, _, batch = hidden(np.random.default_rng(2))
    model = Table(torch.eye(20, dtype=torch.float64).repeat_interleave(2, 0))
    model.train()
    objective.begin(model)
    links = objective.links(batch)
    assert model.training and not any("rows" in name for name, _ in objective.named_parameters())
    for found, (x, y) in zip(links, sentences(whole(batch), batch), strict=True):
        same = x[:, None] // 2 == y[None] // 2
        assert torch.equal(found[: len(x), : len(y)] & same, same)


def test_links_are_read_off_the_plan_of_two_rounds_of_scaling():
    _, outputs, batch = hidden(np.random.default_rng(4))
    outputs["states"] *= 2
    found = transported(grids_within(outputs["states"], batch), 2)
    differs = False
    for links, (x, y) in zip(found, sentences(outputs["states"], batch), strict=True):
        dots = (x @ y.T).numpy()
        plan = np.maximum(dots, 1e-6)
        for _ in range(2):
            plan = plan / plan.sum(0)
            plan = plan / plan.sum(1, keepdims=True)
        norms = np.ones((1, len(x)), np.float32), np.ones((1, len(y)), np.float32)
        plain = itermax(Grid(plan[None], norms)).links[0]
        assert np.array_equal(links[: len(x), : len(y)].numpy(), plain)
        differs |= not np.array_equal(plain, itermax(Grid(dots[None] + 99, norms)).links[0])
    assert differs  # from links of the products themselves
