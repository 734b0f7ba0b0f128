"""The task: its measures, its collection, and examples that do not fit one."""

import numpy as np
import pyarrow as pa
import pytest

from isogloss import registry
from isogloss.corpus.records import Corpus
from isogloss.errors import CorpusError
from isogloss.match.search import Neighbours
from isogloss.task.examples import QUERIES, make_examples
from isogloss.task.retrieve.task import check_relevant, collection_of, named


def queries(*relevant):
    return make_examples(
        "mine", "eng", QUERIES,
        {"text": [f"query {i}" for i in range(len(relevant))], "relevant": [*relevant]},
    )  # fmt: skip


def test_all_measures_are_scored_and_the_first_is_the_main_one():
    task = registry.get("task", "retrieve.v1")()
    gold = queries(["a", "c"], ["b"], None)
    found = task.score(gold, [["a", "b", "c"], ["a", "b"], ["a"]])
    values = {name: tally.statistic(tally.columns.sum(0)) for name, tally in found.items()}
    ndcg = ((1 + 1 / 2) / (1 + 1 / np.log2(3)) + 1 / np.log2(3)) / 2
    assert values == pytest.approx(
        {"ndcg@10": ndcg, "recall@100": 1, "mrr@10": 0.75, "precision@1": 0.5}
    )
    assert tuple(found) == task.measures and task.shape is QUERIES


def test_queries_that_nobody_judged_cannot_be_scored():
    with pytest.raises(CorpusError, match="no query says which"):
        registry.get("task", "retrieve.v1")().score(queries(None, []), [["a"], ["b"]])


def test_a_collection_is_what_has_a_text():
    table = pa.table({"id": ["1", "2", "3"], "deu_Latn": ["Haus", None, "  "],
                      "eng_Latn": ["house", "tree", "sea"]})  # fmt: skip
    corpus = Corpus("mine", table)
    found = collection_of(corpus, "de")
    assert (found.ids, found.texts, found.language) == (("1",), ("Haus",), "deu_Latn")
    assert found.dropped == {"without a text in deu_Latn": 2}
    assert collection_of(corpus, "eng").dropped == {}


def test_relevant_passages_of_another_collection():
    assert check_relevant(queries(["a", "x"], None), ["a", "b"]) == 1
    with pytest.raises(CorpusError, match="none of the relevant ids, such as 'x'"):
        check_relevant(queries(["x"], ["y"]), ["a"])


def test_names_of_what_was_found():
    found = Neighbours(np.array([[2, 0, -1]]), np.array([[1, 0.5, -np.inf]]))
    assert named(found, ["a", "b", "c"]) == [["c", "a"]]
