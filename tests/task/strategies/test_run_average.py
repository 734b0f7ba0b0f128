"""Weights of runs that begin alike and read in other orders, averaged."""

import pytest
import torch

import labelled
from isogloss import registry
from isogloss.encode.folder import open_folder
from isogloss.errors import UsageError
from isogloss.task.job import Job, Means, attempt
from isogloss.task.learners import ProbeVectors, TuneModel
from isogloss.task.solver import Tuning
from isogloss.task.strategies.run_average import average, weights
from isogloss.task.tasks.classify import ClassifyTask

TARGET = "deu_Latn"
QUICK = Tuning(epochs=1, batch=16, learning_rate=1e-3, threads=1, warmup=0.0)


def tuned(folder, scratch, **changes):
    def load(language, split):
        return labelled.texts(48, language=language, split=split)

    tuning = Tuning.model_validate({**QUICK.model_dump(), **changes})
    learner = TuneModel(open_folder(folder, folder.name), tuning, scratch / "training")
    return Job(ClassifyTask(), ["eng_Latn"], load, learner, 0, Means(), scratch / "solvers")


def test_the_model_is_the_mean_of_runs_that_begin_alike(tiny_body, tmp_path):
    job = tuned(tiny_body, tmp_path)
    job.seed = 3
    strategy = registry.get("strategy", "run_average.v1")
    attempt(job, strategy, TARGET)
    made, ledger = job.last, job.ledger
    source = job.sources()
    runs = [job.train(source), *(job.train(source, order=seed) for seed in (1003, 2003))]
    one, *others = (weights(run) for run in runs)
    for name, weight in weights(made).items():
        mean = torch.stack([weight.float() for weight in (one[name], *(w[name] for w in others))])
        torch.testing.assert_close(weight.float(), mean.mean(0), rtol=1e-5, atol=1e-6)
    told = [name for name in one if not torch.equal(one[name], others[0][name])]
    assert any(name.startswith("head.") for name in told)
    assert any(name.startswith("body.") for name in told)
    assert ledger.train_seconds == pytest.approx(sum(run.seconds for run in runs))
    assert ledger.counted("train") == {"eng_Latn": 48}
    attempt(job, strategy, "fra_Latn")
    assert job.last is made and job.ledger.train_seconds == pytest.approx(ledger.train_seconds)
    made.save(tmp_path / "kept")
    assert (tmp_path / "kept" / "task" / "head.safetensors").is_file()


def test_heads_of_all_runs_begin_with_the_same_weights(tiny_body, tmp_path):
    job = tuned(tiny_body, tmp_path, learning_rate=1e-12, weight_decay=0.0)
    source = job.sources()
    one, other = (weights(job.train(source, order=seed)) for seed in (None, 1000))
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], rtol=0, atol=1e-7)


def test_low_rank_changes_are_averaged_as_the_weights_that_they_make(tiny_body, tmp_path):
    job = tuned(tiny_body, tmp_path, parameters={"use": "lora.v1", "rank": 2})
    source = job.sources()
    made = weights(average(job, (job.train(source, order=seed) for seed in (1, 2))))
    assert not any("lora" in name for name in made)
    name = next(name for name in made if name.endswith("layer.0.attention.self.query.weight"))
    plain = [weights(average(job, [job.train(source, order=seed)]))[name] for seed in (1, 2)]
    assert not torch.equal(*plain)
    torch.testing.assert_close(made[name], sum(plain) / 2, rtol=1e-5, atol=1e-7)


def test_what_has_no_weights_is_refused(job):
    strategy = registry.get("strategy", "run_average.v1")
    with pytest.raises(UsageError, match="no weights of its own that could be averaged"):
        strategy(job, TARGET)
    with pytest.raises(UsageError, match="an average of 1 runs"):
        strategy(job, TARGET, runs=1)
    with pytest.raises(UsageError, match="no probe has order"):
        ProbeVectors(None).teach(job.task, [], seed=0, after=None, watch=None, start=None,
                                 changes={"order": 3}, name="")  # fmt: skip
