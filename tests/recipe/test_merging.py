"""Merging as a job and as a step, on tiny models that transformers made."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import isogloss
import tiny_models as shapes
from isogloss.errors import ModelError, OutputError, SettingsError, UsageError
from isogloss.recipe.merging import merge_models
from isogloss.recipe.recipe import read_recipe

TEXTS = [f"the {a} cat and the {b}" for a in ("red", "old", "big") for b in ("dog", "sun")] * 4


def moved(source: Path, to: Path, seed: int, spread: float = 0.002) -> Path:
    """A copy of a model a little off it, as if it had been trained."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, to)
    for file in to.rglob("*.safetensors"):
        rng = torch.Generator().manual_seed(seed)
        made = {
            n: (x + spread * torch.randn(x.shape, generator=rng).to(x.dtype))
            for n, x in load_file(file).items()
        }
        save_file(made, file, metadata={"format": "pt"})
    return to


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """By the shape of a model, a base and two that were moved from it."""
    known: dict[str, list[Path]] = {}

    def make(shape: str) -> list[Path]:
        if shape not in known:
            place = tmp_path_factory.mktemp(shape)
            shapes.save_model(shape, shapes.learn(shapes.SHAPES[shape], TEXTS, 300), place / "base")
            known[shape] = [place / "base"] + [
                moved(place / "base", place / f"model{seed}", seed) for seed in (1, 2)
            ]
        return known[shape]

    return make


