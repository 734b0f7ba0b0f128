"""Heads: the loss of transformers' own heads over the same vectors, and what is kept of them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.objectives.choose import Choose
from isogloss.train.objectives.classify import Classify
from isogloss.train.objectives.tag import Tag

ROWS, WIDTH, CLASSES = 6, 5, 3


def begun(kind, **settings):
    """A head with weights that are not nearly zero, still as in use."""
    made = kind(drop=0.0, **settings) if kind is Choose else kind(classes=CLASSES, drop=0.0)
    made.begin(SimpleNamespace(body=SimpleNamespace(config=SimpleNamespace(hidden_size=WIDTH))))
    torch.manual_seed(0)
    torch.nn.init.normal_(made.layer.weight)
    torch.nn.init.normal_(made.layer.bias)
    return made.double().requires_grad_(False)


def classified(rng):
    views = [[rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(2)]
    label = rng.integers(0, CLASSES, ROWS)
    label[1] = UNKNOWN
    tags = [["eng_Latn"] * ROWS, ["deu_Latn"] * ROWS]
    batch = stack_texts(views, tags, rows={"label": label})
    return begun(Classify), {"vectors": torch.from_numpy(rng.normal(size=(2, ROWS, WIDTH)))}, batch


def tagged(rng):
    texts = [rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)]
    tokens = sum(map(len, texts))
    tag = np.where(rng.random(tokens) < 0.6, rng.integers(0, CLASSES, tokens), UNKNOWN)
    tag[0] = 1
    batch = stack_texts([texts], [["eng_Latn"] * ROWS], tokens={"tag": tag})
    return begun(Tag), {"states": torch.from_numpy(rng.normal(size=(tokens, WIDTH)))}, batch


def chosen(rng):
    views = [[rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(3)]
    label, choices = rng.integers(0, 2, ROWS), np.array([2, 3, 2, 3, 3, 2])
    label[1] = UNKNOWN
    batch = stack_texts(views, [["eng_Latn"] * ROWS] * 3, rows={"label": label, "choices": choices})
    return begun(Choose), {"vectors": torch.from_numpy(rng.normal(size=(3, ROWS, WIDTH)))}, batch


CASES = {"classify.v1": classified, "tag.v1": tagged, "choose.v1": chosen}


def test_a_text_is_told_by_the_mean_surprise_at_its_label_in_every_view():
    head, outputs, batch = classified(np.random.default_rng(0))
    plain = []
    for view in outputs["vectors"]:
        for vector, label in zip(view, batch["label"].tolist(), strict=True):
            if label != UNKNOWN:
                plain.append(
                    -torch.log_softmax(head.layer.weight @ vector + head.layer.bias, 0)[label]
                )
    torch.testing.assert_close(head(outputs, batch).total, torch.stack(plain).mean())


def test_a_choice_is_told_among_those_of_its_row_alone():
    head, outputs, batch = chosen(np.random.default_rng(0))
    plain, shares = [], head.tell(outputs, batch)
    for row, (label, count) in enumerate(zip(batch["label"], batch["choices"], strict=True)):
        own = outputs["vectors"][:count, row]
        told = torch.log_softmax(own @ head.layer.weight[0] + head.layer.bias, 0)
        torch.testing.assert_close(shares[row], told.exp())
        if label != UNKNOWN:
            plain.append(-told[label])
    torch.testing.assert_close(head(outputs, batch).total, torch.stack(plain).mean())


def test_the_loss_of_choices_is_that_of_transformers_head(model_folder, tokenizer_of):
    from transformers import AutoModelForMultipleChoice

    theirs = AutoModelForMultipleChoice.from_pretrained(model_folder("bert")).eval()
    rng = np.random.default_rng(0)
    ids = torch.from_numpy(rng.integers(5, 400, (4, 3, 6)))  # [B, choices, t]
    labels = torch.from_numpy(rng.integers(0, 3, 4))
    pooled = theirs.bert(input_ids=ids.flatten(0, 1)).pooler_output.view(4, 3, -1)
    head = Choose(drop=0.0)
    head.begin(SimpleNamespace(body=theirs))
    head.layer.load_state_dict(theirs.classifier.state_dict())
    batch = {"label": labels, "choices": torch.full((4,), 3)}
    found = head({"vectors": pooled.transpose(0, 1)}, batch).total
    torch.testing.assert_close(found, theirs(input_ids=ids, labels=labels).loss)


def test_loss_and_gradients_of_tags_are_those_of_transformers(model_folder, tokenizer_of):
    from transformers import AutoModelForTokenClassification

    from isogloss.train.readers import sentences

    theirs = AutoModelForTokenClassification.from_pretrained(
        model_folder("bert"), num_labels=3
    ).eval()
    module = sentences(model_folder("bert"), tokenizer_of("wordpiece")).eval()
    head = Tag(classes=3)
    head.begin(module)
    head.eval().layer.load_state_dict(theirs.classifier.state_dict())
    rng = np.random.default_rng(0)
    texts = [rng.integers(5, 400, n) for n in (3, 9, 1)]
    tag = np.array([0, UNKNOWN, 2, *rng.integers(0, 3, 9), UNKNOWN])
    batch = stack_texts([texts], [["eng_Latn"] * 3], tokens={"tag": tag})
    loss = head(module(batch, ("states",)), batch).total
    loss.backward()
    pad = torch.nn.utils.rnn.pad_sequence
    first, last = module.ends
    rows = [torch.tensor([*first, *ids, *last]) for ids in texts]
    labels = [torch.tensor([*[UNKNOWN] * len(first), *part, *[UNKNOWN] * len(last)])
              for part in np.split(tag, [3, 12])]  # fmt: skip
    other = theirs(
        input_ids=pad(rows, batch_first=True),
        attention_mask=pad([torch.ones_like(row) for row in rows], batch_first=True),
        labels=pad(labels, batch_first=True, padding_value=UNKNOWN),
    ).loss
    other.backward()
    torch.testing.assert_close(loss.detach(), other.detach())
    torch.testing.assert_close(head.layer.weight.grad, theirs.classifier.weight.grad)
    mine, own = (m.get_input_embeddings().weight.grad for m in (module.body, theirs))
    torch.testing.assert_close(mine, own, atol=1e-6, rtol=1e-4)


def test_dropout_is_for_training_alone():
    head, outputs, batch = classified(np.random.default_rng(0))
    head.drop = 0.5
    torch.manual_seed(1)
    assert head.train()(outputs, batch).total != head(outputs, batch).total
    assert head.eval()(outputs, batch).total == head(outputs, batch).total


def test_the_seed_makes_the_weights_and_they_are_kept_with_their_classes(tmp_path):
    from safetensors.torch import load_file

    model = SimpleNamespace(body=SimpleNamespace(config=SimpleNamespace(hidden_size=4)))
    heads = [Classify(classes=2, seed=seed) for seed in (1, 1, 2)]
    for head in heads:
        head.begin(model)
    one, again, other = (head.layer.weight for head in heads)
    assert torch.equal(one, again) and not torch.equal(one, other)
    for number, names in ((1, ["no", "yes"]), (2, [])):
        heads[0].save(tmp_path, names)
        assert json.loads((tmp_path / "heads" / str(number) / "head.json").read_text()) == {
            "reads": "vectors", "classes": names or ["0", "1"],
        }  # fmt: skip
    weights = load_file(tmp_path / "heads" / "1" / "head.safetensors")
    vector = torch.ones(4)
    torch.testing.assert_close(
        F.linear(vector, weights["weight"], weights["bias"]), heads[0].layer(vector)
    )


def test_labels_that_the_head_does_not_tell_are_refused():
    head, outputs, batch = classified(np.random.default_rng(0))
    batch["label"][0] = 7
    with pytest.raises(TrainingError, match="the number 7, and the head tells 3 classes"):
        head(outputs, batch)
    with pytest.raises(TrainingError, match="no weights before training"):
        Classify(classes=3)(outputs, batch)
