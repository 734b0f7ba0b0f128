"""An index of tokens: near to every passage scored, and equal where nothing is left out."""

import numpy as np
import pytest

from isogloss.encode.words import TokenVectors
from isogloss.errors import CorpusError, UsageError
from isogloss.match.neighbours import unit
from isogloss.task.retrieve import late
from isogloss.task.retrieve.late import build_index, encode_late, find_every, find_late
from isogloss.task.retrieve.maxsim import maxsim_plain
from isogloss.task.retrieve.tokens import no_projection

WIDTH = 24


class Words:
    """A vector for each word, and a little of its neighbours: an encoder of milliseconds."""

    name, fingerprint, layers, window, pooling = "words", "f" * 16, (0, 1), 99, "mean"

    def __init__(self, stop=None):
        self.read, self.stop = 0, stop

    def encode_words(self, sentences, *, layers=None):
        if self.stop is not None and self.read >= self.stop:
            raise KeyboardInterrupt
        self.read += len(sentences)
        made = [self._vectors(words) for words in sentences]
        counts = [len(one) for one in made]
        array = np.concatenate([np.empty((0, WIDTH), np.float32), *made])
        starts = np.cumsum([0, *counts])
        words = np.concatenate([np.arange(n) for n in counts])
        long = sum(n > 12 for n in counts)
        return {1: TokenVectors(array, starts, words, np.array(counts), long)}

    def _vectors(self, words):
        own = np.array([np.random.default_rng(int(w)).normal(size=WIDTH) for w in words])
        own = own.reshape(-1, WIDTH)
        return (own + 0.3 * np.roll(own, 1, 0)).astype(np.float32)


def collection(n=300, seed=0, kinds=80):
    rng = np.random.default_rng(seed)
    made = [" ".join(map(str, rng.integers(0, kinds, rng.integers(1, 14)))) for _ in range(n)]
    made[5] = ""
    return made


@pytest.fixture(scope="module")
def texts():
    return collection()


@pytest.fixture(scope="module")
def build(texts, tmp_path_factory):
    def make(encoder=None, **options):
        folder = options.pop("folder", None) or tmp_path_factory.mktemp("index")
        given = {"language": "eng_Latn", "size": 64, **options}
        return build_index(encoder or Words(), texts, folder, **given)

    return make


def asked(index, count=20):
    return encode_late(Words(), collection(count, seed=1), index, language="eng_Latn")


def test_every_passage_scored_is_the_plain_triple_loop(build, texts):
    index = build(bits=16, projection=no_projection(WIDTH))
    queries, whole = asked(index, 6), index.tokens(np.arange(len(texts)))
    found = find_every(queries, index, 12)
    scores = maxsim_plain(queries, whole)
    order = np.argsort(-scores.astype(np.float32), axis=1, kind="stable")[:, :12]
    np.testing.assert_allclose(found.scores, np.take_along_axis(scores, order, 1), atol=1e-4)
    read = Words().encode_words([text.split() for text in texts])[1]
    np.testing.assert_allclose(whole.array, unit(read.array), atol=1e-3)
    assert whole.lengths[5] == 0 and 5 not in found.ids[:5]  # query 5 says nothing either


def test_enough_probes_and_candidates_find_what_every_passage_scored_finds(build):
    index = build(bits=2)
    queries = asked(index)
    found = find_late(queries, index, 10, probes=len(index.codec.centres), candidates=300)
    wanted = find_every(queries, index, 10)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-4)
    assert (found.ids == wanted.ids).mean() > 0.98


@pytest.mark.parametrize("bits", [1, 2, 16])
def test_few_probes_find_nearly_all(build, bits):
    index = build(bits=bits)
    queries = asked(index)
    wanted = find_every(queries, index, 5).ids
    found = find_late(queries, index, 5, probes=4, candidates=40).ids
    shared = [len(np.intersect1d(a, b)) for a, b in zip(found, wanted, strict=True)]
    assert np.mean(shared) / 5 > 0.9


def test_passages_gain_over_the_last_centre_looked_at_and_by_the_best_of_each_token():
    """The first has 0.9 and at most 0.2 elsewhere, the second 0.7 and 0.3."""
    near = np.array([[0.9, 0.7, -1, -1], [-1, -1, 0.3, 0.2]], np.float32)
    lists = late.Lists(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 3, 4, 5]))
    assert late._gained(near, 2, lists, 1).tolist() == [0]
    assert late._gained(near, 2, lists, 2).tolist() == [0, 1]


def test_compressed_scores_are_near_the_exact_ones(build):
    exact, packed = build(bits=16), build(bits=2)
    queries = asked(exact, 8)
    one, other = (find_every(queries, index, 5) for index in (exact, packed))
    assert np.abs(one.scores - other.scores).max() < 0.1 * one.scores.max()
    assert packed.size < exact.size / 3


def test_a_query_that_finds_too_little_is_answered_in_full(build):
    index = build()
    queries = encode_late(Words(), ["3", ""], index, language="eng_Latn")
    found = find_late(queries, index, 200, probes=1, candidates=1)
    assert np.array_equal(found.ids, find_every(queries, index, 200).ids)
    assert found.ids.min() >= 0 and (found.scores[1] == 0).all()


def test_a_passage_finds_itself_among_all(build, texts):
    index = build(bits=2)
    queries = encode_late(Words(), texts, index, language="eng_Latn")
    rows = [row for row, text in enumerate(texts) if len(text.split()) > 4]
    found = find_late(queries, index, 1)
    assert (found.ids[rows, 0] == rows).mean() > 0.99


def test_an_index_that_was_killed_goes_on_where_it_was(build, texts, tmp_path):
    folder = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        build(Words(stop=300 + 128), folder=folder)
    again = Words()
    index = build(again, folder=folder)
    assert again.read == 300 - 128
    assert index.windowed == sum(len(text.split()) > 12 for text in texts)
    whole = build()
    assert np.array_equal(index.codes, whole.codes)
    done = Words()
    build(done, folder=folder)
    assert done.read == 0
    build(done, folder=folder, bits=1)
    assert done.read == 600  # a sample that is all of it, and all


def test_the_projection_is_told(build):
    assert build().projection.settings["dimensions"] == WIDTH
    index = build(dimensions=7)
    assert index.projection.made == "pca" and index.codec.centres.shape[1] == 7
    index = build(projection=no_projection(WIDTH))
    assert index.projection.made == "none"


def test_the_sample_of_a_large_collection_is_small(build, monkeypatch):
    monkeypatch.setattr(late, "SAMPLE", 100)
    monkeypatch.setattr(late, "PRINCIPAL", 50)
    encoder = Words()
    build(encoder)
    assert encoder.read == 300 + 256


def test_what_cannot_be(build, tmp_path):
    with pytest.raises(UsageError, match="its own dimensions"):
        build(projection=no_projection(WIDTH), dimensions=3)
    with pytest.raises(UsageError, match="25 dimensions of states that have 24"):
        build(dimensions=25)
    with pytest.raises(UsageError, match="99999 centres"):
        build(centres=99999)
    with pytest.raises(UsageError, match="probes 0"):
        find_late(asked(build()), build(), probes=0)
    with pytest.raises(CorpusError, match="no passage"):
        build_index(Words(), [], tmp_path, language="eng_Latn")
    with pytest.raises(UsageError, match="no passage has a token"):
        build_index(Words(), ["", " "], tmp_path, language="eng_Latn")
