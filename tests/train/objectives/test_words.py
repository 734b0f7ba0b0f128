"""Objectives of linked words against loops over links."""

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.train.batch import stack_texts
from isogloss.train.objectives.near_start import NearStart
from isogloss.train.objectives.word_contrast import WordContrast
from isogloss.train.objectives.word_l2 import WordL2

ROWS, WIDTH, LAYERS, TOKENS = 6, 5, 3, 20


def linked(rng, rows=ROWS, **more):
    """A batch of two views with word links, and states of it."""
    word = [np.repeat(np.arange(4), rng.integers(1, 4, 4)) for _ in range(2 * rows)]
    ids = [rng.integers(0, TOKENS, len(one)) for one in word]
    links = [
        [row, *(int(np.argmax(word[row + rows * side] == w)) for side, w in enumerate(pair))]
        for row in range(rows)
        for pair in rng.integers(0, 4, (1 + row % 3, 2))
    ]
    batch = stack_texts(
        [ids[:rows], ids[rows:]], [["eng_Latn"] * rows, ["deu_Latn"] * rows],
        {"eng_Latn": 0, "deu_Latn": 1}, tokens={"word": np.concatenate(word)},
        links={"links": np.array(links)}, **more,
    )  # fmt: skip
    made = {
        "states": rng.normal(size=(len(batch["ids"]), WIDTH)),
        "layer_states": rng.normal(size=(LAYERS, len(batch["ids"]), WIDTH)),
    }
    return {name: torch.from_numpy(value) for name, value in made.items()}, batch


class Table(nn.Module):
    """States by a table of tokens, with dropout as models have it."""

    def __init__(self):
        super().__init__()
        rows = torch.randn(TOKENS, WIDTH, generator=torch.Generator().manual_seed(7))
        self.rows = nn.Parameter(rows.double())
        self.drop = nn.Dropout(0.5)

    def forward(self, batch, wanted):
        states = self.drop(self.rows[batch["ids"]])
        given = {"states": states, "layer_states": torch.stack([states * n for n in range(LAYERS)])}
        return {name: given[name] for name in wanted}


def begun(objective, model=None):
    objective.begin(model or Table())
    return objective


CASES = {
    "word_l2.v1": lambda rng: (WordL2(whole="mean"), *linked(rng)),
    "word_contrast.v1": lambda rng: (
        WordContrast(layers=(0, 2), temperature=0.5),
        *linked(rng, rows=3),
    ),
    "near_start.v1": lambda rng: (begun(NearStart(layer=2)), *linked(rng)),
}


def words_of(states, batch, side):
    """The token vectors of each linked word of a side, by a loop."""
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    for link in batch["links"].tolist():
        text = link[0] + side * batch.size
        own = batch["word"][bounds[text] : bounds[text + 1]]
        yield states[bounds[text] : bounds[text + 1]][own == own[link[1 + side]]]


@pytest.mark.parametrize(("whole", "pick"), [
    ("first", lambda x: x[0]), ("last", lambda x: x[-1]), ("mean", lambda x: x.mean(0)),
])  # fmt: skip
def test_linked_words_are_pulled_together_and_no_others(whole, pick):
    outputs, batch = linked(np.random.default_rng(1))
    states = outputs["layer_states"].requires_grad_()
    objective = WordL2(whole=whole, layer=1)
    sides = zip(*(words_of(states[1], batch, side) for side in (0, 1)), strict=True)
    plain = sum((pick(a) - pick(b)).square().sum() for a, b in sides) / len(batch["links"])
    ours = objective({"layer_states": states}, batch).total
    torch.testing.assert_close(ours, plain)
    (mine,), (theirs,) = torch.autograd.grad(ours, [states]), torch.autograd.grad(plain, [states])
    torch.testing.assert_close(mine, theirs)
    assert not mine[0].any() and (mine[1] == 0).all(1).any()


