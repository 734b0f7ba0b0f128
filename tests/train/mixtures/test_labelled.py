"""Labelled rows keep their labels, words give their tags to their first tokens."""

from dataclasses import replace

import numpy as np
import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import CorpusError, TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.material import Material
from isogloss.train.mixtures.labelled import labelled, read_labels, tagged
from isogloss.train.transforms.apply import repeated

ROWS = {"eng_Latn": ["red heart", "the sun", None, "a blue heart in the sky"],
        "deu_Latn": ["rotes Herz", None, "Mond", "ein Herz"]}  # fmt: skip


@pytest.fixture
def material(tokenizer_of):
    notes = []
    corpus = make_corpus("m", list("abcd"), ROWS)
    made = Material({"t": corpus}, tokenizer_of("wordpiece"), [0, 1, 2, 3, 4], 4, "eng_Latn",
                    ["deu_Latn"], 40, note=notes.append)  # fmt: skip
    return made, notes


@pytest.fixture
def file(tmp_path):
    def write(*lines, name="labels.tsv"):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return tmp_path / name

    return write


def test_each_text_has_the_label_of_its_row_in_every_language(material, file):
    given, notes = material
    labels = file("n\tid\tlabel", "1\ta\tlove", "2\tb\tday", "3\td\tlove", "4\tzz\tcat")
    mixture = labelled(given, text="t", labels=labels, batch=20)
    assert mixture.names == ["cat", "day", "love"]
    wanted = {}
    for texts in ROWS.values():
        for row, label in (("a", 2), ("b", 1), ("d", 2)):
            if text := texts["abcd".index(row)]:
                wanted[tuple(given.tokenizer.encode(text, add_special_tokens=False).ids)] = label
    batch, seen = mixture.batch(0, 0), {}
    for ids, label in zip(
        np.split(batch["ids"].numpy(), batch["offsets"].numpy()[1:]), batch["label"], strict=True
    ):
        seen[tuple(ids)] = int(label)
    assert seen == wanted
    assert "t: 1 rows of deu_Latn without a label were not trained on" in notes
    pivot = labelled(given, text="t", labels=labels, languages=("eng",), batch=20)
    assert set(pivot.batch(0, 0)["read"]) == {"eng_Latn"}


def test_copies_of_rows_keep_the_label(material, file):
    given, _ = material
    corpus = given.texts["t"]
    twice = replace(given, texts={"t": repeated(corpus, 2)}, originals={"t": repeated(corpus, 2)})
    mixture = labelled(twice, text="t", labels=file("id\tlabel", "a\tx", "d\ty"))
    assert {tag: len(rows) for tag, rows in mixture.rows.items()} == {"eng_Latn": 4, "deu_Latn": 4}


def test_words_give_their_tag_to_their_first_token(material, file):
    given, notes = material
    tags = file("id\ttags", "a\tADJ NOUN", "b\t_ NOUN", "d\tDET ADJ NOUN ADP DET NOUN")
    mixture = tagged(given, text="t", tags={"eng": tags}, batch=30)
    assert mixture.names == ["ADJ", "ADP", "DET", "NOUN"]
    batch = mixture.batch(0, 1)
    rows = np.split(batch["ids"].numpy(), batch["offsets"].numpy()[1:])
    marks = np.split(batch["tag"].numpy(), batch["offsets"].numpy()[1:])
    lines = dict(zip("abd", ["ADJ NOUN", "_ NOUN", "DET ADJ NOUN ADP DET NOUN"], strict=True))
    seen = set()
    for ids, tag in zip(rows, marks, strict=True):
        pieces = [given.tokenizer.id_to_token(int(i)) for i in ids]
        begins = [not piece.startswith("##") for piece in pieces]
        assert all(t == UNKNOWN for t, b in zip(tag, begins, strict=True) if not b)
        spelled = ["_" if t == UNKNOWN else mixture.names[t]
                   for t, b in zip(tag, begins, strict=True) if b]  # fmt: skip
        assert " ".join(spelled) in lines.values()
        seen.add(" ".join(spelled))
    assert seen == set(lines.values())
    assert "t: 4 tags in this order: ADJ, ADP, DET, NOUN" in notes


def test_labels_that_do_not_fit_are_refused(material, file):
    given, _ = material
    with pytest.raises(CorpusError, match="has the labels 'x' and 'y'"):
        read_labels(file("id\tlabel", "a\tx", "a\ty"), "id", "label")
    with pytest.raises(CorpusError, match="no column 'label'"):
        read_labels(file("id\tname", "a\tx"), "id", "label")
    with pytest.raises(CorpusError, match="has no label"):
        read_labels(file("id\tlabel", "a\t"), "id", "label")
    with pytest.raises(TrainingError, match="no row has a label"):
        labelled(given, text="t", labels=file("id\tlabel", "q\tx"))
    with pytest.raises(CorpusError, match="row 'a' has 2 words in eng_Latn and 1 tags"):
        tagged(given, text="t", tags={"eng": file("id\ttags", "a\tX")})
