"""A decoder as it is, among strategies that teach."""

import json

import pytest
from typer.testing import CliRunner

import isogloss
import labelled
from bag_learner import BagLearner
from isogloss import registry
from isogloss.cli.main import app
from isogloss.encode.folder import open_folder
from isogloss.errors import UsageError
from isogloss.task.choosing import By, open_chooser
from isogloss.task.examples import CHOICES, make_examples
from isogloss.task.job import Job, Means, attempt
from isogloss.task.tasks.choices import ChooseTask
from isogloss.task.tasks.classify import ClassifyTask

ROWS = [
    ("the face of a", ["cat", "small grey mouse", "dog with a hat"]),
    ("flag", ["red", "flag: Germany"]),
    ("a man and", ["a woman", "wedge of cheese"]),
]


def choices(language="eng", split="test"):
    columns = {"text": [text for text, _ in ROWS], "choices": [own for _, own in ROWS],
               "label": [0] * len(ROWS)}  # fmt: skip
    return make_examples("next", language, CHOICES, columns, split=split)


def of(path, tmp_path, task=None, load=choices):
    means = Means(model=open_folder(path, "x"))
    return Job(task or ChooseTask(), ["eng_Latn"], load, BagLearner(), 0, means, tmp_path)


def test_it_tells_what_the_model_tells_untaught_and_sees_no_label(model_folder, tmp_path):
    job, name = of(model_folder("gpt2"), tmp_path), "likelihood.v1"
    opened = open_folder(model_folder("gpt2"), "x")
    for settings in ({}, {"unit": "sum"}, {"unit": "token", "against": ""}):

        def strategy(job, target, settings=settings):
            return registry.get("strategy", name)(job, target, **settings)

        told = attempt(job, strategy, "deu_Latn")
        wanted = open_chooser(opened, By(**settings)).tell(choices("deu"))
        assert [guess.value for guess in told] == wanted.values
        assert job.ledger.rule().startswith("trained on no label") and not job.learner.taught
        assert "nothing was taught" in job.ledger.rule() and job.ledger.model_bytes > 10_000


def test_it_is_for_choices_alone(model_folder, tmp_path):
    job = of(model_folder("gpt2"), tmp_path, ClassifyTask(), lambda *_: labelled.texts(4))
    with pytest.raises(UsageError, match=r"likelihood.v1 does not work for text with a label"):
        registry.get("strategy", "likelihood.v1")(job, "deu_Latn")


def test_transfer_and_evaluate_reach_it(model_folder, tmp_path):
    lines = [json.dumps({"id": f"r{i}", "text": text, "choices": own, "label": 0})
             for i, (text, own) in enumerate(ROWS)]  # fmt: skip
    for tag in ("eng", "deu"):
        for split in ("train", "test"):
            rows = [line.replace('"r', f'"{split}') for line in lines]
            (tmp_path / f"{tag}.{split}.jsonl").write_text("\n".join(rows) + "\n")
    suite = tmp_path / "next.toml"
    suite.write_text(
        'name = "next"\ntitle = "Next"\ncitation = "none"\nlicence = "CC0"\n[[tasks]]\n'
        'name = "next"\nuse = "choices.v1"\nmetric = "accuracy"\n'
        'path = "{language}.{split}.jsonl"\nsplits = { train = "train", test = "test" }\n'
    )
    path = model_folder("gpt2")
    run = isogloss.transfer(
        path, train=f"{suite}/eng", data=str(tmp_path), seeds=[0], out=tmp_path / "transfer",
        strategies=[{"use": "likelihood", "unit": "sum"}],
    )  # fmt: skip
    [row] = run.scores.where(seed=0, language="deu_Latn")
    assert row.settings["rule"].startswith("trained on no label")
    shown = CliRunner().invoke(app, [
        "evaluate", str(path), "--suite", str(suite), "--data", str(tmp_path), "--unit", "sum",
        "--languages", "deu", "--out", str(tmp_path / "worth"),
    ])  # fmt: skip
    assert shown.exit_code == 0, shown.output
    assert isogloss.open_run(tmp_path / "worth").scores.one(language="deu_Latn").value == row.value
