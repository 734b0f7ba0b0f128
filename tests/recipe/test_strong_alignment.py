"""The recipe ranks a pool of all languages; there a model that puts languages apart does worse."""

import pytest

from isogloss.encode import load_encoder
from isogloss.measure.strong_alignment import strong_alignment

TAGS = ("deu_Latn", "rus_Cyrl")


def test_lareqa(shorter):
    run = shorter("LAReQA", TAGS, held_out=60)
    encoder, place = load_encoder("all-MiniLM-L6-v2"), run.folder.parent / "held_out"
    vectors = {}
    for tag in ("eng_Latn", *TAGS):
        texts = (place / f"{tag}.txt").read_text(encoding="utf-8").splitlines()
        vectors[tag] = encoder.encode(texts, language=tag, layers=[3])[3].array
    for row in strong_alignment(vectors):
        found = run.scores.one(measure=row.measure, language=row.language, layer=3)
        assert found.value == pytest.approx(row.value, abs=5e-3) and found.n == row.n
    for layer in encoder.layers:
        at = {"language": None, "layer": layer}
        strong, weak, bias = (
            run.scores.one(measure=name, **at)
            for name in ("strong_alignment_map", "weak_alignment_map", "language_bias")
        )
        assert strong.value < weak.value - 0.02 and strong.n == 180
        assert bias.value > bias.settings["expected"] and bias.settings["k"] == 10
    assert {row.language for row in run.scores} == {None, "eng_Latn", *TAGS}
    assert "mAP, all languages" in run.report.read_text(encoding="utf-8")
