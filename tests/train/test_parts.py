"""A batch in parts, in one process or several, gives the step of the whole batch."""

import itertools
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.errors import TrainingError, UsageError
from isogloss.train.batch import UNKNOWN, spots, stack_texts
from isogloss.train.contracts import Lesson, Loss
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.additive_margin import AdditiveMargin
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.objectives.distil import Distil
from isogloss.train.objectives.lexical import Lexical
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.parts import Pass

WIDTH, TOKENS = 6, 40


class Reader(nn.Module):
    """Vectors and logits by a bag of words."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(TOKENS, WIDTH, dtype=torch.float64))
        self.head = nn.Linear(WIDTH, TOKENS, dtype=torch.float64)

    def forward(self, batch, wanted):
        sums = torch.nn.functional.embedding_bag(batch["ids"], self.table, batch["offsets"])
        made = {"vectors": sums.tanh().view(batch["views"], -1, WIDTH)}
        if "states" in wanted:
            made["states"] = self.table[batch["ids"]].tanh()
        if "logits" in wanted:
            made["logits"] = self.head(self.table[batch["ids"][spots(batch)]])
        return made


class Student:
    def __init__(self):
        self.module = Reader()

    def groups(self):
        return [{"params": list(self.module.parameters())}]


class Mix:
    """Rows of two texts of uneven length; few tokens have gold, and not as many in every row."""

    def __init__(self, size=10):
        self.size = size

    def batch(self, seed, step):
        rng = np.random.default_rng([seed, step])
        views = [
            [rng.integers(0, TOKENS, rng.integers(1, 9)) for _ in range(self.size)]
            for _ in range(2)
        ]
        tokens = sum(len(ids) for view in views for ids in view)
        gold = np.where(rng.random(tokens) < 0.2, rng.integers(0, TOKENS, tokens), UNKNOWN)
        gold[0] = 3
        return stack_texts(
            views, [["eng_Latn"] * self.size, ["deu_Latn"] * self.size],
            tokens={"gold": gold}, texts={"language": np.repeat([0, 1], self.size)},
            rows={"teacher": rng.normal(size=(self.size, WIDTH))},
            links={"links": np.array([[0, 0, 0], [self.size - 1, 0, 0]])},
        )  # fmt: skip


class Centre(nn.Module):
    """An objective with a weight of its own, in which the rows meet."""

    joint = True

    def __init__(self):
        super().__init__()
        self.centre = nn.Parameter(torch.ones(WIDTH, dtype=torch.float64))

    def forward(self, outputs, batch):
        total = (outputs["vectors"].mean((0, 1)) - self.centre).square().sum()
        return Loss(total, {"centre": float(total.detach())})


class Spread:
    """An objective in which the tokens of all rows meet."""

    joint = True
    outputs = ("states",)

    def __call__(self, outputs, batch):
        states = outputs["states"]
        total = (states @ states.T).logsumexp(1).mean()
        return Loss(total, {"spread": float(total.detach())})


def trained(parts, *, size=10, clip=0.0, checkpoint=None, steps=6):
    student, centre = Student(), Centre()
    objectives = [
        (1.0, ContrastViews()), ([(0.0, 0.5), (1.0, 2.0)], Distil()), (0.7, Mlm()), (0.3, centre),
        (0.4, Spread()),
    ]  # fmt: skip
    found = train(
        student, [Lesson(Mix(size), objectives), Lesson(Mix(3), [(0.2, Distil())])],
        LoopSettings(steps=steps, accumulate=parts, threads=1, clip=clip, learning_rate=0.01),
        checkpoint=checkpoint,
    )  # fmt: skip
    return [*student.module.parameters(), centre.centre], found


@pytest.mark.parametrize("clip", [0.0, 0.5])
@pytest.mark.parametrize("parts", [2, 4, 16])
def test_parts_give_the_step_of_the_whole(parts, clip):
    (whole, one), (split, several) = trained(1, clip=clip), trained(parts, clip=clip)
    for a, b in zip(whole, split, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    for a, b in zip(one.log, several.log, strict=True):
        assert a == pytest.approx(b, rel=1e-6)
    assert one.read == several.read
    assert set(one.log[0]) == {"step", "loss", "contrast", "distil", "mlm", "centre", "spread"}


def test_a_batch_without_a_label_teaches_the_others_alone():
    class Silent(Mix):
        def batch(self, seed, step):
            made = super().batch(seed, step)
            if step % 2:
                made["gold"].fill_(UNKNOWN)
            return made

    def weights(objectives, parts):
        student = Student()
        settings = LoopSettings(steps=2, accumulate=parts, threads=1, learning_rate=0.01)
        return student, train(student, [Lesson(Silent(4), objectives)], settings).log

    for parts in (1, 2):
        both, log = weights([(1.0, Distil()), (1.0, Mlm())], parts)
        assert [set(row) & {"distil", "mlm"} for row in log] == [{"distil", "mlm"}, {"distil"}]
        assert all(weight.isfinite().all() for weight in both.module.parameters())


def test_the_weights_that_an_objective_owns_train():
    weights, _ = trained(2)
    assert not torch.equal(weights[-1], torch.ones(WIDTH, dtype=torch.float64))


def test_weights_follow_their_schedule():
    seen = []

    def watch(outputs, batch):
        return Loss(outputs["vectors"].sum() * 0 + 1.0, {"one": 1.0})

    student = Student()
    for schedule in (0.5, [(0.2, 1.0), (0.6, 3.0)]):
        lesson = Lesson(Mix(), [(schedule, watch)])
        found = train(student, [lesson], LoopSettings(steps=10, threads=1))
        seen.append([row["loss"] for row in found.log])
    assert seen[0] == [0.5] * 10
    assert seen[1] == pytest.approx([1, 1, 1, 1.5, 2, 2.5, 3, 3, 3, 3])


def test_a_batch_splits_into_its_rows():
    batch = Mix().batch(0, 0)
    parts = batch.split(3)
    assert [span for span, _ in parts] == [slice(0, 3), slice(3, 6), slice(6, 10)]
    for name in ("ids", "gold"):
        views = [
            torch.cat([part[name][part.lengths()[: part.size].sum() :] if view else
                       part[name][: part.lengths()[: part.size].sum()] for _, part in parts])
            for view in range(2)
        ]  # fmt: skip
        assert torch.equal(torch.cat(views), batch[name])
    assert torch.equal(torch.cat([part["teacher"] for _, part in parts]), batch["teacher"])
    assert next(part["language"].tolist() for _, part in parts) == [0] * 3 + [1] * 3
    assert [part["links"].tolist() for _, part in parts] == [[[0, 0, 0]], [], [[3, 0, 0]]]
    assert [part.size for _, part in batch.split(99)] == [1] * 10


def test_a_view_is_one_text_of_every_row():
    batch = Mix().batch(0, 0)
    views = [batch.view(number) for number in (0, 1)]
    for name in ("ids", "gold", "language"):
        assert torch.equal(torch.cat([view[name] for view in views]), batch[name])
    assert torch.equal(torch.cat([view.lengths() for view in views]), batch.lengths())
    assert all(view.views == 1 and view.size == batch.size for view in views)


def test_columns_that_a_mixture_does_not_give_are_named():
    lesson = Lesson(Mix(), [(1.0, Lexical())])
    with pytest.raises(TrainingError, match="Lexical reads shared, which the mixture does not"):
        train(Student(), [lesson], LoopSettings(steps=1, threads=1))


def test_a_batch_that_is_no_texts_is_not_split():
    class Plain:
        def batch(self, seed, step):
            return dict(Mix().batch(seed, step))

    with pytest.raises(UsageError, match="cannot be read in parts"):
        train(
            Student(), [Lesson(Plain(), [(1.0, Distil())])],
            LoopSettings(steps=1, threads=1, accumulate=2),
        )  # fmt: skip


@pytest.mark.parametrize("both", [False, True])
def test_parts_give_the_gradients_of_sentence_transformers(both):
    """Their cached loss over the same sentences, in parts of other sizes."""
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    batch, module = Mix().batch(0, 0), Reader()

    class Model(nn.Sequential):  # whose first module they ask for
        def forward(self, features):
            rows = features["input_ids"][:, 0]
            wanted = [self.texts[int(row)] for row in rows]
            languages = ["eng_Latn"] * len(wanted)
            read = module(stack_texts([wanted], [languages]), ("vectors",))["vectors"]
            return {"sentence_embedding": read[0]}

    model = Model(module)
    starts = [*batch["offsets"].tolist(), len(batch["ids"])]
    model.texts = [batch["ids"][a:b].numpy() for a, b in itertools.pairwise(starts)]
    theirs = losses.CachedMultipleNegativesRankingLoss(
        model, mini_batch_size=3,
        directions=("query_to_doc", "doc_to_query") if both else ("query_to_doc",),
        partition_mode="per_direction",
    )  # fmt: skip
    features = [{"input_ids": torch.arange(20).view(2, 10, 1)[view]} for view in range(2)]
    value = theirs(features, None)
    value.backward()
    gradient, module.table.grad = module.table.grad, None
    accelerator = SimpleNamespace(
        num_processes=1, process_index=0, is_main_process=True, device=torch.device("cpu"),
        backward=lambda loss: loss.backward(),
    )  # fmt: skip
    ranked = AdditiveMargin(margin=0.0, both=both)
    found = Pass(module, accelerator, 4, rough=False).backward(batch, [(1.0, ranked)], 0)
    torch.testing.assert_close(module.table.grad, gradient)
    assert found == {"ranking": pytest.approx(value.item())}


SCRIPT = """
import sys, torch
from pathlib import Path
from isogloss.recipe.processes import join
assert join().count == 2
sys.path.insert(0, sys.argv[1])
from test_parts import trained
weights, found = trained(4, clip=0.5)
from accelerate import PartialState
if PartialState().is_main_process:
    torch.save([*weights, found.final_loss], sys.argv[2])
