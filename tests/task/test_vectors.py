"""Vectors as they are: cosines of pairs, clusters of texts."""

import json

import numpy as np
import pytest

from isogloss.encode.vectors import Vectors
from isogloss.errors import UsageError
from isogloss.task.contracts import Guess
from isogloss.task.evaluate import evaluate
from isogloss.task.examples import PAIRS, TEXT, make_examples
from isogloss.task.metrics.similarity import correlations
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.cluster import ClusterTask, spread
from isogloss.task.tasks.similarity import SimilarityTask
from isogloss.task.vectors import VectorsSolver


class Letters:
    """Vectors of counted letters; texts over nine letters are cut."""

    name, fingerprint, layers, window, pooling, licence = "x", "0" * 16, (0,), 9, "mean", None

    def encode(self, texts, *, language, **options):
        made = [[t[: self.window].count(c) + 0.01 for c in "abcdefghij"] for t in texts]
        sizes = np.array([len(t) for t in texts])
        return {0: Vectors(np.array(made, np.float32), np.arange(len(texts)), len(texts), 0,
                           "mean", language, sizes, 0, "", "")}  # fmt: skip


@pytest.fixture
def encoder(monkeypatch):
    letters = Letters()
    monkeypatch.setattr("isogloss.encode.cache.encode_cached", lambda e, t, **o: e.encode(t, **o))
    return letters


def pairs(scores=(5.0, 1.0, 2.0, 0.0)):
    return make_examples("pairs", "eng", PAIRS, {
        "text": ["abc", "aab", "", "aaaaaaaaaaaa"], "second": ["cab", "def", "x", "bbbbbbbbbbbb"],
        "score": list(scores),
    })  # fmt: skip


def groups(n=30):
    rng = np.random.default_rng(0)
    kinds = ["ab", "cd", "ef"]
    texts = ["".join(rng.choice(list(kinds[i % 3]), 6)) for i in range(n)]
    return make_examples("groups", "eng", TEXT, {"text": texts, "label": [kinds[i % 3] for i in
                                                                         range(n)]})  # fmt: skip


def test_a_pair_is_told_its_cosine_and_one_without_text_none(encoder):
    told = VectorsSolver(SimilarityTask(), encoder).tell(pairs())
    assert told.values[2] is None and told.dropped == {"no text": 1}
    assert told.truncated == 1  # a pair once, though both of its texts were cut
    one, two = (np.asarray(encoder.encode([t], language="eng")[0].array[0], float)
                for t in ("aab", "def"))  # fmt: skip
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    assert told.values[0] == pytest.approx(1.0, abs=1e-6)
    assert told.values[1] == pytest.approx(cosine, abs=1e-6)


def test_only_unlabelled_empty_examples_are_told_nothing(encoder):
    empty = make_examples("x", "eng", PAIRS, {"text": ["", None], "second": ["a", "b"]})
    told = VectorsSolver(SimilarityTask(), encoder).tell(empty)
    assert told.guesses == [None, None] and told.dropped == {"no text": 2}


def test_clusters_are_found_and_do_not_depend_on_labels(encoder):
    task, gold = ClusterTask(clusters=3), groups()
    told = VectorsSolver(task, encoder).tell(gold)
    assert told.values == VectorsSolver(task, encoder).tell(gold.sealed()).values
    assert len(set(zip(told.values, gold.column("label"), strict=True))) == 3
    assert all(isinstance(guess, Guess) for guess in told.guesses)


def test_the_best_of_several_starts_is_no_worse_than_one():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    one, many = ([int(label) for label in ClusterTask(clusters=9, starts=n).from_vectors([x], 0)]
                 for n in (1, 10))  # fmt: skip
    means = [x[np.array(many) == c].mean(0) for c in range(9)]
    plain = sum(((x[i] - means[c]) ** 2).sum() for i, c in enumerate(many))
    assert spread(x, np.array(many)) == pytest.approx(plain, rel=1e-4)
    assert spread(x, np.array(many)) < spread(x, np.array(one))


def test_the_number_of_clusters_must_be_said_or_counted(encoder):
    with pytest.raises(UsageError, match="how many clusters"):
        VectorsSolver(ClusterTask(), encoder).tell(groups())
    assert ClusterTask().counted(groups()).clusters == 3
    assert ClusterTask(clusters=5).counted(groups()).clusters == 5


def test_a_task_that_needs_teaching_is_refused(encoder):
    with pytest.raises(UsageError, match="vectors alone do not tell text with a label"):
        VectorsSolver(ClassifyTask(), encoder).tell(groups())


def test_what_is_saved_names_the_encoder(encoder, tmp_path):
    VectorsSolver(ClusterTask(clusters=2), encoder, seed=4).save(tmp_path)
    about = json.loads((tmp_path / "task" / "task.json").read_text(encoding="utf-8"))
    assert about["encoder"] == "x" and about["encoder_fingerprint"] == "0" * 16


def test_an_encoder_is_scored_on_similarity(encoder):
    from scipy.stats import spearmanr

    gold = pairs().take([0, 1, 3])
    scores, items = evaluate(encoder, SimilarityTask(), gold)
    assert [one.measure for one in scores] == ["spearman", "pearson"]
    assert scores[0].value == pytest.approx(spearmanr(gold.column("score"), items.told)[0])
    assert set(correlations([1.0, 2.0], [1.0, 2.0])) == {"spearman", "pearson"}


def test_an_encoder_is_scored_on_clusters_whose_number_is_that_of_the_labels(encoder):
    scores, _ = evaluate(encoder, ClusterTask(), groups(), seed=1)
    assert [one.measure for one in scores] == ["v_measure", "homogeneity", "completeness"]
    assert scores[0].value == 1.0 and scores[0].settings["clusters"] == 3
