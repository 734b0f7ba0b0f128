"""Recipes of whole texts: each runs on few names with a tiny model, and its arms are not alike."""

import json
from pathlib import Path

import pytest
import torch

import isogloss
from isogloss.errors import IsoglossError
from isogloss.recipe.recipe import read_recipe
from isogloss.settings import read_toml
from isogloss.task.suites import read_suite
from isogloss.train.readers import open_body
from loading import load

pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
RECIPES = Path(__file__).parents[2] / "recipes"
first_rows = load("recipe/conftest.py").first_rows
SUITE = "recipes/suites/emoji.toml"
TRAIN, TEST = 48, 16
TAGS = ("deu_Latn", "rus_Cyrl")


@pytest.fixture
def few(tmp_path, monkeypatch, tiny_body):
    """Run a recipe on the first names of each part of its suite; `only`: names of its steps.

    `rows`: how many of its own text are read.
    """

    def run(name, *, only=None, changes=None, languages=TAGS, rows=None):
        monkeypatch.chdir(RECIPES.parent)
        recipe = read_toml(RECIPES / f"{name}.toml")
        assert recipe["name"] == name
        read_recipe(recipe)
        source = shortened(tmp_path)
        if rows:
            first_rows(recipe, "train", languages, rows, tmp_path / "train")
        for step in recipe["steps"]:
            if step.get("suite") == SUITE:
                step |= {"suite": str(source), "data": str(tmp_path), "targets": list(TAGS)}
            step |= (changes or {}).get(step["name"], {})
        recipe["steps"] = [s for s in recipe["steps"] if only is None or s["name"] in only]
        recipe |= {"model": str(tiny_body), "languages": list(languages)}
        return isogloss.run(recipe, out=tmp_path / name)

    return run


