"""Gaps between translations by people and by a machine: planted ones are found, others are not."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.score import holm, paired_test
from isogloss.task.artifacts import (
    CLASSES,
    Answers,
    Versions,
    changed_examples,
    overlap,
    overlap_changes,
    translation_gaps,
)
from isogloss.task.examples import TEXT, WORDS, make_examples
from isogloss.task.metrics.spans import span_scores
from isogloss.task.metrics.sums import mean, share


def answers(tally, names=None):
    return Answers(names or [f"id{i}" for i in range(len(tally.columns))], tally)


def outcomes(values, names=None):
    return answers(mean([float(value) for value in values]), names)


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
    shuffled = outcomes(machine[::-1], [f"id{i}" for i in reversed(range(6))])
    (row,) = translation_gaps({"deu": Versions(outcomes(human), shuffled)}, seed=3)
    plain = paired_test(np.array(human), np.array(machine), seed=3)
    assert (row.value, row.low, row.high) == pytest.approx(plain[:3])
    assert row.settings["p"] == pytest.approx(plain.p, abs=0.01)
    assert row.settings["holm"] == holm([plain.p])[0]


def test_the_gap_of_a_ratio_of_sums_is_that_of_the_whole_test():
    """F1 of entities is no mean over sentences: long ones count more, and empty ones not at all."""
    gold = [["B-PER", "O"], ["O", "O"], ["B-LOC"] * 6, ["B-PER", "I-PER"], ["B-ORG", "B-PER"]]
    human = [["O", "O"], ["O", "O"], ["B-LOC"] * 3 + ["O"] * 3, ["B-PER", "O"], ["B-ORG", "O"]]
    machine = [["B-PER", "O"], ["O", "B-LOC"], ["B-LOC"] * 6, ["B-PER", "I-PER"], ["O", "B-PER"]]
    sides = [span_scores(gold, told)["f1"] for told in (human, machine)]
    (row,) = translation_gaps({"deu": Versions(*map(answers, sides))}, of="f1")
    f1s = 2 * 4 / (5 + 10), 2 * 9 / (10 + 10)  # right, told and gold counted by hand
    assert (row.settings["human"], row.settings["machine"]) == pytest.approx(f1s)
    assert row.value == pytest.approx(f1s[1] - f1s[0]) and row.settings["of"] == "f1"
    alone = [np.mean(list(answers(one).each().values())) for one in sides]
    assert abs(row.value - (alone[1] - alone[0])) > 0.02
    value, (a, b), extreme = sides[0].statistic, (one.columns for one in sides), 0
    for swap in itertools.product([[False], [True]], repeat=5):
        first, second = np.where(swap, b, a), np.where(swap, a, b)
        extreme += abs(value(second.sum(0)) - value(first.sum(0))) >= row.value - 1e-12
    assert row.settings["p"] == pytest.approx(extreme / 32, abs=0.02)
    assert row.interval == "paired bootstrap over examples" and row.low < row.value < row.high


def test_the_interval_of_a_ratio_draws_both_versions_at_once():
    """LAS, right words over words: what is right in both and more widens no interval."""
    rng = np.random.default_rng(0)
    words = rng.integers(2, 40, 200)
    right = rng.binomial(words, 0.6)
    human, machine = share(right, words), share(right + 1, words)
    (row,) = translation_gaps({"deu": Versions(answers(human), answers(machine))})
    assert row.value == pytest.approx(200 / words.sum())
    assert row.high - row.low < 0.02 < 0.04 < translated_apart(human, machine)


def translated_apart(human, machine):
    """The width of the interval if each version drew examples of its own."""
    rng, drawn = np.random.default_rng(1), []
    for _ in range(1000):
        sums = [one.columns[rng.integers(0, 200, 200)].sum(0) for one in (machine, human)]
        drawn.append(machine.statistic(sums[0]) - human.statistic(sums[1]))
    return np.subtract(*np.percentile(drawn, [97.5, 2.5]))


def test_examples_of_one_version_alone_are_counted():
    human, machine = outcomes([1, 0, 1]), outcomes([1, 1, 0, 0], ["id1", "id2", "id3", "id4"])
    (row,) = translation_gaps({"deu": Versions(human, machine)})
    assert row.n == 2 and row.value == 0.5
    assert row.dropped == {"not in the human version": 2, "not in the machine version": 1}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_classes_hold_every_example_once_and_explain_the_gap(pairs):
    both = Versions(outcomes(a for a, _ in pairs), outcomes(b for _, b in pairs))
    found = changed_examples(both)
    assert list(found) == list(CLASSES)
    assert sorted(one for ids in found.values() for one in ids) == sorted(both.human.ids)
    (row,) = translation_gaps({"deu": both})
    gap = (len(found["machine only"]) - len(found["human only"])) / len(pairs)
    assert row.value == pytest.approx(gap)


def test_classes_by_hand():
    found = changed_examples(Versions(outcomes([1, 1, 0, 0]), outcomes([1, 0, 1, 0])))
    assert found == {name: [f"id{i}"] for i, name in enumerate(CLASSES)}


def test_bad_outcomes():
    with pytest.raises(CorpusError, match="share no example"):
        translation_gaps({"deu": Versions(outcomes([1], ["a"]), outcomes([1], ["b"]))})
    with pytest.raises(CorpusError, match="1 examples to compare"):
        translation_gaps({"deu": Versions(outcomes([1]), outcomes([1]))})
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
