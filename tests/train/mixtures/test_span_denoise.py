"""Hidden stretches: put back they give the text, and as much is hidden as was said."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.fresh import learn_for
from isogloss.train.material import Material
from isogloss.train.mixtures.shares import Sampling
from isogloss.train.mixtures.span_denoise import hide, span_denoise, spans

MARKS = list(range(999, 979, -1))


def restore(source, target):
    """The text from its two sides, the plain way."""
    hidden, mark = {}, None
    for token in target.tolist():
        if token in MARKS:
            mark, hidden[token] = token, []
        else:
            hidden[mark].append(token)
    made = [part for t in source.tolist() for part in (hidden[t] if t in MARKS else [t])]
    return made, list(hidden)


@given(st.integers(2, 80), st.floats(0.01, 0.99), st.floats(1, 6), st.integers(0, 99))
def test_stretches_put_back_give_the_text(tokens, share, length, seed):
    ids = np.arange(tokens)
    places = spans(tokens, share, length, len(MARKS) - 1, np.random.default_rng(seed))
    assert sum(b - a for a, b in places) == min(max(round(share * tokens), 1), tokens - 1)
    assert all(b < c for (_, b), (c, _) in itertools.pairwise(places))
    assert places[0][0] >= 0 and places[-1][1] <= tokens and all(a < b for a, b in places)
    source, target = hide(ids, places, MARKS)
    made, marks = restore(source, target)
    assert made == ids.tolist() and marks == MARKS[: len(places) + 1]
    assert [t for t in source.tolist() if t in MARKS] == MARKS[: len(places)]


def test_every_token_is_hidden_alike_and_stretches_have_their_length():
    rng, seen, sizes = np.random.default_rng(0), np.zeros(40), []
    for _ in range(4000):
        for a, b in spans(40, 0.15, 3, 99, rng):
            seen[a:b] += 1
            sizes.append(b - a)
    assert np.mean(sizes) == pytest.approx(3) and seen.sum() / 4000 == 6
    assert seen[5:-5].max() / seen[5:-5].min() < 1.4 and seen[[0, -1]].min() > 50


@pytest.fixture(scope="module")
def material(texts):
    lines = {"eng_Latn": [*texts[:40], "x"], "deu_Latn": [*texts[40:80], None]}
    corpus = make_corpus("m", [str(i) for i in range(41)], lines)
    tokenizer = learn_for("t5", {"eng_Latn": texts[:500]}, size=600, sentinels=6)
    notes = []
    return Material(
        {"t": corpus}, tokenizer, [0, 1, 2], None, "eng_Latn", ["deu_Latn"], 30, steps=10,
        note=notes.append,
    )  # fmt: skip


def test_a_batch_has_sources_and_targets_that_close_and_end(material):
    mixture = span_denoise(material, text="t", batch=5, share=0.4)
    batch, again = mixture.batch(0, 3), mixture.batch(0, 3)
    assert batch["ids"].tolist() == again["ids"].tolist() != mixture.batch(0, 4)["ids"].tolist()
    rows = np.split(batch["ids"].numpy(), batch["offsets"].numpy()[1:])
    marks = [material.tokenizer.token_to_id(f"<extra_id_{i}>") for i in range(6)]
    known = {tuple(ids) for found in mixture.windows.values() for ids in found}
    for source, target in zip(rows[:5], rows[5:], strict=True):
        assert target[0] == marks[0] and target[-1] == 1 and target[-2] in marks
        stretches = np.split(target[:-2], np.flatnonzero(np.isin(target[:-2], marks)))[1:]
        by_mark = {one[0]: one[1:] for one in stretches}
        whole = [by_mark.get(token, [token]) for token in source]
        assert tuple(np.concatenate(whole)) in known
    cut = int(batch["offsets"][5])
    assert (batch["gold"][:cut] == UNKNOWN).all() and (batch["gold"] == batch["ids"])[cut:].all()


def test_the_hidden_share_follows_the_phases(material):
    phases = Sampling.model_validate({"phases": [{"until": 0.5, "hidden": 0.6}, {"until": 1}]})
    mixture = span_denoise(material, text="t", batch=40, share=0.1, sampling=phases)
    early, late = (mixture.batch(0, step) for step in (0, 9))
    assert len(early["ids"][early["offsets"][40] :]) > 1.5 * len(late["ids"][late["offsets"][40] :])


def test_a_tokenizer_without_sentinels_is_refused(material, tokenizer_of):
    from dataclasses import replace

    with pytest.raises(TrainingError, match="no sentinels such as <extra_id_0>"):
        span_denoise(replace(material, tokenizer=tokenizer_of("unigram")), text="t")
