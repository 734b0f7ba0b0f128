"""Adapters train alone and are saved beside the body; its encoder gives what trained."""

import json
import shutil

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.encode.inserted.files import exchange
from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError, SettingsError
from isogloss.merge.plan import weights_of
from isogloss.settings import read_keywords
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.delta import load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.parameters.bottleneck import bottleneck
from isogloss.train.readers import sentences, words
from isogloss.train.student import student_of

TEXTS = ["red heart", "a longer text of some more words", "Sonne", "flag of Spain"]


class Words:
    """Texts with hidden tokens, in two languages."""

    def batch(self, seed, step):
        rng = np.random.default_rng([seed, step])
        ids = [rng.integers(5, 300, 6) for _ in range(4)]
        gold = np.where(rng.random(24) < 0.5, np.concatenate(ids), UNKNOWN)
        tags = ["eng_Latn", "deu_Latn"] * 2
        numbers = {"eng_Latn": 0, "deu_Latn": 1}
        return stack_texts([ids], [tags], numbers, tokens={"gold": gold})


@pytest.fixture(scope="module")
def base(model_folder, tmp_path_factory):
    """A small BERT whose norms do something and whose tokenizer ends texts."""
    from safetensors.torch import load_file, save_file
    from tokenizers import Tokenizer, processors

    folder = tmp_path_factory.mktemp("bert") / "model"
    shutil.copytree(model_folder("bert"), folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    weights = load_file(folder / "model.safetensors")
    torch.manual_seed(1)
    for name, weight in weights.items():
        if "LayerNorm.weight" in name:
            weights[name] = weight + 0.3 * torch.randn(weight.shape)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def student(folder, use="bottleneck.v1", reader=words, **settings):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tags = ("eng_Latn", "deu_Latn")
    return student_of(use, folder, tokenizer, reader=reader, tags=tags, **settings)


def taught(folder, use="bottleneck.v1", seed=0, **settings):
    found = student(folder, use, **settings)
    train(
        found, [Lesson(Words(), [(1.0, Mlm())])],
        LoopSettings(steps=4, learning_rate=3e-2, threads=1, seed=seed),
    )  # fmt: skip
    return found


def vectors(made, language=0):
    """What the module that trained gives for `TEXTS`."""
    made.tokenizer.no_truncation()
    made.tokenizer.no_padding()
    ids = [np.array(e.ids) for e in made.tokenizer.encode_batch(TEXTS, add_special_tokens=False)]
    batch = stack_texts([ids], [["eng_Latn"] * 4], texts={"language": np.full(4, language)})
    with torch.no_grad():
        return made.module.eval()(batch)["vectors"][0].numpy()


def encoded(folder, fast="auto", language="eng_Latn"):
    found = load_encoder(folder, fast=fast).encode(TEXTS, language=language, pooling="mean")
    return next(iter(found.values())).array


SAVED = {
    "pfeiffer": {"reduction": 2, "invertible": True},
    "houlsby": {"placement": "houlsby", "reduction": 4, "activation": "gelu"},
}


@pytest.mark.parametrize("point", SAVED)
def test_the_encoder_of_what_is_saved_is_what_trained(point, base, tmp_path):
    from safetensors.torch import load_file

    made = taught(base, **SAVED[point])
    made.save(tmp_path / "s")
    wanted = vectors(made)
    assert not np.allclose(wanted, encoded(base), atol=1e-2)
    for fast in ("auto", "no"):
        np.testing.assert_allclose(encoded(tmp_path / "s", fast), wanted, atol=1e-5)
    assert find_model(str(tmp_path / "s")).kind == "inserted.v1"
    before, after = (load_file(x / "model.safetensors") for x in (base, tmp_path / "s"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    (tmp_path / "s" / "inserted.json").unlink()  # and without, the base
    np.testing.assert_allclose(encoded(tmp_path / "s"), encoded(base), atol=1e-6)


def test_a_task_stands_on_a_language_and_another_is_put_in_its_place(base, tmp_path):
    for number, name in enumerate(("one", "two")):
        taught(base, seed=number, reduction=2, invertible=True).save(tmp_path / name)
    task = student(tmp_path / "one", reduction=4, drop="last:1")
    frozen = {n: w.clone() for n, w in task.module.named_parameters() if not w.requires_grad}
    assert [part.settings["reduction"] for part in task.module.inserted.parts] == [2, 4]
    train(
        task, [Lesson(Words(), [(1.0, Mlm())])],
        LoopSettings(steps=4, learning_rate=3e-2, threads=1, seed=5),
    )  # fmt: skip
    now = dict(task.module.named_parameters())
    assert any(name.startswith("inserted.0.") for name in frozen)
    assert all(torch.equal(now[name], weight) for name, weight in frozen.items())
    task.save(tmp_path / "task")
    np.testing.assert_allclose(encoded(tmp_path / "task"), vectors(task), atol=1e-5)
    exchange(tmp_path / "task", tmp_path / "two", tmp_path / "exchanged")
    exchange(tmp_path / "exchanged", tmp_path / "one", tmp_path / "back")
    other, back = (encoded(tmp_path / name) for name in ("exchanged", "back"))
    assert not np.allclose(other, vectors(task), atol=1e-3)
    np.testing.assert_array_equal(back, encoded(tmp_path / "task"))
    by_hand = student(tmp_path / "two", reduction=4, drop="last:1")
    by_hand.module.inserted[1].load_state_dict(task.module.inserted[1].state_dict())
    np.testing.assert_allclose(other, vectors(by_hand), atol=1e-5)
    with pytest.raises(ModelError, match="has 1 parts for bert of 2 layers x 32, and part 1 is"):
        exchange(tmp_path / "task", tmp_path / "two", tmp_path / "no", 1)


def test_a_head_that_is_made_here_meets_the_inverse(base, tmp_path):
    folder = shutil.copytree(base, tmp_path / "bare")
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["BertModel"]}
    (folder / "config.json").write_text(json.dumps(config))
    made = student(folder, reduction=2, invertible=True)
    assert made.module.head is not None
    coupling = made.module.inserted[0]["embeddings"]
    torch.nn.init.normal_(coupling.f.up.weight)
    states = torch.randn(3, 32)
    table = made.module.body.get_input_embeddings()
    head = made.module.head
    found = head.norm.forward(torch.nn.functional.gelu(head.dense(states)))
    torch.testing.assert_close(head(states, table), coupling.invert(found) @ table.weight.T)


def test_a_delta_holds_the_adapters_alone(base, tmp_path):
    made = taught(base, reduction=2)
    made.save_delta(tmp_path / "d", "base", {"use": "bottleneck.v1", "reduction": 2})
    again = student(base, reduction=2, seed=9)
    load_delta(tmp_path / "d", again.module, "base")
    np.testing.assert_array_equal(vectors(again), vectors(made))
    size = (tmp_path / "d" / "delta.safetensors").stat().st_size
    assert size < 4 * (2 * (2 * 32 * 16 + 48)) + 2000
    with pytest.raises(ModelError, match="has other weights than"):
        load_delta(tmp_path / "d", student(base, reduction=4).module, "base")
    with pytest.raises(ModelError, match="was trained from the model base, and this is other"):
        load_delta(tmp_path / "d", again.module, "other")


def test_files_that_do_not_fit_are_named(base, tmp_path):
    folder = tmp_path / "s"
    student(base, reader=sentences, reduction=2).save(folder)
    about = json.loads((folder / "inserted.json").read_text())

    def broken(**change):
        (folder / "inserted.json").write_text(json.dumps(about | change))
        return str(folder)

    with pytest.raises(ModelError, match="the modules are for gpt2 of 2 layers x 32, and the body"):
        load_encoder(broken(**{"for": {**about["for"], "model_type": "gpt2"}}))
    part = {"use": "bottleneck.v1", "settings": {"reduction": 4}}
    with pytest.raises(ModelError, match=r"weights that inserted\.json does not say"):
        load_encoder(broken(parts=[part]))
    with pytest.raises(ModelError, match=r"there is no inserted called 'botle\.v1'"):
        load_encoder(broken(parts=[{**part, "use": "botle.v1"}]))
    with pytest.raises(ModelError, match="unknown key"):
        load_encoder(broken(parts=[{**part, "settings": {"reducton": 4}}]))
    with pytest.raises(ModelError, match="lacks for or parts"):
        load_encoder(broken(parts=[1]))
    broken()
    with pytest.raises(ModelError, match="has modules put into its body"):
        weights_of(find_model(str(folder)))
    weights = folder / "inserted.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(ModelError, match=r"inserted\.safetensors: cannot be read"):
        load_encoder(str(folder))


def test_the_settings_are_those_of_what_is_inserted():
    assert read_keywords(bottleneck, {"layers": ["last:1", 1], "reduction": 2}) == {
        "layers": ("last:1", 1), "reduction": 2,
    }  # fmt: skip
    with pytest.raises(SettingsError, match="did you mean 'reduction'"):
        read_keywords(bottleneck, {"reducton": 2})
    with pytest.raises(SettingsError, match="placement"):
        read_keywords(bottleneck, {"placement": "here"})
