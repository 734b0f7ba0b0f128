"""The discriminator learns to tell languages, and the model that it cannot."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.errors import UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson, Loss
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.language_adversary import (
    ConstrainedLanguageAdversary,
    LanguageAdversary,
    related,
)

TAGS = ("eng_Latn", "deu_Latn", "rus_Cyrl")
ROWS, WIDTH = 6, 5


def begun(objective):
    torch.manual_seed(0)
    model = SimpleNamespace(
        languages=TAGS, body=SimpleNamespace(config=SimpleNamespace(hidden_size=WIDTH))
    )
    objective.begin(model)
    return objective.double()


def texts(rng):
    views = [[rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(2)]
    languages = [["eng_Latn"] * ROWS, [str(rng.choice(TAGS[1:])) for _ in range(ROWS)]]
    batch = stack_texts(views, languages, {tag: i for i, tag in enumerate(TAGS)})
    outputs = {
        "vectors": torch.from_numpy(rng.normal(size=(2, ROWS, WIDTH))),
        "states": torch.from_numpy(rng.normal(size=(len(batch["ids"]), WIDTH))),
    }
    return outputs, batch


def helping(rng):
    """Finite differences know the slope of what is not reversed alone: a strength of -1."""
    relations = (("eng_Latn", "deu_Latn", 0.2),)
    made = begun(LanguageAdversary(level="states", strength=-1.0, ramp=0.0, distances=relations))
    return made, *texts(rng)


def helping_by_constraint(rng):
    made = begun(ConstrainedLanguageAdversary())
    made.multiplier.data.fill_(-1 / made.pace)
    return made, *texts(rng)


CASES = {
    "language_adversary.v1": helping,
    "constrained_language_adversary.v1": helping_by_constraint,
}


def slopes(objective, outputs, batch, level):
    given = outputs[level].clone().requires_grad_()
    loss = objective({level: given}, batch)
    loss.total.backward()
    return loss, given.grad, objective.told_apart[0].weight.grad


@pytest.mark.parametrize("level", ["vectors", "states"])
@pytest.mark.parametrize("apart", ["languages", "pivot"])
def test_the_slope_is_plain_for_the_discriminator_and_reversed_for_the_model(level, apart):
    outputs, batch = texts(np.random.default_rng(0))
    objective = begun(LanguageAdversary(level=level, apart=apart, strength=0.4, ramp=0.0))
    loss, model, discriminator = slopes(objective, outputs, batch, level)
    plain = outputs[level].clone().requires_grad_()
    gold = [TAGS.index(t) for t in np.array(TAGS)[batch["language"]]]
    if level == "states":
        gold = [g for g, n in zip(gold, batch.lengths().tolist(), strict=True) for _ in range(n)]
    if apart == "pivot":
        gold = [min(g, 1) for g in gold]
    objective.zero_grad()
    shares = torch.softmax(objective.told_apart(plain.reshape(-1, WIDTH)), 1)
    value = -sum(torch.log(row[g]) for row, g in zip(shares, gold, strict=True)) / len(gold)
    value.backward()
    torch.testing.assert_close(loss.total, value)
    torch.testing.assert_close(model, -0.4 * plain.grad)
    torch.testing.assert_close(discriminator, objective.told_apart[0].weight.grad)


def test_the_strength_rises_and_is_kept_in_checkpoints():
    objective = begun(LanguageAdversary(strength=2.0))
    found = []
    for share in (0.0, 0.1, 1.0):
        objective.stepped(share)
        found.append(float(objective.now()))
    assert found == pytest.approx([0, 2 * (2 / (1 + math.exp(-1)) - 1), 2.0], rel=1e-4)
    again = begun(LanguageAdversary(strength=2.0))
    again.load_state_dict(objective.state_dict())
    assert float(again.now()) == found[-1]


def test_near_languages_are_told_apart_less():
    found = related(TAGS, [("deu_Latn", "eng_Latn", 0.1), ("eng_Latn", "rus_Cyrl", 2.0)], 0.5)
    weights = np.exp(-np.array([[0, 0.1, 2.0], [0.1, 0, 1.0], [2.0, 1.0, 0]]) / 0.5)
    np.testing.assert_allclose(found, weights / weights.sum(1, keepdims=True), rtol=1e-5)
    assert torch.equal(related(TAGS, [], 0.5), torch.eye(3))
    with pytest.raises(UsageError, match="fra_Latn"):
        related(TAGS, [("eng_Latn", "fra_Latn", 0.1)], 0.5)


def test_the_multiplier_grows_where_languages_are_told_and_falls_where_they_are_not():
    outputs, batch = texts(np.random.default_rng(0))
    for bias, sign in ((30.0, -1), (0.0, 1)):
        objective = begun(ConstrainedLanguageAdversary(least=0.9, pace=2.0))
        objective.multiplier.data.fill_(0.5)
        objective.told_apart[-1].weight.data.zero_()
        objective.told_apart[-1].bias.data.zero_()
        if bias:  # it knows the languages by the first column
            with torch.no_grad():
                objective.told_apart[0].weight.zero_()
                objective.told_apart[0].bias.zero_()
                objective.told_apart[0].weight[0, 0] = 1.0
                objective.told_apart[-1].weight[1, 0] = bias
                objective.told_apart[-1].bias[0] = bias / 2
            pivot = (batch["language"] == 0).view(2, ROWS)
            outputs["vectors"][..., 0] = torch.where(pivot, 0.0, 1.0)
        given = outputs["vectors"].clone().requires_grad_()
        loss = objective({"vectors": given}, batch)
        loss.total.backward()
        value = float(loss.total.detach())
        assert (value < 0.9 * math.log(2)) == (sign < 0)
        expected = 2.0 * (value - 0.9 * math.log(2))
        assert float(objective.multiplier.grad) == pytest.approx(expected)
        assert math.copysign(1, float(objective.multiplier.grad)) == sign
    objective.multiplier.data.fill_(-3.0)
    objective.stepped(0.1)
    assert float(objective.now()) == 0
    objective.multiplier.data.fill_(99.0)
    objective.stepped(0.1)
    assert float(objective.now()) == objective.most


class Apart(nn.Module):
    """Vectors that say their language in the first column, to be unlearned."""

    languages = TAGS
    body = SimpleNamespace(config=SimpleNamespace(hidden_size=WIDTH))

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.table = nn.Parameter(torch.randn(3, WIDTH))

    def forward(self, batch, wanted):
        noise = torch.randn(len(batch["language"]), WIDTH)
        return {"vectors": (self.table[batch["language"]] + 0.3 * noise).view(2, -1, WIDTH)}


class Rows:
    def batch(self, seed, step):
        return texts(np.random.default_rng([seed, step]))[1]


def trained(objective, steps, scale=1.0, beside=0.0):
    """The last losses of the discriminator, how far the model went, and the strength.

    Beside it the model is pulled to where it began, so that a strength has something to weigh
    against: alone, Adam would not see it.
    """
    model = Apart()
    model.table.data *= scale
    start = model.table.detach().clone()

    def keep(outputs, batch):
        away = outputs["vectors"].flatten(0, 1) - start[batch["language"]]
        total = away.square().sum(-1).mean()
        return Loss(total, {"keep": float(total.detach())})

    parameters = SimpleNamespace(module=model, groups=lambda: [{"params": [model.table]}])
    settings = LoopSettings(steps=steps, threads=1, learning_rate=0.02)
    lesson = Lesson(Rows(), [(1.0, objective), (beside, keep)])
    log = train(parameters, [lesson], settings).log
    losses = [row["language_adversary"] for row in log[-len(log) // 3 :]]
    rows = model.table.detach()
    spread = float((rows - rows.mean(0)).norm())
    return float(np.mean(losses)), float((rows - start).norm()), float(objective.now()), spread


def test_a_model_unlearns_what_tells_languages_and_a_helper_keeps_it():
    loss, *_, confused = trained(LanguageAdversary(factor=2.0, hidden=16), 150)
    low, *_, helped = trained(LanguageAdversary(strength=-1.0, factor=2.0, hidden=16), 150)
    assert confused < 0.5 * helped and loss > 10 * low


def test_a_constraint_finds_the_strength_that_is_needed_and_no_more():
    least, found = 0.95 * math.log(2), {}
    for strength in (0.01, 1.0):
        fixed = LanguageAdversary(apart="pivot", strength=strength, ramp=0.0, factor=2.0, hidden=16)
        found[strength] = trained(fixed, 300, 0.2, 1.0)
    bound = ConstrainedLanguageAdversary(factor=2.0, hidden=16, pace=0.5)
    loss, moved, multiplier, _ = trained(bound, 300, 0.2, 1.0)
    assert found[0.01][0] < 0.8 * least < 0.95 * least < loss
    assert moved < 0.8 * found[1.0][1]
    assert 0.05 < multiplier < 0.8


def test_where_languages_cannot_be_told_the_constraint_costs_nothing():
    bound = ConstrainedLanguageAdversary(factor=2.0, hidden=16, pace=0.5)
    _, moved, multiplier, _ = trained(bound, 100, 0.0, 1.0)
    none = LanguageAdversary(apart="pivot", strength=0.0, factor=2.0, hidden=16)
    _, alone, _, _ = trained(none, 100, 0.0, 1.0)
    assert multiplier < 0.02 and moved == pytest.approx(alone, rel=0.05)


def test_one_language_is_refused():
    model = SimpleNamespace(languages=("eng_Latn",))
    with pytest.raises(UsageError, match="1 languages cannot be told apart"):
        LanguageAdversary().begin(model)
    with pytest.raises(UsageError, match="distances are of languages"):
        LanguageAdversary(apart="pivot", distances=(("eng_Latn", "deu_Latn", 0.1),))


@pytest.mark.parametrize("kind", [LanguageAdversary, ConstrainedLanguageAdversary])
def test_a_run_that_was_killed_ends_as_one_that_was_not(kind, tmp_path):
    def run(checkpoint=None, killed=None):
        def progress(step, loss):
            if step == killed:
                raise KeyboardInterrupt

        model, objective = Apart(), kind(hidden=8, factor=2.0)
        parameters = SimpleNamespace(module=model, groups=lambda: [{"params": [model.table]}])
        settings = LoopSettings(steps=12, threads=1, learning_rate=0.02, checkpoint_every=5)
        lessons = [Lesson(Rows(), [(1.0, objective)])]
        try:
            found = train(parameters, lessons, settings, checkpoint=checkpoint, progress=progress)
        except KeyboardInterrupt:
            return None
        assert found.resumed_at == (5 if checkpoint else 0)
        return [model.table, *objective.state_dict().values()]

    assert run(tmp_path / "checkpoint", killed=8) is None
    for one, other in zip(run(tmp_path / "checkpoint"), run(), strict=True):
        assert torch.equal(one, other)