def test_the_pivot_is_held_where_training_began_and_the_others_are_free():
    _, batch = linked(np.random.default_rng(2))
    model = Table()
    objective = begun(NearStart(), model)
    before = model.rows.detach().clone()
    with torch.no_grad():
        model.rows += torch.arange(TOKENS)[:, None]
    model.eval()
    outputs = {"states": model(batch, ("states",))["states"].detach().requires_grad_()}
    loss = objective(outputs, batch).total
    pivot = len(batch["ids"]) - int(batch.lengths()[batch.size :].sum())
    ids = batch["ids"][:pivot]
    plain = (model.rows.detach()[ids] - before[ids]).square().sum(1).mean()
    torch.testing.assert_close(loss, plain)
    (gradient,) = torch.autograd.grad(loss, [outputs["states"]])
    assert gradient[:pivot].any() and not gradient[pivot:].any()
    held = objective.origin.module.parameters()
    assert not any(weight.requires_grad for weight in held)


def test_what_is_held_is_in_no_checkpoint_and_comes_back(tmp_path):
    from safetensors.torch import load_file

    from isogloss.train.contracts import Lesson
    from isogloss.train.loop import LoopSettings, train

    class Mix:
        def batch(self, seed, step):
            return linked(np.random.default_rng([seed, step]))[1]

    class Student:
        def __init__(self):
            self.module = Table()

        def groups(self):
            return [{"params": [self.module.rows]}]

    def run(stop=None, checkpoint=None):
        student = Student()

        def progress(step, loss):
            if step == stop:
                raise KeyboardInterrupt

        settings = LoopSettings(steps=9, checkpoint_every=4, threads=1, learning_rate=0.05)
        lesson = Lesson(Mix(), [(1.0, WordL2()), (1.0, NearStart())])
        found = train(student, [lesson], settings, checkpoint=checkpoint, progress=progress)
        return student.module.rows.detach(), found

    whole, log = run()
    with pytest.raises(KeyboardInterrupt):
        run(stop=6, checkpoint=tmp_path / "c")
    kept = load_file(tmp_path / "c" / "step-000000004" / "weights.safetensors")
    assert list(kept) == ["model.rows"]
    resumed, again = run(checkpoint=tmp_path / "c")
    assert again.resumed_at == 4 and torch.equal(whole, resumed)
    assert set(log.log[0]) == {"step", "loss", "word_l2", "near_start"}


def test_a_word_is_told_from_other_words_and_not_from_itself():
    outputs, batch = linked(np.random.default_rng(4))
    batch.ids[:] = batch.ids % 2  # so that some words are spelled alike
    states = outputs["layer_states"].requires_grad_()
    sides = [list(words_of(batch["ids"][:, None], batch, side)) for side in (0, 1)]
    spelled = [[tuple(word.ravel().tolist()) for word in side] for side in sides]
    assert len(set(spelled[1])) < len(spelled[1])
    total, k = 0.0, len(batch["links"])
    for layer in (0, 2):
        x, y = (
            torch.stack([word.mean(0) for word in words_of(states[layer], batch, side)])
            for side in (0, 1)
        )
        scores = torch.nn.functional.cosine_similarity(x[:, None], y[None], dim=2) / 0.5
        for i in range(k):
            for row, spelling in ((scores[i], spelled[1]), (scores[:, i], spelled[0])):
                kept = [j for j in range(k) if j == i or spelling[j] != spelling[i]]
                total = total - (row[i] - row[kept].logsumexp(0)) / k / 4
    mine = WordContrast(layers=(0, 2), temperature=0.5)({"layer_states": states}, batch).total
    torch.testing.assert_close(mine, total)
    (a,), (b,) = (torch.autograd.grad(one, [states]) for one in (mine, total))
    torch.testing.assert_close(a, b)
    collapsed = {"layer_states": torch.ones_like(states)}
    assert (
        WordContrast()(collapsed, batch).total > 1
        and WordL2()({"states": collapsed["layer_states"][0]}, batch).total == 0
    )
