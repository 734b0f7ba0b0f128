"""A trained head of choices: it learns, with any number of them, and tells its own row alone."""

import numpy as np
import pytest

import labelled
from isogloss.encode.folder import open_folder
from isogloss.errors import CorpusError
from isogloss.task.cutting import cutter_of
from isogloss.task.examples import CHOICES, make_examples
from isogloss.task.solver import Tuning, open_tuned, tune
from isogloss.task.tasks.choices import ChooseTask

QUICK = {"threads": 1, "batch": 16, "learning_rate": 3e-3, "clip": 0.0, "warmup": 0.0}


def choices(n=60, seed=0):
    """Which of two or three words is a beast."""
    rng = np.random.default_rng(seed)
    fruit, beast = labelled.KINDS.values()
    rows, labels = [], []
    for i in range(n):
        own = [str(rng.choice(fruit)) for _ in range(1 + i % 2)]
        labels.append(int(rng.integers(len(own) + 1)))
        own.insert(labels[-1], str(rng.choice(beast)))
        rows.append(own)
    columns = {"text": ["the small"] * n, "choices": rows, "label": labels}
    return make_examples("beasts", "eng", CHOICES, columns)


@pytest.fixture(scope="module")
def solver(tiny_body):
    folder = open_folder(tiny_body, "tiny")
    return tune(folder, ChooseTask(), [choices()], Tuning(epochs=8, **QUICK), seed=0)


def test_it_learns_and_labels_are_not_looked_at(solver):
    test = choices(30, seed=1)
    told = solver.tell(test)
    assert np.mean([a == b for a, b in zip(test.column("label"), told.values, strict=True)]) > 0.9
    assert told.values == solver.tell(test.sealed()).values
    assert [len(g.shares) for g in told.guesses] == [len(c) for c in test.column("choices")]
    np.testing.assert_allclose([g.shares.sum() for g in told.guesses], 1, atol=1e-5)


def test_shares_do_not_depend_on_what_is_read_beside(solver):
    test = choices(10, seed=2)
    whole = solver.tell(test).guesses
    for row in (0, 1, 9):
        [alone] = solver.tell(test.take([row])).guesses
        np.testing.assert_allclose(alone.shares, whole[row].shares, atol=1e-5)


def test_a_saved_head_tells_the_same(solver, tmp_path):
    solver.save(tmp_path)
    test = choices(8, seed=3)
    again = open_tuned(open_folder(tmp_path, "x"), ChooseTask()).tell(test)
    for one, other in zip(solver.tell(test).guesses, again.guesses, strict=True):
        np.testing.assert_allclose(one.shares, other.shares, atol=1e-6)


def test_pieces_have_a_text_a_choice_with_the_models_own_token_between(tiny_body):
    cutter = cutter_of(open_folder(tiny_body, "tiny"))
    long = "apple " * 400
    odd = make_examples("x", "eng", CHOICES, {
        "text": ["cat", long, None], "choices": [["dog", "mouse", "horse"], ["a", "b"], ["a", "b"]],
    })  # fmt: skip
    cut = ChooseTask().cut(odd, cutter, {})
    assert cut.dropped == {"no text": 1} and cut.truncated == 1
    first, second = cut.pieces
    cat, mouse = (one.ids for one in cutter.texts(["cat", "mouse"]))
    assert first.more[0].tolist() == [*cat, *cutter.between, *mouse]
    assert len(first.more) == 2 and int(first.row["choices"]) == 3
    assert len(second.ids) == cutter.longest


def test_a_label_that_is_no_choice_is_named(tiny_body):
    cutter = cutter_of(open_folder(tiny_body, "tiny"))
    wrong = make_examples("x", "deu", CHOICES, {"id": ["q9"], "text": ["a"],
                                                "choices": [["b", "c"]], "label": [2]})  # fmt: skip
    with pytest.raises(CorpusError, match="'q9' of deu_Latn has the label 2 and 2 choices"):
        ChooseTask().cut(wrong, cutter, {})


def test_the_score_is_the_share_that_is_right(solver):
    test = choices(10)
    told = [None, *test.column("label")[1:]]
    tally = ChooseTask().score(test, told)["accuracy"]
    assert float(tally.statistic(tally.columns.sum(0))) == pytest.approx(0.9)
