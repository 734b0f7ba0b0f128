"""A probe over vectors: parity with scikit-learn, and what it refuses."""

import numpy as np
import pytest

import labelled
from isogloss.encode.vectors import Vectors
from isogloss.errors import TrainingError, UsageError
from isogloss.task.probe import fit, probe, softmax
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.tag import TagTask


class Bag:
    """Vectors of counted words; it notes what it was asked."""

    name, fingerprint, layers, window, pooling, licence = "bag", "0" * 16, (0,), 99, "mean", None
    words = [w for kind in labelled.KINDS.values() for w in kind] + labelled.OTHERS

    def encode(self, texts, *, language, **options):
        made = np.array([[t.split().count(w) for w in self.words] for t in texts], np.float32)
        rows, sizes = np.arange(len(texts)), np.ones(len(texts), int)
        return {0: Vectors(made, rows, len(texts), 0, "mean", language, sizes, 0, "", "")}


@pytest.fixture
def encoder(monkeypatch):
    bag = Bag()
    monkeypatch.setattr("isogloss.encode.cache.encode_cached", lambda e, t, **o: e.encode(t, **o))
    return bag


def test_the_fit_is_that_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
    ours = fit(x, y, 3, 2.5)
    theirs = linear.LogisticRegression(C=2.5, tol=1e-10, max_iter=5000).fit(x, y)
    np.testing.assert_allclose(
        softmax(x @ ours[:-1] + ours[-1]), theirs.predict_proba(x), atol=1e-4
    )


def test_it_learns_tells_and_counts(encoder):
    solver = probe(encoder, ClassifyTask(), [labelled.texts(40)])
    test = labelled.texts(30, seed=1)
    assert solver.tell(test).values == test.column("label")
    odd = labelled.make_examples("x", "eng", labelled.TEXT, {"text": ["apple", None]})
    told = solver.tell(odd)
    assert told.values == ["fruit", None] and told.dropped == {"no text": 1}


def test_an_example_without_text_is_told_nothing_also_where_it_is_asked_alone(encoder):
    """As those of a test are, to know how long one takes."""
    pairs = labelled.texts(40)
    pairs = pairs.having({"second": pairs.column("text")})
    for train in (labelled.texts(40), pairs):
        solver = probe(encoder, ClassifyTask(), [train])
        told = solver.tell(labelled.make_examples("x", "eng", labelled.TEXT, {"text": [None]}))
        assert told.values == [None] and told.dropped == {"no text": 1}
    half = {"text": ["apple"] * 2, "second": ["cat", ""]}
    both = solver.tell(labelled.make_examples("x", "eng", labelled.TEXT, half))
    assert [value is None for value in both.values] == [False, True]
    alone = solver.tell(labelled.make_examples("x", "eng", labelled.TEXT, half).take([1]))
    assert alone.values == [None]
    with pytest.raises(TrainingError, match="no example can be trained on"):
        probe(encoder, ClassifyTask(), [train.having({"second": ["a"] + [None] * 39,
                                                      "text": [None] * 40})])  # fmt: skip


def test_a_pair_is_read_by_both_texts(encoder):
    rng = np.random.default_rng(0)
    kinds = [[str(rng.choice(list(labelled.KINDS))) for _ in range(2)] for _ in range(60)]
    sides = [[" ".join(labelled.sentence(kind, rng)) for kind in pair] for pair in kinds]
    first, second = zip(*sides, strict=True)
    same = ["same" if a == b else "other" for a, b in kinds]
    pairs = labelled.make_examples(
        "x", "eng", labelled.TEXT, {"text": first, "second": second, "label": same}
    )
    solver = probe(encoder, ClassifyTask(), [pairs])
    assert len(solver.weights) == 4 * len(Bag.words) + 1
    right = np.mean([a == b for a, b in zip(solver.tell(pairs).values, same, strict=True)])
    assert right > max(same.count("same"), same.count("other")) / len(same)


def test_translations_of_one_example_are_in_one_fold(encoder, monkeypatch):
    """With other folds the strongest fit would win: the twin of each example tells its label."""
    seen = []
    import isogloss.task.probe as module

    def noted(x, y, classes, strength):
        seen.append({tuple(row) for row in x})
        return fit(x, y, classes, strength)

    monkeypatch.setattr(module, "fit", noted)
    train = labelled.texts(24)
    probe(encoder, ClassifyTask(), [train, train])
    whole = seen[-1]
    assert all(len(rows) < len(whole) for rows in seen[:4])


def test_each_fold_leaves_out_an_id_in_every_language(monkeypatch):
    from isogloss.task import probe as module

    seen = []
    monkeypatch.setattr(module, "fit", lambda x, *more: seen.append(x) or fit(x, *more))
    names = [str(i) for i in range(16)]
    x, y = np.eye(16)[[*range(16)] * 3], np.array([*range(16)] * 3) % 2
    module.chosen_strength(x, y, names * 3, 2, seed=1)
    assert {int((one.sum(0) == 0).sum()) for one in seen} == {4}  # in no copy


def test_words_are_not_probed(encoder):
    with pytest.raises(UsageError, match="not words with tags"):
        probe(encoder, TagTask(), [labelled.words()])


def test_an_example_alone_is_timed_by_itself(encoder, monkeypatch):
    """One among many is timed once a language, in a batch; one alone each time it is asked."""
    solver = probe(encoder, ClassifyTask(), [labelled.texts(40)])
    test, sizes = labelled.texts(30, seed=1), []
    plain = type(encoder).encode

    def noted(self, texts, **options):
        sizes.append(len(texts))
        return plain(self, texts, **options)

    monkeypatch.setattr(type(encoder), "encode", noted)
    solver.tell(test)
    solver.tell(test)
    assert sizes == [30] * 3  # read, timed, and read again
    sizes.clear()
    for row in (0, 1):
        assert solver.tell(test.take([row])).seconds > 0
    assert sizes == [1] * 4  # read and timed, both times