PartialState().wait_for_everyone()
threads = lambda: [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
there = "pt_gloo_runloop\\n" in threads()
PartialState().destroy_process_group()
assert not there or "pt_gloo_runloop\\n" not in threads()  # at exit they can abort
"""


def test_two_processes_give_the_weights_of_one(tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    # With --cpu the launcher starts one process; with --multi_gpu two, which use what there is.
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu",
              "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
              "--dynamo_backend", "no", "--main_process_port", "0"]  # fmt: skip
    run = subprocess.run(
        [*launch, script, Path(__file__).parent, tmp_path / "two.pt"], timeout=300,
        capture_output=True, text=True, env={**os.environ, "ACCELERATE_USE_CPU": "true"},
    )  # fmt: skip
    assert not run.returncode, run.stderr
    weights, found = trained(4, clip=0.5)
    *two, loss = torch.load(tmp_path / "two.pt", weights_only=False)
    for a, b in zip(weights, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    assert found.final_loss == pytest.approx(loss, rel=1e-6)


def test_processes_that_cannot_share_the_parts_are_told():
    with pytest.raises(UsageError, match="2 processes cannot share the 3 parts"):
        Pass(Reader(), SimpleNamespace(num_processes=2), 3, rough=False)


def test_the_weights_that_an_objective_owns_may_learn_faster_and_frozen_ones_do_not():
    moved = []
    for factor in (1.0, 5.0):
        student, centre = Student(), Centre()
        centre.factor = factor
        centre.kept = nn.Parameter(torch.ones(2), requires_grad=False)
        train(student, [Lesson(Mix(), [(1.0, centre)])], LoopSettings(steps=1, threads=1))
        moved.append((centre.centre.detach() - 1).abs())
        assert torch.equal(centre.kept, torch.ones(2))
    torch.testing.assert_close(moved[1], 5 * moved[0], rtol=1e-4, atol=1e-6)
