"""A connector learns between two frozen models, and what is saved reads as it did."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isogloss.encode import load_encoder
from isogloss.errors import ModelError
from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.delta import load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.pivot import PivotText
from isogloss.train.objectives.distil import Distil
from isogloss.train.readers import words
from isogloss.train.student import student_of

TEXTS = ["red heart", "a dog and the sun", "Sonne"]


@pytest.fixture(scope="module")
def parts(model_folder):
    from tokenizers import Tokenizer

    folder = model_folder("bert")
    return folder, Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def decoder(model_folder):
    return str(model_folder("llama"))


def batch_of(tokenizer):
    ids = [np.array(tokenizer.encode(t, add_special_tokens=False).ids) for t in TEXTS]
    return stack_texts([ids], [["eng_Latn"] * len(ids)])


@pytest.mark.parametrize("options", [{}, {"layers": "all", "pooling": "mean", "hidden": 20}])
def test_the_saved_folder_reads_texts_as_the_student_does(parts, decoder, options, tmp_path):
    student = student_of("connector.v1", *parts, decoder=decoder, **options)
    batch = batch_of(parts[1])
    with torch.no_grad():
        mine = student.module.train()(batch)["vectors"][0].numpy()  # neither model has dropout
        again = student.module.eval()(batch)["vectors"][0].numpy()
    np.testing.assert_array_equal(mine, again)
    (tmp_path / "s").mkdir()
    student.save(tmp_path / "s")
    found = load_encoder(tmp_path / "s").encode(TEXTS, language="eng_Latn")[2].array
    np.testing.assert_allclose(found, mine, atol=1e-5)


def test_only_the_connector_learns_and_takes_the_decoder_where_it_is_to_go(
    parts, decoder, tmp_path
):
    from safetensors.torch import load_file

    rng = np.random.default_rng(0)
    ids = [rng.integers(5, 900, 4) for _ in range(24)]
    aim = rng.normal(size=(24, 32)).astype(np.float32)
    student = student_of("connector.v1", *parts, decoder=decoder, hidden=48)
    before = {n: w.detach().clone() for n, w in student.module.named_parameters()}
    text = PivotText(ids, aim, "eng_Latn", size=24)
    batch = text.batch(0, 0)

    def cosine():
        with torch.no_grad():
            made = student.module.eval()(batch)["vectors"][0]
        return float(F.cosine_similarity(made, batch["teacher"]).mean())

    start = cosine()
    train(student, [Lesson(text, [(1.0, Distil())])],
          LoopSettings(steps=60, learning_rate=0.01, threads=1))  # fmt: skip
    assert cosine() > start + 0.3
    moved = {n for n, w in student.module.named_parameters() if not torch.equal(w, before[n])}
    assert moved == {n for n in before if "pooling.connector" in n}
    student.save_delta(tmp_path / "d", "print", {"use": "connector.v1"})
    assert set(load_file(tmp_path / "d" / "delta.safetensors")) == moved
    again = student_of("connector.v1", *parts, decoder=decoder, hidden=48, seed=3)
    load_delta(tmp_path / "d", again.module, "print")
    with torch.no_grad():
        both = [s.module.eval()(batch)["vectors"] for s in (student, again)]
    assert torch.equal(*both)


def test_it_begins_with_rows_about_as_long_as_words(parts, decoder):
    student = student_of("connector.v1", *parts, decoder=decoder)
    pooling = student.module.pooling
    table = pooling.decoder.get_input_embeddings().weight
    torch.testing.assert_close(pooling.connector.end.std(), table.std(), rtol=0.5, atol=0)
    torch.testing.assert_close(pooling.connector.second.weight.std(), table.std())


def test_models_that_do_not_fit_are_refused(parts, decoder, model_folder):
    with pytest.raises(ModelError, match="is not a decoder"):
        student_of("connector.v1", *parts, decoder=str(model_folder("bert")))
    with pytest.raises(ModelError, match="objectives want words"):
        student_of("connector.v1", *parts, decoder=decoder, reader=words)
