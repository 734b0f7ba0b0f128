"""What belongs to a marked word: by token, and as a span."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.encode.words import Split
from isogloss.errors import ModelError
from isogloss.train.aligner import load_aligner
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.marked import Frame, marked_text
from isogloss.train.objectives.binary_links import BinaryLinks
from isogloss.train.objectives.span_links import SpanLinks, longest_runs

ROWS, WIDTH = 6, 4
FRAME = Frame([90], [91, 92])


class Model(nn.Module):
    def __init__(self, width=WIDTH, kind=torch.float64):
        super().__init__()
        self.body = nn.Linear(1, 1, dtype=kind)
        self.body.config = SimpleNamespace(hidden_size=width)


def marked(rng, kind):
    texts, sides, linked = [], [], []
    for row in range(ROWS):
        asked, other = (Split(rng.integers(0, 80, 5), np.array([0, 1, 1, 2, 3])) for _ in range(2))
        text, side = marked_text(asked, int(rng.integers(4)), other, FRAME)
        gold = np.full(len(text), UNKNOWN)
        gold[side == 1] = 0 if row == 0 else rng.integers(0, 2, 5)
        texts.append(text)
        sides.append(side)
        linked.append(gold)
    batch = stack_texts(
        [texts], [["deu_Latn"] * ROWS],
        tokens={"side": np.concatenate(sides), "linked": np.concatenate(linked)},
    )  # fmt: skip
    torch.manual_seed(0)
    objective = kind()
    objective.begin(Model())
    states = torch.from_numpy(rng.normal(size=(len(batch["ids"]), WIDTH)))
    return objective, {"states": states}, batch


CASES = {
    "binary_links.v1": lambda rng: marked(rng, BinaryLinks),
    "span_links.v1": lambda rng: marked(rng, SpanLinks),
}


def test_a_text_is_a_sentence_with_marks_and_the_other_behind_it():
    asked, other = (Split(np.arange(5) + n, np.array([0, 1, 1, 2, 3])) for n in (0, 10))
    text, side = marked_text(asked, 1, other, FRAME)
    assert text.tolist() == [0, 90, 1, 2, 90, 3, 4, 91, 92, 10, 11, 12, 13, 14]
    assert side.tolist() == [0, -100, 0, 0, -100, 0, 0, -100, -100, 1, 1, 1, 1, 1]


def test_tokens_of_the_other_sentence_are_asked_one_by_one():
    objective, outputs, batch = marked(np.random.default_rng(1), BinaryLinks)
    scores = torch.sigmoid(objective.score(outputs["states"])).ravel()
    terms = [
        -torch.log(share if gold == 1 else 1 - share)
        for share, gold in zip(scores, batch["linked"].tolist(), strict=True)
        if gold != UNKNOWN
    ]
    torch.testing.assert_close(objective(outputs, batch).total, torch.stack(terms).mean())
    shares = objective.shares(outputs, batch)
    assert torch.equal(shares > 0, batch["side"] == 1)
    torch.testing.assert_close(shares[shares > 0], scores[batch["side"] == 1])


def rows_of(column, batch):
    return column.split(batch.lengths().tolist())


def test_a_span_is_the_longest_run_or_the_first_token_for_none():
    objective, outputs, batch = marked(np.random.default_rng(2), SpanLinks)
    states = outputs["states"].requires_grad_()
    total, nothing = 0.0, 0
    columns = [rows_of(column, batch) for column in (states, batch["side"], batch["linked"])]
    for x, side, linked in zip(*columns, strict=True):
        may = [0, *torch.nonzero(side == 1).ravel().tolist()]
        runs = [
            (start, stop)
            for start in may[1:]
            for stop in may[1:]
            if start <= stop and (linked[start : stop + 1] == 1).all()
        ]
        span = max(runs, key=lambda run: (run[1] - run[0], -run[0])) if runs else (0, 0)
        nothing += not runs
        logs = objective.score(x)[may].log_softmax(0)
        total = total - (logs[may.index(span[0]), 0] + logs[may.index(span[1]), 1]) / 2 / ROWS
    assert 0 < nothing < ROWS
    loss = objective(outputs, batch).total
    torch.testing.assert_close(loss, total)
    (a,), (b,) = (torch.autograd.grad(one, [states]) for one in (loss, total))
    torch.testing.assert_close(a, b)


def test_the_likeliest_span_has_its_probability_and_the_rest_none():
    objective, outputs, batch = marked(np.random.default_rng(3), SpanLinks)
    outputs = {"states": outputs["states"] * 4}
    with torch.no_grad():
        found = objective.shares(outputs, batch)
        seen = set()
        columns = [rows_of(c, batch) for c in (outputs["states"], batch["side"], found)]
        for x, side, shares in zip(*columns, strict=True):
            may = [0, *torch.nonzero(side == 1).ravel().tolist()]
            shares_of = objective.score(x)[may].softmax(0)
            spans = {
                (i, j): float(shares_of[i, 0] * shares_of[j, 1])
                for i in range(len(may))
                for j in range(i, len(may))
                if i or not j
            }
            first, last = max(spans, key=spans.get)
            plain = torch.zeros(len(x), dtype=torch.float64)
            if first:
                plain[may[first] : may[last] + 1] = spans[first, last]
            seen.add(bool(first))
            torch.testing.assert_close(shares, plain)
    assert True in seen


def test_runs():
    rows = torch.tensor([[0, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 1, 1],
                         [0, 0, 0, 0, 0, 1]]) > 0  # fmt: skip
    assert longest_runs(rows).tolist() == [[1, 2], [0, 0], [3, 5], [5, 5]]


@pytest.mark.parametrize("kind", [BinaryLinks, SpanLinks])
def test_what_was_learned_lies_beside_the_model(kind, tmp_path):
    objective, outputs, batch = marked(np.random.default_rng(4), kind)
    objective.save(tmp_path)
    again = load_aligner(tmp_path, Model())
    assert type(again) is kind and not again.training
    torch.testing.assert_close(again.shares(outputs, batch), objective.shares(outputs, batch))
    for folder, model in ((tmp_path, Model(9)), (tmp_path / "none", Model())):
        with pytest.raises(ModelError, match="no word aligner lies beside the model"):
            load_aligner(folder, model)
