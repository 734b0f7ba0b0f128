"""The nearest languages are those whose parallel sentences the model puts nearest."""

import json
import subprocess
import sys

import numpy as np
import pytest

from isogloss.corpus import read_corpus
from isogloss.encode import load_encoder
from isogloss.errors import UnknownLanguage, UsageError
from isogloss.measure.similarity import most_similar, similarity
from isogloss.recipe.similar import similar

WORDS = ["sun", "moon", "star", "rain", "snow", "wind", "fire", "leaf", "bird", "fish"]
ENGLISH = [f"the {a} and the {b}" for a in WORDS for b in WORDS[:3]]
MODEL = "all-MiniLM-L6-v2"


@pytest.fixture
def text(tmp_path, minilm):
    """Near English, a bit further, far; of the last only one row is not missing."""
    made = {
        "eng": ENGLISH,
        "sco": [line.replace("the", "thee") for line in ENGLISH],
        "deu": [line.replace("the", "der").replace("and", "und") for line in ENGLISH],
        "rus": [f"{i} ъъ ыы" for i in range(30)],
        "zul": ["kukhona", *[""] * 29],
    }
    folder = tmp_path / "text"
    folder.mkdir()
    for tag, lines in made.items():
        (folder / f"{tag}.txt").write_text("".join(f"{x}\n" for x in lines), encoding="utf-8")
    return folder


def test_it_is_the_measure_of_one_layer_ranked(text):
    scores, notes = similar(MODEL, text, ["en", "deu"], layer=4, k=2)
    corpus, encoder = read_corpus(text), load_encoder(MODEL)
    vectors = {
        tag: encoder.encode(corpus.texts(tag), language=tag, layers=[4])[4]
        for tag in map(str, corpus.languages)
    }
    found = similarity(vectors)
    for target in ("eng_Latn", "deu_Latn"):
        rows = scores.where(language=target)
        expected = most_similar(found.matrix, found.languages, target, 2)
        assert [r.pivot for r in rows] == [name for name, _ in expected]
        np.testing.assert_allclose([r.value for r in rows], [v for _, v in expected], atol=1e-3)
        assert [r.settings for r in rows] == [{"rank": 1, "of": 3}, {"rank": 2, "of": 3}]
        assert all(r.low <= r.value <= r.high and r.n == 30 and r.layer == 4 for r in rows)
    assert [r.pivot for r in scores.where(language="eng_Latn")] == ["sco_Latn", "deu_Latn"]
    assert "eng_Latn and zul_Latn share 1 rows: not compared" in notes


def test_layers_differ_and_the_last_is_the_default(text):
    last, _ = similar(MODEL, text, ["eng"], k=1)
    same, _ = similar(MODEL, text, ["eng"], k=1, layer=6)
    first, _ = similar(MODEL, text, ["eng"], k=1, layer=0)
    assert last == same and last[0].value != first[0].value


def test_the_choice_can_be_limited(text):
    scores, _ = similar(MODEL, text, ["eng"], among=["rus", "deu", "eng"])
    assert [r.pivot for r in scores] == ["deu_Latn", "rus_Cyrl"]


def test_what_cannot_be_asked_says_so(text):
    with pytest.raises(UnknownLanguage, match="swh"):
        similar(MODEL, text, ["swh"])
    with pytest.raises(UnknownLanguage, match="no language to compare eng_Latn with"):
        similar(MODEL, text, ["eng"], among=["eng"])
    with pytest.raises(UsageError, match="k is 0"):
        similar(MODEL, text, ["eng"], k=0)
    with pytest.raises(UsageError, match="no layer 9"):
        similar(MODEL, text, ["eng"], layer=9)


def command(*more):
    command = [sys.executable, "-m", "isogloss", "languages", "eng", *map(str, more)]
    return subprocess.run(command, capture_output=True, text=True)


def test_from_the_command_line(text):
    made = command("--similar", MODEL, "--text", text, "-k", 1)
    assert "Scots (sco_Latn)" in made.stdout and "German" not in made.stdout, made.stderr
    assert "isogloss: eng_Latn and zul_Latn share 1 rows" in made.stderr
    rows = json.loads(command("--similar", MODEL, "--text", text, "--json").stdout)
    assert [r["pivot"] for r in rows] == ["sco_Latn", "deu_Latn", "rus_Cyrl"]
    for wrong in (("--similar", MODEL), ("--text", text)):
        refused = command(*wrong)
        assert refused.returncode == 2 and refused.stderr.startswith("isogloss: --")
