"""The recipe learns on one text, audits on another, and leaves an encoding that can be read."""

import pytest

import isogloss
from isogloss.corpus import read_corpus
from isogloss.errors import UsageError
from isogloss.vocabulary.myte import Myte, learn_myte

TAGS = ("deu_Latn", "rus_Cyrl", "kor_Kore")


def test_myte(shorter):
    run = shorter("MYTE", TAGS, train=500, held_out=100)
    train, held_out = (read_corpus(run.folder.parent / name) for name in ("train", "held_out"))
    made = Myte.load(run.folder / "files/encoding/myte.json")
    every = ("eng_Latn", *TAGS)
    assert made == learn_myte({tag: train.texts(tag) for tag in every})
    for tag in every:
        texts = held_out.texts(tag)
        sizes = {
            "bytes": sum(len(text.encode()) for text in texts),
            "characters": sum(map(len, texts)),
            "myte": sum(map(len, made.encode_batch(texts))),
        }
        assert all(map(made.decode, made.encode_batch(texts)))
        for system, size in sizes.items():
            row = run.scores.one(measure="tokens_per_sentence", system=system, language=tag)
            assert row.value == pytest.approx(size / len(texts)) and row.n == len(texts)
            assert row.low < row.value < row.high
    premiums = [
        run.scores.one(measure="premium", system=system, language="rus_Cyrl").value
        for system in ("bytes", "myte")
    ]
    assert premiums[1] < premiums[0] - 0.1


def test_a_language_without_words_is_an_error(tmp_path, minilm):
    (tmp_path / "t.tsv").write_text("eng\tdeu\nred\t1\nblue\t2\n", encoding="utf-8")
    step = {"use": "myte.v1", "name": "x", "text": "t", "test": "t"}
    recipe = {"name": "t", "model": "all-MiniLM-L6-v2", "steps": [step],
              "text": {"t": {"path": str(tmp_path / "t.tsv")}}}  # fmt: skip
    with pytest.raises(UsageError, match="no text of deu_Latn has a word"):
        isogloss.run(recipe, out=tmp_path / "run")
