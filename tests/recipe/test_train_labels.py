"""A task learned in one language from labels in a file, its head left beside the model."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

import isogloss

TINY = {"use": "new_model.v1", "name": "fresh", "text": "train", "size": 300, "width": 16,
        "longest": 32}  # fmt: skip


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Rows that are told apart by a word, and their labels."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    rng, folder = np.random.default_rng(0), tmp_path / "text"
    folder.mkdir()
    kinds = rng.integers(0, 2, 80)
    for tag, words in (("eng_Latn", ("day", "night")), ("deu_Latn", ("tag", "nacht"))):
        lines = [f"{words[kind]} w{n} w{n % 7}" for n, kind in enumerate(kinds)]
        (folder / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ids = isogloss.read_corpus(str(folder)).ids
    labels = tmp_path / "labels.tsv"
    rows = "".join(f"{i}\t{'zx'[kind]}\n" for i, kind in zip(ids, kinds, strict=True))
    labels.write_text("id\tlabel\n" + rows, encoding="utf-8")
    lesson = {
        "mixture": {"use": "labelled", "text": "train", "labels": str(labels), "batch": 16,
                    "languages": ["eng"]},
        "objectives": [{"use": "classify", "classes": 2, "drop": 0.0}],
    }  # fmt: skip
    step = {"use": "train.v1", "name": "taught", "model": "fresh", "threads": 1, "steps": 40,
            "learning_rate": 3e-3, "tuning_rows": 10, "lessons": [lesson],
            "keep": "model"}  # fmt: skip
    return {"name": "task", "pivot": "eng", "languages": ["deu"],
            "text": {"train": {"path": str(folder)}}, "steps": [TINY, step]}  # fmt: skip


def test_a_head_is_learned_and_kept_with_the_names_of_its_classes(task, tmp_path):
    run = isogloss.run(task, out=tmp_path / "run")
    training = run.provenance["training"]
    assert training["log"][-1]["classify"] < 0.1 < training["log"][0]["classify"]
    assert set(training["tokens_by_language"]) == {"eng_Latn"}
    heads = run.folder / "files" / "taught" / "heads" / "1"
    assert json.loads((heads / "head.json").read_text())["classes"] == ["x", "z"]
    head = load_file(heads / "head.safetensors")
    encoder = isogloss.load_encoder(str(run.folder / "files" / "taught" / "model"))
    found = encoder.encode(["night w3 w3", "day w79 w2"], language="eng_Latn")
    vectors = next(reversed(found.values())).array
    assert (vectors @ head["weight"].T + head["bias"]).argmax(1).tolist() == [0, 1]
