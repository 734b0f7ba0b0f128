"""The recipe compares every two languages, layer by layer, by the means of tokens."""

import numpy as np
import pytest

from isogloss.encode import load_encoder

TAGS = ("deu_Latn", "rus_Cyrl")


def test_mplm_sim(shorter):
    run = shorter("mPLM-Sim", TAGS, held_out=60)
    encoder, place = load_encoder("all-MiniLM-L6-v2"), run.folder.parent / "held_out"
    assert len(run.scores) == 3 * len(encoder.layers)
    units = {}
    for tag in ("eng_Latn", *TAGS):
        texts = (place / f"{tag}.txt").read_text(encoding="utf-8").splitlines()
        array = encoder.encode(texts, language=tag, layers=[2], pooling="mean")[2].array
        units[tag] = array / np.linalg.norm(array, axis=1, keepdims=True)
    for a, b in (("eng_Latn", "deu_Latn"), ("eng_Latn", "rus_Cyrl"), ("deu_Latn", "rus_Cyrl")):
        row = run.scores.one(language=a, pivot=b, layer=2)
        assert row.value == pytest.approx((units[a] * units[b]).sum(1).mean(), abs=2e-3)
        assert (row.measure, row.n, row.pooling) == ("language_similarity", 60, "mean")
        assert row.low < row.value < row.high
    assert len({row.value for row in run.scores.where(language="eng_Latn")}) == 14
    assert "language similarity" in run.report.read_text(encoding="utf-8")
