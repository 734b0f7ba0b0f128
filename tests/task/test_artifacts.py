"""Gaps between translations by people and by a machine: planted ones are found, others are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.score import holm, paired_test
from isogloss.task.artifacts import (
    CLASSES,
    Versions,
    changed_examples,
    overlap,
    overlap_changes,
    translation_gaps,
)
from isogloss.task.examples import TEXT, WORDS, make_examples


def outcomes(values):
    return {f"id{i}": float(value) for i, value in enumerate(values)}


def test_a_planted_gap_is_found_and_no_other():
    rng = np.random.default_rng(0)
    human = rng.random(400) < 0.6
    noise = rng.random(400) < 0.1
    equal = np.where(noise, rng.random(400) < 0.6, human)
    better = human | (rng.random(400) < 0.25)  # a quarter of what people got wrong
    versions = {
        "de": Versions(outcomes(human), outcomes(equal)),
        "hin": Versions(outcomes(human), outcomes(better)),
    }
    german, hindi = translation_gaps(versions)
    assert (german.language, hindi.language) == ("deu_Latn", "hin_Deva")
    assert hindi.value == pytest.approx(better.mean() - human.mean()) and hindi.low > 0
    assert hindi.settings["holm"] < 0.01 < 0.05 < german.settings["holm"]
    assert german.low < 0 < german.high and hindi.n == 400 and not hindi.dropped
    assert hindi.settings["machine"] - hindi.settings["human"] == pytest.approx(hindi.value)


def test_the_test_is_paired_and_ids_decide_not_order():
    human, machine = [1, 0, 0, 1, 0, 0], [1, 1, 0, 1, 1, 0]
    shuffled = dict(sorted(outcomes(machine).items(), reverse=True))
    (row,) = translation_gaps({"deu": Versions(outcomes(human), shuffled)}, seed=3)
    plain = paired_test(np.array(human), np.array(machine), seed=3)
    assert (row.value, row.low, row.high, row.settings["p"]) == plain
    assert row.settings["holm"] == holm([plain.p])[0]


def test_examples_of_one_version_alone_are_counted():
    human, machine = outcomes([1, 0, 1]), outcomes([1, 1, 1, 0, 0])
    machine.pop("id0")
    (row,) = translation_gaps({"deu": Versions(human, machine)})
    assert row.n == 2 and row.value == 0.5
    assert row.dropped == {"not in the human version": 2, "not in the machine version": 1}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_classes_hold_every_example_once_and_explain_the_gap(pairs):
    both = Versions(outcomes(a for a, _ in pairs), outcomes(b for _, b in pairs))
    found = changed_examples(both)
    assert list(found) == list(CLASSES)
    assert sorted(one for ids in found.values() for one in ids) == sorted(both.human)
    (row,) = translation_gaps({"deu": both})
    gap = (len(found["machine only"]) - len(found["human only"])) / len(pairs)
    assert row.value == pytest.approx(gap)


def test_classes_by_hand():
    found = changed_examples(Versions(outcomes([1, 1, 0, 0]), outcomes([1, 0, 1, 0])))
    assert found == {name: [f"id{i}"] for i, name in enumerate(CLASSES)}


def test_bad_outcomes():
    with pytest.raises(CorpusError, match="share no example"):
        translation_gaps({"deu": Versions({"a": 1}, {"b": 1})})
    with pytest.raises(CorpusError, match="1 examples to compare"):
        translation_gaps({"deu": Versions({"a": 1}, {"a": 1})})
    with pytest.raises(VectorError, match="not a finite"):
        translation_gaps({"deu": Versions(outcomes([1, 0]), outcomes([1, float("nan")]))})
    with pytest.raises(UsageError, match=r"the outcome of 'id1' is \(0\.5, 1\.0\)"):
        changed_examples(Versions(outcomes([1, 0.5]), outcomes([1, 1])))


def test_words_that_are_shared():
    assert overlap("A man, sleeping.", '"The man" is sleeping!', "Latn") == 2 / 4
    assert overlap("", "a", "Latn") == 0 and overlap("a", "... !", "Latn") is None
    assert overlap("我在北京。", "北京人", "Hans") == 2 / 3
    assert overlap("a b", "a a A", "Latn") == 1


def pairs(second, language="deu", ids=None):
    text = ["ein Mann schläft im Haus"] * len(second)
    columns = {"text": text, "second": second} | ({"id": ids} if ids else {})
    return make_examples("nli", language, TEXT, columns, split="test")


def test_overlap_that_a_machine_keeps_and_people_lose():
    human = pairs(["der Herr ruht"] * 10 + ["ein Mann"] * 10 + ["!"])
    machine = pairs(["ein Mann schläft"] * 10 + ["ein Mann"] * 10 + ["ein Mann"])
    (row,) = overlap_changes([(human, machine)])
    assert row.value == pytest.approx(0.5) and row.n == 20 and row.low > 0
    assert row.settings["human"] == 0.5 and row.settings["machine"] == 1
    assert row.dropped == {"no word in the second text": 1} and row.settings["p"] < 0.01
    (row,) = overlap_changes([(human, machine)], of=lambda text, second, script: 0.25)
    assert row.value == 0 and row.settings["p"] == 1


def test_pairs_that_cannot_be_compared():
    one = pairs(["a", "b"])
    with pytest.raises(CorpusError, match="deu_Latn and fra_Latn"):
        overlap_changes([(one, pairs(["a", "b"], "fra"))])
    single = make_examples("topic", "deu", TEXT, {"text": ["a", "b"]})
    tagged = make_examples("ner", "deu", WORDS, {"words": [["a"], ["b"]]})
    for other in (single, tagged):
        with pytest.raises(CorpusError, match="no second text"):
            overlap_changes([(one, other)])
