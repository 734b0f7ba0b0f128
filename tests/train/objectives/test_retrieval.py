"""What ranks passages for a query: against plain loops, one token and one pair at a time."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from isogloss.errors import ModelError, TrainingError
from isogloss.train.batch import stack_texts
from isogloss.train.label_head import read_head
from isogloss.train.objectives.late_interaction import LateInteraction
from isogloss.train.objectives.poly_encoder import PolyEncoder
from isogloss.train.objectives.rank_pairs import RankPairs

ROWS, WIDTH = 4, 5
MODEL = SimpleNamespace(
    body=SimpleNamespace(config=SimpleNamespace(hidden_size=WIDTH)),
    parameters=lambda: iter([torch.zeros(1, dtype=torch.float64)]),
)


def begun(objective):
    """An objective with weights that are not nearly zero, still as in use."""
    objective.begin(MODEL)
    torch.manual_seed(0)
    for weight in objective.parameters():
        torch.nn.init.normal_(weight)
    return objective.requires_grad_(False)


def texts(rng, views=4, negatives=1):
    """Outputs and a batch of queries, passages, and negatives behind them."""
    ids = [[rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(views)]
    marked = np.repeat(np.arange(views) >= views - negatives, ROWS)
    batch = stack_texts(ids, [["eng_Latn"] * ROWS] * views, texts={"negative": marked})
    outputs = {
        "states": torch.from_numpy(rng.normal(size=(len(batch.ids), WIDTH))),
        "vectors": torch.from_numpy(rng.normal(size=(views, ROWS, WIDTH))),
    }
    return outputs, batch


CASES = {
    "late_interaction.v1": lambda rng: (
        begun(LateInteraction(dimensions=3, both=True, temperature=0.5)), *texts(rng)
    ),
    "poly_encoder.v1": lambda rng: (begun(PolyEncoder(codes=3)), *texts(rng)),
    "rank_pairs.v1": lambda rng: (begun(RankPairs(drop=0.0)), *texts(rng)),
}  # fmt: skip


def states_of(outputs, batch):
    """States `[t, d]` of each text."""
    return outputs["states"].split(batch.lengths().tolist())


def surprise(scores, own):
    return -torch.log_softmax(torch.stack(scores), 0)[own]


@pytest.mark.parametrize("negatives", [0, 1])
def test_late_interaction_is_the_plain_triple_loop(negatives):
    outputs, batch = texts(np.random.default_rng(1), 3, negatives)
    objective = begun(LateInteraction(dimensions=3, temperature=0.7))
    every = [torch.nn.functional.normalize(s @ objective.project.weight.T, dim=1)
             for s in states_of(outputs, batch)]  # fmt: skip

    def score(query, passage):
        return sum(max(float(t @ u) for u in passage) for t in query)

    queries, first, last = every[:ROWS], every[ROWS : 2 * ROWS], every[2 * ROWS :]
    views = [[*first, *last]] if negatives else [first, last]
    plain = []
    for candidates in views:
        for i, query in enumerate(queries):
            scores = [torch.tensor(score(query, each) / 0.7) for each in candidates]
            plain.append(surprise(scores, i))
    assert float(objective(outputs, batch).total) == pytest.approx(float(torch.stack(plain).mean()))


def test_passages_find_their_queries_too():
    outputs, batch = texts(np.random.default_rng(2), 2, 0)
    turned = stack_texts(
        [[t.numpy() for t in batch.ids.split(batch.lengths().tolist())][at : at + ROWS]
         for at in (ROWS, 0)], [["eng_Latn"] * ROWS] * 2,
    )  # fmt: skip
    cut = int(batch.offsets[ROWS])
    swapped = {"states": torch.cat([outputs["states"][cut:], outputs["states"][:cut]])}
    there = begun(LateInteraction(dimensions=3))
    both = begun(LateInteraction(dimensions=3, both=True))
    plain = (there(outputs, batch).total + there(swapped, turned).total) / 2
    torch.testing.assert_close(both(outputs, batch).total, plain)


def test_late_interaction_in_small_pieces_is_the_same(monkeypatch):
    from isogloss.train.objectives import late_interaction

    objective, outputs, batch = CASES["late_interaction.v1"](np.random.default_rng(3))
    whole = objective(outputs, batch).total
    monkeypatch.setattr(late_interaction, "_AT_ONCE", 40)
    torch.testing.assert_close(objective(outputs, batch).total, whole)


def test_first_projection_keeps_cosines_about_as_they_were():
    wide = SimpleNamespace(body=SimpleNamespace(config=SimpleNamespace(hidden_size=300)),
                           parameters=MODEL.parameters)  # fmt: skip
    objective = LateInteraction(dimensions=256)
    objective.begin(wide)
    x = torch.nn.functional.normalize(torch.randn(50, 300, dtype=torch.float64), dim=1)
    y = torch.nn.functional.normalize(objective.project(x), dim=1)
    assert (x @ x.T - y @ y.T).abs().max() < 0.35


@pytest.mark.parametrize("negatives", [0, 2])
def test_poly_encoder_is_the_plain_loop(negatives):
    outputs, batch = texts(np.random.default_rng(4), 2 + negatives, negatives)
    objective = begun(PolyEncoder(codes=3, temperature=2.0))
    queries, candidates = states_of(outputs, batch)[:ROWS], outputs["vectors"][1:].flatten(0, 1)
    plain = []
    for i, states in enumerate(queries):
        read = [torch.softmax(states @ code, 0) @ states for code in objective.codes]
        scores = []
        for v in candidates:
            weights = torch.softmax(torch.stack([v @ y for y in read]), 0)
            scores.append(v @ sum(w * y for w, y in zip(weights, read, strict=True)) / 2)
        plain.append(surprise(scores, i))
    torch.testing.assert_close(objective(outputs, batch).total, torch.stack(plain).mean())


@pytest.mark.parametrize("loss", ["softmax", "margin"])
def test_pairs_are_ranked_within_their_row(loss):
    outputs, batch = texts(np.random.default_rng(5), 5, 3)
    objective = begun(RankPairs(loss=loss, margin=0.5, drop=0.0))
    scores = objective.score(outputs["vectors"])[..., 0]  # [views, B]
    plain = []
    for row in range(ROWS):
        for right in scores[:2, row]:
            if loss == "softmax":
                plain.append(surprise([right, *scores[2:, row]], 0))
            else:
                plain += [torch.relu(0.5 - right + wrong) for wrong in scores[2:, row]]
    torch.testing.assert_close(objective(outputs, batch).total, torch.stack(plain).mean())


def test_pairs_without_a_wrong_one_are_refused():
    outputs, batch = texts(np.random.default_rng(6), 2, 0)
    with pytest.raises(TrainingError, match="2 right pairs and 0 wrong"):
        begun(RankPairs())(outputs, batch)


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_was_learned_is_saved_and_read_again(name, tmp_path):
    objective, *_ = CASES[name](np.random.default_rng(0))
    objective.save(tmp_path)
    for weight in objective.parameters():
        weight += 1
    objective.save(tmp_path)
    about, weights = read_head(tmp_path, name)
    assert about["use"] == name
    for key, value in weights.items():  # the last one
        assert any(torch.equal(value, own) for own in objective.state_dict().values()), key
    with pytest.raises(ModelError, match=r"no head classify\.v1"):
        read_head(tmp_path, "classify.v1")
    (tmp_path / "heads" / "2" / "head.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be read"):
        read_head(tmp_path, name)
    (tmp_path / "heads" / "2" / "head.json").write_text(json.dumps([]))
    with pytest.raises(ModelError, match="not a JSON object"):
        read_head(tmp_path, name)
