"""One step trains by three named factors; what it leaves is a plain model, or its delta alone."""

import json

import numpy as np
import pytest

import isogloss
from isogloss.errors import ModelError, SettingsError, TrainingError
from isogloss.recipe.recipe import read_recipe

SHORT = {"steps": 4, "threads": 1, "tuning_rows": 20, "learning_rate": 1e-3}
PAIRS = {
    "mixture": {"use": "parallel", "text": "train", "batch": 8},
    "objectives": [{"use": "contrast_views", "temperature": 0.1}, {"use": "distil", "weight": 0.5}],
}
MASKS = {
    "mixture": {"use": "masked", "text": "train", "batch": 8, "longest": 20},
    "objectives": [{"use": "mlm", "weight": [[0.0, 1.0], [1.0, 0.1]]}],
}


def recipe(model, *steps):
    return {
        "name": "factors", "model": str(model), "pivot": "eng", "languages": ["deu"],
        "text": {"train": {"path": "emoji?split=train"}},
        "steps": [{"use": "train.v1", **SHORT, **step} for step in steps],
    }  # fmt: skip


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_lessons_train_together_and_the_log_says_what_was_read(tiny, tmp_path, cache):
    from transformers import AutoModelForMaskedLM

    run = isogloss.run(
        recipe(tiny, {"name": "both", "lessons": [PAIRS, MASKS], "keep": "model"}),
        out=tmp_path / "run",
    )
    training = run.provenance["training"]
    last = training["log"][-1]
    assert set(last) == {"step", "loss", "contrast", "distil", "mlm"}
    assert last["loss"] == pytest.approx(last["contrast"] + last["distil"] + last["mlm"])
    assert training["lessons"][0]["mixture"]["use"] == "parallel.v1"
    assert set(training["tokens_by_language"]) == {"eng_Latn", "deu_Latn"}
    assert set(training["tuning_p1"]) == {"deu_Latn"}
    after = AutoModelForMaskedLM.from_pretrained(run.folder / "files" / "both" / "model")
    before = AutoModelForMaskedLM.from_pretrained(tiny)
    moved = {n for n, w in after.state_dict().items() if not w.equal(before.state_dict()[n])}
    assert {"bert.embeddings.word_embeddings.weight", "cls.predictions.bias"} <= moved


def test_a_delta_goes_onto_its_base_and_no_other(tiny, tmp_path, cache):
    import shutil

    from tokenizers import Tokenizer

    from isogloss.encode.resolve import find_model
    from isogloss.train.delta import load_delta
    from isogloss.train.student import student_of

    step = {"name": "table", "lessons": [PAIRS], "parameters": {"use": "embeddings", "first": 9}}
    run = isogloss.run(recipe(tiny, {**step, "keep": "delta"}), out=tmp_path / "run")
    delta = run.folder / "files" / "table" / "delta"
    assert {file.name for file in delta.iterdir()} == {"delta.safetensors", "delta.json"}
    tokenizer, base = Tokenizer.from_file(str(tiny / "tokenizer.json")), find_model(str(tiny))
    again = student_of("embeddings.v1", tiny, tokenizer, first=9)
    load_delta(delta, again.module, base.fingerprint)
    again.save(tmp_path / "again")
    saved = isogloss.load_encoder(str(tmp_path / "again"))
    trained = isogloss.load_encoder(str(run.model))
    a, b = (
        next(iter(e.encode(["red heart", "Sonne"], language="eng_Latn").values())).array
        for e in (saved, trained)
    )
    np.testing.assert_array_equal(a, b)
    with pytest.raises(ModelError, match="was trained from the model"):
        load_delta(delta, again.module, "0" * 16)
    with pytest.raises(ModelError, match=r"has other weights than .*embeddings"):
        load_delta(delta, student_of("full.v1", tiny, tokenizer).module, base.fingerprint)
    cut = shutil.copytree(delta, tmp_path / "cut")
    (cut / "delta.safetensors").write_bytes((delta / "delta.safetensors").read_bytes()[:-50])
    with pytest.raises(ModelError, match=r"delta\.safetensors cannot be read"):
        load_delta(cut, again.module, base.fingerprint)
    (cut / "delta.json").write_text(json.dumps({"base": "x"}))
    with pytest.raises(ModelError, match=r"delta\.json is missing or lacks"):
        load_delta(cut, again.module, base.fingerprint)


