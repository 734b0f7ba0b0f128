"""The recipe seeks what a statistical aligner links, words being vectors in their sentences."""

import numpy as np
import pytest

import isogloss
from isogloss.corpus import read_corpus
from isogloss.encode import load_encoder
from isogloss.encode.words import TokenVectors
from isogloss.errors import SettingsError
from isogloss.match.statistical import align_statistically
from isogloss.match.word_alignment import Links, mean_words
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.word_retrieval import word_retrieval
from isogloss.recipe.word_alignment import corpus_text
from isogloss.recipe.word_retrieval import occurrences

TAGS = ("deu_Latn", "rus_Cyrl")


def lower(sentences):
    return [[word.lower() for word in one] for one in sentences]


def test_cao_retrieval(shorter):
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    run = shorter("CaoAlign-Retrieval", TAGS, train=200, held_out=60)
    encoder = load_encoder("all-MiniLM-L6-v2")
    train, text = (
        corpus_text(read_corpus(run.folder.parent / name), "deu_Latn", "eng_Latn")
        for name in ("train", "held_out")
    )
    links = align_statistically(
        lower(text.source), lower(text.target), model="fast_align", symmetrisation="intersection",
        extra=(lower(train.source), lower(train.target)),
    )  # fmt: skip
    sides = [mean_words(encoder.encode_words(s, layers=[3])[3]) for s in text[2:4]]
    where = []  # plain: the row of each word, by sentence and word
    for side in sides:
        sentence = np.repeat(np.arange(len(side)), np.diff(side.starts))
        where.append({at: row for row, at in enumerate(zip(sentence, side.words, strict=True))})
    pairs = [(where[0][s, i], where[1][s, j]) for s, one in enumerate(links) for i, j in one.pairs]
    expected = word_retrieval(sides[0].array, sides[1].array, np.array(pairs))
    for row, direction in zip(expected, ("deu_Latn>eng_Latn", "eng_Latn>deu_Latn"), strict=True):
        found = run.scores.one(direction=direction, layer=3)
        assert (found.value, found.n) == (row.value, row.n)
        assert found.dropped == row.dropped and found.measure in MEASURES
    assert len(run.scores) == 2 * 2 * 7
    outward = [run.scores.one(direction="deu_Latn>eng_Latn", layer=layer) for layer in (0, 3)]
    assert outward[0].value != outward[1].value
    assert "word retrieval" in run.report.read_text(encoding="utf-8")


def test_words_without_a_vector_are_counted():
    # the second word of the first sentence has no token
    side = TokenVectors(np.eye(3), np.array([0, 1, 3]), np.array([0, 0, 1]), np.array([2, 2]))
    whole = TokenVectors(np.eye(2), np.array([0, 1, 2]), np.array([0, 0]), np.array([1, 1]))
    links = [
        Links(np.array([0, 1]), np.array([0, 0]), np.ones(2), (2, 1)),
        Links(np.array([1]), np.array([0]), np.ones(1), (2, 1)),
    ]
    pairs, sentences, silent = occurrences(links, (side, whole))
    assert pairs.tolist() == [[0, 0], [2, 1]] and sentences.tolist() == [0, 1] and silent == 1


def test_an_unknown_aligner_is_refused(tmp_path):
    step = {"use": "word_retrieval.v1", "name": "w", "text": "t", "aligner": "giza"}
    recipe = {"name": "t", "model": "m", "steps": [step], "text": {"t": {"path": "x"}}}
    with pytest.raises(SettingsError, match=r"steps.0.aligner: .*none of ibm1"):
        isogloss.run(recipe, out=tmp_path / "x")
