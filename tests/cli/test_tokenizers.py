"""The command that audits tokenizers: what it prints and what it refuses."""

import json

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.errors import IsoglossError

ENG = ["red heart", "green circle", "blue book", "up", "man running fast", "dog"]
RUS = ["красное сердце", "зелёный круг", "синяя книга", "вверх", "бегущий человек", "собака"]


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text").mkdir()
    for tag, lines in (("eng", ENG), ("rus", RUS), ("deu", ENG)):
        (tmp_path / "text" / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "text"


def call(*arguments):
    return CliRunner().invoke(app, ["tokenizers", "audit", *map(str, arguments)])


def test_several_side_by_side_worst_first(tmp_path, text):
    made = call("bytes", "characters", "--text", text, "--out", tmp_path / "run", "--rows", 1)
    assert made.exit_code == 0, made.output
    assert "the worst 1 of 2" in made.stdout and "Russian (rus_Cyrl)" in made.stdout
    assert "German" not in made.stdout
    assert "bytes: Russian needs 2." in made.stdout and "the same window holds" in made.stdout
    assert "pairs.tsv" in made.stdout and (tmp_path / "run" / "report.html").is_file()


def test_one_alone_has_all_its_measures(tmp_path, text):
    made = call("bytes", "--text", text, "--out", tmp_path / "run", "--no-pairs")
    assert made.exit_code == 0, made.output
    shown = made.stdout
    assert shown.index("Russian (rus_Cyrl)") < shown.index("German (deu_Latn)")
    assert "window" in shown and "fertility" in shown and "English (eng_Latn)" in shown
    assert "pairs.tsv" not in shown


def test_json_is_rows_of_scores(tmp_path, text):
    made = call("bytes", "--text", text, "--out", tmp_path / "run", "--json")
    rows = json.loads(made.stdout)
    assert {"premium", "fertility"} <= {row["measure"] for row in rows}


@pytest.mark.parametrize(
    ("tokenizers", "message"),
    [
        (["bytes", "bytes"], "two tokenizers are called"),
        (["./none.json"], "there is no such model folder"),
        (["text/eng.txt"], "no tokenizer that can be read"),
    ],
)
def test_refusals_are_one_message(tmp_path, text, tokenizers, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = call(*tokenizers, "--text", "text", "--out", "run")
    assert isinstance(made.exception, IsoglossError) and message in str(made.exception)
