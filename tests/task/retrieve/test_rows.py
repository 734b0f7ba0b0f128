"""Rows for rankers: nothing right counts as wrong, and a model learns from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode import load_encoder
from isogloss.errors import TrainingError, UsageError
from isogloss.match.search import Neighbours
from isogloss.task.retrieve.pairs import frame_of
from isogloss.task.retrieve.rerank import (
    cross_encoder,
    late_interaction,
    poly_encoder,
    rerank,
)
from isogloss.task.retrieve.rows import CandidateRows, mine_negatives
from isogloss.task.retrieve.tokens import trained_projection
from isogloss.train.contracts import Lesson
from isogloss.train.label_head import read_head
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.late_interaction import LateInteraction
from isogloss.train.objectives.poly_encoder import PolyEncoder
from isogloss.train.objectives.rank_pairs import RankPairs
from isogloss.train.readers import sentences

TAGS = ("eng_Latn", "deu_Latn")


def test_negatives_are_what_was_found_and_does_not_answer():
    found = Neighbours(np.array([[4, 2, 0, 1], [3, 4, -1, -1]]), np.zeros((2, 4)))
    assert mine_negatives(found, [[2], [3, 4]], 2) == [[4, 0], []]
    with pytest.raises(UsageError, match="1 sets of passages for 2"):
        mine_negatives(found, [[2]], 2)


@st.composite
def judged(draw):
    n, m = draw(st.integers(1, 8)), 12
    some = st.sets(st.integers(0, m - 1), max_size=4).map(sorted)
    return [draw(some) for _ in range(n)], [draw(some) for _ in range(n)], m


@given(judged(), st.integers(0, 2), st.integers(1, 5), st.integers(0, 3))
def test_no_passage_of_a_batch_answers_a_query_of_another_row(case, negatives, size, step):
    relevant, wrong, m = case
    queries, passages = [np.array([100 + i]) for i in range(len(relevant))], np.arange(m)[:, None]
    try:
        rows = CandidateRows(queries, passages, relevant, wrong, TAGS, size, negatives)
    except TrainingError:
        assert not any(r and len(set(w) - set(r)) >= negatives
                       for r, w in zip(relevant, wrong, strict=True))  # fmt: skip
        return
    batch = rows.batch(0, step)
    assert np.array_equal(batch.ids, rows.batch(0, step).ids)
    views = batch.ids.view(batch.views, -1).numpy()
    assert 1 <= batch.size <= size and batch.views == 2 + negatives
    assert (
        batch["negative"].view(batch.views, -1)[:, 0].tolist() == [False] * 2 + [True] * negatives
    )
    for row, query in enumerate(views[0] - 100):
        assert views[1, row] in relevant[query]
        assert set(views[2:, row]) <= set(wrong[query]) and len({*views[1:, row]}) == negatives + 1
        others = np.delete(views[1:], row, axis=1)
        assert not set(others.ravel().tolist()) & set(relevant[query])


def test_pairs_are_one_text_a_view():
    rows = CandidateRows(
        [np.array([1, 2])], [np.array([7]), np.array([8, 9])], [[0]], [[1]], TAGS, 4, 1,
        between=[5], room=4,
    )  # fmt: skip
    batch = rows.batch(0, 0)
    texts = [t.tolist() for t in batch.ids.split(batch.lengths().tolist())]
    assert texts == [[1, 2, 5, 7], [1, 2, 5, 8]]
    assert batch["negative"].tolist() == [False, True]


def test_rows_that_cannot_be_read():
    one = [np.array([1])]
    with pytest.raises(TrainingError, match="1 queries with passages for 0 and others for 1"):
        CandidateRows(one, one, [], [[]], TAGS)
    with pytest.raises(TrainingError, match="1 of 2 are without a token, the first is passage 2"):
        CandidateRows(one, [one[0], one[0][:0]], [[0]], [[]], TAGS)
    with pytest.raises(TrainingError, match="no query has a relevant passage and 1 others"):
        CandidateRows(one, one, [[0]], [[0]], TAGS, negatives=1)
    assert CandidateRows(one * 2, one, [[0], []], [[], []], TAGS).without == 1


class Student:
    """A body all of which trains."""

    def __init__(self, module):
        self.module = module

    def groups(self):
        return [{"params": list(self.module.parameters())}]


WORDS = "dog cat tree house red blue car train moon sun fish bird".split()


def trained(objective, folder, out, words, *, pairs):
    """A tiny body that learned which word a query asks for, and its head, in a folder."""
    import shutil

    encoder = load_encoder(folder)
    frame = frame_of(encoder)
    queries, passages = frame.ids(words), frame.ids([f"face {w}" for w in words])
    others = [[i for i in range(len(words)) if i != row] for row in range(len(words))]
    own = [[row] for row in range(len(words))]
    more = {"between": frame.between, "room": frame.room} if pairs else {}
    rows = CandidateRows(queries, passages, own, others, ("eng_Latn",) * 2, 12, 3, **more)
    module = sentences(folder, encoder.reader.tokenizer)
    # Pairs are read together: slower to learn, and at a high rate one run in many does not.
    pace = {"steps": 400, "learning_rate": 1e-3} if pairs else {"steps": 60, "learning_rate": 3e-3}
    settings = LoopSettings(threads=1, **pace)
    train(Student(module), [Lesson(rows, [(1.0, objective)])], settings)
    shutil.copytree(folder, out)
    module.body.save_pretrained(out)
    objective.save(out)
    return load_encoder(out)


def right(scorer, words):
    """The share of queries whose own passage comes first of all."""
    passages = [f"face {w}" for w in words]
    found = rerank(words, [passages] * len(words), scorer)
    return np.mean([order[0] == row for row, order in enumerate(found.order)])


@pytest.mark.parametrize("kind", ["late", "poly", "pairs"])
def test_a_ranker_learns_what_answers(kind, tiny_body, tmp_path):
    objective = {"late": LateInteraction(dimensions=16), "poly": PolyEncoder(codes=4),
                 "pairs": RankPairs(drop=0.0)}[kind]  # fmt: skip
    out, words = tmp_path / "out", WORDS[:4] if kind == "pairs" else WORDS
    encoder = trained(objective, tiny_body, out, words, pairs=kind == "pairs")
    if kind == "late":
        scorer = late_interaction(encoder, trained_projection(out), language="eng_Latn")
    elif kind == "poly":
        _, weights = read_head(out, "poly_encoder.v1")
        scorer = poly_encoder(encoder, weights["codes"].numpy(), language="eng_Latn")
    else:
        _, weights = read_head(out, "rank_pairs.v1")
        weight, bias = (weights[name].numpy() for name in ("weight", "bias"))
        scorer = cross_encoder(encoder, weight, float(bias[0]), language="eng_Latn")
    assert right(scorer, words) > 0.7
