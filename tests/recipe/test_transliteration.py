"""Both spellings are read; the pivot stays as it is; scripts without a map are left out."""

import numpy as np
import pytest

import isogloss
from isogloss.corpus import read_corpus
from isogloss.encode import load_encoder
from isogloss.errors import CorpusError
from isogloss.measure.catalogue import MEASURES
from isogloss.vocabulary.romanise import romanise

TAGS = ("deu_Latn", "rus_Cyrl", "kor_Kore")


def test_translit_align_analysis(shorter):
    run = shorter("TranslitAlignAnalysis", TAGS, held_out=100)
    corpus, encoder = read_corpus(run.folder.parent / "held_out"), load_encoder("all-MiniLM-L6-v2")
    russian = corpus.texts("rus")
    units = []
    for texts in (corpus.texts("eng"), russian, romanise(russian, "Cyrl")):
        array = encoder.encode(texts, language="x", layers=[6])[6].array
        units.append(array / np.linalg.norm(array, axis=1, keepdims=True))
    for script, side in (("original", units[1]), ("transliterated", units[2])):
        at = {"language": "rus_Cyrl", "layer": 6, "settings": {"script": script}}
        matched, random, contrast = (
            run.scores.one(measure=f"script_{kind}", **at)
            for kind in ("matched", "random", "contrast")
        )
        assert matched.value == pytest.approx((units[0] * side).sum(1).mean(), abs=2e-3)
        assert contrast.value == pytest.approx(matched.value - random.value)
        assert matched.n == 100 and matched.measure in MEASURES
    for tag in TAGS[1:]:
        change = run.scores.one(language=tag, layer=6, settings={"script": "change"})
        assert change.low < change.value < change.high and abs(change.value) > 0.01
    assert {row.language for row in run.scores} == {"rus_Cyrl", "kor_Kore"}
    assert any("deu_Latn left out" in note for note in run.provenance["notes"])
    assert "contrast by script" in run.report.read_text(encoding="utf-8")


def test_rows_that_a_script_lacks_are_counted(tmp_path, minilm):
    lines = ["eng\trus", "red\tкрасный", "blue\tсиний", "green\t", "none\tъ", "dog\tсобака"]
    (tmp_path / "t.tsv").write_text("".join(f"{x}\n" for x in lines), encoding="utf-8")
    step = {"use": "transliteration.v1", "name": "x", "text": "t"}
    recipe = {"name": "t", "model": "all-MiniLM-L6-v2", "steps": [step],
              "text": {"t": {"path": str(tmp_path / "t.tsv")}}}  # fmt: skip
    run = isogloss.run(recipe, out=tmp_path / "run")
    assert {(row.n, *row.dropped.values()) for row in run.scores} == {(3, 2)}
    (tmp_path / "t.tsv").write_text("eng\tdeu\nred\trot\nblue\tblau\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="none of deu_Latn is in a script"):
        isogloss.run(recipe, out=tmp_path / "other")
