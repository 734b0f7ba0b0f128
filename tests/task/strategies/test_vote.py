"""Several sources: each has its model, and what they tell is one."""

import numpy as np
import pytest

import labelled
from isogloss import registry
from isogloss.errors import UsageError
from isogloss.task.contracts import Guess
from isogloss.task.job import Job, Means, attempt
from isogloss.task.projection.combine import majority
from isogloss.task.solver import Told
from isogloss.task.strategies.vote import combined
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.tag import EntityTask, TagTask

TARGET = "deu_Latn"


class Erring:
    """Knows the target's labels, but for a share of errors of its own."""

    kept, seconds, classes, size = "the last step was kept", 1.0, {}, 100

    def __init__(self, gold, share, seed, silent=()):
        self.gold, self.share, self.seed, self.silent = gold, share, seed, silent

    def tell(self, examples):
        rng, rows = np.random.default_rng(self.seed), [row_of(one) for one in self.gold]
        names = sorted({tag for row in rows for tag in row})
        told = []
        for row, one in enumerate(rows):
            made = [self.erred(x, names, rng) for x in one]
            value = made[0] if isinstance(self.gold[row], str) else made
            told.append(None if row in self.silent else Guess(value))
        return Told(told, {}, 0, 0.001)

    def erred(self, label, names, rng):
        others = [name for name in names if name != label]
        return str(rng.choice(others)) if rng.random() < self.share else label

    def save(self, folder): ...


def row_of(value):
    return [value] if isinstance(value, str) else value


def parts(*about, **more):
    """Tags of words that are no spans."""
    made = labelled.words(*about, **more)
    tags = [[tag.removeprefix("B-") for tag in row] for row in made.column("tags")]
    return made.having({"tags": tags})


class Erringly:
    """One source, one share of errors; of several sources together nothing is known."""

    def __init__(self, gold, shares, silent=()):
        self.gold, self.shares, self.silent, self.taught = gold, shares, silent, []

    def teach(self, task, train, *, seed, after, watch, start, changes, name):
        self.taught.append([one.language for one in train])
        [language] = self.taught[-1]
        at = list(self.shares).index(language)
        return Erring(self.gold, self.shares[language], at, self.silent)


def job_of(tmp_path, make, task, shares, n=400, silent=()):
    def load(language, split):
        return make(n if language == TARGET else 20, language=language, split=split, seed=3)

    test = load(TARGET, "test")
    learner = Erringly(test.column(task.shape.labels[0]), shares, silent)
    return Job(task, list(shares), load, learner, 0, Means(), tmp_path)


def right(job, name, **settings):
    def strategy(job, target):
        return registry.get("strategy", name)(job, target, **settings)

    guesses = attempt(job, strategy, TARGET)
    gold = job.load(TARGET, "test").column(job.task.shape.labels[0])
    same = [g is not None and g.value == x for g, x in zip(guesses, gold, strict=True)]
    return float(np.mean(same))


THREE = {"eng_Latn": 0.2, "fra_Latn": 0.2, "spa_Latn": 0.2}
FIVE = {"eng_Latn": 0.04, "fra_Latn": 0.45, "spa_Latn": 0.45, "ita_Latn": 0.45, "por_Latn": 0.45}


@pytest.mark.parametrize(("make", "task"), [(labelled.texts, ClassifyTask()),
                                            (parts, TagTask()),
                                            (labelled.words, EntityTask())])  # fmt: skip
def test_the_majority_of_three_is_better_than_each(tmp_path, make, task):
    job = job_of(tmp_path, make, task, THREE)
    one = Erring(job.learner.gold, 0.2, 0).tell(None).values
    alone = np.mean([a == b for a, b in zip(one, job.learner.gold, strict=True)])
    assert right(job, "vote.v1") > alone + 0.05
    assert job.learner.taught == [[tag] for tag in THREE]
    assert job.ledger.counted("train") == dict.fromkeys(THREE, 20)
    assert job.ledger.model_bytes == 300 and job.ledger.train_seconds == 3.0
    assert job.last is None and not job.ledger.unlabelled


def test_the_one_that_knows_outweighs_four_that_guess(tmp_path):
    job = job_of(tmp_path, labelled.texts, ClassifyTask(), FIVE, n=1500)
    assert right(job, "weighted.v1") > 0.93 > 0.9 > right(job, "vote.v1")
    right(job, "weighted.v1")
    assert job.ledger.unlabelled == {TARGET: 1500} and job.ledger.model_bytes == 500
    job = job_of(tmp_path, labelled.words, EntityTask(), FIVE)
    assert right(job, "weighted.v1", keep=3) > right(job, "vote.v1") + 0.1


def test_spans_are_spelled_as_the_models_spell_them(tmp_path):
    def alone(*about, **more):
        made = labelled.words(*about, **more)
        return made.having({"tags": [[tag.replace("B-", "S-") for tag in row]
                                     for row in made.column("tags")]})  # fmt: skip

    job = job_of(tmp_path, alone, EntityTask(), THREE)
    assert right(job, "vote.v1") > 0.7


def test_what_no_model_tells_is_told_by_none(tmp_path):
    for make, task in ((labelled.texts, ClassifyTask()), (parts, TagTask())):
        job = job_of(tmp_path, make, task, THREE, n=30, silent=(2, 5))
        guesses = registry.get("strategy", "vote.v1")(job, TARGET)
        assert [row for row, one in enumerate(guesses) if one is None] == [2, 5]


def test_a_model_that_is_silent_has_no_vote(tmp_path):
    test = labelled.make_examples("x", "deu", labelled.WORDS, {"words": [["a"]], "tags": [["N"]]})
    told = [[None], [None], [Guess(["N"])]]
    assert [one.value for one in combined(told, test, majority)] == [["N"]]
    spans = [[None], [None], [Guess(["B-N"])]]
    assert [one.value for one in combined(spans, test, majority)] == [["O"]]


def test_what_cannot_be_combined_is_refused(tmp_path, job):
    with pytest.raises(UsageError, match="only eng_Latn has labels"):
        right(job, "vote.v1")
    several = job_of(tmp_path, labelled.texts, ClassifyTask(), THREE)
    tagged = job_of(tmp_path, parts, TagTask(), THREE)
    for one in (several, tagged):
        with pytest.raises(UsageError, match="for spans alone"):
            right(one, "weighted.v1", keep=2)
        assert not one.learner.taught
