"""What strategies see, what they teach with, and that each does what its name says."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import labelled
from isogloss import registry
from isogloss.errors import UsageError
from isogloss.task.contracts import Guess
from isogloss.task.job import attempt
from isogloss.task.solver import Watch
from isogloss.task.strategies.few_shot import drawn
from isogloss.task.strategies.self_training import surest
from loading import load

Backwards = load("task/strategies/conftest.py").Backwards
TARGET = "deu_Latn"


def told(job, name, **settings):
    def strategy(job, target):
        return registry.get("strategy", name)(job, target, **settings)

    guesses = attempt(job, strategy, TARGET)
    gold = job.load(TARGET, "test").column("label")
    return float(
        np.mean([g is not None and g.value == x for g, x in zip(guesses, gold, strict=True)])
    )


def seen(job, use="train"):
    return job.ledger.counted(use)


def test_zero_shot_sees_the_sources_labels_alone(job):
    assert told(job, "zero_shot.v1") < 0.7
    assert seen(job) == {"eng_Latn": 60} and not seen(job, "select")
    assert job.ledger.rule().endswith("no label of deu_Latn was seen")


def test_zero_shot_of_the_first_sources_alone(job):
    job.source = ["eng_Latn", "fra_Latn", "spa_Latn"]
    told(job, "zero_shot.v1")
    assert list(seen(job)) == job.source
    told(job, "zero_shot.v1", sources=2)
    assert list(seen(job)) == job.source[:2]
    assert [one.language for one in job.learner.taught[-1]["train"]] == job.source[:2]
    for wrong in (0, 4):
        with pytest.raises(UsageError, match="of 3 source languages"):
            told(job, "zero_shot.v1", sources=wrong)


def test_target_labels_are_the_bound(job):
    assert told(job, "target_labels.v1") > 0.85
    assert seen(job) == {TARGET: 60}


def test_few_shots_are_as_many_of_each_label_and_weigh_a_tenth(job):
    assert told(job, "few_shot.v1", shots=3) > 0.6
    assert seen(job) == {"eng_Latn": 60, TARGET: 6}
    read = job.learner.taught[-1]["train"]
    few = [one for one in read if one.language == TARGET]
    assert sum(map(len, few)) == 6
    assert {x: few[0].column("label").count(x) for x in labelled.KINDS} == {"fruit": 3, "beast": 3}
    assert told(job, "few_shot.v1", shots=1) > 0.5
    read = job.learner.taught[-1]["train"]
    assert sum(one.language == TARGET for one in read) == 3  # 2 of 60, three times over


def test_continued_training_reads_the_source_first(job):
    told(job, "few_shot.v1", shots=2, continued=True)
    first, second = job.learner.taught
    assert [one.language for one in first["train"]] == ["eng_Latn"]
    assert [one.language for one in second["train"]] == [TARGET] and second["after"]
    assert job.ledger.train_seconds == 2.0


def test_other_seeds_draw_other_shots():
    examples = labelled.texts(60)
    assert drawn(examples, 3, 0) != drawn(examples, 3, 1)
    with pytest.raises(UsageError, match="0 shots"):
        drawn(examples, 0, 0)


def test_self_training_adds_guesses_and_no_labels(job):
    told(job, "self_training.v1", share=0.5)
    source, guessed = job.learner.taught[-1]["train"]
    assert source.language == "eng_Latn" and guessed.language == TARGET
    assert seen(job) == {"eng_Latn": 60} and job.ledger.unlabelled == {TARGET: 60}
    solver = job.train(job.sources())
    text = job.load(TARGET, "train")
    own = solver.tell(text).guesses
    rows = surest(own, 0.5)
    assert guessed.ids == [text.ids[row] for row in rows] and 25 < len(rows) < 35
    assert guessed.column("label") == [own[row].value for row in rows]


def test_each_round_of_self_training_guesses_by_the_last_ones_model(job):
    told(job, "self_training.v1", share=0.5, rounds=2)
    assert len(job.learner.taught) == 3 and job.ledger.train_seconds == pytest.approx(3.002)
    (_, guessed), text = job.learner.taught[-1]["train"], job.load(TARGET, "train")
    _, second, third = (job.train(one["train"]) for one in job.learner.taught)
    own = second.tell(text).guesses
    assert guessed.ids == [text.ids[row] for row in surest(own, 0.5)] and job.last is third


def test_the_surest_are_the_same_share_of_each_label():
    guesses = [Guess("a", np.array([p, 1 - p])) for p in (0.9, 0.6, 0.8, 0.7)]
    guesses += [None, Guess("b", np.array([0.4, 0.6])), Guess("b", np.array([0.45, 0.55]))]
    assert surest(guesses, 0.5) == [0, 2, 5]


def test_the_surest_of_slots_are_the_same_share_of_each_intent():
    guesses = [Guess({"tags": ["O"], "label": "go"}, np.array([p, 1 - p])) for p in (0.9, 0.8)]
    guesses += [Guess({"tags": ["O"], "label": "stay"}, np.array([0.6, 0.4]))]
    assert surest(guesses, 0.5) == [0, 2]


def test_guesses_that_are_sure_by_one_number_are_chosen_too():
    guesses = [Guess([], 0.2), None, Guess(["a"], 0.9)]
    assert surest(guesses, 0.5) == [2]


def test_the_same_training_is_done_once_and_paid_each_time(job):
    told(job, "zero_shot.v1")
    told(job, "zero_shot.v1")
    assert len(job.learner.taught) == 1 and job.ledger.train_seconds == 1.0


def test_trainings_that_differ_in_anything_are_different_ones(job):
    source = job.sources()
    first = job.train(source)
    ways = [{"after": first}, {"watch": Watch(job.sources("dev"))}, {"epochs": 2}, {"order": 1},
            {"task": SimpleNamespace(fingerprint="x")}]  # fmt: skip
    made = [first, *(job.train(source, **way) for way in ways)]
    assert len({id(one) for one in made}) == len(job.learner.taught) == 6
    assert job.train(source, order=1) is made[4] and len(job.learner.taught) == 6
    other = replace(job, seed=1, _solvers={}, learner=type(job.learner)())
    other.train(source, after=other.train(source))  # in the same folder, yet not of seed 0
    assert other.learner.taught[1]["after"] != job.learner.taught[1]["after"]


def test_training_that_goes_on_pays_for_what_it_began_as_once(job):
    told(job, "few_shot.v1", shots=2, continued=True)
    alone = job.learner.teach(job.task, job.sources(), seed=0, after=None, watch=None, start=None,
                              changes={}, name="")  # fmt: skip
    assert job.last.seconds == 2 * alone.seconds and job.ledger.train_seconds == 2.0


def test_a_text_of_the_test_is_cut_or_left_out_once_however_many_are_asked(job):
    from isogloss.task.solver import Told

    def strategy(job, target):
        solver, test, raw = job.train(job.sources()), job.test(target), job.unlabelled(target)
        own = solver.tell
        solver.tell = lambda examples: Told(own(examples).guesses, {"no text": 2}, 3, 0.0)
        for asked in (raw, test, test):
            told = job.tell(solver, asked)
        return told

    attempt(job, strategy, TARGET)
    assert job.truncated == 3
    assert job.dropped == {"no text": 2, f"text of {TARGET}: no text": 2}


def test_what_a_training_told_is_kept_with_the_attempt(job):
    def strategy(job, target):
        solver = job.train(job.sources())
        solver.notes = ["WARNING: all vectors are alike"]
        return job.tell(job.train(job.sources()), job.test(target))

    attempt(job, strategy, TARGET)
    assert job.notes == ["WARNING: all vectors are alike"]


def test_what_is_odd_in_translations_is_told(job):
    def translate(texts, source, target):
        job.means.translator.told = [{"copied": 1} if at < 2 else {} for at in range(len(texts))]
        return list(texts)

    job.means.translator.translate = translate
    told(job, "translate_test.v1")
    assert job.notes == ["60 texts translated from deu_Latn into eng_Latn: 2 copied"]


def test_no_strategy_gets_labels_of_the_test(job):
    with pytest.raises(UsageError, match="labels of a test"):
        job.labelled(TARGET, "test")
    assert set(job.test(TARGET).column("label")) == {None}


def test_a_checkpoint_that_the_target_chose_is_told(job):
    """Planted: a strategy that keeps the weights that are best on the target's labels."""

    def planted(job, target):
        watch = Watch([job.load(target, "dev")])
        return job.tell(job.train(job.sources(), watch=watch), job.test(target))

    attempt(job, planted, TARGET)
    assert job.ledger.rule().startswith("WARNING") and "target-selected" in job.ledger.rule()


