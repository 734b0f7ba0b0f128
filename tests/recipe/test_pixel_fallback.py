"""The recipe of Pixel-Fallback on a few rows: what is drawn, what is kept, and what is told."""

import json

import numpy as np
import pytest

from isogloss.encode import load_encoder
from isogloss.errors import SettingsError, TrainingError, UsageError
from isogloss.recipe.recipe import read_recipe
from isogloss.settings import read_toml

from .conftest import RECIPES

QUICK = {"warm_up": 2, "steps": 2, "threads": 1, "width": 16, "heads": 2, "batch": 8, "views": 1}
ROWS = {"train": 60, "held_out": 30}


@pytest.fixture
def over_bytes(shorter):
    """The recipe with bytes in both places: it needs no fonts."""
    changes = {"pixels": {**QUICK, "drawn": "bytes"}, "bytes": {**QUICK, "warm_up": 0}}
    return shorter("Pixel-Fallback", tags=("rus_Cyrl",), changes=changes, **ROWS)


def test_each_way_is_measured_and_the_pivot_stays_as_it_was(over_bytes, minilm):
    scores = over_bytes.scores
    for system, stage in (("all-MiniLM-L6-v2", "before"), ("pixels", "after"), ("bytes", "after")):
        assert len(scores.where(measure="retrieval_p1", system=system, stage=stage)) == 2
    assert len(scores.where(measure="retrieval_p1", stage="change")) == 6
    [kept] = scores.where(measure="pivot_cosine_to_teacher")
    assert kept.value == pytest.approx(1, abs=1e-6)
    folder = over_bytes.folder / "files" / "pixels" / "model"
    encoder, plain = load_encoder(folder), load_encoder(minilm)
    texts = ["red circle", "a long word"]
    for at, vectors in encoder.encode(texts, language="eng_Latn").items():
        expected = plain.encode(texts, language="eng_Latn")[at].array
        np.testing.assert_array_equal(vectors.array, expected)
    russian = "красный круг"
    (found,) = encoder.encode([russian], language="rus_Cyrl").values()
    assert found.tokens.tolist() == [4]  # two words and the two ends


def test_what_is_drawn_and_left_out_is_told(over_bytes):
    notes = over_bytes.provenance["notes"]
    for name in ("pixels", "bytes"):
        assert any(n.startswith(f"{name}: rus_Cyrl: ") and "words are drawn" in n for n in notes)
        assert any(n.startswith(f"{name}: eng_Latn: 0 of ") for n in notes)
        [read] = [n for n in notes if n.startswith(f"{name} reads ") and "rus_Cyrl" in n]
        drawn, words = (int(x) for x in read.rpartition(": ")[2].split()[:3:2])
        assert 0 < drawn <= words
    [begun] = [n for n in notes if "begin toward the rows of their translations" in n]
    assert begun.startswith("pixels: ")
    file = over_bytes.folder / "files" / "pixels" / "model" / "pixel_fallback.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    assert about["about"]["steps"] == 2 and about["renderer"]["kind"] == "bytes"
    assert about["words"]["scripts"] == ["Cyrl", "Hang"]


def test_long_rows_are_counted(shorter):
    changes = {name: {**QUICK, "drawn": "bytes", "longest": 2} for name in ("pixels", "bytes")}
    run = shorter("Pixel-Fallback", tags=("rus_Cyrl",), changes=changes, **ROWS)
    told = [n for n in run.provenance["notes"] if "rows are empty or over 2 tokens" in n]
    assert len(told) == 4


def test_it_learns_from_pixels(shorter):
    """With fonts and Pillow: words are drawn, and the texts it trained on are found again."""
    pytest.importorskip("PIL", reason="needs pip install isogloss[pixels]")
    from isogloss.encode.fonts import find_fonts

    try:
        if not any(font.has("ж") for font in find_fonts()):
            pytest.skip("needs a font with Cyrillic letters")
    except UsageError:
        pytest.skip("needs fonts, such as those of fonts-noto-core")
    more = {**QUICK, "width": 96, "warm_up": 80, "steps": 10, "learning_rate": 3e-3}
    changes = {"pixels": more, "bytes": QUICK}
    run = shorter("Pixel-Fallback", tags=("rus_Cyrl",), changes=changes, **ROWS)
    model = run.folder / "files" / "pixels" / "model"
    about = json.loads((model / "pixel_fallback.json").read_text(encoding="utf-8"))
    assert about["renderer"]["kind"] == "pixels" and about["renderer"]["fonts"]
    [fonts] = [n for n in run.provenance["notes"] if "words are drawn with" in n]
    assert about["renderer"]["fonts"][0]["name"] in fonts
    losses = [row["loss"] for row in about["about"]["log"]]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 5}, "heads must divide width"),
        ({"drawn": "bytes", "fonts": ["a.ttf"]}, "fonts and drawing are settings of pixels"),
        ({"words": {"scripts": ["Jpan"]}}, "words.scripts: no character has the script 'Jpan'"),
        ({"drawing": {"size": 1}}, "drawing.size"),
    ],
)
def test_bad_settings_are_refused(change, message):
    source = read_toml(RECIPES / "Pixel-Fallback.toml")
    next(s for s in source["steps"] if s["name"] == "pixels").update(change)
    with pytest.raises(SettingsError, match=message):
        read_recipe(source)


def test_a_static_model_has_no_rows_to_stand_beside(bilingual, tmp_path):
    import isogloss
    from isogloss.errors import ModelError

    source = read_toml(RECIPES / "Pixel-Fallback.toml")
    steps = [{**s, "drawn": "bytes"} for s in source["steps"] if s["name"] == "pixels"]
    recipe = {**source, "steps": steps, "model": str(bilingual), "languages": ["rus"]}
    with pytest.raises(ModelError, match="a fallback stands beside a transformer"):
        isogloss.run(recipe, out=tmp_path / "run")


def test_text_without_a_word_to_draw_is_refused(shorter):
    changes = {name: {**QUICK, "drawn": "bytes", "warm_up": 0, "words": {"scripts": ["Hang"]}}
               for name in ("pixels", "bytes")}  # fmt: skip
    with pytest.raises(TrainingError, match=r"no word of the text is drawn[^$]*scripts"):
        shorter("Pixel-Fallback", tags=("deu_Latn",), changes=changes, **ROWS)
