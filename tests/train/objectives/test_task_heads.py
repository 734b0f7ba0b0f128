"""Heads of tasks: labels that go together, intents with slots, answers as spans."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.objectives.answer_span import AnswerSpan
from isogloss.train.objectives.intents import Intents
from isogloss.train.objectives.labels import Labels

ROWS, WIDTH, CLASSES = 5, 4, 3
MODEL = SimpleNamespace(body=SimpleNamespace(config=SimpleNamespace(hidden_size=WIDTH)))


def begun(head):
    """The head, with weights that are not nearly zero."""
    head.begin(MODEL)
    torch.manual_seed(0)
    for weight in head.parameters():
        torch.nn.init.normal_(weight)
    return head.double().requires_grad_(False)


def texts_of(rng, **columns):
    texts = [rng.integers(0, 9, rng.integers(3, 7)) for _ in range(ROWS)]
    tokens = sum(map(len, texts))
    if "tokens" in columns:
        columns["tokens"] = {name: make(tokens) for name, make in columns["tokens"].items()}
    batch = stack_texts([texts], [["eng_Latn"] * ROWS], **columns)
    outputs = {"states": torch.from_numpy(rng.normal(size=(tokens, WIDTH))),
               "vectors": torch.from_numpy(rng.normal(size=(1, ROWS, WIDTH)))}  # fmt: skip
    return outputs, batch


def labelled(rng):
    labels = rng.integers(0, 2, (ROWS, CLASSES))
    labels[2] = UNKNOWN
    return begun(Labels(classes=CLASSES, drop=0.0)), *texts_of(rng, rows={"labels": labels})


def intended(rng):
    label = rng.integers(0, CLASSES, ROWS)
    label[1] = UNKNOWN

    def tags(n):
        return np.where(rng.random(n) < 0.7, rng.integers(0, 2, n), UNKNOWN)

    head = begun(Intents(classes=CLASSES, tags=2, drop=0.0))
    return head, *texts_of(rng, rows={"label": label}, tokens={"tag": tags})


def answered(rng):
    outputs, batch = texts_of(rng, tokens={"asked": lambda n: np.zeros(n, int)})
    spots = []
    for row, (start, length) in enumerate(
        zip(batch["offsets"].tolist(), batch.lengths().tolist(), strict=True)
    ):
        batch["asked"][start + 2 : start + length] = 1
        spots.append(sorted(rng.integers(2, length, 2).tolist()) if row else [0, 0])
    spots[3] = [UNKNOWN, UNKNOWN]
    begin, end = torch.tensor(spots).T
    batch.rows.update(begin=begin, end=end)
    return begun(AnswerSpan()), outputs, batch


CASES = {"labels.v1": labelled, "intents.v1": intended, "answer_span.v1": answered}


def test_each_label_is_told_by_itself():
    head, outputs, batch = labelled(np.random.default_rng(0))
    likely = (outputs["vectors"][0] @ head.layer.weight.T + head.layer.bias).sigmoid()
    gold = batch["labels"]
    right = torch.where(gold == 1, likely, 1 - likely)[gold[:, 0] != UNKNOWN]
    torch.testing.assert_close(head(outputs, batch).total, -right.log().mean())
    torch.testing.assert_close(torch.stack(head.tell(outputs, batch)), likely)
    assert (likely.sum(1) > 1.2).any()  # no softmax
    with pytest.raises(TrainingError, match="3 labels each, and the head tells 2"):
        Labels(classes=2)(outputs, batch)


def test_an_intent_and_its_slots_cost_the_surprise_at_all_of_them():
    head, outputs, batch = intended(np.random.default_rng(0))
    told = head.tell(outputs, batch)
    tags = batch["tag"].split(batch.lengths().tolist())
    off = 0.0
    for one, label, row in zip(told, batch["label"].tolist(), tags, strict=True):
        off -= float(one["label"][label].log()) if label != UNKNOWN else 0.0
        known = row != UNKNOWN
        off -= float(one["tag"][known].gather(1, row[known][:, None]).log().sum())
    assert float(head(outputs, batch).total) == pytest.approx(off / ROWS)


def test_only_what_is_asked_about_and_no_answer_share_the_probability():
    head, outputs, batch = answered(np.random.default_rng(0))
    states = outputs["states"].split(batch.lengths().tolist())
    off, known = 0.0, 0
    for row, one in enumerate(states):
        logits = one @ head.layer.weight.T + head.layer.bias
        logs = torch.cat([logits[:1], logits[2:]]).log_softmax(0)
        spot = [int(batch["begin"][row]), int(batch["end"][row])]
        if spot[0] != UNKNOWN:
            off -= sum(float(logs[max(place - 1, 0), side]) for side, place in enumerate(spot)) / 2
            known += 1
        told = head.tell(outputs, batch)[row]
        torch.testing.assert_close(told[2:], logits[2:])
        torch.testing.assert_close(told[0], logits[0])
        assert (told[1] < -1e9).all()
    assert known == head.count(batch) == ROWS - 1
    assert float(head(outputs, batch).total) == pytest.approx(off / known)


@pytest.mark.parametrize("make", [Labels, Intents, AnswerSpan])
def test_weights_come_of_the_seed_are_made_once_and_are_kept(make, tmp_path):
    sizes = {Labels: {"classes": 2}, Intents: {"classes": 2, "tags": 3}, AnswerSpan: {}}[make]
    heads = [make(seed=seed, **sizes) for seed in (1, 1, 2)]
    for head in heads:
        head.begin(MODEL)
    one, again, other = (next(w for w in head.parameters() if w.ndim > 1) for head in heads)
    assert torch.equal(one, again) and not torch.equal(one, other)
    heads[0].begin(MODEL)
    assert next(w for w in heads[0].parameters() if w.ndim > 1) is one
    heads[0].save(tmp_path)
    assert len(list(tmp_path.rglob("head.safetensors"))) == (2 if make is Intents else 1)


@pytest.mark.parametrize("make", [answered, labelled])
def test_before_training_it_has_no_weights(make):
    head, outputs, batch = make(np.random.default_rng(0))
    with pytest.raises(TrainingError, match="no weights before training"):
        type(head)(**({"classes": CLASSES} if make is labelled else {}))(outputs, batch)
