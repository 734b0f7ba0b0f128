"""A projector behind a frozen body: its gradient, what is saved, and where it learns to go."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isogloss.encode import load_encoder
from isogloss.errors import TrainingError, UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.delta import load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.pivot import PivotText
from isogloss.train.objectives.distil import Distil
from isogloss.train.student import student_of

WIDTH = 12


@pytest.fixture(scope="module")
def parts(model_folder):
    from tokenizers import Tokenizer

    folder = model_folder("bert")
    return folder, Tokenizer.from_file(str(folder / "tokenizer.json"))


def texts_of(tokenizer, texts):
    return [np.array(tokenizer.encode(t, add_special_tokens=False).ids) for t in texts]


def mixture(parts, size=16):
    """Texts of one language, and an unknown affine map of the model's own vectors of them."""
    rng = np.random.default_rng(0)
    ids = [rng.integers(5, 900, rng.integers(2, 8)) for _ in range(120)]
    plain = student_of("full.v1", *parts).module.eval()
    with torch.no_grad():
        own = plain(stack_texts([ids], [["eng_Latn"] * len(ids)]))["vectors"][0].numpy()
    own = (own - own.mean(0)) / own.std()
    target = own @ rng.normal(size=(32, WIDTH)).astype(np.float32)
    return PivotText(ids, target, "eng_Latn", size=size), target, ids


def test_its_gradient_is_that_of_a_plain_layer_and_the_body_is_still(parts):
    student, text = student_of("projector.v1", *parts, width=WIDTH), mixture(parts)[0]
    batch = text.batch(0, 0)
    plain = student_of("full.v1", *parts).module.eval()
    with torch.no_grad():
        means = plain(batch)["vectors"]
    layer = student.module.pooling.then[0]
    own = layer.weight.detach().clone().requires_grad_()
    wanted = Distil()({"vectors": means @ own.T + layer.bias.detach()}, batch).total
    student.module.train()  # BERT has dropout, which a frozen body is read without
    loss = Distil()(student.module(batch), batch).total
    torch.testing.assert_close(loss, wanted)
    loss.backward()
    wanted.backward()
    torch.testing.assert_close(layer.weight.grad, own.grad)
    assert all(w.grad is None for w in student.module.body.parameters())


@pytest.mark.parametrize("hidden", [None, 20])
def test_the_saved_model_projects_as_the_student_does(parts, hidden, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    student = student_of("projector.v1", *parts, width=WIDTH, hidden=hidden, seed=1)
    texts = ["red heart", "a dog and the sun", "Sonne"]
    ids = texts_of(parts[1], texts)
    with torch.no_grad():
        mine = student.module.eval()(stack_texts([ids], [["eng_Latn"] * 3]))["vectors"][0].numpy()
    student.save(tmp_path / "s")
    found = next(iter(load_encoder(tmp_path / "s").encode(texts, language="eng_Latn").values()))
    np.testing.assert_allclose(found.array, mine, atol=1e-5)
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "s")).encode(texts)
    np.testing.assert_allclose(theirs, mine, atol=1e-5)
    again = student_of("projector.v1", tmp_path / "s", parts[1], width=5)
    again.save(tmp_path / "t")  # what stood behind the body is replaced
    found = next(iter(load_encoder(tmp_path / "t").encode(texts, language="eng_Latn").values()))
    assert found.array.shape == (3, 5)


def test_other_texts_follow_where_the_pivot_was_taken(parts, tmp_path):
    from safetensors.torch import load_file

    text, target, ids = mixture(parts)
    held = PivotText(ids[:20], target[:20], "eng_Latn", size=20)
    text = PivotText(ids[20:], target[20:], "eng_Latn", size=32)
    student = student_of("projector.v1", *parts, width=WIDTH)
    before = {n: w.detach().clone() for n, w in student.module.body.named_parameters()}
    batch = held.batch(0, 0)

    def cosine():
        with torch.no_grad():
            made = student.module.eval()(batch)["vectors"][0]
        return float(F.cosine_similarity(made, batch["teacher"]).mean())

    start = cosine()
    settings = LoopSettings(steps=150, learning_rate=0.02, threads=1)
    train(student, [Lesson(text, [(1.0, Distil())])], settings)
    assert cosine() > max(0.8, start + 0.3)
    for name, weight in student.module.body.named_parameters():
        assert torch.equal(weight, before[name])
    student.save_delta(tmp_path / "d", "print", {"use": "projector.v1", "width": WIDTH})
    assert set(load_file(tmp_path / "d" / "delta.safetensors")) == {
        "pooling.then.0.weight", "pooling.then.0.bias"
    }  # fmt: skip
    again = student_of("projector.v1", *parts, width=WIDTH, seed=5)
    load_delta(tmp_path / "d", again.module, "print")
    assert torch.equal(again.module.pooling.then[0].weight, student.module.pooling.then[0].weight)


def test_what_cannot_be_is_refused(parts):
    with pytest.raises(UsageError, match="a projector of width 0"):
        student_of("projector.v1", *parts, width=0)
    with pytest.raises(TrainingError, match="fewer than 2 texts"):
        PivotText([np.array([3]), None], None, "eng_Latn")
