"""Changed English sentences are candidates too, and take what retrieval alone would find."""

import pytest

import isogloss
from isogloss.corpus import read_corpus
from isogloss.encode import load_encoder
from isogloss.errors import CorpusError, UsageError
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.hard_negatives import hard_negatives
from isogloss.measure.xsimpp import xsimpp

TAGS = ("deu_Latn", "rus_Cyrl")


def test_xsimpp(shorter):
    run = shorter("xsimpp", TAGS, held_out=120)
    corpus, encoder = read_corpus(run.folder.parent / "held_out"), load_encoder("all-MiniLM-L6-v2")
    english = corpus.texts("eng")
    made = hard_negatives(english)
    read = (
        encoder.encode(list(texts), language="eng_Latn", layers=[6])[6].array
        for texts in (corpus.texts("deu"), english, made.texts)
    )
    for row in xsimpp(*read, made.kinds):
        at = {"measure": row.measure, "language": "deu_Latn", "layer": 6}
        found = run.scores.where(**at, settings=row.settings)
        assert found[0].value == pytest.approx(row.value, abs=0.02) and found[0].n == 120
        assert row.measure in MEASURES
    for tag in TAGS:
        for layer in (0, 6):
            at = {"language": tag, "layer": layer, "direction": f"{tag}>eng_Latn"}
            plain = run.scores.one(measure="xsim_error", **at).value
            hard = run.scores.one(measure="xsimpp_error", **at).value
            lost = run.scores.where(measure="xsimpp_lost_to", **at)
            assert hard >= plain and hard == pytest.approx(sum(row.value for row in lost))
    harder = [
        run.scores.one(measure=m, language="deu_Latn", layer=6).value
        for m in ("xsim_error", "xsimpp_error")
    ]
    assert harder[1] > harder[0]
    assert any(
        f"{len(made.texts)} changed sentences from 120" in n for n in run.provenance["notes"]
    )


@pytest.mark.parametrize(
    ("pivot", "error", "match"),
    [("deu", UsageError, "rules of English"), ("eng", CorpusError, "no sentence of eng_Latn")],
)
def test_what_cannot_be_changed_says_so(tmp_path, minilm, pivot, error, match):
    (tmp_path / "t.tsv").write_text("eng\tdeu\nred\trot\nblue\tblau\n", encoding="utf-8")
    step = {"use": "xsimpp.v1", "name": "x", "text": "t"}
    recipe = {"name": "t", "model": "all-MiniLM-L6-v2", "pivot": pivot, "steps": [step],
              "text": {"t": {"path": str(tmp_path / "t.tsv")}}}  # fmt: skip
    with pytest.raises(error, match=match):
        isogloss.run(recipe, out=tmp_path / "x")
