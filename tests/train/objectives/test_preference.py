"""Preferences against plain formulas; the start stays where it was."""

import copy
import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.errors import UsageError
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.answers import told
from isogloss.train.objectives.answer import LikelyAnswer
from isogloss.train.objectives.dpo import Dpo
from isogloss.train.objectives.kto import Kto

ROWS, TOKENS, END = 6, 12, 0


class Bigram(nn.Module):
    """log p(next | token) by a table."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(TOKENS, TOKENS, dtype=torch.float64))
        self.drop = nn.Dropout(0.5)

    def forward(self, batch, wanted):
        shares = torch.log_softmax(self.drop(self.table), 1)
        known = batch["gold"] != UNKNOWN
        said = torch.where(known, shares[batch["ids"], batch["gold"].clamp(min=0)], 0.0)
        texts = torch.repeat_interleave(torch.arange(len(batch["offsets"])), batch.lengths())
        sums = torch.zeros(len(batch["offsets"]), dtype=shares.dtype).index_add(0, texts, said)
        return {"likelihoods": sums.view(batch["views"], -1, 1)}


def answers(rng, rows=ROWS, good=True):
    """Prompts with two answers; the first is of even tokens."""
    views, golds = [[], []], []
    prompts = [rng.integers(1, TOKENS, 3) for _ in range(rows)]
    for view in (0, 1):
        for prompt in prompts:
            answer = 2 * rng.integers(1, 5, rng.integers(1, 4)) + view
            ids, gold = told(prompt, answer, END)
            views[view].append(ids)
            golds.append(gold)
    languages = [["eng_Latn" if i % 3 else "deu_Latn" for i in range(rows)]] * 2
    judged = rng.random(rows) < 0.5
    return stack_texts(
        views, languages, {"eng_Latn": 0, "deu_Latn": 1}, tokens={"gold": np.concatenate(golds)},
        rows={"good": judged},
    )  # fmt: skip


def begun(objective):
    objective.begin(Bigram())
    return objective


def case(objective, strange=0.0):
    def made(rng):
        batch = answers(rng)
        likelihoods = torch.from_numpy(rng.normal(-5, 3, size=(2, ROWS, 1)))
        likelihoods[1] -= strange
        own = begun(objective()) if hasattr(objective(), "ratios") else objective()
        return own, {"likelihoods": likelihoods}, batch

    return made


CASES = {
    "dpo.v1": case(lambda: Dpo(smoothing=0.1)),
    # Differences would see the anchor, in which nothing trains, unless it is clipped.
    "kto.v1": case(lambda: Kto(good=1.3), strange=100.0),
    "answer.v1": case(lambda: LikelyAnswer(pivot=False)),
}


def sums(model, batch):
    """log p of each answer, token by token, `[2][B]`."""
    shares = torch.log_softmax(model.table, 1)
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    found = []
    for start, stop in itertools.pairwise(bounds):
        pairs = zip(
            batch["ids"][start:stop].tolist(), batch["gold"][start:stop].tolist(), strict=True
        )
        found.append(sum(shares[one, other] for one, other in pairs if other != UNKNOWN))
    return found[:ROWS], found[ROWS:]


def moved():
    """A model that went on from its start, and the start."""
    start = Bigram().eval()
    model = copy.deepcopy(start)
    with torch.no_grad():
        model.table += 0.5 * torch.randn(TOKENS, TOKENS, generator=torch.Generator().manual_seed(3))
    return model, start


def plain_dpo(ours, theirs, batch, beta=0.3, e=0.2):
    total = 0
    for w, v, rw, rv in zip(*ours, *theirs, strict=True):
        h = beta * ((w - v) - (rw - rv))
        sigmoid = 1 / (1 + torch.exp(-h))
        total = total - (1 - e) * torch.log(sigmoid) - e * torch.log(1 - sigmoid)
    return total / ROWS


def plain_kto(ours, theirs, batch, beta=0.3, good=1.5, bad=0.7, clip=True, signed=False):
    own, strange = (
        [a - b for a, b in zip(x, y, strict=True)] for x, y in zip(ours, theirs, strict=True)
    )
    anchor = float(sum(strange).detach()) / ROWS
    anchor = max(0.0, anchor) if clip else anchor
    total = 0
    for r, fine in zip(own, batch["good"].tolist(), strict=True):
        side = math.copysign(1, float(r.detach())) if signed else -1
        value = beta * (r + side * anchor) if fine else -beta * (r + side * anchor)
        total = total + (good if fine else bad) * (1 - 1 / (1 + torch.exp(-value)))
    return total / ROWS


@pytest.mark.parametrize(
    ("objective", "plain"),
    [
        (lambda: Dpo(beta=0.3, smoothing=0.2), plain_dpo),
        (lambda: Kto(beta=0.3, good=1.5, bad=0.7), plain_kto),
        (lambda: Kto(beta=0.3, good=1.5, bad=0.7, clip=False),
         lambda *given: plain_kto(*given, clip=False)),
        (lambda: Kto(beta=0.3, good=1.5, bad=0.7, signed=True),
         lambda *given: plain_kto(*given, signed=True)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_they_are_the_plain_formulas_with_their_gradients(objective, plain, seed):
    model, start = moved()
    model.eval()
    made, batch = objective(), answers(np.random.default_rng(seed))
    made.begin(start)
    mine = made(model(batch, ()), batch).total
    mine.backward()
    gradient, model.table.grad = model.table.grad, None
    with torch.no_grad():
        theirs = sums(start, batch)
    other = plain(sums(model, batch), theirs, batch)
    other.backward()
    torch.testing.assert_close(mine, other)
    torch.testing.assert_close(gradient, model.table.grad)


def test_at_the_start_nothing_is_preferred():
    model = Bigram().eval()
    batch = answers(np.random.default_rng(0))
    for objective, value in ((Dpo(), math.log(2)), (Kto(), 0.5)):
        objective.begin(model)
        assert float(objective(model(batch, ()), batch).total.detach()) == pytest.approx(value)


def test_the_start_is_frozen_and_read_without_dropout_and_in_no_checkpoint():
    from isogloss.train.loop import _changing

    model, objective = Bigram(), Dpo()
    objective.begin(model)
    model.train()
    assert not any(weight.requires_grad for weight in objective.origin.module.parameters())
    batch = answers(np.random.default_rng(0))
    with torch.no_grad():
        one, other = (
            objective.ratios({"likelihoods": torch.zeros(2, ROWS, 1)}, batch) for _ in "ab"
        )
        model.table += 1.0 * torch.randn(TOKENS, TOKENS)
        later = objective.ratios({"likelihoods": torch.zeros(2, ROWS, 1)}, batch)
    assert torch.equal(one, other) and torch.equal(one, later)
    assert set(_changing(model)) == set(model.state_dict()) == {"table"}


def trained(objective, parts=1, steps=40):
    model = Bigram()
    model.drop.p = 0.0
    mixture = SimpleNamespace(batch=lambda seed, step: answers(np.random.default_rng([seed, step])))
    parameters = SimpleNamespace(module=model, groups=lambda: [{"params": [model.table]}])
    settings = LoopSettings(steps=steps, threads=1, learning_rate=0.05, accumulate=parts)
    log = train(parameters, [Lesson(mixture, [(1.0, objective)])], settings).log
    return model, log


@pytest.mark.parametrize("objective", [lambda: Dpo(beta=0.5), lambda: Kto(beta=0.5)])
def test_parts_give_the_step_of_the_whole(objective):
    whole, _ = trained(objective(), 1, 5)
    split, _ = trained(objective(), 3, 5)
    torch.testing.assert_close(whole.table, split.table, rtol=1e-9, atol=1e-11)


def test_what_is_preferred_becomes_likelier_than_what_is_not():
    model, log = trained(Dpo(beta=0.5))
    batch, start = answers(np.random.default_rng(99)), Bigram().eval()
    with torch.no_grad():
        (better, worse), (was, had) = sums(model, batch), sums(start, batch)
    assert sum(better) - sum(was) > sum(worse) - sum(had) + 5
    assert log[-1]["dpo"] < 0.5 * log[0]["dpo"]


def test_without_the_clip_all_answers_may_fall_and_good_ones_are_still_pulled_up():
    batch = answers(np.random.default_rng(0))
    batch["good"][:] = True
    slopes = []
    for clip in (True, False):
        objective = begun(Kto(beta=1.0, clip=clip))
        start = objective.origin(batch, ())["likelihoods"].detach()
        given = (start - 6.0).requires_grad_()  # every answer became as much less likely
        objective({"likelihoods": given}, batch).total.backward()
        slopes.append(given.grad[0].abs().mean())
        assert not given.grad[1].any()  # nothing trains by the anchor
    assert slopes[1] > 50 * slopes[0]


@pytest.mark.parametrize("ratio", [-2.0, 2.0])
def test_a_signed_anchor_makes_every_step_smaller_the_further_the_model_has_gone(ratio):
    """Whatever the sign of r and the judgement; in KTO an anchor near r makes them larger."""
    batch = answers(np.random.default_rng(0))
    sizes = {}
    for signed in (True, False):
        objective = begun(Kto(beta=1.0, signed=signed))
        start = objective.origin(batch, ())["likelihoods"].detach()
        for gone in (0.0, 1.0, 2.0):
            given = start + torch.tensor([ratio, gone]).view(2, *[1] * (start.ndim - 1))
            given.requires_grad_()
            objective({"likelihoods": given}, batch).total.backward()
            sizes[signed, gone] = given.grad[0].abs().flatten()
    assert (sizes[True, 0.0] > sizes[True, 1.0]).all() and (
        sizes[True, 1.0] > sizes[True, 2.0]
    ).all()
    assert (sizes[False, 2.0] > sizes[False, 0.0]).all() == (ratio > 0)
    with pytest.raises(UsageError, match="a signed anchor is a distance"):
        Kto(clip=False, signed=True)


def test_answers_are_weighed_by_their_tokens_and_the_pivots_may_be_left_out():
    model, batch = Bigram().eval(), answers(np.random.default_rng(0))
    with torch.no_grad():
        outputs, (first, _) = model(batch, ()), sums(model, batch)
    texts = torch.repeat_interleave(torch.arange(2 * ROWS), batch.lengths())
    counts = torch.bincount(texts[batch["gold"] != UNKNOWN], minlength=2 * ROWS)[:ROWS].tolist()
    for pivot, rows in ((True, range(ROWS)), (False, [0, 3])):
        plain = -sum(first[i] for i in rows) / sum(counts[i] for i in rows)
        objective = LikelyAnswer(pivot=pivot)
        torch.testing.assert_close(objective(outputs, batch).total, plain)
        assert objective.count(batch) == sum(counts[i] for i in rows)


def test_models_that_fill_in_and_odd_settings_are_told():
    class BertForMaskedLM:
        pass

    model = SimpleNamespace(body=BertForMaskedLM(), head=None)
    for objective in (Dpo(), Kto(), LikelyAnswer()):
        with pytest.raises(UsageError, match="BertForMaskedLM does not say what comes next"):
            objective.begin(model)
    for made in (lambda: Dpo(beta=0), lambda: Dpo(smoothing=0.5), lambda: Kto(bad=0.0)):
        with pytest.raises(UsageError, match="over 0"):
            made()
    with pytest.raises(UsageError, match="1 views are not two answers"):
        begun(Dpo())({"likelihoods": torch.zeros(1, 3, 1)}, {})


@pytest.mark.parametrize("objective", [lambda: Dpo(beta=0.5), lambda: Kto(beta=0.5)])
def test_a_run_that_was_killed_ends_as_one_that_was_not(objective, tmp_path):
    """The start is that of the run, not of where it goes on."""

    def run(checkpoint=None, killed=None):
        def progress(step, loss):
            if step == killed:
                raise KeyboardInterrupt

        model = Bigram()
        mixture = SimpleNamespace(
            batch=lambda seed, step: answers(np.random.default_rng([seed, step]))
        )
        parameters = SimpleNamespace(module=model, groups=lambda: [{"params": [model.table]}])
        settings = LoopSettings(steps=12, threads=1, learning_rate=0.05, checkpoint_every=5)
        lessons = [Lesson(mixture, [(1.0, objective())])]
        try:
            found = train(parameters, lessons, settings, checkpoint=checkpoint, progress=progress)
        except KeyboardInterrupt:
            return None
        assert found.resumed_at == (5 if checkpoint else 0)
        return model.table

    assert run(tmp_path / "checkpoint", killed=8) is None
    assert torch.equal(run(tmp_path / "checkpoint"), run())
