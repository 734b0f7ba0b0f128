"""The commands of mining: what they print, what they refuse, what they teach."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app

SENTENCES = [f"{a} {b} {c}" for a in "abcd" for b in "efgh" for c in "ijkl"]


@pytest.fixture
def model(tmp_path):
    from numpy.random import default_rng
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    body = tmp_path / "model" / "0"
    body.mkdir(parents=True)
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate("?abcdefghijkl")}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(body / "tokenizer.json"))
    table = default_rng(0).normal(size=(13, 8)).astype("float32")
    save_file({"embedding.weight": table}, body / "model.safetensors")
    module = {"type": "sentence_transformers.models.StaticEmbedding", "path": "0"}
    (body.parent / "modules.json").write_text(json.dumps([module]), encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / name).write_text("\n".join(SENTENCES) + "\n\n", encoding="utf-8")
    return body.parent


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)


def test_mine_and_mine_again(tmp_path, model):
    command = [
        "mine", model, "--source", tmp_path / "one", "--target", tmp_path / "two", "--out",
        tmp_path / "out", "--source-language", "deu", "--target-language", "eng",
    ]  # fmt: skip
    for _ in range(2):
        made = call(*command)
        assert made.exit_code == 0, made.output
        assert "source: 64 sentences; left out: 1 empty" in made.stdout
        assert "pairs:  64 of 64 found" in made.stdout
        assert "no threshold was applied" in made.stderr and "bitext.tmx" in made.stdout
    facts = json.loads(call(*command, "--json").stdout)
    assert facts["counts"]["pairs_kept"] == 64
    assert call(*command, "--k", "2").exception.exit_code == 1
    assert "known translations" in str(call(*command, "--precision", "0.9").exception)


def test_score_bitext_prints_quantiles(tmp_path, model):
    lines = "".join(f"{s}\t{s}\n" for s in SENTENCES)
    (tmp_path / "t.tsv").write_text(f"deu\teng\n{lines}", encoding="utf-8")
    made = call("score-bitext", model, "--text", tmp_path / "t.tsv", "--out", tmp_path / "s.tsv")
    assert made.exit_code == 0, made.output
    assert "50%" in made.stdout and "cosine     1.000" in made.stdout
    assert len((tmp_path / "s.tsv").read_text().splitlines()) == 65


@pytest.mark.parametrize("command", ["mine", "score-bitext"])
def test_help_teaches(command):
    made = subprocess.run(
        [sys.executable, "-m", "isogloss", command, "--help"], capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "100"}, check=True,
    )  # fmt: skip
    assert f"Example: isogloss {command} all-MiniLM-L6-v2" in made.stdout
    assert "--margin" in made.stdout and "cosine" in made.stdout