@pytest.mark.parametrize("shape", ["bert", "gpt2", "llama", "llama-untied", "t5"])
def test_the_result_loads_unchanged_with_ties_as_they_lie(folders, tmp_path, shape):
    import transformers

    base, *models = folders(shape)
    made = merge_models(models, tmp_path / "out", method="ties", base=base)
    kind = getattr(transformers, json.loads((base / "config.json").read_text())["architectures"][0])
    model, info = kind.from_pretrained(made.folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    before = kind.from_pretrained(base)
    tied = "lm_head.weight" in dict(model.named_parameters(remove_duplicate=False))
    if tied and before.config.tie_word_embeddings:
        assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert {f.name for f in base.iterdir()} <= {f.name for f in made.folder.iterdir()}
    cosines = made.facts["smoke"]["cosines"]
    assert set(cosines) == {str(path) for path in (base, *models)}
    assert all(0.9 < found["mean"] < 1.0001 for found in cosines.values())
    tokenizer = transformers.AutoTokenizer.from_pretrained(made.folder)
    assert tokenizer("the cat").input_ids == transformers.AutoTokenizer.from_pretrained(base)(
        "the cat"
    ).input_ids  # fmt: skip


def test_it_says_what_it_did_and_does_it_once(folders, tmp_path):
    base, *models = folders("bert")
    out = tmp_path / "out"
    asked = {"method": "task_arithmetic", "base": base, "weights": (0.5, -0.5)}
    made = merge_models(models, out, **asked)
    file = out / "model.safetensors"
    before = file.stat().st_mtime_ns
    assert merge_models(models, out, **asked).facts == json.loads((out / "merge.json").read_text())
    assert file.stat().st_mtime_ns == before
    assert "by task_arithmetic from" in (out / "README.md").read_text()
    assert made.facts["weights"] == (0.5, -0.5) and made.facts["base"]["fingerprint"]
    for other in ({"weights": (0.5, 0.5)}, {"method": "ties"}, {"seed": 1}):
        with pytest.raises(OutputError, match="holds another model"):
            merge_models(models, out, **{**asked, **other})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not empty"):
        merge_models(models, tmp_path / "mine", **asked)
    with pytest.raises(UsageError, match="is a file"):
        merge_models(models, tmp_path / "mine" / "thesis.txt", **asked)


def test_sentence_transformers_modules_are_merged_and_carried(folders, tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    base, *_ = folders("bert")
    body = modules.Transformer(str(base))
    dense = modules.Dense(32, 8)
    whole = SentenceTransformer(modules=[body, modules.Pooling(32, "cls"), dense])
    whole.save(str(tmp_path / "one"))
    (tmp_path / "one" / "onnx").mkdir()
    (tmp_path / "one" / "onnx" / "model.onnx").write_text("x")
    (tmp_path / "one" / "pytorch_model.bin").write_text("x")
    moved(tmp_path / "one", tmp_path / "two", 5, 0.1)
    models = [tmp_path / "one", tmp_path / "two"]
    made = merge_models(models, tmp_path / "out")
    ends = [SentenceTransformer(str(p)) for p in models]
    out = SentenceTransformer(str(made.folder))
    assert out.encode(["the cat"]).shape == (1, 8)
    weights = [m[2].linear.weight.detach().numpy() for m in (*ends, out)]
    np.testing.assert_allclose(weights[2], (weights[0] + weights[1]) / 2, atol=1e-6)
    assert out[1].pooling_mode == ends[0][1].pooling_mode
    assert "onnx, pytorch_model.bin" in " ".join(made.facts["notes"])
    assert not (made.folder / "onnx").exists()
    shutil.rmtree(tmp_path / "two" / "2_Dense")
    with pytest.raises(ModelError):
        merge_models(models, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_differences_of_configurations_and_licences_are_told(folders, tmp_path):
    base, model, _ = folders("bert")
    other = tmp_path / "other"
    shutil.copytree(model, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "num_attention_heads": 4}))
    (other / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# Other\n")
    mine = tmp_path / "mine"
    shutil.copytree(base, mine)
    (mine / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    made = merge_models([mine, other, mine], tmp_path / "out", method="ties", base=mine)
    notes = " ".join(made.facts["notes"])
    assert "num_attention_heads" in notes and "mit" in notes and "cc-by-nc-4.0" in notes
    assert f"{mine} is the base itself" in notes
    card = (made.folder / "README.md").read_text()
    assert card.startswith("---\nlicense: mit") and "## Merge" in card


def test_a_result_that_does_not_work_leaves_nothing(folders, tmp_path):
    base, *models = folders("bert")
    with pytest.raises(ModelError, match="no number"):
        merge_models(models, tmp_path / "out", method="task_arithmetic", base=base,
                     weights=(1e30, 1e30))  # fmt: skip
    assert not list(tmp_path.iterdir())
    made = merge_models(models, tmp_path / "out", method="task_arithmetic", base=base,
                        weights=(1e30, 1e30), check=False)  # fmt: skip
    assert made.facts["smoke"] is None


def test_models_that_draw_words_are_refused(folders, tmp_path):
    base, one, _ = folders("bert")
    drawing = shutil.copytree(one, tmp_path / "drawing")
    (drawing / "pixel_fallback.json").write_text("{}")
    for models in ([drawing, base], [base, drawing]):
        with pytest.raises(ModelError, match=r"draws words[^$]*without pixel_fallback\.json"):
            merge_models(models, tmp_path / "out", check=False)
    assert not (tmp_path / "out").exists()


def test_static_tables_of_other_tokens_are_refused(tmp_path):
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models

    module = [{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
    for name, tokens in (("one", "abc"), ("other", "bac")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "modules.json").write_text(json.dumps(module))
        save_file({"embedding.weight": torch.ones(3, 2)}, folder / "model.safetensors")
        vocabulary = {token: i for i, token in enumerate(tokens)}
        Tokenizer(models.WordLevel(vocabulary, "a")).save(str(folder / "tokenizer.json"))
    one, other = tmp_path / "one", tmp_path / "other"
    with pytest.raises(ModelError, match="2 rows stand for other tokens"):
        merge_models([one, other], tmp_path / "out", check=False)
    merge_models([one, one], tmp_path / "same", check=False)


def test_a_folder_with_facts_of_another_kind_is_not_taken(folders, tmp_path):
    (tmp_path / "merge.json").write_text("[]")
    with pytest.raises(OutputError, match="holds another"):
        merge_models(folders("bert")[1:], tmp_path)


def test_bases_that_are_missing_or_too_many(folders, tmp_path):
    base, *models = folders("bert")
    for asked, said in (
        ({"method": "ties"}, "give --base"), ({"origin": base}, "subtracts nothing"),
        ({"method": "diff_vector", "base": base}, "give --origin"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            merge_models(models, tmp_path / "out", **asked)
    with pytest.raises(UsageError, match="no model"):
        merge_models([], tmp_path / "out")


def test_bodies_of_other_vocabularies_are_merged_under_the_bases_table(folders, tmp_path):
    from transformers import BertForMaskedLM

    _, model, _ = folders("bert")
    other = tmp_path / "other"
    shapes.save_model("bert", shapes.learn("wordpiece", [*TEXTS, "кот и собака"], 310), other)
    with pytest.raises(ModelError, match="isogloss vocabulary replace or swap"):
        merge_models([model, other], tmp_path / "out")
    rows = "word_embeddings|^cls.predictions.(bias|decoder)"
    made = merge_models([model, other], tmp_path / "out", grafts=[(rows, model)])
    loaded, first = (BertForMaskedLM.from_pretrained(p) for p in (made.folder, model))
    assert torch.equal(loaded.get_input_embeddings().weight, first.get_input_embeddings().weight)
    assert made.facts["tensors"]["grafted"] >= 2


def test_adapters_are_merged_onto_their_base(folders, tmp_path):
    from safetensors.torch import load_file, save_file

    base, *_ = folders("bert")
    name = "bert.encoder.layer.0.attention.self.query"
    down, up = torch.randn(2, 32), torch.randn(32, 2)
    lora = tmp_path / "lora"
    lora.mkdir()
    save_file(
        {
            f"base_model.model.{name}.lora_A.weight": down,
            f"base_model.model.{name}.lora_B.weight": up,
        },
        lora / "adapter_model.safetensors",
    )
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    (lora / "adapter_config.json").write_text(json.dumps(config))
    (lora / "README.md").write_text("---\nlicense: mit\n---\n")
    asked = {"method": "task_arithmetic", "base": base, "weights": (0.5,)}
    made = merge_models([lora], tmp_path / "out", **asked)
    one, other = (load_file(p / "model.safetensors") for p in (base, made.folder))
    wanted = one[f"{name}.weight"] + up @ down
    torch.testing.assert_close(other[f"{name}.weight"], wanted)
    assert set(made.facts["smoke"]["cosines"]) == {str(base)}
    assert made.facts["models"][0]["licence"] == "mit"
    (lora / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 2}))
    with pytest.raises(OutputError, match="holds another"):
        merge_models([lora], tmp_path / "out", **asked)
    with pytest.raises(UsageError, match="nothing without its base"):
        merge_models([lora], tmp_path / "other")


def test_a_full_disk_leaves_nothing_and_is_said(folders, tmp_path, monkeypatch):
    import errno

    from isogloss.merge import stream

    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stream, "write", full)
    with pytest.raises(OutputError, match="no space left"):
        merge_models(folders("bert")[1:], tmp_path / "out")
    assert not list(tmp_path.iterdir())


KILLED = """
import sys, time
from isogloss.merge import stream
from isogloss.recipe.merging import merge_models
put = stream._put
def slow(*given):
    print("at work", flush=True)
    time.sleep(0.2)
    put(*given)
stream._put = slow
merge_models(sys.argv[2:], sys.argv[1])
"""


def test_a_merge_that_was_killed_leaves_no_folder_and_can_be_done_again(folders, tmp_path):
    _, *models = folders("bert")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "out"), *map(str, models)],
        stdout=subprocess.PIPE, env=os.environ,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"at work")  # of several threads
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.1)
    assert not (tmp_path / "out").exists()
    made = merge_models(models, tmp_path / "out")
    wanted = merge_models(models, tmp_path / "again")
    one, other = ((x.folder / "model.safetensors").read_bytes() for x in (made, wanted))
    assert one == other


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text").mkdir()
    for tag in ("eng", "fin"):
        (tmp_path / "text" / f"{tag}.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return str(tmp_path / "text")


def recipe(model, text, *steps):
    return {
        "name": "merge", "model": str(model), "pivot": "eng", "languages": ["fin"],
        "text": {"text": {"path": text}}, "steps": list(steps),
    }  # fmt: skip


def test_a_step_merges_models_of_the_run(folders, tmp_path, text):
    from safetensors.torch import load_file

    base, *_ = folders("bert")
    first = {"use": "merge.v1", "name": "half", "models": ["teacher", "teacher"], "keep": True}
    more = {
        "use": "merge.v1", "name": "moved", "models": ["half"], "base": "teacher", "keep": True,
        "method": "ties", "settings": {"share": 0.5}, "rules": {"layer": [0.5]},
        "grafts": {"word_embeddings": "teacher"},
    }  # fmt: skip
    run = isogloss.run(recipe(base, text, first, more), out=tmp_path / "run")
    start = load_file(base / "model.safetensors")
    for name in ("half", "moved"):
        made = load_file(run.folder / "files" / name / "model" / "model.safetensors")
        assert all(torch.equal(made[n], x) for n, x in start.items())
    row = next(iter(run.scores.where(measure="cosine_to_merged", system="moved")))
    assert row.value == pytest.approx(1, abs=1e-5) and row.settings["model"] in ("teacher", "half")
    assert any("grafted" in note for note in run.provenance["notes"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"models": ["teacher", "later"]}, "models.1: nothing earlier is called 'later'"),
        ({"models": []}, "models"),
        ({"method": "ties"}, "give --base"),
        ({"method": "tees"}, "one of linear"),
        ({"method": "ties", "base": "teacher", "settings": {"share": 2}}, "share"),
        ({"grafts": {"a": "later"}}, "grafts.a: nothing earlier"),
    ],
)
def test_a_step_that_cannot_work_is_refused_at_once(text, asked, said):
    step = {"use": "merge.v1", "name": "m", "models": ["teacher"], **asked}
    with pytest.raises(SettingsError, match=said):
        read_recipe(recipe("model", text, step))