def test_parts_give_nearly_the_model_of_the_whole(tiny, tmp_path, cache):
    """Dropout differs by part, so without it."""
    from safetensors.numpy import load_file

    still = tmp_path / "still"
    import shutil

    shutil.copytree(tiny, still)
    config = json.loads((still / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (still / "config.json").write_text(json.dumps(config))
    steps = [{"name": f"in-{n}", "lessons": [PAIRS, MASKS], "accumulate": n, "keep": "model"}
             for n in (1, 4)]  # fmt: skip
    run = isogloss.run(recipe(still, *steps), out=tmp_path / "run")
    one, four = (
        load_file(run.folder / "files" / f"in-{n}" / "model" / "model.safetensors") for n in (1, 4)
    )
    for name, weight in one.items():
        np.testing.assert_allclose(four[name], weight, atol=2e-4, err_msg=name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": {"use": "ful"}}, "parameters: use: there is no parameters called 'ful'"),
        ({"parameters": {"use": "embeddings", "frst": 3}}, "did you mean 'first'"),
        ({"parameters": {}}, "parameters: use: required, one of"),
        ({"lessons": []}, "lessons: "),
        ({"lessons": [{**PAIRS, "objectives": [{"use": "contrst"}]}]}, "no objective called"),
        ({"lessons": [{**PAIRS, "objectives": [{"use": "contrast", "temprature": 1}]}]},
         "did you mean 'temperature'"),
        ({"lessons": [{**PAIRS, "objectives": [{"use": "distil", "weight": "x"}]}]},
         "distil.v1: weight: input should be"),
        ({"lessons": [{**PAIRS, "objectives": [{"use": "distil", "weight": []}]}]},
         "distil.v1: weight: input should be"),
        ({"lessons": [{**PAIRS, "objectives": [{"use": "distil", "weight": [[0, 1, 2]]}]}]},
         "weight.0: tuple should have at most 2 items"),
        ({"lessons": [{**PAIRS, "objectives": [{"use": "distil", "weight": -1}]}]},
         "distil.v1: weight: input should be"),
        ({"parameters": {"use": "connector", "decoder": "teacher"}}, "use the step connect.v1"),
        ({"lessons": [{**PAIRS, "mixture": {"use": "parallel"}}]}, "text: required"),
        ({"lessons": [{**PAIRS, "mixture": {"use": "parallel", "text": "other"}}]},
         "nothing earlier is called 'other'"),
    ],
)  # fmt: skip
def test_factors_that_are_wrong_are_named(tiny, change, said):
    with pytest.raises(SettingsError) as error:
        read_recipe(recipe(tiny, {"name": "a", "lessons": [PAIRS], **change}))
    assert said in str(error.value)


def test_a_column_that_the_mixture_does_not_give_is_named(tiny, tmp_path, cache):
    wrong = {**MASKS, "objectives": [{"use": "lexical"}]}
    with pytest.raises(TrainingError, match="Lexical reads shared"):
        isogloss.run(recipe(tiny, {"name": "a", "lessons": [wrong]}), out=tmp_path / "run")


SENTENCES = {
    "ranked": [{
        "mixture": {"use": "hard_negatives", "text": "train", "batch": 8, "negatives": 2},
        "objectives": [{"use": "additive_margin", "margin": 0.2}],
    }],
    "squared": [{**PAIRS, "objectives": [{"use": "distil_mse"}]}],
    "queued": [{**PAIRS, "objectives": [{"use": "momentum_contrast", "queue": 64}]}],
    "pooled": [{
        "mixture": {"use": "pooled", "text": "train", "batch": 8, "pooling": "x-y"},
        "objectives": [{"use": "contrast_views"}],
    }],
    "triple": [{
        "mixture": {"use": "triplets", "text": "train", "positive_text": "train",
                    "negative_text": "other", "batch": 8},
        "objectives": [{"use": "triplet", "distance": "cosine", "margin": 0.3}],
    }],
    "taught": [{
        "mixture": {"use": "fused", "text": "train", "batch": 8},
        "objectives": [{"use": "mlm"}, {"use": "self_teaching"}],
    }],
    "together": [{
        "mixture": {"use": "batch_aligned", "text": "train", "batch": 4},
        "objectives": [{"use": "mlm"}],
    }],
    "short": [
        {**PAIRS, "objectives": [{"use": "distil_layers", "toward": "pivot"}, {"use": "distil"}]},
        {**MASKS, "objectives": [{"use": "mlm"}, {"use": "distil_logits", "weight": 2.0}]},
    ],
}  # fmt: skip


def test_lessons_of_sentences_run_by_their_names(tiny, tmp_path, cache):
    from transformers import AutoModel

    steps = [
        {"name": name, "lessons": lessons, "steps": 2, "accumulate": 2}
        | ({"parameters": {"use": "shorter"}, "keep": "model"} if name == "short" else {})
        for name, lessons in SENTENCES.items()
    ]
    about = recipe(tiny, *steps)
    # the steps, not the sense, are tried: premises, hypotheses and contradictions are one text
    about["text"]["other"] = {"path": "emoji?split=train"}
    run = isogloss.run(about, out=tmp_path / "run")
    short = AutoModel.from_pretrained(run.folder / "files" / "short" / "model")
    whole = AutoModel.from_pretrained(tiny)
    assert short.config.num_hidden_layers == 1 < whole.config.num_hidden_layers
    last = run.provenance["training"]["log"][-1]
    assert set(last) == {"step", "loss", "layers", "distil", "mlm", "logits"}
    assert all(last.values())


def test_files_that_factors_name_count_by_their_content(tiny, tmp_path):
    file = tmp_path / "links"
    file.write_text("0-0\n")
    lesson = {
        "mixture": {"use": "aligned", "text": "train", "links": {"deu": str(file)}},
        "objectives": PAIRS["objectives"],
    }
    _, [step] = read_recipe(recipe(tiny, {"name": "a", "lessons": [lesson]}))
    before = step.key_settings()
    assert list(json.loads(json.dumps(before))["files"]) == [str(file)]
    file.write_text("0-1\n")
    assert step.key_settings() != before
    file.unlink()
    with pytest.raises(SettingsError, match="links"):
        read_recipe(recipe(tiny, {"name": "a", "lessons": [lesson]}))


def test_modules_are_put_in_stacked_exchanged_and_switched_by_language(tiny, tmp_path, cache):
    adapter = {"use": "bottleneck", "reduction": 2, "invertible": True}
    steps = [
        {"name": "one", "lessons": [MASKS], "parameters": adapter},
        {"name": "two", "lessons": [MASKS], "parameters": adapter, "learning_rate": 1e-2},
        {"name": "task", "model": "one", "lessons": [PAIRS], "keep": "model",
         "parameters": {"use": "bottleneck", "drop": "last:1"}},
        {"name": "each", "lessons": [PAIRS], "keep": "model",
         "parameters": {"use": "per_language", "layers": ["last:1"]}},
    ]  # fmt: skip
    job = recipe(tiny, *steps)
    swap = {"use": "exchange_modules.v1", "name": "moved", "model": "task", "of": "two",
            "keep": True}  # fmt: skip
    job["steps"].append(swap)
    run = isogloss.run(job, out=tmp_path / "run")
    folders = {n: run.folder / "files" / n / "model" for n in ("task", "each", "moved")}

    def read(name, tag="eng_Latn"):
        found = isogloss.load_encoder(str(folders[name])).encode(["red heart"], language=tag)
        return next(iter(found.values())).array

    assert not np.allclose(read("task"), read("moved"))
    about = json.loads((folders["each"] / "inserted.json").read_text())
    assert about["parts"][0]["settings"]["languages"] == ["eng_Latn", "deu_Latn"]
    assert not np.allclose(read("each"), read("each", "deu_Latn"))
    job["steps"] = [{**swap, "model": "teacher", "of": "teacher"}]
    with pytest.raises(ModelError, match="has no modules in its body"):
        isogloss.run(job, out=tmp_path / "other")


def test_the_log_is_a_table_of_the_run(tiny, tmp_path, cache):
    import pyarrow.parquet as pq

    step = {"name": "both", "lessons": [PAIRS, MASKS], "keep": "delta"}
    run = isogloss.run(recipe(tiny, step), out=tmp_path / "run")
    log = pq.read_table(run.folder / "files" / "both" / "train_log.parquet")
    assert {"loss_contrast", "loss_mlm", "tokens_deu_Latn", "random_cosine", "seconds"} <= {
        *log.column_names
    }
    tokens = run.provenance["training"]["tokens_by_language"]
    assert log["tokens_deu_Latn"].to_pylist()[-1] == tokens["deu_Latn"]
    assert (run.folder / "files" / "both" / "delta" / "delta.json").is_file()


def weights(run, name):
    from safetensors.numpy import load_file

    return load_file(run.folder / "files" / name / "model" / "model.safetensors")


def test_evaluations_change_nothing_and_choose_the_best(tiny, tmp_path, cache):
    both = {"lessons": [PAIRS, MASKS], "keep": "model", "steps": 6, "learning_rate": 2e-3}
    looked = {**both, "evaluate_every": 2}
    steps = [
        {"name": "plain", **both},
        {"name": "looked", **looked},
        {"name": "followed", **looked, "stop_on": "p1", "patience": 1},
    ]
    run = isogloss.run(recipe(tiny, *steps), out=tmp_path / "run")
    plain, seen = weights(run, "plain"), weights(run, "looked")
    assert all(np.array_equal(plain[name], seen[name]) for name in plain)
    training = run.provenance["training"]
    told = training["evaluations"]
    assert set(told[0]) == {
        "step", "loss", "contrast", "distil", "mlm", "p1", "p1_deu_Latn"
    }  # fmt: skip
    assert told[0]["loss"] == pytest.approx(
        told[0]["contrast"] + 0.5 * told[0]["distil"] + 0.1 * told[0]["mlm"], rel=1e-5
    )
    best = max(told, key=lambda row: (row["p1"], -row["step"]))
    assert training["best_step"] == best["step"]
    assert training["tuning_p1"]["deu_Latn"] == pytest.approx(best["p1"], abs=0.051)
    assert any(
        note.startswith(f"followed: the weights after step {best['step']} of ")
        for note in run.provenance["notes"]
    )


def test_a_run_that_is_killed_chooses_the_same(tiny, tmp_path, monkeypatch):
    step = {"name": "a", "lessons": [PAIRS], "keep": "model", "steps": 6, "checkpoint_every": 1,
            "evaluate_every": 1, "stop_on": "contrast", "patience": 2}  # fmt: skip

    def start(what, total):
        left = iter(range(3))
        return lambda amount, text="": next(left) if what == "a: train" else None

    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "one"))
    with pytest.raises((StopIteration, RuntimeError)):
        isogloss.run(recipe(tiny, step), out=tmp_path / "run", start=start)
    resumed = isogloss.run(recipe(tiny, step), out=tmp_path / "run")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "other"))
    whole = isogloss.run(recipe(tiny, step), out=tmp_path / "whole")
    a, b = weights(resumed, "a"), weights(whole, "a")
    assert all(np.array_equal(a[name], b[name]) for name in a)
    for name in ("evaluations", "best_step", "log"):
        assert resumed.provenance["training"][name] == whole.provenance["training"][name]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patience": 2}, "patience: set stop_on"),
        ({"stop_on": "p1"}, "stop_on: set evaluate_every"),
        ({"betas": [0.9, 1.0]}, "betas"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"schedule": "step"}, "schedule"),
    ],
)
def test_settings_of_the_loop_that_are_wrong_are_named(tiny, change, said):
    with pytest.raises(SettingsError) as error:
        read_recipe(recipe(tiny, {"name": "a", "lessons": [PAIRS], **change}))
    assert said in str(error.value)


