"""The mixture of queries and passages: what answers, what is mined, and which language is read."""

from dataclasses import replace

import numpy as np
import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError, UsageError
from isogloss.task.retrieve.passages import passages
from isogloss.train.material import Material

ENG, DEU = "eng_Latn", "deu_Latn"
QUERIES = {ENG: ["dog", "cat", "sun", "moon"], DEU: ["hund", "katze", None, "mond"]}
PASSAGES = {
    ENG: ["a dog", "a cat", "the sun", "the moon", "a tree", "a dog barks"],
    DEU: ["ein hund", "eine katze", "die sonne", "der mond", None, "ein hund bellt"],
}
NEAR = {"queries": np.eye(6, dtype=np.float32)[:4], "passages": np.eye(6, dtype=np.float32)}
# the cat's query is nearest to the tree but for what answers it, the dog's to what else is a dog
NEAR["queries"][1, 4] = NEAR["queries"][0, 5] = 0.5


@pytest.fixture
def material(tokenizer_of):
    texts = {"queries": make_corpus("q", list("abcd"), QUERIES),
             "passages": make_corpus("p", list("uvwxyz"), PASSAGES)}  # fmt: skip
    notes = []
    return Material(texts, tokenizer_of("wordpiece"), [0, 1, 2, 3, 4], 4, ENG, [DEU], 40,
                    vectors=NEAR.get, note=notes.append), notes  # fmt: skip


@pytest.fixture
def given(tmp_path):
    file = tmp_path / "relevant.tsv"
    file.write_text("id\trelevant\na\tu|z\nb\tv\nc\tw\nd\tx\n", encoding="utf-8")
    return {"text": "queries", "passages_text": "passages", "relevant": file}


def texts_of(material, batch):
    ends = np.split(batch["ids"].numpy(), batch["offsets"].numpy()[1:])
    views = [material.tokenizer.decode(ids.tolist()) for ids in ends]
    return np.array(views).reshape(batch["views"], -1)


def test_each_query_has_what_answers_it_in_its_language(material, given):
    made, notes = material
    mixture = passages(made, **given, batch=8)
    assert set(mixture.each) == {ENG, DEU}
    seen = set()
    for step in range(20):
        batch = mixture.batch(0, step)
        [tag] = batch["read"]
        assert set(batch["language"].tolist()) == {made.numbers[tag]}
        assert not batch["negative"].any()
        for query, passage in texts_of(made, batch).T:
            row = QUERIES[tag].index(query)
            answers = [(0, 5), (1,), (2,), (3,)][row]
            assert passage in [PASSAGES[tag][one] for one in answers]
            seen.add((tag, passage))
    assert len(seen) == 5 + 4  # both that answer the first, and what German has
    assert "queries: 1 queries of deu_Latn without a text, a passage that answers or 0 others " \
        "were not trained on" in notes  # fmt: skip
    english = passages(replace(made, read=[ENG]), **given)
    assert set(english.each) == {ENG}


def test_ids_may_stand_apart_and_those_of_no_passage_are_told(material, given):
    made, notes = material
    given["relevant"].write_text("id\trelevant\na\tu | z\nb\tv|zz\n", encoding="utf-8")
    mixture = passages(replace(made, read=[ENG]), **given)
    assert [sorted(one) for one in mixture.each[ENG].relevant] == [[0, 5], [1], [], []]
    told = "relevant.tsv: 1 passages that answer, such as zz, are not in passages"
    assert any(note.startswith(told) for note in notes)


def test_negatives_are_the_nearest_that_do_not_answer(material, given):
    made, _ = material
    mixture = passages(replace(made, read=[ENG]), **given, batch=1, negatives=1, pool=1)
    found = {}
    for step in range(30):
        batch = mixture.batch(0, step)
        query, _, wrong = texts_of(made, batch)[:, 0]
        found.setdefault(query, set()).add(wrong)
        assert batch["negative"].tolist() == [False, False, True]
    assert found["cat"] == {"a tree"}
    assert not {"a dog", "a dog barks"} & found["dog"]
    drawn = passages(made, **given, batch=1, negatives=2, pool=3, mined="random")
    assert drawn.batch(0, 0)["views"] == 4


def test_pairs_are_one_text(material, given):
    made, _ = material
    mixture = passages(replace(made, read=[ENG]), **given, batch=2, negatives=1, together=True)
    batch = mixture.batch(0, 0)
    right, wrong = texts_of(made, batch)
    assert batch["views"] == 2 and all(any(q in one for q in QUERIES[ENG]) for one in right)
    short = passages(replace(made, read=[ENG]), **given, batch=2, negatives=1, together=True,
                     longest=4)  # fmt: skip
    assert {one.room for one in short.each.values()} == {4}
    assert int(short.batch(0, 0).lengths().max()) == 4
    assert batch["negative"].tolist() == [False] * 2 + [True] * 2 and set(right) != set(wrong)


def test_what_cannot_be_read(material, given, tmp_path):
    made, _ = material
    with pytest.raises(UsageError, match="3 negatives from a pool of 2"):
        passages(made, **given, negatives=3, pool=2)
    with pytest.raises(UsageError, match="0 negatives"):
        passages(made, **given, together=True)
    with pytest.raises(UsageError, match="mined from vectors"):
        passages(replace(made, vectors=None), **given, negatives=1)
    german = make_corpus("p", list("uvwxyz"), {DEU: PASSAGES[DEU]})
    with pytest.raises(TrainingError, match="no language in common"):
        texts = {**made.texts, "passages": german,
                 "queries": make_corpus("q", list("abcd"), {ENG: QUERIES[ENG]})}  # fmt: skip
        passages(replace(made, texts=texts), **given)
