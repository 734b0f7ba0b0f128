"""Distillation of logits and layers from the model as it was."""

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.train.batch import UNKNOWN, spots, stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.distil_layers import DistilLayers
from isogloss.train.objectives.distil_logits import DistilLogits
from isogloss.train.objectives.divergence import divergence
from isogloss.train.origin import origin_of

TOKENS, WIDTH, ROWS = 9, 4, 6


class Deep(nn.Module):
    """A table and some layers, each of which reads a token alone."""

    def __init__(self, layers=3, dropout=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(TOKENS, WIDTH, dtype=torch.float64))
        self.layers = nn.ModuleList(
            nn.Linear(WIDTH, WIDTH, dtype=torch.float64) for _ in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.kept = None

    def forward(self, batch, wanted):
        states = [self.table[batch["ids"]]]
        for layer in self.layers:
            states.append(self.dropout(layer(states[-1]).tanh()))
        every = torch.stack(states)  # [layers + 1, tokens, d]
        of = torch.repeat_interleave(torch.arange(len(batch["offsets"])), batch.lengths())
        sums = every.new_zeros(len(every), len(batch["offsets"]), WIDTH).index_add(1, of, every)
        found = {
            "layer_states": every,
            "layer_vectors": (sums / batch.lengths()[:, None]).unflatten(1, (batch["views"], -1)),
            "logits": states[-1][spots(batch)] @ self.table.T,
        }
        return {name: found[name] for name in wanted}


def texts(rng):
    views = [[rng.integers(0, TOKENS, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(2)]
    tokens = sum(len(ids) for view in views for ids in view)
    gold = np.where(rng.random(tokens) < 0.5, rng.integers(0, TOKENS, tokens), UNKNOWN)
    gold[0] = 1
    return stack_texts(views, [["eng_Latn"] * ROWS, ["deu_Latn"] * ROWS], tokens={"gold": gold})


def case(objective):
    def made(rng):
        model, batch = Deep(), texts(rng)
        objective.begin(model)
        outputs = model(batch, ("layer_states", "layer_vectors", "logits"))
        return (
            objective, {n: v.detach() + torch.from_numpy(rng.normal(size=v.shape))
                        for n, v in outputs.items()}, batch,
        )  # fmt: skip

    return made


CASES = {
    "distil_logits.v1": case(DistilLogits()),
    "distil_layers.v1": case(DistilLayers(toward="pivot")),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_divergence_is_the_plain_sum(rng, temperature):
    target, found = (torch.from_numpy(rng.normal(size=(5, 7))) for _ in range(2))
    total = 0.0
    for a, b in zip(target / temperature, found / temperature, strict=True):
        p, q = torch.exp(a) / torch.exp(a).sum(), torch.exp(b) / torch.exp(b).sum()
        total += float((p * torch.log(p / q)).sum()) / 5 * temperature**2
    assert float(divergence(target, found, temperature)) == pytest.approx(total)
    assert float(divergence(found, found, temperature)) == pytest.approx(0)
    assert float(divergence(found, target)) != pytest.approx(float(divergence(target, found)))


def test_logits_are_pulled_to_those_that_the_model_gave_before(rng):
    model, batch = Deep(), texts(rng)
    objective = DistilLogits(temperature=2.0)
    objective.begin(model)
    before = model(batch, ("logits",))["logits"].detach()
    assert float(objective({"logits": before}, batch).total) == pytest.approx(0, abs=1e-12)
    with torch.no_grad():
        model.table += 0.5
    after = model(batch, ("logits",))["logits"]
    loss = objective({"logits": after}, batch).total
    torch.testing.assert_close(loss, divergence(before, after, 2.0))
    loss.backward()
    assert model.table.grad.any() and all(p.grad is None for p in model.origin.module.parameters())


@pytest.mark.parametrize("toward", ["tokens", "texts", "pivot"])
def test_layers_are_the_plain_mean_of_squares(rng, toward):
    objective, outputs, batch = case(DistilLayers(toward=toward))(rng)
    teacher = Deep()(batch, ("layer_states", "layer_vectors"))
    total, count = 0.0, 0
    if toward == "tokens":
        pairs = zip(outputs["layer_states"], teacher["layer_states"], strict=True)
    else:
        read = teacher["layer_vectors"]
        wanted = [[layer[0] if toward == "pivot" else view for view in layer] for layer in read]
        pairs = [(outputs["layer_vectors"][i][j], wanted[i][j]) for i in range(4) for j in range(2)]
    for a, b in pairs:
        total, count = total + float(((a - b) ** 2).sum().detach()), count + a.numel()
    assert float(objective(outputs, batch).total) == pytest.approx(total / count)


def test_a_shorter_student_meets_the_layers_that_it_kept(rng):
    model, batch, objective = Deep(4), texts(rng), DistilLayers()
    whole = origin_of(model)
    model.layers, whole.layers = nn.ModuleList([model.layers[1], model.layers[3]]), (0, 2, 4)
    objective.begin(model)
    teacher = whole(batch, ("layer_states",))["layer_states"]
    loss = objective({"layer_states": teacher[[0, 2, 4]]}, batch).total
    assert float(loss) == 0, "layers 0, 2 and 4 are those it is compared with"
    assert objective({"layer_states": teacher[[0, 1, 2]]}, batch).total > 0


class Mix:
    def batch(self, seed, step):
        return texts(np.random.default_rng([seed, step]))


class Student:
    def __init__(self):
        self.module = Deep(dropout=0.5)

    def groups(self):
        return [{"params": list(self.module.parameters())}]


def trained(objectives, parts=1):
    student = Student()
    found = train(
        student, [Lesson(Mix(), objectives)],
        LoopSettings(steps=3, threads=1, accumulate=parts, learning_rate=0.1),
    )  # fmt: skip
    return student.module, found


def test_the_teacher_is_one_is_not_trained_and_has_no_dropout(rng):
    objectives = [(1.0, DistilLogits()), (1.0, DistilLayers()), (1.0, DistilLayers(toward="texts"))]
    module, found = trained(objectives)
    assert found.log[0]["logits"] > 0, "dropout alone sets the student apart at the first step"
    origin, start = objectives[0][1].origin, Deep()
    assert all(each.origin is origin for _, each in objectives) and module.origin is origin
    assert torch.equal(origin.module.table, start.table) and not module.table.equal(start.table)
    batch = texts(rng)
    read = [origin(batch, ("layer_states",))["layer_states"] for _ in range(2)]
    assert torch.equal(*read)
    module.train()
    assert torch.equal(read[0], origin(batch, ("layer_states",))["layer_states"])
    assert not any("origin" in name for name, p in module.named_parameters() if p.requires_grad)


def test_a_killed_run_ends_as_one_that_was_not(tmp_path):
    def stop(step, loss):
        if step == 3:
            raise KeyboardInterrupt

    def run(checkpoint, progress=None):
        student = Student()
        train(
            student, [Lesson(Mix(), [(1.0, DistilLogits()), (1.0, DistilLayers())])],
            LoopSettings(steps=5, threads=1, learning_rate=0.1, checkpoint_every=2),
            checkpoint=checkpoint, progress=progress,
        )  # fmt: skip
        return student.module

    whole = run(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b", stop)
    again = run(tmp_path / "b")
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert again.origin.module.table.equal(Deep().table)