def shortened(folder):
    """The suite with labels of few names, of every class as many as there are among them."""
    suite = RECIPES / "suites" / "emoji.toml"
    known = dict(
        line.split("\t")
        for line in (RECIPES / "MAD-X-labels.tsv").read_text(encoding="utf-8").splitlines()
    )
    lines = ["id\tlabel"]
    for split, count in (("train", TRAIN), ("held-out", TEST)):
        ids = isogloss.read_corpus(f"emoji?split={split}", languages=["eng"]).ids
        there = [one for one in ids if known.get(one) in ("sign", "animal")]
        lines += [f"{one}\t{known[one]}" for one in there[:: len(there) // count][:count]]
    (folder / "labels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = suite.read_text(encoding="utf-8").replace("recipes/MAD-X-labels.tsv", "labels.tsv")
    (folder / "emoji.toml").write_text(text, encoding="utf-8")
    return folder / "emoji.toml"


def spent(run, strategy, tag="deu_Latn"):
    """Of an attempt, how many texts were translated."""
    rows = run.scores.where(measure="accuracy", strategy=strategy, language=tag, seed=0)
    [row] = [row for row in rows if row.stage is None and "rule" in row.settings]
    return row.settings["translations"]["texts"]


def compared(run, first):
    """The strategies that were compared with the first, in every language and on average."""
    rows = run.scores.where(stage="change", measure="accuracy")
    rows = [row for row in rows if not row.settings.get("forgetting")]
    assert {row.settings["against"] for row in rows} == {first}
    assert {row.language for row in rows} == {*TAGS, None}
    return {row.strategy for row in rows}


def test_the_suite_of_emoji_is_n_way_and_whole():
    suite = read_suite(RECIPES / "suites" / "emoji.toml")
    for split, count in (("train", 969), ("test", 241)):
        english, turkish = (
            suite.examples("", tag, split, data=RECIPES.parent) for tag in ("eng", "tur")
        )
        assert len(english) == count and english.ids == turkish.ids
        assert english.column("label") == turkish.column("label")
        assert english.column("text") != turkish.column("text")
        assert len(set(english.column("label"))) == 8
    assert len(suite.languages()) == 14


def test_costs_are_of_the_training_data_or_of_every_question(few):
    run = few("CostBenefitCLT")
    names = ("zero_shot", "translate_test", "translate_train alone",
             "translate_train beside English")  # fmt: skip
    assert [spent(run, name) for name in names] == [0, TEST, TRAIN, TRAIN]
    assert compared(run, "zero_shot") == set(names[1:])
    gaps = run.scores.where(measure="transfer_gap")
    assert {row.language for row in gaps} == set(TAGS)
    # what English alone, English beside another, and the other alone make of the English test
    sources = {name: [row.settings["source"] for row in gaps if row.strategy == name]
               for name in names}  # fmt: skip
    assert sources["zero_shot"] == sources["translate_test"]
    assert sources["translate_train alone"] != sources["translate_train beside English"]


def test_artifacts_are_told_by_the_same_training_data_there_and_back(few):
    run = few("TranslationArtifacts")
    for first, others, asked in (
        ("translate_test", ("back through the target", "back through German"), TEST),
        ("zero_shot", ("back through the target, as it is", "back through German, as it is"), 0),
    ):
        assert spent(run, first) == asked
        assert {spent(run, name) for name in others} == {2 * TRAIN + asked}
    changed = {
        row.settings["against"]
        for row in run.scores.where(stage="change", measure="accuracy")
        if not row.settings.get("forgetting")
    }
    assert changed == {"translate_test", "zero_shot"}


def test_planted_errors_of_translation_widen_the_gap(few):
    run = few("XNLI-TransErrors", only=("taught", "gaps"),
              changes={"taught": {"model": "teacher", "strategies": [{"use": "target_labels.v1"}]},
                       "gaps": {"model": "teacher", "strategy": "target_labels",
                                "planted": 1.0}})  # fmt: skip
    found = {name: run.scores.where(measure=name) for name in ("translation_gap", "planted_gap")}
    assert [[row.language for row in rows] for rows in found.values()] == [list(TAGS)] * 2
    for sound, wrong in zip(*found.values(), strict=True):
        assert sound.n == wrong.n == TEST
        assert sound.settings["machine"] == wrong.settings["machine"]
        assert sound.settings["human"] >= wrong.settings["human"]
    files = run.folder / "files" / "gaps"
    assert {file.name for file in files.iterdir()} == {f"{tag}.tsv" for tag in TAGS}
    lines = (files / "rus_Cyrl.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == ["right", "id", "human", "machine"] and len(lines) == TEST + 1


def test_monotrans_has_its_task_told_over_both_tables(few, monkeypatch):
    seen = []
    from isogloss import registry

    plain = registry.get("strategy", "swap_vocabulary.v1")

    def swap(job, target, **settings):
        seen.append(job.means.folders[target])
        return plain(job, target, **settings)

    get = registry.get
    monkeypatch.setattr(
        registry, "get",
        lambda kind, name: swap if name == "swap_vocabulary.v1" else get(kind, name),
    )  # fmt: skip
    quick = {"targets": ["rus"], "tuning": {"epochs": 1, "threads": 1}}
    less = {"steps": 2, "batch": 8, "threads": 1}
    run = few(
        "MonoTrans-XQuAD", only=("head", "drawn", "swapped", "task-over-drawn", "task"),
        changes={"task": quick, "task-over-drawn": quick, "head": less, "swapped": less,
                 "drawn": {"size": 600}},
        languages=["rus_Cyrl"], rows=300,
    )  # fmt: skip
    assert [path.parent.name != path.name for path in seen] and len(set(seen)) == 2
    rows = run.scores.where(measure="accuracy", seed=0, language="rus_Cyrl", stage=None)
    assert {row.strategy for row in rows} >= {"zero_shot", "drawn table", "trained table"}


def test_xtreme_says_what_it_lacks_and_tells_gaps_where_it_has_all(few, tmp_path, tiny_body):
    recipe = read_toml(RECIPES / "XTREME.toml")
    read_recipe(recipe)
    assert len({step["name"] for step in recipe["steps"]}) == 8
    with pytest.raises(IsoglossError, match=r"network|hub"):
        isogloss.run(recipe, out=tmp_path / "xtreme")
    with pytest.raises(IsoglossError, match=r"network|datasets"):
        isogloss.run({**recipe, "model": str(tiny_body)}, out=tmp_path / "xtreme-data")
    local = {"suite": str(shortened(tmp_path)), "data": str(tmp_path), "targets": list(TAGS),
             "learner": "probe"}  # fmt: skip
    run = few("XTREME", only=("xnli",), changes={"xnli": local})
    for tag in TAGS:
        gap = run.scores.one(measure="transfer_gap", language=tag)
        there = run.scores.where(measure="accuracy", language=tag, seed=0)[0].value
        assert gap.settings["target"] == there
        assert gap.value == pytest.approx(gap.settings["source"] - there)
        assert gap.interval.endswith("paired")
    made = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    assert [step["name"] for step in made["steps"]] == ["xnli"]


def test_beto_freezes_the_lower_layers_and_the_embeddings(few, monkeypatch):
    from isogloss.task import learners

    plain, taught = learners.tune, []

    def tune(**given):
        taught.append((plain(**given), given["folder"]))
        return taught[-1][0]

    monkeypatch.setattr(learners, "tune", tune)
    quick = {"seeds": [0], "tuning": {"epochs": 1, "threads": 1, "learning_rate": 1e-2}}
    pretrained = {"steps": 2, "threads": 1, "tuning_rows": 20}
    drawn = {"size": 600, "width": 16, "heads": 2}
    run = few(
        "Beto-Bentz-Becas", languages=("deu", "spa", "rus", "ara"),
        changes={"tuned": quick, "pretrained": pretrained, "drawn": drawn},
    )  # fmt: skip
    names = [f"{n} of 4 layers frozen" for n in (1, 2, 3)]
    assert compared(run, "zero_shot") == set(names)
    moved = []
    for solver, folder in taught:
        before = dict(open_body(folder.body).named_parameters())
        after = dict(solver.student.module.body.named_parameters())
        moved.append({
            int(name.split("layer.")[1].split(".")[0]) + 1 if "layer." in name else 0
            for name in before if not torch.equal(before[name], after[name].cpu())
            and "pooler" not in name
        })  # fmt: skip
    assert moved == [{0, 1, 2, 3, 4}, {2, 3, 4}, {3, 4}, {4}]
