"""Which language asks and which answers, and what belongs together row by row."""

import numpy as np
import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError, UsageError
from isogloss.train.material import Material
from isogloss.train.mixtures.pooled import PooledRows, pooled, triplets

TAGS = ["deu_Latn", "eng_Latn", "swh_Latn"]
ROWS = 30


def side(kind, lacking=()):
    """Ids of one token that say kind, language and row."""
    return {
        tag: [
            None if (tag, row) in lacking else np.array([1000 * kind + 100 * number + row])
            for row in range(ROWS)
        ]
        for number, tag in enumerate(TAGS)
    }


def read(batch):
    """Kind, language and row of each text, `[views, B]`."""
    ids = batch["ids"].numpy().reshape(batch["views"], -1)
    return ids // 1000, ids // 100 % 10, ids % 100


def many(mixture, steps=30):
    for step in range(steps):
        kinds, languages, rows = read(mixture.batch(0, step))
        assert (kinds == np.arange(len(kinds))[:, None]).all()
        assert (rows == rows[0]).all() and len(set(rows[0])) == len(rows[0])
        yield languages


def test_in_x_x_a_row_is_in_one_language_and_a_batch_in_all():
    made = PooledRows([side(0), side(1)], "x-x", size=20)
    found = list(many(made))
    assert all((languages[0] == languages[1]).all() for languages in found)
    assert all(len(set(languages[0])) == 3 for languages in found)


def test_in_x_x_mono_a_batch_is_in_one_language():
    found = list(many(PooledRows([side(0), side(1)], "x-x-mono", size=20)))
    assert all(len(set(languages.ravel())) == 1 for languages in found)
    assert {languages[0, 0] for languages in found} == {0, 1, 2}


def test_in_x_y_the_languages_of_query_and_answer_are_drawn_apart():
    made = PooledRows([side(0), side(1)], "x-y", size=20)
    counts = np.zeros((3, 3))
    for languages in many(made, 150):
        np.add.at(counts, (languages[0], languages[1]), 1)
    assert np.allclose(counts / counts.sum(), 1 / 9, atol=0.015)


def test_a_sentence_of_one_text_never_finds_itself():
    one = side(0)
    made = PooledRows([one, one], "x-y", size=20)
    for step in range(30):
        _, languages, rows = read(made.batch(0, step))
        assert (languages[0] != languages[1]).all() and (rows[0] == rows[1]).all()


def test_what_a_language_lacks_is_not_drawn():
    lacking = {("swh_Latn", row) for row in range(5, ROWS)}
    made = PooledRows([side(0), side(1, lacking), side(2)], "x-y", size=20, negatives=1)
    for step in range(30):
        batch = made.batch(0, step)
        _, languages, rows = read(batch)
        assert (rows[0][languages[1] == 2] < 5).all() and (languages[1] == languages[2]).all()
        assert batch["negative"].view(3, -1)[:, 0].tolist() == [False, False, True]
    whole = PooledRows([side(0), side(1, lacking)], "x-x", size=20)
    assert all((read(whole.batch(0, step))[2][0][read(whole.batch(0, step))[1][0] == 2] < 5).all()
               for step in range(10))  # fmt: skip
    lacking |= {("swh_Latn", row) for row in range(1, 5)}
    with pytest.raises(TrainingError, match="swh_Latn: fewer than 2 rows have all that x-x needs"):
        PooledRows([side(0), side(1, lacking)], "x-x")


def material(texts, told):
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = sorted({w for c in texts.values() for t in c.languages for w in c.texts(t) if w})
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, words[0]))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Material(texts, made, [], None, "eng_Latn", ["deu_Latn"], 10, note=told.append), words


def corpus(kind, names):
    return make_corpus(
        kind, names, {t: [f"{kind}-{t[:3]}-{n}" for n in names] for t in ("eng_Latn", "deu_Latn")}
    )


def spelled(batch, words):
    found = [words[i].split("-") for i in batch["ids"].tolist()]
    return np.array(found).reshape(batch["views"], -1, 3)


def test_texts_are_joined_by_the_ids_of_their_rows():
    told = []
    texts = {"ask": corpus("ask", ["a", "b", "c"]), "tell": corpus("tell", ["c", "x", "a", "b"])}
    run, words = material(texts, told)
    made = pooled(run, text="ask", answer_text="tell", pooling="x-x")
    batch = spelled(made.batch(0, 0), words)
    assert set(batch[0, :, 0]) == {"ask"} and set(batch[1, :, 0]) == {"tell"}
    assert (batch[0, :, 1:] == batch[1, :, 1:]).all()
    assert told == ["tell: 1 rows that the other texts lack were not trained on"]
    texts["other"] = corpus("tell", ["x", "y", "a"])
    with pytest.raises(TrainingError, match="ask, other: 1 rows have an id in common"):
        pooled(run, text="ask", answer_text="other")
    with pytest.raises(UsageError, match="would have to find itself"):
        pooled(run, text="ask", pooling="x-x")


def test_triplets_are_of_three_texts_with_contradictions_marked():
    names = ["a", "b", "c"]
    run, words = material({kind: corpus(kind, names) for kind in ("p", "e", "c")}, [])
    made = triplets(run, text="p", positive_text="e", negative_text="c")
    batch = made.batch(0, 1)
    found = spelled(batch, words)
    assert [set(view[:, 0]) for view in found] == [{"p"}, {"e"}, {"c"}]
    assert (found[:, :, 1:] == found[:1, :, 1:]).all()
    assert batch["negative"].view(3, -1).all(1).tolist() == [False, False, True]
    assert batch["read"].keys() <= {"eng_Latn", "deu_Latn"}
