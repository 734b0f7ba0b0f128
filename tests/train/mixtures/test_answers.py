"""Prompts and answers as texts: what is asked of each token, and which answers stand where."""

import itertools

import numpy as np
import pytest

from isogloss import registry
from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.material import Material
from isogloss.train.mixtures.answers import told

IDS = ["a", "b", "c", "d"]
PROMPTS = {"eng_Latn": ["who", "where", "when", None], "deu_Latn": ["wer", "wo", "wann", "wie"]}
GOOD = {"eng_Latn": ["me", "here", "now", "so"], "deu_Latn": ["ich", "hier", None, "so"]}
BAD = {"eng_Latn": ["you", None, "then", "no"], "deu_Latn": ["du", "dort", "dann", "nein"]}


@pytest.fixture
def material(tokenizer_of):
    notes = []
    texts = {
        name: make_corpus(name, IDS, texts)
        for name, texts in (("prompts", PROMPTS), ("good", GOOD), ("bad", BAD))
    }
    tokenizer = tokenizer_of("byte-bpe")
    return Material(
        texts,
        tokenizer,
        [0, 1],
        None,
        "eng_Latn",
        ["deu_Latn"],
        60,
        note=notes.append,
        roles={"eos": 0},
    ), notes


def build(name, material, **settings):
    return registry.get("mixture", f"{name}.v1")(material, prompt_text="prompts", **settings)


BOTH = {"chosen_text": "good", "rejected_text": "bad"}


def read(batch, material):
    """Of every view and row: the prompt, the answer, and what is to be said, in letters."""
    found = []
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    for start, stop in itertools.pairwise(bounds):
        ids, gold = batch["ids"][start:stop], batch["gold"][start:stop]
        first = int((gold != UNKNOWN).nonzero()[0])
        prompt, answer = ids[: first + 1], ids[first + 1 :]
        assert gold[first:-1].tolist() == answer.tolist() and int(gold[-1]) == material.end
        decode = material.tokenizer.decode
        found.append((decode(prompt.tolist()), decode(answer.tolist())))
    rows = batch.size
    return [found[i * rows : (i + 1) * rows] for i in range(batch.views)]


def test_the_gold_is_what_comes_next_in_the_answer():
    ids, gold = told(np.array([7, 8]), np.array([1, 2, 3]), 9)
    assert ids.tolist() == [7, 8, 1, 2, 3]
    assert gold.tolist() == [UNKNOWN, 1, 2, 3, 9]
    assert told(np.array([7]), np.array([1]))[1].tolist() == [1, UNKNOWN]


def test_pairs_have_one_prompt_with_a_better_and_a_worse_answer(material):
    made, notes = material
    mixture = build("preferred", made, batch=20, **BOTH)
    better, worse = read(mixture.batch(0, 0), made)
    expected = {
        (PROMPTS[tag][i] + "\n", GOOD[tag][i], BAD[tag][i])
        for tag in PROMPTS
        for i in range(4)
        if None not in (PROMPTS[tag][i], GOOD[tag][i], BAD[tag][i])
    }
    found = {(p, a, b) for (p, a), (q, b) in zip(better, worse, strict=True) if p == q}
    assert found == expected and len(better) == len(expected) == 5
    assert notes == [
        "of 3 prompts, for answers in eng_Latn, eng_Latn, 1 without one and 0 over 60 tokens were "
        "left out",
        "of 4 prompts, for answers in deu_Latn, deu_Latn, 1 without one and 0 over 60 tokens were "
        "left out",
    ]


def test_judged_answers_need_no_partner_and_stand_beside_a_strangers(material):
    made, _ = material
    mixture = build("judged", made, batch=30, **BOTH)
    batch = mixture.batch(0, 0)
    own, strange = read(batch, made)
    known = {
        (PROMPTS[tag][i] + "\n", side[tag][i], good)
        for tag in PROMPTS
        for i in range(4)
        for side, good in ((GOOD, True), (BAD, False))
        if PROMPTS[tag][i] and side[tag][i]
    }
    assert {(*row, good) for row, good in zip(own, batch["good"].tolist(), strict=True)} == known
    assert len(own) == len(known) == 12
    assert [p for p, _ in own] == [p for p, _ in strange]
    assert [a for _, a in strange] == [a for _, a in own[1:] + own[:1]]


def test_crossed_answers_are_the_same_in_the_other_language(material):
    made, _ = material
    mixture = build("crossed", made, answer_text="good", batch=30)
    batch = mixture.batch(0, 0)
    right, wrong = read(batch, made)
    found = {(p, a, b) for (p, a), (_, b) in zip(right, wrong, strict=True)}
    assert found == {
        ("who\n", "me", "ich"), ("wer\n", "ich", "me"),
        ("where\n", "here", "hier"), ("wo\n", "hier", "here"),
    }  # fmt: skip
    languages = batch["language"].view(2, -1)
    assert (languages[0] != languages[1]).all()
    asked = ["w" + p[1:] in {"who\n", "where\n"} for p, _ in right]
    assert (languages[0] == 0).tolist() == asked


def test_long_rows_are_told_and_a_strangers_answer_is_cut(material):
    made, notes = material
    rows = build("preferred", made, **BOTH)
    longest = max(
        len(a.prompt) + len(b.ids) for r in rows.asked.values() for a in r for b in a.answers
    )
    notes.clear()
    build("preferred", made, longest=longest - 1, **BOTH)
    assert any("1 over" in note for note in notes) or any("2 over" in note for note in notes)
    batch = build("judged", made, batch=30, longest=longest, **BOTH).batch(0, 0)
    assert int(batch.lengths().max()) <= longest


def test_a_batch_depends_on_seed_and_step_alone(material):
    mixture = build("judged", material[0], batch=4, **BOTH)
    one, again, other = mixture.batch(0, 5), mixture.batch(0, 5), mixture.batch(0, 6)
    assert one["ids"].tolist() == again["ids"].tolist() != other["ids"].tolist()
    assert one["good"].tolist() == again["good"].tolist()


def test_texts_without_common_rows_and_batches_without_strangers_are_refused(material):
    made, _ = material
    made.texts["elsewhere"] = make_corpus("elsewhere", ["x", "y"], {"eng_Latn": ["p", "q"]})
    with pytest.raises(TrainingError, match="0 rows of prompts and answers"):
        build("preferred", made, chosen_text="elsewhere", rejected_text="bad")
    with pytest.raises(TrainingError, match="for batches of 1"):
        build("judged", made, batch=1, **BOTH)
