"""Translation by way of a language in between, with a translator that knows words by heart."""

from types import SimpleNamespace

import pytest

import ciphers
from isogloss.errors import UsageError
from isogloss.task.contracts import Guess
from isogloss.task.job import Job, Means, attempt
from isogloss.task.solver import Told
from isogloss.task.strategies.bridged import bridged
from isogloss.task.strategies.zero_shot import zero_shot
from isogloss.task.tasks.translate import TranslateTask

SPOKEN = {tag: name for name, tag in ciphers.TAGS.items()}
ROWS = ciphers.sentences(6)


class ByHeart:
    """Translates directions that it was taught, word by word; of others it gives the source."""

    seconds, kept, classes, size = 1.0, "", {}, 8

    def __init__(self, known):
        self.known, self.asked = known, []

    def tell(self, examples):
        [to] = set(examples.column("to"))
        self.asked.append((examples.language, to))
        taught = (examples.language, to) in self.known
        there, other = (ciphers.WORDS[SPOKEN[tag]] for tag in (examples.language, to))
        table = dict(zip(there, other, strict=True)) if taught else {}
        told = [text and Guess(" ".join(table.get(w, w) for w in text.split()))
                for text in examples.column("text")]  # fmt: skip
        return Told(told, {}, 0, 0.001)


class Learner:
    fingerprint = "0" * 16

    def __init__(self):
        self.solvers = []

    def teach(self, task, train, **how):
        self.solvers.append(ByHeart({(one.language, one.column("to")[0]) for one in train}))
        return self.solvers[-1]


@pytest.fixture
def job(tmp_path):
    def load(tag, split):
        source, target = tag.split("-")
        return ciphers.pairs(SPOKEN[source], SPOKEN[target], ROWS, split=split)

    sources = [f"{a}-{b}" for a, b in (("rus_Cyrl", "eng_Latn"), ("eng_Latn", "ell_Grek"))]
    return Job(TranslateTask(), sources, load, Learner(), 0, Means(), tmp_path)


def values(job, strategy, target, **how):
    return [guess.value for guess in attempt(job, lambda j, t: strategy(j, t, **how), target)]


def test_what_was_not_trained_is_reached_through_what_was(job):
    target = "rus_Cyrl-ell_Grek"
    wanted = [" ".join(ciphers.WORDS["ell"][i] for i in row) for row in ROWS]
    assert values(job, bridged, target, through="eng") == wanted
    directly = values(job, zero_shot, target)
    assert directly == [" ".join(ciphers.WORDS["rus"][i] for i in row) for row in ROWS]
    [solver] = job.learner.solvers  # one training does for both
    asked = dict.fromkeys(solver.asked)
    assert list(asked) == [("rus_Cyrl", "eng_Latn"), ("eng_Latn", "ell_Grek"),
                           ("rus_Cyrl", "ell_Grek")]  # fmt: skip


def test_a_direction_of_the_language_in_between_is_asked_as_it_is(job):
    for target in job.source:
        assert values(job, bridged, target, through="eng") == values(job, zero_shot, target)
    assert ("eng_Latn", "eng_Latn") not in job.learner.solvers[0].asked


def test_a_language_that_nothing_leads_into_is_refused(job, monkeypatch):
    silent = Told([None] * len(ROWS), {"no training towards fra_Latn": len(ROWS)}, 0, 0.0)
    monkeypatch.setattr(ByHeart, "tell", lambda self, examples: silent)
    said = r"not one of 6 texts of rus_Cyrl .* into fra_Latn\n.*rus_Cyrl-fra_Latn and fra_Latn-ell_"
    with pytest.raises(UsageError, match=said):
        bridged(job, "rus_Cyrl-ell_Grek", through="fra")


def test_it_is_for_translations(job):
    other = SimpleNamespace(task=SimpleNamespace(shape=SimpleNamespace(name="words")))
    with pytest.raises(UsageError, match=r"bridged.v1 does not work for words"):
        bridged(other, "deu", through="eng")
