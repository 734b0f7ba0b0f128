"""Source models ranked by a few labels of the target, which the best of them then label."""

from collections import Counter

import numpy as np
import pytest

import labelled
from bag_learner import BagLearner
from isogloss import registry
from isogloss.encode.folder import open_folder
from isogloss.errors import TrainingError, UsageError
from isogloss.task.contracts import Guess
from isogloss.task.job import Job, Means, attempt
from isogloss.task.learners import TuneModel
from isogloss.task.solver import Told, Tuning
from isogloss.task.strategies import ranked as module
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.tag import EntityTask

TARGET = "deu_Latn"
SHARES = {"eng_Latn": 0.0, "fra_Latn": 0.5, "spa_Latn": 0.9}
SEEDS = {"train": 3, "test": 4}
MAKERS = [(labelled.texts, ClassifyTask()), (labelled.words, EntityTask())]


class Erring:
    """Knows the labels of all examples, and errs on a share of them."""

    kept, seconds, classes, size = "the last step was kept", 1.0, {}, 100

    def __init__(self, load, share, silent=()):
        self.load, self.share, self.silent, self.asked = load, share, silent, []

    def tell(self, examples):
        column = examples.shape.labels[0]
        known = self.load(TARGET, examples.split)
        gold = dict(zip(known.ids, known.column(column), strict=True))
        self.asked.append(examples.ids)
        told = [None if one in self.silent else Guess(self._told(gold[one], one))
                for one in examples.ids]  # fmt: skip
        return Told(told, {}, 0, 0.001)

    def _told(self, value, name):
        wrong = np.random.default_rng(int(name)).random() < self.share
        swap = {"fruit": "beast", "beast": "fruit"}
        if isinstance(value, str):
            return swap[value] if wrong else value
        return [x[:2] + swap[x[2:]] if wrong and x != "O" else x for x in value]

    def save(self, folder): ...


class Learner(BagLearner):
    """Models of sources as above, those of the target by its words."""

    def __init__(self, load, shares, silent=()):
        super().__init__()
        self.models = {tag: Erring(load, share, silent) for tag, share in shares.items()}

    def teach(self, task, train, **how):
        if train[0].language == TARGET:
            return super().teach(task, train, **how)
        return self.models[train[0].language]


def job_of(tmp_path, make, task, shares=SHARES, silent=()):
    def load(language, split):
        made = make(200 if language == TARGET else 20, language=language, split=split,
                    seed=SEEDS.get(split, 0))  # fmt: skip
        return made

    return Job(task, list(shares), load, Learner(load, shares, silent), 0, Means(), tmp_path)


def told(job, **settings):
    def strategy(job, target):
        return registry.get("strategy", "ranked.v1")(job, target, **settings)

    guesses = attempt(job, strategy, TARGET)
    gold = job.load(TARGET, "test").column(job.task.shape.labels[0])
    return float(np.mean([g.value == x for g, x in zip(guesses, gold, strict=True)]))


@pytest.mark.parametrize(("make", "task"), MAKERS)
def test_text_is_dealt_to_models_as_their_scores_on_the_few_say(tmp_path, make, task):
    job = job_of(tmp_path, make, task)
    told(job, shots=15)
    dealt = {tag: model.asked[1:] for tag, model in job.learner.models.items()}
    counts = {tag: sum(map(len, asked)) for tag, asked in dealt.items()}
    made, few = (one["train"][0] for one in job.learner.taught)
    assert sum(counts.values()) == len(made) == 200 - len(few)
    assert not set(few.ids) & set(made.ids)
    assert counts["eng_Latn"] > 1.2 * counts["fra_Latn"] > 1.2 * counts["spa_Latn"]
    assert job.learner.taught[1]["after"] is not None  # goes on with the few
    assert job.last.size == 8 * len(job.last.votes)  # one model, and not one a source


@pytest.mark.parametrize(("make", "task"), MAKERS)
def test_the_rank_is_what_helps(tmp_path, make, task, monkeypatch):
    job = job_of(tmp_path, make, task)
    ranked = told(job, shots=15, best=1)
    assert [len(model.asked) for model in job.learner.models.values()] == [2, 1, 1]
    plain = module._ranked
    monkeypatch.setattr(module, "_ranked", lambda *given: plain(*given)[::-1])
    assert ranked > 0.85 > told(job_of(tmp_path, make, task), shots=15, best=1) + 0.2


def test_models_are_ranked_by_the_measure_of_the_suite(tmp_path):
    job = job_of(tmp_path, *MAKERS[0])
    few, solvers = job.load(TARGET, "train").take(range(15)), list(job.learner.models.values())
    worth = {}
    for job.measure in ("accuracy", "macro_f1"):
        worth[job.measure] = [one.measured for one in module._ranked(job, solvers, few)]
        told = [[guess.value for guess in one.tell(few).guesses] for one in solvers]
        tallies = [job.task.score(few, values)[job.measure] for values in told]
        own = [float(one.statistic(one.columns.sum(0))) for one in tallies]
        assert worth[job.measure] == pytest.approx(sorted(own, reverse=True))
    assert worth["accuracy"] != worth["macro_f1"]


def test_labels_that_rank_and_train_are_told(tmp_path):
    job = job_of(tmp_path, *MAKERS[0])
    told(job, shots=5)
    assert job.ledger.counted("train", of=TARGET) == {TARGET: 10}
    assert job.ledger.counted("select") == {TARGET: 10}
    assert job.ledger.unlabelled == {TARGET: 200} and "WARNING" in job.ledger.rule()


def test_texts_without_a_guess_are_not_learned_from(tmp_path):
    silent = [str(n) for n in range(1, 101)]
    job = job_of(tmp_path, *MAKERS[1], silent=silent)
    told(job, shots=5)
    made = job.learner.taught[0]["train"][0]
    assert made.ids and not set(made.ids) & set(silent)
    assert None not in made.column("tags")


def test_a_label_of_the_few_that_nobody_told_is_learned_all_the_same(tmp_path, tiny_body):
    """By a real head, which tells the labels that its first training has."""
    job = job_of(tmp_path, *MAKERS[0])
    for model in job.learner.models.values():
        model._told = lambda value, name: "fruit"
    barely = Tuning(epochs=0.1, batch=16, threads=1)
    tuned = TuneModel(open_folder(tiny_body, "x"), barely, tmp_path / "tuned")
    sources = job.learner.models
    job.learner.teach = lambda task, train, **how: (
        sources.get(train[0].language) or tuned.teach(task, train, **how)
    )
    told(job, shots=5)
    assert job.last.classes == {"label": ["beast", "fruit"]}


def test_models_that_are_all_worth_nothing_label_evenly(tmp_path):
    shares = dict.fromkeys(SHARES, 1.0)
    job = job_of(tmp_path, *MAKERS[1], shares)
    told(job, shots=20)
    counts = Counter(len(model.asked[1]) for model in job.learner.models.values())
    assert counts == {60: 3}


def test_what_cannot_be_ranked_is_refused(tmp_path):
    with pytest.raises(UsageError, match="one model has no rank"):
        told(job_of(tmp_path, *MAKERS[0], {"eng_Latn": 0.0}))
    with pytest.raises(UsageError, match="keep is 0"):
        told(job_of(tmp_path, *MAKERS[0]), shots=5, best=0)
    with pytest.raises(TrainingError, match="all 200 texts"):
        told(job_of(tmp_path, *MAKERS[0]), shots=100)
