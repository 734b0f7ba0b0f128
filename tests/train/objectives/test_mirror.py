"""Attention both ways: against loops over pairs, and what it learns from pairs alone."""

import numpy as np
import torch

from isogloss.train.batch import stack_texts
from isogloss.train.grids import grids
from isogloss.train.objectives.mirror import Mirror
from loading import load

words = load("train/objectives/test_words.py")

CASES = {"mirror.v1": lambda rng: (Mirror(layer=None), *words.linked(rng, rows=4))}


def test_it_is_contrast_and_gap_by_loops_over_pairs():
    outputs, batch = words.linked(np.random.default_rng(1))
    states = outputs["states"].requires_grad_()
    parts = states.split(batch.lengths().tolist())
    xs, ys = parts[: batch.size], parts[batch.size :]
    scores, gap, cells = torch.zeros(batch.size, batch.size, dtype=torch.float64), 0.0, 0
    for i, x in enumerate(xs):
        for j, y in enumerate(ys):
            p, q = (x @ y.T).softmax(1), (x @ y.T).softmax(0)
            forward = torch.cosine_similarity(x, p @ y, dim=1).mean()
            back = torch.cosine_similarity(y, q.T @ x, dim=1).mean()
            scores[i, j] = (forward + back) / 2 / 0.5
            if i == j:
                gap, cells = gap + (p - q).square().sum(), cells + p.numel()
    rows = torch.diagonal(scores.log_softmax(1) + scores.log_softmax(0))
    plain = -rows.mean() / 2 + 3 * gap / cells
    loss = Mirror(layer=None, agreement=3.0, temperature=0.5)({"states": states}, batch)
    torch.testing.assert_close(loss.total, plain)
    (a,), (b,) = (torch.autograd.grad(one, [states]) for one in (loss.total, plain))
    torch.testing.assert_close(a, b)
    assert set(loss.parts) == {"mirror", "mirror_gap"}


def learned(agreement):
    """Links of a word-for-word code, and how far both directions are apart, after some steps."""
    rng = np.random.default_rng(0)
    texts = [rng.choice(12, 4, False) for _ in range(24)]
    batch = stack_texts(
        [texts, [rng.permutation(text) + 12 for text in texts]],
        [["eng_Latn"] * 24, ["deu_Latn"] * 24],
    )
    torch.manual_seed(0)
    table = torch.randn(24, 8, requires_grad=True)
    optimizer = torch.optim.Adam([table], 0.1)
    objective = Mirror(layer=None, agreement=agreement)
    for _ in range(30):
        optimizer.zero_grad()
        objective({"states": table[batch["ids"]]}, batch).total.backward()
        optimizer.step()
    grid = grids(table.detach()[batch["ids"]], batch)
    links = grid.links("intersection")
    x, y = batch["ids"].view(2, 24, 4)
    right = (x[:, :, None] == y[:, None] - 12) & links
    gap = (grid.shares(2) - grid.shares(1)).square().mean()
    return float(right.sum() / links.sum()), float(right.sum() / 96), float(gap)


def test_words_find_their_translations_from_pairs_alone_and_more_so_where_both_directions_agree():
    (precision, recall, gap), (_, alone, apart) = learned(1.0), learned(0.0)
    assert precision > 0.9 and recall > 0.9
    assert recall > alone + 0.05 and gap < apart / 4
