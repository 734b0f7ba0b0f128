"""What an attempt takes is in its ledger: memory, translating, aligning, an example alone."""

import pytest

import labelled
from isogloss import registry
from isogloss.task import job as job_module
from isogloss.task.job import ALONE, Means, attempt
from isogloss.task.strategies import crop
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.translate import cached as cached_module
from isogloss.task.translate.cached import cached
from loading import load

_projected = load("task/strategies/test_projected.py")
_votes = load("task/strategies/test_vote.py")
TARGET, WORDS, Turned = _projected.TARGET, _projected.WORDS, _projected.Turned
MEGA = 1 << 20


def run(job, name, **settings):
    strategy = registry.get("strategy", name)
    return attempt(job, lambda job, target: strategy(job, target, **settings), TARGET)


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on only where a test says so."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    made = Clock()
    for module in (job_module, cached_module):
        monkeypatch.setattr(module, "time", made)
    return made


def slow(clock, seconds=100.0):
    """A translator that takes so long a call, and how often it was called."""

    class Slow(Turned):
        sent = 0

        def translate(self, texts, source, target):
            clock.now += seconds
            self.sent += 1
            return super().translate(texts, source, target)

    return Slow()


def test_some_examples_are_asked_alone_and_spread_over_the_test(job):
    asked, teach = [], job.learner.teach

    def taught(*given, **named):
        solver = teach(*given, **named)
        tell = solver.tell

        def noted(examples):
            asked.append(examples.ids)
            return tell(examples)

        solver.tell = noted
        return solver

    job.learner.teach = taught
    run(job, "zero_shot.v1")
    whole, *alone = asked
    assert len(whole) == 60 and [len(ids) for ids in alone] == [1] * ALONE
    rows = [whole.index(ids[0]) for ids in alone]
    assert rows[0] == 0 and rows[-1] > 50 and len(set(rows)) == ALONE
    assert job.ledger.latency_ms == pytest.approx(1.0)
    assert job.ledger.predict_seconds == pytest.approx(0.001)  # those alone are not in it


def test_a_vote_takes_as_long_as_all_its_models(tmp_path):
    job = _votes.job_of(tmp_path, labelled.texts, ClassifyTask(), _votes.THREE)
    run(job, "vote.v1")
    one = _votes.job_of(tmp_path, labelled.texts, ClassifyTask(), {"eng_Latn": 0.2})
    run(one, "zero_shot.v1")
    assert len(job.ledger.alone) == ALONE
    assert job.ledger.latency_ms == pytest.approx(3 * one.ledger.latency_ms)


def test_memory_of_a_training_is_told_by_everyone_who_uses_it(job):
    teach = job.learner.teach

    def large(*given, **named):
        held = bytearray(80 * MEGA)
        held[::4096] = b"x" * (80 * MEGA // 4096)
        return teach(*given, **named)

    job.learner.teach = large
    run(job, "zero_shot.v1")
    first = job.ledger.peak_memory
    if first is None:
        pytest.skip("this system does not tell resident memory")
    run(job, "zero_shot.v1")
    assert first > 70 * MEGA and job.ledger.peak_memory > 70 * MEGA
    job.learner.teach = teach
    run(job, "target_labels.v1")
    assert job.ledger.peak_memory < 50 * MEGA


def test_translations_of_training_data_are_before_use_and_those_of_the_test_in_it(job):
    run(job, "translate_train.v1")
    told = job.ledger.settings()
    assert told["translations"]["texts"] == 60 and told["in_use"]["texts"] == 0
    assert told["translations"]["seconds"] > 0 and told["translate_ms"] == 0
    assert job.ledger.train_seconds == 1.0  # that of the learner, and nothing of translating
    run(job, "translate_test.v1")
    told = job.ledger.settings()
    assert told["translations"]["texts"] == told["in_use"]["texts"] == 60
    assert told["translate_ms"] == pytest.approx(1000 * told["in_use"]["seconds"] / 60)
    run(job, "back_translated.v1")
    told = job.ledger.settings()
    assert told["translations"]["texts"] == 180 and told["in_use"]["texts"] == 60


def test_a_cache_tells_what_its_answers_cost_when_they_were_made(job, clock, tmp_path):
    translator = slow(clock)
    for sent in (1, 1):
        job.means = Means(translator=cached(translator, tmp_path / "kept"))
        for _ in range(2):
            run(job, "translate_test.v1")
            told = job.ledger.translations
            distinct = len(set(job.test(TARGET).column("text")))
            assert told.texts == distinct and told.calls == 1
            assert told.seconds == pytest.approx(100.0) and translator.sent == sent


@WORDS
@pytest.mark.parametrize(("carry", "aligned"), [("links", 20.0), ("marks", 0.0)])
def test_aligning_is_timed_apart_from_translating_and_teaching(job, clock, carry, aligned):
    class Thoughtful(_projected.Letters):
        def encode_words(self, sentences, *, layers):
            clock.now += 10.0
            return super().encode_words(sentences, layers=layers)

    job.means = Means(translator=slow(clock), encoder=Thoughtful())
    run(job, "projected.v1", through="translation", carry=carry)
    told = job.ledger.settings()
    assert told["translations"]["seconds"] == 100.0 and told["train_seconds"] == 1.0
    assert told["align_seconds"] == aligned
    run(job, "zero_shot.v1")
    assert job.ledger.align_seconds == 0


@WORDS
def test_finding_spans_again_is_aligning(job, clock, monkeypatch):
    plain = crop.located

    def located(*given):
        clock.now += 1.0
        return plain(*given)

    monkeypatch.setattr(crop, "located", located)
    job.means = Means(translator=slow(clock))
    run(job, "crop.v1")
    told = job.ledger.settings()
    assert told["translations"]["seconds"] == 200.0 and told["in_use"]["texts"] == 0
    assert told["align_seconds"] == 60.0 - sum(
        tags == ["O"] * len(tags) for tags in job.load(TARGET, "train").column("tags")
    )
