"""LAVS: the divergence is its formula, and rises most for the tokens that are chosen."""

import itertools
import math

import numpy as np
import pytest
from tokenizers import Tokenizer

from isogloss import read_corpus
from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.sharing import (
    FLOOR,
    divergence,
    frequencies,
    language_aware_ids,
    share_language_aware,
)


def shares_of(seed, languages, size=7):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(size, 0.5), languages) * (rng.random((languages, size)) > 0.3)
    return p / p.sum(1, keepdims=True)


def plain_divergence(p, ids=None, floor=FLOOR):
    """Sum by sum, over dictionaries from id to share."""
    rows = []
    for m in range(len(p)):
        row: dict = {}
        for i, value in enumerate(p[m]):
            at = i if ids is None else ids[m][i]
            row[at] = row.get(at, 0) + value
        rows.append(row)
    total = 0.0
    for m, n in itertools.permutations(range(len(p)), 2):
        for i, value in rows[m].items():
            if value > 0:
                total += value * math.log(value / max(rows[n].get(i, 0), floor))
    return total / (len(p) * (len(p) - 1))


@pytest.mark.parametrize("seed", range(5))
def test_divergence_is_the_formula(seed):
    p = shares_of(seed, 4)
    assert divergence(p) == pytest.approx(plain_divergence(p))
    ids = language_aware_ids(p, extra=5)
    assert divergence(p, ids) == pytest.approx(plain_divergence(p, ids))
    assert divergence(np.full((3, 5), 0.2)) == pytest.approx(0)
    apart = np.eye(2)
    assert divergence(apart) == pytest.approx(-math.log(FLOOR))


@pytest.mark.parametrize("seed", range(8))
def test_two_languages_no_choice_is_better(seed):
    p = shares_of(seed, 2)
    for extra in (1, 2, 3):
        made = divergence(p, language_aware_ids(p, extra=extra))
        best = 0.0
        for chosen in itertools.combinations(range(p.shape[1]), extra):
            ids = np.tile(np.arange(p.shape[1]), (2, 1))
            ids[1, list(chosen)] = p.shape[1] + np.arange(extra)
            best = max(best, plain_divergence(p, ids))
        assert made == pytest.approx(best)


@pytest.mark.parametrize("seed", range(6))
def test_each_new_id_is_the_best_of_all_next_ones(seed):
    p = shares_of(seed, 4, 5)
    ids = np.tile(np.arange(5), (4, 1))
    for extra in range(1, 12):
        options = {}
        for m, i in itertools.product(range(4), range(5)):
            if ids[m, i] == i:
                other = ids.copy()
                other[m, i] = 4 + extra
                options[m, i] = plain_divergence(p, other)
        made = language_aware_ids(p, extra=extra)
        now = plain_divergence(p, ids)
        if max(options.values()) <= now + 1e-12:
            assert (made == ids).all()
            break
        assert plain_divergence(p, made) == pytest.approx(max(options.values()))
        assert ((made < 5) | (made == ids) | (made == 4 + extra)).all()  # begins as with fewer
        ids = made


def test_frequent_tokens_of_one_language_are_left_alone():
    p = np.array([[0.7, 0.1, 0.2, 0.0], [0.0, 0.1, 0.2, 0.7]])
    ids = language_aware_ids(p, extra=1)
    assert [i for i in range(4) if ids[0, i] != ids[1, i]] == [2]  # not the most frequent, 0 or 3
    rarely = np.array([[0.6, 0.1, 0.3], [1e-9, 0.1, 0.9 - 1e-9]])  # shared, but hardly
    ids = language_aware_ids(rarely, extra=2)
    assert ids[0, 0] == ids[1, 0] and ids[0, 1] != ids[1, 1]


@pytest.fixture(scope="module")
def texts_by_language():
    corpus = read_corpus("emoji", languages=["spa", "por", "ita"])
    return {str(tag): corpus.texts(tag)[:200] for tag in corpus.languages}


def test_of_every_kind_each_language_has_its_ids_in_plain_json(tokenizer, texts_by_language):
    made = share_language_aware(tokenizer, texts_by_language, extra=40)
    size = tokenizer.get_vocab_size()
    assert len(made) == size + 40 == made.ids.max() + 1
    p = frequencies(tokenizer, texts_by_language)
    assert divergence(p, made.ids) > divergence(p) + 0.1
    new = set()
    for tag, lines in texts_by_language.items():
        plain = Tokenizer.from_str(made.of(tag).to_str())
        ids = made.encode(lines, tag)
        assert [one.ids for one in plain.encode_batch(lines)] == [row.tolist() for row in ids]
        assert made.decode(ids) == tokenizer.decode_batch(
            [one.ids for one in tokenizer.encode_batch(lines)]
        )
        assert plain.get_vocab_size() == len(made)
        mine = {i for row in ids for i in row.tolist() if i >= size}
        assert mine and not mine & new
        new |= mine
    with pytest.raises(UsageError, match="not known"):
        made.encode(["x"], "deu_Latn")


def test_unknown_special_and_added_tokens_stay_shared(tokenizer, texts_by_language):
    more = Tokenizer.from_str(tokenizer.to_str())
    more.add_tokens(["über"])
    texts = {tag: [f"{line} über Ж🜁" for line in lines] for tag, lines in texts_by_language.items()}
    made = share_language_aware(more, texts, extra=60)
    at = more.token_to_id("über")
    special = [i for i, t in more.get_added_tokens_decoder().items() if t.special]
    assert special and (made.ids[:, special] == special).all()
    assert len(set(made.ids[:, at].tolist())) == 3  # one keeps the old id
    for tag, lines in texts.items():
        plain = Tokenizer.from_str(made.of(tag).to_str())
        assert plain.encode(lines[0]).ids == made.encode(lines[:1], tag)[0].tolist()


def test_no_new_ids_changes_nothing(tokenizer, texts_by_language):
    made = share_language_aware(tokenizer, texts_by_language, extra=0)
    assert len(made) == tokenizer.get_vocab_size()
    assert made.of("spa_Latn").get_vocab() == tokenizer.get_vocab()


def test_refused(tokenizer, texts_by_language):
    with pytest.raises(UsageError, match="one language only"):
        share_language_aware(tokenizer, {"spa_Latn": texts_by_language["spa_Latn"]}, extra=3)
    with pytest.raises(UsageError, match="no text"):
        share_language_aware(tokenizer, {**texts_by_language, "deu_Latn": []}, extra=3)
    with pytest.raises(UsageError, match="cannot be given"):
        share_language_aware(tokenizer, texts_by_language, extra=-1)
    with pytest.raises(VectorError, match="sum to 1"):
        divergence(np.ones((2, 3)))
    with pytest.raises(UsageError, match="floor"):
        divergence(np.full((2, 2), 0.5), floor=0)
