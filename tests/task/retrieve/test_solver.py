"""What finds passages gives what the plainest way gives, by the right modules, at a told cost."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.errors import ModelError
from isogloss.match.neighbours import unit
from isogloss.task.examples import QUERIES, make_examples
from isogloss.task.retrieve.maxsim import maxsim_plain
from isogloss.task.retrieve.rerank import (
    cross_encoder,
    late_interaction,
    poly_encoder,
    rerank,
)
from isogloss.task.retrieve.solver import Finding, open_finder
from isogloss.task.retrieve.task import Collection
from isogloss.task.retrieve.tokens import read_tokens, trained_projection
from isogloss.train.label_head import read_head
from isogloss.train.objectives.late_interaction import LateInteraction
from isogloss.train.objectives.poly_encoder import PolyEncoder
from isogloss.train.objectives.rank_pairs import RankPairs
from loading import load

_made = load("train/parameters/test_bottleneck.py")
base, taught = _made.base, _made.taught
ENG, DEU = "eng_Latn", "deu_Latn"
PASSAGES = ["a red heart", "dog face", "the sun with face", "cat", "two hearts and a sun", "moon"]
ASKED = ["heart", "a dog and a cat", "sun", "face of the moon"]
EXAMPLES = make_examples(
    "mine", DEU, QUERIES, {"text": [*ASKED, None], "relevant": [["0"], ["1"], ["2"], ["5"], None]}
)
COLLECTION = Collection([*"012345"], PASSAGES, DEU)


@pytest.fixture(scope="module")
def model(base, tmp_path_factory):
    """A body with modules of two languages, and a head of each kind beside it."""
    folder = tmp_path_factory.mktemp("modular") / "model"
    made = taught(base, "per_language.v1", reduction=4)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in made.module.inserted.parameters():  # so that modules make other rankings
            weight.add_(torch.randn(weight.shape))
    made.save(folder)
    for objective in (LateInteraction(dimensions=8), PolyEncoder(codes=3), RankPairs()):
        objective.begin(made.module)
        for weight in objective.parameters():
            torch.nn.init.normal_(weight)
        objective.save(folder)
    return folder


def told(model, tmp_path, examples=EXAMPLES, **finding):
    encoder = load_encoder(str(model))
    finder = open_finder(encoder, COLLECTION, Finding(**finding), model, tmp_path / "index")
    said = finder.tell(examples)
    assert said.guesses[-1] is None and said.dropped == {"no text": 1}
    return [[int(one) for one in ranking] for ranking in said.values[:-1]], finder


def order(scores):
    return [np.argsort(-row, kind="stable").tolist() for row in np.asarray(scores)]


@pytest.mark.parametrize("tag", [ENG, DEU])
def test_late_interaction_finds_the_largest_sums_of_nearest_tokens(tag, model, tmp_path):
    found, finder = told(model, tmp_path, by="late", bits=16, read_as="" if tag == DEU else "eng")
    encoder, projection = load_encoder(str(model)), trained_projection(model)
    wanted = maxsim_plain(*(read_tokens(encoder, texts, projection, language=tag)
                            for texts in (ASKED, PASSAGES)))  # fmt: skip
    assert found == order(wanted)
    assert finder.costs["passages"] == 6 and finder.costs["index_bytes"] > 0
    assert finder.costs["query_ms"] > 0 and finder.costs["index_seconds"] > 0


def test_other_modules_and_one_vector_find_otherwise(model, tmp_path):
    own, english, vectors, as_english = (
        told(model, tmp_path / str(at), **finding)[0]
        for at, finding in enumerate((
            {"by": "late"}, {"by": "late", "read_as": "eng"}, {}, {"read_as": "eng"},
        ))
    )  # fmt: skip
    assert own != english and own != vectors and vectors != as_english
    assert vectors == order(cosines(load_encoder(str(model)), DEU))


def cosines(encoder, tag):
    """Of queries that are read as a language with German passages."""
    asked, known = (unit(next(iter(encoder.encode(texts, language=language).values())).array)
                    for texts, language in ((ASKED, tag), (PASSAGES, DEU)))  # fmt: skip
    return asked @ known.T


def test_queries_are_read_as_their_language_and_passages_as_theirs(model, tmp_path):
    encoder, english = load_encoder(str(model)), replace(EXAMPLES, language=ENG)
    nearest = told(model, tmp_path, english)[0]
    assert nearest == order(cosines(encoder, ENG)) != order(cosines(encoder, DEU))
    projection = trained_projection(model)
    wanted = maxsim_plain(*(read_tokens(encoder, texts, projection, language=tag)
                            for texts, tag in ((ASKED, ENG), (PASSAGES, DEU))))  # fmt: skip
    assert told(model, tmp_path, english, by="late", bits=16)[0] == order(wanted)
    scorer = late_interaction(encoder, projection, language=DEU, asked=ENG)
    made = rerank(ASKED, [PASSAGES] * len(ASKED), scorer).order
    assert [row.tolist() for row in made] == order(wanted)
    codes = read_head(model, "poly_encoder.v1")[1]["codes"].numpy()
    scorer = poly_encoder(encoder, codes, language=DEU, asked=ENG)
    made = rerank(ASKED, [PASSAGES] * len(ASKED), scorer).order
    found = told(model, tmp_path, english, by="poly")[0]
    assert found == [row.tolist() for row in made] != told(model, tmp_path, by="poly")[0]


def test_what_was_cut_to_the_window_is_counted(model, tmp_path):
    encoder = load_encoder(str(model))
    long = COLLECTION._replace(texts=[*PASSAGES[:-1], "moon " * 900])
    for by, truncated, pairs in (
        ("vectors", 1, None), ("late", 0, None), ("cross", 1, 4), ("poly", 1, 4),
    ):  # fmt: skip
        finder = open_finder(encoder, long, Finding(by=by), model, tmp_path / by)
        assert finder.tell(EXAMPLES).truncated == truncated
        assert finder.costs.get("pairs_truncated") == pairs


def test_the_first_places_are_filled_by_the_best_of_more_candidates(model, tmp_path, monkeypatch):
    whole = told(model, tmp_path, by="cross")[0]
    monkeypatch.setattr("isogloss.task.retrieve.solver.DEPTH", 2)
    assert told(model, tmp_path, by="cross")[0] == [row[:2] for row in whole]
    assert {len(row) for row in told(model, tmp_path, by="late", candidates=1)[0]} == {1}


@pytest.mark.parametrize("by", ["cross", "poly"])
def test_rerankers_put_the_nearest_in_order(by, model, tmp_path):
    found, finder = told(model, tmp_path, by=by, candidates=4)
    encoder = load_encoder(str(model))
    if by == "cross":
        _, weights = read_head(model, "rank_pairs.v1")
        scorer = cross_encoder(encoder, weights["weight"].numpy(), language=DEU)
    else:
        codes = read_head(model, "poly_encoder.v1")[1]["codes"].numpy()
        scorer = poly_encoder(encoder, codes, language=DEU)
    nearest = [row[:4] for row in told(model, tmp_path)[0]]
    made = rerank(ASKED, [[PASSAGES[i] for i in row] for row in nearest], scorer)
    assert found == [
        [row[i] for i in ranks] for row, ranks in zip(nearest, made.order, strict=True)
    ]
    assert found != nearest and finder.costs["pairs_truncated"] == 0


def test_a_model_without_the_head(base, tmp_path):
    with pytest.raises(ModelError, match=r"no head late_interaction\.v1"):
        told(base, tmp_path, by="late")


def test_how_it_is_told():
    ways = Finding(), Finding(by="late"), Finding(by="poly", read_as="eng")
    said = ["", "by late interaction", "by a poly-encoder, read as eng"]
    assert [one.told for one in ways] == said
