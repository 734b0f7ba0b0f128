"""Methods give links of their own, written and scored; gold pairs give AER; gold is in the key."""

import pytest

import isogloss
from isogloss.corpus import read_corpus
from isogloss.errors import SettingsError
from isogloss.measure.catalogue import MEASURES
from isogloss.recipe.word_alignment import align, corpus_text

GOLD = "source\ttarget\tsure\tpossible\nthe house\tthe house\t{}\t\nred\tred one\t0-0\t0-1\n"


def links(run, tag, method):
    file = run.folder / f"files/links/{tag}-eng_Latn/{method}.pharaoh"
    return [set(line.split()) for line in file.read_text(encoding="utf-8").splitlines()]


def by_method(run, measure, tag):
    rows = run.scores.where(measure=measure, language=tag)
    assert all(row.measure in MEASURES and row.low <= row.value <= row.high for row in rows)
    assert {(row.n, row.layer, row.direction) for row in rows} == {(40, 4, f"{tag}>eng_Latn")}
    return {row.settings["method"]: row.value for row in rows}


def test_simalign(shorter):
    run = shorter("SimAlign", held_out=40)
    text = corpus_text(read_corpus(run.folder.parent / "held_out"), "deu", "eng")
    expected = align("all-MiniLM-L6-v2", text, methods=["intersection", "itermax", "mwmf"])
    for method, found in expected.items():
        plain = [{f"{i}-{j}" for i, j in one.pairs} for one in found]
        assert links(run, "deu_Latn", method) == plain
        score = sum(one.score for one in found) / len(found)
        assert by_method(run, "alignment_score", "deu_Latn")[method] == pytest.approx(score)
        alone, words = (sum(sum(map(len, one.nulls)) for one in found),
                        sum(sum(one.lengths) for one in found))  # fmt: skip
        shares = by_method(run, "alignment_null_share", "deu_Latn")
        assert shares[method] == pytest.approx(alone / words)
    for tag in ("deu_Latn", "rus_Cyrl"):
        mutual, more = (links(run, tag, method) for method in ("intersection", "itermax"))
        assert all(a <= b for a, b in zip(mutual, more, strict=True)) and mutual != more
        assert links(run, tag, "mwmf") not in (mutual, more)
    assert "unlinked words" in run.report.read_text(encoding="utf-8")


def test_otalign(shorter):
    run = shorter("OTAlign", held_out=40)
    for tag in ("rus_Cyrl", "deu_Latn"):
        shares = by_method(run, "alignment_null_share", tag)
        assert set(shares) == {"transport", "partial_transport", "unbalanced_transport"}
        found = [links(run, tag, method) for method in shares]
        assert found[0] != found[1] and found[0] != found[2] and found[1] != found[2]
        balanced, partial, unbalanced = (sum(map(len, one)) for one in found)
        assert partial < balanced and unbalanced < balanced
    assert shares["partial_transport"] > shares["transport"]


def gold_run(tmp_path, sure, out):
    (tmp_path / "text.tsv").write_text("eng\tdeu\nred\trot\nblue\tblau\n", encoding="utf-8")
    (tmp_path / "gold.tsv").write_text(GOLD.format(sure), encoding="utf-8")
    pair = {"source": "deu", "target": "en", "gold": str(tmp_path / "gold.tsv")}
    step = {"use": "align_words.v1", "name": "links", "text": "t", "pairs": [pair]}
    recipe = {"name": "t", "model": "all-MiniLM-L6-v2", "steps": [step],
              "text": {"t": {"path": str(tmp_path / "text.tsv")}}}  # fmt: skip
    return isogloss.run(recipe, out=tmp_path / out)


def test_gold_pairs_are_scored_and_new_gold_is_another_run(tmp_path, minilm):
    run = gold_run(tmp_path, "0-0 1-1", "one")
    aer = run.scores.one(measure="alignment_aer")
    assert (aer.value, aer.n, aer.dataset, aer.layer) == (0, 2, "gold.tsv", 4)
    assert aer.settings == {"method": "itermax", "unit": "subword"}
    assert links(run, "deu_Latn", "itermax")[0] == {"0-0", "1-1"}
    assert gold_run(tmp_path, "0-1", "two").scores.one(measure="alignment_aer").value > 0


def test_settings_that_cannot_work_say_so(tmp_path, minilm):
    step = {"use": "align_words.v1", "name": "links", "text": "t", "methods": ["itermx"],
            "pairs": [{"source": "deu", "target": "eng", "gold": "nowhere.tsv"}]}  # fmt: skip
    recipe = {"name": "t", "model": "m", "steps": [step], "text": {"t": {"path": "x"}}}
    with pytest.raises(SettingsError) as caught:
        isogloss.run(recipe, out=tmp_path / "x")
    assert "did you mean itermax" in str(caught.value) and "no file nowhere.tsv" in str(
        caught.value
    )
