"""Negatives are near, mean something else, and stand in the language of the answer."""

import numpy as np
import pytest

from isogloss.errors import TrainingError, UsageError
from isogloss.train.material import Material
from isogloss.train.mixtures.hard_negatives import HardNegatives, hard_negatives, near_rows


def test_near_rows_are_the_plain_neighbours_that_are_not_too_near():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 4))
    vectors[7] = 2 * vectors[3]  # the same sentence twice
    vectors[[5, 11]] = 0  # no text
    found = near_rows(vectors, 3, 0.9)
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    cosines = units @ units.T
    for row in range(40):
        may = [j for j in range(40) if j not in (row, 5, 11) and cosines[row, j] <= 0.9]
        wanted = sorted(may, key=lambda j: -cosines[row, j])[:3]
        assert found[row].tolist() == ([-1] * 3 if row in (5, 11) else wanted)
    assert (near_rows(np.zeros((3, 2)), 2) == -1).all()


def rows(count, offset):
    return [np.array([offset + i]) for i in range(count)]


def mixture(**settings):
    """20 rows whose ids say row and language; each is near to the next two."""
    tokens = {"eng_Latn": rows(20, 0), "deu_Latn": rows(20, 100), "swh_Latn": rows(20, 200)}
    tokens["swh_Latn"][4:] = [None] * 16
    near = np.array([[(i + 1) % 20, (i + 2) % 20] for i in range(20)])
    return HardNegatives(tokens, near, "eng_Latn", **settings)


@pytest.mark.parametrize("negatives", [1, 2])
def test_a_batch_holds_pairs_and_their_near_rows(negatives):
    made, seen = mixture(size=8, negatives=negatives), set()
    for step in range(40):
        batch = made.batch(0, step)
        ids = batch["ids"].numpy().reshape(2 + negatives, -1)  # one token a text
        languages, row = ids // 100, ids % 100
        asks, answers = languages[0, 0], languages[1, 0]
        seen.add((asks, answers))
        assert (languages[1:] == answers).all() and (languages[0] == asks).all()
        assert (row[0] == row[1]).all() and len(set(row[0])) == len(row[0])
        for column in row[2:]:
            assert np.isin((column - row[0]) % 20, [1, 2]).all()
        if negatives == 2:
            assert (row[2] != row[3]).all()
        marks = batch["negative"].numpy().reshape(2 + negatives, -1)
        assert marks[2:].all() and not marks[:2].any()
    assert seen == {(0, 1), (1, 0), (0, 2), (2, 0)}


def test_a_batch_depends_on_seed_and_step_alone():
    one, again, other = (mixture(size=8).batch(1, step) for step in (3, 3, 4))
    assert one["ids"].tolist() == again["ids"].tolist() != other["ids"].tolist()


def test_negatives_that_the_language_lacks_are_not_drawn():
    made = mixture(size=8, negatives=2)
    assert made.without == {"deu_Latn": 0, "swh_Latn": 2}, "rows 2 and 3 are near to 4 and 5"
    with pytest.raises(TrainingError, match="deu_Latn: fewer than 2 sentences with 3 near ones"):
        mixture(negatives=3)


def test_it_is_mined_from_the_vectors_of_the_run():
    from isogloss.corpus.records import make_corpus

    words = [f"w{i}" for i in range(12)]
    corpus = make_corpus("mine", words, {"eng_Latn": words, "deu_Latn": [*words[:8], *[None] * 4]})
    told = []
    angles = np.linspace(0, 6, 12)
    material = Material(
        {"train": corpus}, word_tokenizer(words), [], None, "eng_Latn", ["deu_Latn"], 10,
        vectors=lambda name: np.stack([np.cos(angles), np.sin(angles)], 1), note=told.append,
    )  # fmt: skip
    made = hard_negatives(material, text="train", pool=2, negatives=2, ceiling=0.99)
    assert sorted(made.near[5].tolist()) == [4, 6]
    assert told == [
        "train: 2 rows of deu_Latn with fewer than 2 near sentences were not trained on"
    ]
    with pytest.raises(UsageError, match="5 negatives from a pool of 2"):
        hard_negatives(material, text="train", pool=2, negatives=5)
    material.vectors = None
    with pytest.raises(UsageError, match="there are none"):
        hard_negatives(material, text="train")


def word_tokenizer(words):
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, words[0]))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made
