"""Rerankers against one pair at a time, read by the model that training reads."""

from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.errors import UsageError, VectorError
from isogloss.match.search import Neighbours
from isogloss.task.retrieve.maxsim import maxsim_plain
from isogloss.task.retrieve.pairs import Scored, frame_of, joined
from isogloss.task.retrieve.rerank import (
    cross_encoder,
    late_interaction,
    poly_encoder,
    rerank,
    rerank_found,
)
from isogloss.task.retrieve.tokens import pca_projection, read_states, read_tokens
from isogloss.train.batch import stack_texts
from isogloss.train.objectives.poly_encoder import PolyEncoder
from isogloss.train.objectives.rank_pairs import RankPairs
from isogloss.train.readers import sentences

QUERIES = ["where is the house?", "why", "a large animal of Africa"]
CANDIDATES = [["It stands by the sea.", "An elephant."], [], ["An elephant.", "no", "It is red."]]


def longest(queries, passages):
    return Scored(np.array([len(p) for p in passages], np.float32), len(queries))


def test_the_best_comes_first_and_of_equals_the_first():
    found = rerank(QUERIES, [["aa", "b", "cccc"], [], ["x", "yy", "z"]], longest)
    assert [order.tolist() for order in found.order] == [[2, 0, 1], [], [1, 0, 2]]
    assert [scores.tolist() for scores in found.scores] == [[4, 2, 1], [], [2, 1, 1]]
    assert found.truncated == 6
    assert rerank([], [], longest).order == []
    with pytest.raises(UsageError, match="1 lists of candidates for 3"):
        rerank(QUERIES, [[]], longest)


def test_scores_that_are_no_numbers_are_refused():
    def broken(queries, passages):
        return Scored(np.array([np.nan] + [1.0] * (len(passages) - 1), np.float32))

    with pytest.raises(VectorError, match="scores of pairs: 1 of 3"):
        rerank(["q"], [["a", "b", "c"]], broken)


def test_pairs_are_scored_some_at_a_time(monkeypatch):
    from isogloss.task.retrieve import rerank as module

    monkeypatch.setattr(module, "PAIRS", 2)
    found = rerank(QUERIES, [["aa", "b", "cccc"], [], ["x", "yy", "z"]], longest)
    assert [order.tolist() for order in found.order] == [[2, 0, 1], [], [1, 0, 2]]


def test_what_was_found_stays_and_its_order_changes():
    found = Neighbours(np.array([[0, 2, 1], [1, -1, -1]]), np.zeros((2, 3), np.float32))
    made = rerank_found(["q", "r"], found, ["a", "bbb", "cc"], longest)
    assert made.ids.tolist() == [[1, 2, 0], [1, -1, -1]]
    assert made.scores.tolist() == [[3, 2, 1], [3, -np.inf, -np.inf]]


def head(objective, module):
    objective.begin(module)
    torch.manual_seed(0)
    for weight in objective.parameters():
        torch.nn.init.normal_(weight)
    return objective.eval()


def flat():
    return [(q, p) for q, some in zip(QUERIES, CANDIDATES, strict=True) for p in some]


def ids_of(encoder, texts):
    return [np.array(encoder.reader.tokenizer.encode(text, add_special_tokens=False).ids)
            for text in texts]  # fmt: skip


def test_a_cross_encoder_scores_as_its_head_does_in_training(minilm):
    encoder = load_encoder(minilm)
    module = sentences(Path(minilm), encoder.reader.tokenizer).eval()
    learned = head(RankPairs(), module)
    pairs = flat()
    between = encoder.reader.tokenizer.token_to_id("[SEP]")
    texts = [
        np.concatenate([q, [between], p])
        for q, p in (ids_of(encoder, pair) for pair in pairs)
    ]  # fmt: skip
    batch = stack_texts([texts], [["eng_Latn"] * len(texts)])
    with torch.inference_mode():
        wanted = learned.score(module(batch)["vectors"][0])[:, 0].numpy()
    weight, bias = (p.detach().numpy() for p in learned.score.parameters())
    score = cross_encoder(encoder, weight, float(bias[0]), language="eng_Latn")
    found = score(*zip(*pairs, strict=True))
    np.testing.assert_allclose(found.values, wanted, atol=1e-4)
    assert found.truncated == 0
    order = rerank(QUERIES, CANDIDATES, score).order
    assert order[2].tolist() == np.argsort(-wanted[2:], kind="stable").tolist()


def test_a_poly_encoder_scores_as_it_does_in_training(minilm):
    encoder = load_encoder(minilm)
    module = sentences(Path(minilm), encoder.reader.tokenizer).eval()
    learned = head(PolyEncoder(codes=5), module)
    pairs = flat()
    views = [ids_of(encoder, side) for side in zip(*pairs, strict=True)]
    batch = stack_texts(views, [["eng_Latn"] * len(pairs)] * 2)
    score = poly_encoder(encoder, learned.codes.detach().numpy(), language="eng_Latn")
    found = score(*zip(*pairs, strict=True))
    with torch.inference_mode():
        outputs = module(batch, ("states", "vectors"))
        every = []  # the loss of one row and its candidate alone, against a candidate of zeros
        for row in range(len(pairs)):
            states = outputs["states"].split(batch.lengths().tolist())[row]
            read = torch.softmax(learned.codes @ states.T, 1) @ states
            near = read @ outputs["vectors"][1, row]
            every.append(float(near.softmax(0) @ near))
    np.testing.assert_allclose(found.values, every, rtol=1e-4, atol=1e-4)
    assert found.truncated == 0


def test_late_interaction_scores_as_three_loops(minilm):
    encoder = load_encoder(minilm)
    pairs = flat()
    states = read_states(encoder, [p for _, p in pairs], language="eng_Latn").array
    projection = pca_projection(states, 8)
    found = late_interaction(encoder, projection, language="eng_Latn")(*zip(*pairs, strict=True))
    wanted = [
        maxsim_plain(*(read_tokens(encoder, [t], projection, language="eng_Latn") for t in pair))
        for pair in pairs
    ]
    np.testing.assert_allclose(found.values, np.ravel(wanted), atol=1e-4)
    masked = late_interaction(encoder, projection, language="eng_Latn", masks=4)
    assert (masked(*zip(*pairs, strict=True)).values > found.values).any()


def test_pairs_over_the_window_are_cut_and_counted(minilm):
    encoder = load_encoder(minilm)
    score = cross_encoder(encoder, np.ones(384), language="eng_Latn")
    found = score(["short", "long " * 900], ["word " * 900, "short"])
    assert found.truncated == 2 and np.isfinite(found.values).all()
    codes = np.ones((2, 384), np.float32)
    poly = poly_encoder(encoder, codes, language="eng_Latn")
    assert poly(["a", "b"], ["word " * 900, "c"]).truncated == 1


@pytest.mark.parametrize(
    ("query", "passage", "room", "kept"),
    [
        (3, 4, 9, (3, 4)),
        (3, 9, 9, (3, 5)),
        (9, 9, 9, (4, 4)),
        (9, 2, 9, (6, 2)),
        (20, 20, 8, (4, 3)),
    ],
)
def test_the_passage_is_cut_first(query, passage, room, kept):
    ids, cut = joined(np.full(query, 1), np.full(passage, 2), [0], room)
    assert ((ids == 1).sum(), (ids == 2).sum()) == kept and len(ids) <= room
    assert cut == (kept != (query, passage))


def test_a_static_model_reads_no_pairs():
    class Static:
        name, reader = "static", None

    with pytest.raises(UsageError, match="static cannot read a query and a passage"):
        frame_of(Static())