def test_a_language_without_text_is_named_with_its_factor(tiny, tmp_path, cache):
    english = ["red heart", "blue heart", "sun", "moon", "star", "tree"]
    for tag, lines in {"eng": english, "deu": [""] * 4 + ["Stern", "Baum"]}.items():
        (tmp_path / f"{tag}.txt").write_text("".join(f"{line}\n" for line in lines))
    asked = recipe(tiny, {"name": "a", "lessons": [PAIRS, MASKS], "tuning_rows": 2})
    asked["text"]["train"]["path"] = str(tmp_path / "{language}.txt")
    with pytest.raises(TrainingError, match=r"a\.lessons\.0\.mixture \(parallel\.v1\): .*deu"):
        isogloss.run(asked, out=tmp_path / "run")


def test_two_processes_give_the_model_of_one(tiny, tmp_path):
    """The same to 1e-4 of a weight; dropout is drawn by part, so it is the same in both."""
    import os
    import subprocess
    import sys

    text = f"""
        name = "factors"
        model = {str(tiny)!r}
        pivot = "eng"
        languages = ["deu"]
        [text.train]
        path = "emoji?split=train"
        [text.test]
        path = "emoji?split=held-out"
        [[steps]]
        use = "measure.v1"
        name = "before"
        model = "teacher"
        text = "test"
        layers = "last"
        measures = ["retrieval_p1"]
        [[steps]]
        use = "train.v1"
        name = "taught"
        steps = 4
        accumulate = 2
        threads = 1
        tuning_rows = 20
        learning_rate = 1e-3
        evaluate_every = 2
        checkpoint_every = 1
        keep = "model"
        [[steps.lessons]]
        mixture = {{ use = "parallel", text = "train", batch = 8 }}
        objectives = [{{ use = "contrast_views" }}, {{ use = "distil" }}]
        [[steps.lessons]]
        mixture = {{ use = "masked", text = "train", batch = 8, longest = 20 }}
        objectives = [{{ use = "mlm" }}]
    """
    (tmp_path / "recipe.toml").write_text(text)
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu",
              "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
              "--dynamo_backend", "no", "--main_process_port", "0", "-m"]  # fmt: skip
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    runs = {}
    for name, start in (("one", [sys.executable, "-m"]), ("two", launch)):
        done = subprocess.run(
            [*start, "isogloss", "run", "recipe.toml", "--out", name], cwd=tmp_path,
            env=environment | {"ISOGLOSS_CACHE": str(tmp_path / f"cache-{name}")},
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert not done.returncode, done.stderr
        assert done.stdout.count("report: ") == 1 and done.stderr.count("taught: train") == 1
        runs[name] = isogloss.open_run(tmp_path / name)
        assert runs[name].provenance["processes"] == {"one": 1, "two": 2}[name]
        steps = list((tmp_path / f"cache-{name}" / "steps").iterdir())
        assert sum(step.is_dir() for step in steps) == 2  # no scratch, nothing temporary
    one, two = (weights(run, "taught") for run in runs.values())
    start = weights_of_folder(tiny)
    moved = max(float(np.abs(one[name] - start[name]).max()) for name in one)
    for name, weight in one.items():
        np.testing.assert_allclose(two[name], weight, atol=1e-4, rtol=0, err_msg=name)
    assert moved > 1e-3
    a, b = (run.provenance["training"] for run in runs.values())
    assert a["tokens_by_language"] == b["tokens_by_language"]
    for left, right in zip(a["log"], b["log"], strict=True):
        assert left == pytest.approx(right, rel=1e-4)
    assert len(runs["two"].scores) == len(runs["one"].scores) > 0
    assert not list((tmp_path / "tmp").glob("tmp*"))


def weights_of_folder(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


def test_a_step_that_training_does_not_reach_is_named(tiny, tmp_path, cache):
    step = {
        "name": "a", "lessons": [PAIRS], "steps": 8, "evaluate_every": 1, "stop_on": "p1",
        "patience": 1, "keep_checkpoints": [7], "learning_rate": 1e-7,
    }  # fmt: skip
    with pytest.raises(TrainingError, match=r"a\.keep_checkpoints: training stopped after step 2"):
        isogloss.run(recipe(tiny, step), out=tmp_path / "run")


def test_held_out_rows_leave_room_for_prompts_too(tiny, tmp_path, cache):
    window = json.loads((tiny / "config.json").read_text())["max_position_embeddings"]
    lines = [("sun " * (window - 3)).strip(), *["sun and moon"] * 59]
    (tmp_path / "text").mkdir()
    for tag in ("eng", "deu"):
        text = "\n".join(reversed(lines)) + "\n"  # the long row is kept from training
        (tmp_path / "text" / f"{tag}.txt").write_text(text)
    step = {
        "name": "a", "lessons": [{**PAIRS, "objectives": [{"use": "contrast_views"}]}],
        "parameters": {"use": "prompts", "length": 5}, "evaluate_every": 2,
    }  # fmt: skip
    about = recipe(tiny, step)
    about["text"]["train"]["path"] = str(tmp_path / "text")
    run = isogloss.run(about, out=tmp_path / "run")
    assert run.provenance["training"]["steps"] == SHORT["steps"]
