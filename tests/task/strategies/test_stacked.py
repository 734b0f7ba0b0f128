"""A task that was learned on one language's module stands on another's."""

import pytest
import torch
from safetensors.torch import load_file

from isogloss import registry
from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError, UsageError
from isogloss.task.cutting import cutter_of
from isogloss.task.job import Means, attempt
from isogloss.task.strategies.run_average import weights
from isogloss.train.student import student_of
from loading import load

_made = load("task/strategies/test_swap_vocabulary.py")
TARGET, WORDS, job_of, save_words = _made.TARGET, _made.WORDS, _made.job_of, _made.save_words
PAIR = ("eng_Latn", TARGET)
strategy = registry.get("strategy", "stacked.v1")


def shaken(module, seed, only="", by=0.05):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if only in name:
                weight += by * torch.randn_like(weight)


def student_on(folder, use="full.v1", **settings):
    opened = open_folder(folder, folder.name)
    return student_of(use, folder, cutter_of(opened).tokenizer, **settings)


@pytest.fixture
def base(tmp_path):
    save_words(tmp_path / "base", WORDS)
    return tmp_path / "base"


def ready(base, tmp_path, folders):
    job = job_of((base, base), tmp_path, epochs=1)
    job.means = Means(folders=folders)
    return job


def adapters(base, tmp_path):
    folders = {}
    for seed, tag in enumerate(PAIR):
        student = student_on(base, "bottleneck.v1", reduction=4)
        shaken(student.module.inserted, seed, by=0.3)
        (folders.setdefault(tag, tmp_path / tag)).mkdir()
        student.save(folders[tag])
    return folders


def test_the_targets_adapter_stands_under_that_of_the_task(base, tmp_path):
    folders = adapters(base, tmp_path)
    job = ready(base, tmp_path, folders)
    attempt(job, strategy, TARGET)
    [solver] = job._solvers.values()
    for name, one in (("made", job.last), ("taught", solver)):
        (tmp_path / name).mkdir()
        one.save(tmp_path / name)
    places = (tmp_path / "made", tmp_path / "taught", *folders.values())
    made, taught, own, other = (load_file(one / "inserted.safetensors") for one in places)
    assert made.keys() == taught.keys() and any(name.startswith("1.") for name in made)
    for name, weight in made.items():
        assert torch.equal(weight, other[name] if name.startswith("0.") else taught[name])
    assert all(torch.equal(taught[name], weight) for name, weight in own.items())
    assert not torch.equal(made["0." + next(n[2:] for n in own)], taught[next(iter(own))])
    shares = [one.tell(job.test(TARGET)).guesses[0].shares for one in (job.last, solver)]
    assert abs(shares[0] - shares[1]).max() > 1e-6
    assert job.ledger.counted("train") == {"eng_Latn": 64}


def test_weights_move_by_what_the_two_languages_differ_in(base, tmp_path):
    folders = {}
    for seed, tag in enumerate(PAIR):
        student = student_on(base)
        shaken(student.module.body, seed)
        (folders.setdefault(tag, tmp_path / tag)).mkdir()
        student.save(folders[tag])
    job = ready(base, tmp_path, folders)
    attempt(job, strategy, TARGET)
    [solver] = job._solvers.values()
    made, taught = weights(job.last), weights(solver)
    own, other = (dict(student_on(one).module.named_parameters()) for one in folders.values())
    for name in own:
        wanted = taught[f"body.{name}"] - own[name] + other[name]
        torch.testing.assert_close(made[f"body.{name}"], wanted.detach(), rtol=0, atol=1e-6)
    for name in [name for name in taught if name.startswith("head.")]:
        assert torch.equal(made[name], taught[name])
    job.means.folders["fra_Latn"] = folders[PAIR[0]]
    attempt(job, strategy, "fra_Latn")
    for name, weight in weights(job.last).items():
        torch.testing.assert_close(weight, taught[name], rtol=0, atol=1e-6)


def test_the_task_is_learned_on_the_model_of_the_source(base, tmp_path):
    student = student_on(base)
    shaken(student.module.body, 0)
    (tmp_path / "own").mkdir()
    student.save(tmp_path / "own")
    job = job_of((base, base), tmp_path, epochs=1, learning_rate=1e-12, weight_decay=0.0)
    job.means = Means(folders={PAIR[0]: tmp_path / "own", TARGET: base})
    attempt(job, strategy, TARGET)
    [solver] = job._solvers.values()
    own = dict(student_on(tmp_path / "own").module.named_parameters())
    for name, weight in own.items():
        torch.testing.assert_close(weights(solver)[f"body.{name}"], weight.detach(), rtol=0,
                                   atol=1e-6)  # fmt: skip


def test_sparse_deltas_go_onto_the_model_of_the_job(base, tmp_path):
    folders = {}
    for seed, tag in enumerate(PAIR):
        student = student_on(base, "sparse.v1", share=0.05, seed=seed)
        with torch.no_grad():
            for name, at in student.change.places.items():
                dict(student.module.named_parameters())[name].view(-1)[at] += seed + 1.0
        folders[tag] = tmp_path / tag
        fingerprint = open_folder(base, "base").fingerprint
        student.save_delta(folders[tag], fingerprint, {"use": "sparse.v1"})
        last = student.change.places
    job = ready(base, tmp_path, folders)
    attempt(job, strategy, TARGET)
    [solver] = job._solvers.values()
    made, taught = weights(job.last), weights(solver)
    name, at = next(iter(last.items()))
    moved = (made[f"body.{name}"] - taught[f"body.{name}"]).view(-1)
    assert moved[at].min() > 0.9 and moved.min() < -0.9


def test_what_does_not_fit_is_named(base, tmp_path, job):
    folders = adapters(base, tmp_path)
    for given, what in (({}, "needs other models"), ({TARGET: base}, "no model of eng_Latn")):
        with pytest.raises(UsageError, match=what):
            attempt(ready(base, tmp_path, given), strategy, TARGET)
    with pytest.raises(ModelError, match=r"is transformer.v1, and that of eng_Latn is inserted.v1"):
        attempt(ready(base, tmp_path, {**folders, TARGET: base}), strategy, TARGET)
    several = ready(base, tmp_path, folders)
    several.source = ["eng_Latn", "fra_Latn"]
    with pytest.raises(UsageError, match="there are 2 sources"):
        attempt(several, strategy, TARGET)
    student = student_on(folders[TARGET])
    shaken(student.module.body, 3, "query")
    (tmp_path / "other").mkdir()
    student.save(tmp_path / "other")
    with pytest.raises(ModelError, match="is not that under the module of the source"):
        attempt(ready(base, tmp_path, {**folders, TARGET: tmp_path / "other"}), strategy, TARGET)
