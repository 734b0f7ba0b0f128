"""Concepts are those of words in context; where languages share a space they overlap."""

import numpy as np
import pytest

import isogloss
from isogloss.corpus import read_corpus
from isogloss.encode import load_encoder
from isogloss.match import word_means
from isogloss.match.clusters import kmeans
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.concepts import concept_alignment
from isogloss.recipe.concepts import likely_entries, one_word_entries, words_in_context
from isogloss.recipe.word_alignment import corpus_text

TAGS = ("deu_Latn", "rus_Cyrl")


def test_latent_concepts(shorter, monkeypatch):
    run = shorter("LatentConcepts", TAGS, held_out=80)
    corpus, encoder = read_corpus(run.folder.parent / "held_out"), load_encoder("all-MiniLM-L6-v2")
    sides = [words_in_context(encoder, corpus, tag, [3]) for tag in ("eng_Latn", "deu_Latn")]
    text = corpus_text(corpus, "eng_Latn", "deu_Latn")
    both = ([[w.lower() for w in one] for one in side] for side in (text.source, text.target))
    reverse = {(b, a) for a, b in likely_entries(*reversed(list(both)))}
    expected = concept_alignment(
        *((kmeans(x.vectors[3], 60), x.words) for x in sides), reverse
    ).score
    found = run.scores.one(direction="eng_Latn>deu_Latn", layer=3)
    assert (found.value, found.n) == (expected.value, expected.n) and found.value > 0.1
    assert found.settings == expected.settings
    for layer in (0, 3, 6):
        german, russian = (
            run.scores.one(measure="concept_overlap", language=tag, layer=layer) for tag in TAGS
        )
        assert german.value > 0.05 and russian.value <= 0.05  # this model splits Russian words
        assert len(set(german.settings["tokens"].values())) == 1
    for row in run.scores:
        assert row.measure in MEASURES and row.low <= row.value <= row.high
    assert len(run.scores) == 3 * 3 * 2
    assert "concept overlap" in run.report.read_text(encoding="utf-8")
    calls, read = [], encoder.encode_words
    monkeypatch.setattr(encoder, "encode_words", lambda *a, **b: calls.append(1) or read(*a, **b))
    monkeypatch.setattr(word_means, "CHARACTERS", 300)
    parts = words_in_context(encoder, corpus, "deu_Latn", [3])
    assert len(calls) > 2 and parts.words == sides[1].words
    np.testing.assert_allclose(parts.vectors[3], sides[1].vectors[3], atol=1e-5)


@pytest.mark.parametrize(("shift", "shared"), [(0, True), (100, False)])
def test_a_shared_space_has_shared_concepts(bilingual, tmp_path, shift, shared):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 100, (60, 3))
    for tag, letter, moved in (("eng", "s", 0), ("deu", "t", shift)):
        lines = (" ".join(f"{letter}{i + moved}" for i in row) for row in rows.tolist())
        (tmp_path / f"{tag}.txt").write_text("".join(f"{x}\n" for x in lines), encoding="utf-8")
    step = {"use": "concepts.v1", "name": "c", "text": "t", "clusters": 90, "clustering": "tree"}
    recipe = {"name": "t", "model": str(bilingual), "steps": [step],
              "text": {"t": {"path": str(tmp_path / "{language}.txt")}}}  # fmt: skip
    run = isogloss.run(recipe, out=tmp_path / "run")
    overlap = run.scores.one(measure="concept_overlap")
    assert overlap.low > 0.7 if shared else overlap.high < 0.5
    assert any("the dictionary of deu_Latn and eng_Latn has" in x for x in run.provenance["notes"])


def test_dictionaries():
    source = [["rot", "haus"], ["rot", "tor"], ["haus"], ["blau", "tor"], ["blau"]]
    target = [["red", "house"], ["red", "gate"], ["house"], ["blue", "gate"], ["blue"]]
    assert one_word_entries(source, target) == {("haus", "house"), ("blau", "blue")}
    assert likely_entries(source, target) == {
        ("rot", "red"), ("haus", "house"), ("tor", "gate"), ("blau", "blue"),
    }  # fmt: skip
