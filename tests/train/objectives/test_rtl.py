"""The pivot's tokens are named from the states of the other view, and from nothing else."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from isogloss.train.batch import stack_texts
from isogloss.train.objectives.rtl import RepresentationTranslation, _sinusoids

ROWS, WIDTH, TOKENS = 6, 8, 11


def model():
    table = nn.Embedding(TOKENS, WIDTH, dtype=torch.float64)
    config = SimpleNamespace(hidden_size=WIDTH, num_attention_heads=2)
    body = SimpleNamespace(config=config, get_input_embeddings=lambda: table)
    return SimpleNamespace(body=body, parameters=table.parameters)


def pairs(rng, views=2):
    torch.manual_seed(0)
    objective = RepresentationTranslation(layers=1)
    objective.begin(model())
    texts = [[rng.integers(0, TOKENS, rng.integers(1, 6)) for _ in range(ROWS)]
             for _ in range(views)]  # fmt: skip
    tags = ["eng_Latn", "deu_Latn", "fra_Latn"][:views]
    batch = stack_texts(texts, [[tag] * ROWS for tag in tags])
    states = torch.from_numpy(rng.normal(size=(len(batch["ids"]), WIDTH)))
    return objective, {"states": states}, batch


CASES = {"rtl.v1": pairs}


def test_a_batch_is_what_its_rows_are_alone_and_the_pivots_states_are_not_read():
    objective, outputs, batch = pairs(np.random.default_rng(1), views=3)
    states = outputs["states"].requires_grad_()
    table = objective._table[0]
    texts = states.split(batch.lengths().tolist())
    ids = batch["ids"].split(batch.lengths().tolist())
    total = 0.0
    for row in range(ROWS):
        for view in (1, 2):
            x, y = texts[view * ROWS + row], ids[row]
            asked = objective.place + _sinusoids(len(y), WIDTH)
            made = objective.body(torch.cat([x, asked])[None])[0, len(x) :]
            logs = objective.head(made, table).log_softmax(1)
            total = total - sum(logs[t, gold] for t, gold in enumerate(y.tolist()))
    mine, plain = objective(outputs, batch).total, total / objective.count(batch)
    torch.testing.assert_close(mine, plain)
    (a,), (b,) = (torch.autograd.grad(one, [states], retain_graph=True) for one in (mine, plain))
    torch.testing.assert_close(a, b)
    pivot = len(batch.view(0).ids)
    assert not a[:pivot].any() and a[pivot:].any(1).all()
    assert torch.autograd.grad(mine, [table.weight])[0].any()
    assert not any("table" in name for name, _ in objective.named_parameters())


def test_it_learns_what_only_the_other_view_says():
    """Tokens of y are those of x in order; states are one vector a token and its place."""
    objective, _, _ = pairs(np.random.default_rng(2))
    rng = np.random.default_rng(3)
    torch.manual_seed(0)
    rows = torch.randn(TOKENS, WIDTH, dtype=torch.float64)
    texts = [rng.integers(0, TOKENS, 4) for _ in range(40)]
    batch = stack_texts([texts, texts], [["eng_Latn"] * 40, ["deu_Latn"] * 40])
    states = rows[batch["ids"]] + _sinusoids(4, WIDTH).repeat(80, 1)
    optimizer = torch.optim.Adam(objective.parameters(), 0.01)
    first = last = float(objective({"states": states}, batch).total.detach())
    for _ in range(80):
        loss = objective({"states": states}, batch).total
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        last = float(loss.detach())
    alone = objective({"states": states * 0}, batch).total
    assert last < 0.6 * first and last < 0.6 * float(alone.detach())


def test_places_are_those_of_the_first_transformer():
    plain = [[np.sin(p / 10000 ** (k / 6)) if k % 2 == 0 else np.cos(p / 10000 ** ((k - 1) / 6))
              for k in range(6)] for p in range(5)]  # fmt: skip
    np.testing.assert_allclose(_sinusoids(5, 6).numpy(), plain)
