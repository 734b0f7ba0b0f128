"""Word vectors of each language: means over places in a text, skip-gram, or files as they are."""

import numpy as np
import pytest

import isogloss
from isogloss.encode import load_encoder
from isogloss.encode.word_vectors import read_word_vectors, write_word_vectors
from isogloss.errors import CorpusError, SettingsError, UsageError
from isogloss.recipe import word_vectors
from isogloss.recipe.word_vectors import mean_occurrences
from isogloss.space.compass import Training, train_compass

LINES = {"eng": ["s1 s2 S1", "s2 s3", "s1"], "deu": ["t1 t2", "t3 t2 t4", "t1"]}


@pytest.fixture
def made(bilingual, tmp_path):
    """Run one step on a small text, or on files."""
    for tag, lines in LINES.items():
        text = "".join(f"{line}\n" for line in lines)
        (tmp_path / f"{tag}.txt").write_text(text, encoding="utf-8")

    def run(out="run", **how):
        step = {"use": "word_vectors.v1", "name": "w", **how}
        if "files" not in how:
            step = {"text": "t", **step}
        recipe = {"name": "t", "model": str(bilingual), "steps": [step],
                  "text": {"t": {"path": str(tmp_path / "{language}.txt")}}}  # fmt: skip
        run = isogloss.run(recipe, out=tmp_path / out)
        files = {tag: run.folder / f"files/w/{tag}_Latn.npz" for tag in LINES}
        return run.provenance["notes"], {tag: read_word_vectors(f) for tag, f in files.items()}

    return run


def test_the_vectors_of_a_model(made, bilingual):
    notes, found = made()
    assert found["eng"].words == ("s1", "s2", "s3") and not notes  # as often as they occur
    encoder = load_encoder(str(bilingual))
    table = encoder.encode_words([["t1", "t2", "t3", "t4"]])[0].array
    rows = {word: i for i, word in enumerate(("t1", "t2", "t3", "t4"))}
    expected = np.stack([table[rows[word]] for word in found["deu"].words])
    np.testing.assert_allclose(found["deu"].array, expected, atol=1e-6)


def test_a_word_is_the_mean_of_its_places(minilm, monkeypatch):
    encoder = load_encoder(minilm)
    sentences = [["the", "bank", "of", "rivers"], ["a", "bank", "lends"], ["bank", "the"]]
    words, array = mean_occurrences(encoder, sentences, layer=3)
    assert words[:2] == ["bank", "the"]
    places = []
    for sentence in sentences:
        tokens = encoder.encode_words([sentence], layers=[3])[3]
        places.append(tokens.array[tokens.words == sentence.index("bank")].mean(0))
    np.testing.assert_allclose(array[0], np.mean(places, 0), atol=1e-4)
    assert np.abs(array[0] - places[0]).max() > 0.1
    monkeypatch.setattr(word_vectors, "SENTENCES", 2)
    np.testing.assert_allclose(mean_occurrences(encoder, sentences, layer=3)[1], array, atol=1e-4)
    assert mean_occurrences(encoder, sentences, layer=3, least=2)[0] == ["bank", "the"]


def test_skip_gram_knows_its_own_language_alone(made):
    _, found = made(source="skipgram", least=1, width=4, epochs=2)
    sentences = [line.lower().split() for line in LINES["deu"]]
    alone = train_compass([sentences], Training(width=4, epochs=2, min_count=1))
    assert found["deu"].words == alone.words
    np.testing.assert_array_equal(found["deu"].array, alone.vectors)


def test_files_are_taken_as_they_are(made, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {tag: rng.normal(size=(5, 3)).astype(np.float32) for tag in LINES}
    arrays["deu"][1] = 0
    files = {tag: str(tmp_path / f"{tag}.vec") for tag in LINES}
    for tag, file in files.items():
        write_word_vectors(file, [f"{tag}{i}" for i in range(5)], arrays[tag])
    notes, found = made(source="files", files=files, limit=4)
    assert found["eng"].words == ("eng0", "eng1", "eng2", "eng3")
    np.testing.assert_array_equal(found["deu"].array, arrays["deu"][[0, 2, 3]])
    assert any("1 all zeros" in note and "1 beyond the limit" in note for note in notes)
    with pytest.raises(UsageError, match="no file of word vectors for deu_Latn"):
        made("other", source="files", files={"eng": files["eng"]})


def test_what_is_left_out_is_counted(made):
    notes, found = made(least=2)
    assert found["deu"].words == ("t1", "t2")
    assert "w, deu_Latn: 2 words that occur less than 2 times left out" in notes


def test_a_limit_is_counted(made):
    notes, found = made(limit=2)
    assert found["eng"].words == ("s1", "s2") and "w, eng_Latn: 1 rarer words left out" in notes


def test_what_cannot_work_says_so(made, tmp_path):
    with pytest.raises(CorpusError, match="0 words of eng_Latn occur 9 times"):
        made(least=9)
    for how in ({"source": "files", "text": "t"}, {"files": {"eng": str(tmp_path / "eng.txt")}}):
        with pytest.raises(SettingsError, match="source 'files' needs `files` and no text"):
            made(**how)
    with pytest.raises(SettingsError, match=r"steps.0.files: there is no file"):
        made(source="files", files={"eng": str(tmp_path / "none.vec")})