def test_weights_chosen_on_the_sources_dev_are_told_too(job):
    job.watched = True
    told(job, "zero_shot.v1")
    assert job.learner.taught[-1]["watch"] is not None
    assert "the checkpoint was chosen on 60 labels of eng_Latn" in job.ledger.rule()


def test_a_strategy_must_tell_of_every_example(job):
    with pytest.raises(UsageError, match="told 0 of 60 examples of deu_Latn"):
        attempt(job, lambda job, target: [], TARGET)


def test_means_that_are_missing_are_named(job):
    with pytest.raises(UsageError, match="needs parallel text"):
        job.means.need("parallel")


def test_a_round_trip_is_what_is_trained_on(job):
    class Faulty(Backwards):
        """Says whale for horse, each way, and counts what it is asked."""

        asked = ()

        def translate(self, texts, source, target):
            self.asked = (*self.asked, (source, target, len(texts)))
            made = super().translate(texts, source, target)
            return [text.replace("horse", "whale").replace("esroh", "elahw") for text in made]

    job.means = replace(job.means, translator=(work := Faulty()))
    plain = told(job, "translate_test.v1")
    assert [one.language for one in job.learner.taught[-1]["train"]] == ["eng_Latn"]
    work.asked = ()
    back = told(job, "back_translated.v1")
    assert work.asked == (("eng_Latn", TARGET, 60), (TARGET, "eng_Latn", 60), (TARGET, "eng_Latn",
                                                                               60))  # fmt: skip
    [read] = job.learner.taught[-1]["train"]
    own = job.load("eng_Latn", "train")
    assert read.column("text") == [t.replace("horse", "whale") for t in own.column("text")]
    assert (read.language, read.ids, read.column("label")) == ("eng_Latn", own.ids,
                                                               own.column("label"))  # fmt: skip
    assert min(plain, back) > 0.85 and job.ledger.translations.texts == 180
    assert seen(job) == {"eng_Latn": 60}
    work.asked = ()
    assert told(job, "back_translated.v1", asked="as it is", through="fin") < 0.7
    assert [one[:2] for one in work.asked] == [("eng_Latn", "fin_Latn"), ("fin_Latn", "eng_Latn")]
