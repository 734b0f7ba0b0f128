"""The full student starts as its teacher, and what it saves loads unchanged elsewhere."""

import itertools
import shutil

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.train.student import student_of
from isogloss.vocabulary.extend import extend_wordpiece, with_romanisation


@pytest.fixture(scope="module")
def saved(minilm, tmp_path_factory):
    from pathlib import Path

    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{minilm}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer = extend_wordpiece(with_romanisation(tokenizer, ["Cyrl"]), ["moskva", "slovo"])
    rows = np.random.default_rng(0).normal(size=(2, 384)).astype(np.float32)
    student = student_of("full.v1", Path(minilm), tokenizer, rows)
    folder = tmp_path_factory.mktemp("full")
    student.save(folder)
    return student, folder, rows


TEXTS = ["Hello world", "A longer sentence, with more words in it.", "Москва"]


def test_before_training_english_is_the_teachers(saved, minilm):
    _, folder, _ = saved
    teacher, ours = load_encoder(minilm), load_encoder(folder)
    a = teacher.encode(TEXTS[:2], language="eng_Latn", layers=[6])[6].array
    b = ours.encode(TEXTS[:2], language="eng_Latn", layers=[6])[6].array
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_module_that_trains_is_the_model_that_is_saved(saved):
    student, folder, _ = saved
    sentence_transformers = pytest.importorskip("sentence_transformers")
    ids = [student.tokenizer.encode(t, add_special_tokens=False).ids for t in TEXTS]
    batch = {
        "ids": torch.tensor([i for row in ids for i in row]),
        "offsets": torch.tensor([0, len(ids[0]), len(ids[0]) + len(ids[1])]),
        "views": torch.tensor(1),
    }
    with torch.no_grad():
        mine = torch.nn.functional.normalize(student.module.eval()(batch)["vectors"][0], dim=-1)
    theirs = sentence_transformers.SentenceTransformer(str(folder)).encode(TEXTS)
    np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-5)


def test_transformers_loads_it_with_the_new_rows(saved):
    from transformers import AutoModel, AutoTokenizer

    _, folder, rows = saved
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("Москва") == ["moskva"]
    table = model.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_array_equal(table[-2:], rows)
    assert model.config.vocab_size == len(table) == len(tokenizer)


def test_texts_read_together_by_length_are_read_as_alone(saved, monkeypatch):
    from isogloss.train import body

    student, _, _ = saved
    rng = np.random.default_rng(0)
    lengths = [*rng.integers(1, 9, 11), 60]
    batch = {
        "ids": torch.from_numpy(rng.integers(2000, 9000, sum(lengths))),
        "offsets": torch.tensor([0, *np.cumsum(lengths)[:-1]]),
        "views": torch.tensor(2),
    }
    read = []
    module = student.module.eval()
    hook = module.body.register_forward_pre_hook(
        lambda _, args, given: read.append(given["input_ids"].numel()), with_kwargs=True
    )
    found = {}
    for together in (12, 4, 1):
        monkeypatch.setattr(body, "TOGETHER", together)
        with torch.no_grad():
            found[together] = module(batch)["vectors"]
    hook.remove()
    ends = [*batch["offsets"].tolist(), sum(lengths)]
    alone = [
        {"ids": batch["ids"][a:b], "offsets": torch.tensor([0]), "views": torch.tensor(1)}
        for a, b in itertools.pairwise(ends)
    ]
    with torch.no_grad():
        each = torch.cat([module(one)["vectors"][0] for one in alone]).view(2, 6, 384)
    torch.testing.assert_close(found[1], each, atol=1e-5, rtol=1e-5)
    for together in (12, 4):
        torch.testing.assert_close(found[together], found[1], atol=1e-5, rtol=1e-5)
    assert read[0] == 12 * 62 and sum(read[1:4]) < 400 and sum(read[4:]) == sum(lengths) + 24


def test_opening_and_saving_say_nothing(minilm, tmp_path, capfd):
    from pathlib import Path

    from tokenizers import Tokenizer

    from isogloss.train.student import student_of

    capfd.readouterr()
    student_of("full.v1", Path(minilm), Tokenizer.from_file(f"{minilm}/tokenizer.json")).save(
        tmp_path
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("about", ['{"do_lower_case": true}', None])
def test_special_tokens_that_only_the_tokenizers_class_implied_are_saved(
    model_folder, tmp_path, about
):
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    old = shutil.copytree(model_folder("bert"), tmp_path / "old")
    (old / "tokenizer_config.json").unlink()
    if about:
        (old / "tokenizer_config.json").write_text(about)
    made = tmp_path / "made"
    made.mkdir()
    student_of("full.v1", old, Tokenizer.from_file(str(old / "tokenizer.json"))).save(made)
    theirs, ours = map(AutoTokenizer.from_pretrained, (old, made))
    assert ours.special_tokens_map == theirs.special_tokens_map != {}
    assert len(ours(["a", "a b c d"], padding=True)["input_ids"][0]) > 1
