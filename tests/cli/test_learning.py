"""`isogloss tokenizers learn`: what it writes, prints, teaches and refuses."""

import json
import subprocess
import sys

import pytest
from tokenizers import Tokenizer
from typer.testing import CliRunner

from isogloss.cli.main import app


def call(*arguments):
    return CliRunner().invoke(app, ["tokenizers", "learn", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "text").mkdir()
    for tag, word in (("eng", "panda"), ("rus", "панда")):
        lines = "".join(f"{word} {i}\n" for i in range(9 if tag == "eng" else 4))
        (tmp_path / "text" / f"{tag}.txt").write_text(lines, encoding="utf-8")
    return tmp_path


def test_learn(folder):
    about = ["--text", folder / "text", "--out", folder / "out", "--algorithm", "byte_bpe"]
    made = call(*about, "--size", 280, "--special", "t5", "--lower")
    assert made.exit_code == 0, made.output
    assert "Russian (rus_Cyrl)" in made.stdout and "tokenizer_config.json" in made.stdout
    tokenizer = Tokenizer.from_file(str(folder / "out" / "tokenizer.json"))
    assert tokenizer.encode("PANDA").tokens == ["panda", "</s>"]
    rows = json.loads(call(*about, "--languages", "rus", "--json").stdout)
    assert {row["language"] for row in rows} == {"rus_Cyrl"}


def test_help_teaches():
    said = " ".join(call("--help").stdout.split())
    for name in ("unigram", "byte_fallback_bpe", "superword_bpe", "vocap", "Example: isogloss"):
        assert name in said


def test_refused_in_one_message(folder):
    command = [sys.executable, "-m", "isogloss", "tokenizers", "learn", "--text", "text"]
    for more, said in (
        (["--algorithm", "bqe"], "there is no tokenizer called 'bqe'"),
        (["--algorithm", "bpe", "--size", "5"], "no room for"),
    ):
        made = subprocess.run(
            [*command, "--out", "o", *more], cwd=folder, capture_output=True, text=True
        )
        assert made.returncode == 2 and said in made.stderr and "Traceback" not in made.stderr
    assert not (folder / "o").exists()
