"""A slow copy and a queue: what they hold after every step, and after a run was killed."""

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.errors import UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.momentum_contrast import MomentumContrast

TOKENS, WIDTH, ROWS = 12, 4, 5


class Reader(nn.Module):
    """Vectors by a bag of words."""

    width = WIDTH

    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(TOKENS, WIDTH, dtype=torch.float64))
        self.frozen = nn.Parameter(torch.ones(WIDTH, dtype=torch.float64), requires_grad=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch, wanted=("vectors",)):
        sums = nn.functional.embedding_bag(batch["ids"], self.table * self.frozen, batch["offsets"])
        made = self.dropout(sums.tanh()).view(batch["views"], -1, WIDTH)
        every = {"vectors": made, "layer_vectors": torch.stack([made * 0, made])}
        return {name: every[name] for name in wanted}


def texts(rng, negatives=0):
    views = 2 + negatives
    ids = [[rng.integers(0, TOKENS, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(views)]
    marks = np.repeat(np.arange(views) > 1, ROWS)
    return stack_texts(
        ids, [["eng_Latn"] * ROWS] * views, texts={"negative": marks} if negatives else {}
    )


def case(rng):
    model, objective = Reader(), MomentumContrast(queue=12)
    objective.begin(model)
    for _ in range(2):  # 20 vectors for 12 places
        objective(model(texts(rng)), texts(rng))
        objective.stepped(0.0)
    batch = texts(rng, negatives=1)
    vectors = torch.from_numpy(rng.normal(size=(3, ROWS, WIDTH)))
    return objective, {"vectors": vectors}, batch


CASES = {"momentum_contrast.v1": case}


def unit(vectors):
    return vectors / vectors.norm(dim=-1, keepdim=True)


def test_it_is_the_plain_sum_over_the_queue_of_the_last_batches():
    rng = np.random.default_rng(0)
    model, objective = Reader(), MomentumContrast(queue=12, momentum=0.9, temperature=0.5)
    objective.begin(model)
    slow, past = Reader(), []
    for step in range(4):
        batch = texts(rng, negatives=step % 2)
        keys = unit(slow(batch)["vectors"]).detach()
        given = model(batch)["vectors"]
        queries, others = unit(given), [*past[-12:], *keys[2:].flatten(0, 1)]
        total = 0.0
        for a, b in ((0, 1), (1, 0)):
            for row in range(ROWS):
                own = torch.exp(queries[a, row] @ keys[b, row] / 0.5)
                rest = sum(torch.exp(queries[a, row] @ each / 0.5) for each in others)
                total = total - torch.log(own / (own + rest)) / ROWS / 2
        loss = objective({"vectors": given}, batch)
        torch.testing.assert_close(loss.total, total)
        if others:
            slopes = [
                torch.autograd.grad(t, given, retain_graph=True)[0] for t in (loss.total, total)
            ]
            torch.testing.assert_close(*slopes)
        with torch.no_grad():  # an optimiser's step
            model.table += torch.from_numpy(rng.normal(size=model.table.shape))
            objective.stepped(0.0)
            slow.table.copy_(0.9 * slow.table + 0.1 * model.table)
        past.extend(keys[:2].flatten(0, 1))
        torch.testing.assert_close(objective.weight_0, slow.table.detach())
    assert loss.total > 0 and int(objective.written) == 40


def test_the_copy_is_of_what_trains_and_reads_without_dropout():
    model, objective = Reader(dropout=0.5).train(), MomentumContrast()
    objective.begin(model)
    assert objective._names == ["table"] and not list(objective.parameters())
    batch = texts(np.random.default_rng(0))
    keys = [objective._keys(batch) for _ in range(2)]
    torch.testing.assert_close(*keys)
    torch.testing.assert_close(keys[0], unit(Reader().eval()(batch)["vectors"]).detach())
    assert model.training
    with torch.no_grad():
        model.table += 1
    torch.testing.assert_close(objective._keys(batch), keys[0])


def test_an_inner_layer_is_compared_where_it_is_named():
    model, batch = Reader(), texts(np.random.default_rng(0))
    inner, last = MomentumContrast(layer=1), MomentumContrast()
    for objective in (inner, last):
        objective.begin(model)
        objective(model(batch, objective.outputs), batch)
        objective.stepped(0.0)
    assert inner.outputs == ("layer_vectors",)
    totals = [each(model(batch, each.outputs), batch).total for each in (inner, last)]
    torch.testing.assert_close(*totals)


class Mix:
    def batch(self, seed, step):
        return texts(np.random.default_rng([seed, step]))


class Student:
    def __init__(self):
        self.module = Reader(dropout=0.2)

    def groups(self):
        return [{"params": [self.module.table]}]


def trained(checkpoint=None, stop=None, parts=1, dropout=0.2):
    def progress(step, loss):
        if step == stop:
            raise KeyboardInterrupt

    student, objective = Student(), MomentumContrast(queue=24, momentum=0.5)
    student.module.dropout.p = dropout
    found = train(
        student, [Lesson(Mix(), [(1.0, objective)])],
        LoopSettings(steps=7, threads=1, learning_rate=0.1, checkpoint_every=2, accumulate=parts),
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return [student.module.table, *objective.buffers()], found


def test_a_killed_run_ends_as_one_that_was_not_bit_for_bit(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", stop=5)
    again, found = trained(tmp_path / "killed")
    assert found.resumed_at == 4
    whole, _ = trained()
    assert len(whole) == 4 and all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))


def test_parts_give_the_step_of_the_whole():
    (whole, _), (split, _) = trained(dropout=0.0), trained(parts=3, dropout=0.0)
    for a, b in zip(whole, split, strict=True):
        torch.testing.assert_close(a, b)


def test_the_copy_of_a_model_of_transformers_is_what_the_model_was(model_folder):
    from tokenizers import Tokenizer

    from isogloss.train.student import student_of

    folder = model_folder("bert")
    student = student_of("full.v1", folder, Tokenizer.from_file(str(folder / "tokenizer.json")))
    objective, batch = MomentumContrast(momentum=0.75), texts(np.random.default_rng(0))
    objective.begin(student.module)
    student.module.eval()
    with torch.no_grad():
        before = unit(student.module(batch)["vectors"])
        for weight in student.module.parameters():
            weight += 0.01
        torch.testing.assert_close(objective._keys(batch), before)
        objective.stepped(0.0)
    first = next(iter(student.module.parameters()))
    torch.testing.assert_close(objective.weight_0, first.detach() - 0.0075)


@pytest.mark.parametrize("wrong", [{"queue": 0}, {"momentum": 1.0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError, match="a queue of"):
        MomentumContrast(**wrong)


def test_an_evaluation_leaves_the_queue_as_it_is():
    rng = np.random.default_rng(0)
    model, objective = Reader(), MomentumContrast(queue=12)
    objective.begin(model)
    objective.eval()
    batch = texts(rng)
    objective(model(batch), batch)
    objective.stepped(0.5)
    assert not int(objective.written) and not objective.queue.any()
