"""Killed at any moment, training ends with the same bits; the last good checkpoint always loads."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import small
from isogloss.errors import OutputError, TrainingError
from isogloss.train.checkpoint import read_checkpoint, save_checkpoint

FILES = ["weights.safetensors", "optimizer.safetensors", "best.safetensors", "state.json"]
BEST = {"evaluate": lambda: {"p1": 1.0}, "evaluate_every": 2, "stop_on": "p1"}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The checkpoints after 6 and 9 steps, and the weights and the log of the whole run."""
    folder = tmp_path_factory.mktemp("stopped") / "c"
    with pytest.raises(small.Stop):
        small.small_run(checkpoint=folder, stop_at=11, **BEST)
    student, whole = small.small_run(**BEST)
    return folder, small.weights_of(student), whole.rows


def test_the_last_two_are_kept(stopped):
    folder, *_ = stopped
    assert sorted(path.name for path in folder.iterdir()) == ["step-000000006", "step-000000009"]
    assert {file.name for file in (folder / "step-000000009").iterdir()} == set(FILES)


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(stopped, tmp_path, file, damage):
    folder, weights, rows = stopped
    here = shutil.copytree(folder, tmp_path / "c")
    damage(here / "step-000000009" / file)
    student, trained = small.small_run(checkpoint=here, **BEST)
    assert trained.resumed_at == 6 and torch.equal(small.weights_of(student), weights)
    assert trained.rows == rows
    told = [note for note in trained.notes if "cannot be read" in note]
    assert len(told) == 1 and told[0].startswith("the checkpoint step-000000009 cannot be read (")
    assert told[0].endswith("); training went on from step-000000006")


def test_where_both_are_damaged_training_begins_anew(stopped, tmp_path):
    folder, weights, rows = stopped
    here = shutil.copytree(folder, tmp_path / "c")
    cut(here / "step-000000009" / FILES[0])
    cut(here / "step-000000006" / FILES[3])
    student, trained = small.small_run(checkpoint=here, **BEST)
    assert trained.resumed_at == 0 and torch.equal(small.weights_of(student), weights)
    assert trained.notes[0].endswith("); training began anew") and trained.rows == rows


def test_checkpoints_of_other_settings_are_passed_over_in_silence(stopped, tmp_path):
    here = shutil.copytree(stopped[0], tmp_path / "c")
    _, trained = small.small_run(checkpoint=here, steps=21)
    assert trained.resumed_at == 0 and trained.notes == []


def test_a_full_disk_leaves_the_checkpoints_that_are_there(tmp_path, monkeypatch):
    import safetensors.torch

    own, calls = safetensors.torch.save_file, []

    def full(tensors, file):
        calls.append(file)
        if len(calls) == 6:  # the moments of the third checkpoint
            file.write_bytes(b"half")
            raise RuntimeError("I/O error: No space left on device (os error 28)")
        own(tensors, file)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OutputError, match="no space left on the device; nothing was half-written"):
        small.small_run(checkpoint=tmp_path / "c")
    monkeypatch.undo()
    kept = sorted(path.name for path in (tmp_path / "c").iterdir())
    assert kept == ["step-000000003", "step-000000006"]
    resumed, trained = small.small_run(checkpoint=tmp_path / "c")
    assert trained.resumed_at == 6 and trained.notes == []
    assert torch.equal(small.weights_of(resumed), small.weights_of(small.small_run()[0]))


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    student = small.Student()
    student.module.shift.register_hook(lambda slope: slope * (torch.nan if slope.any() else 1))
    with pytest.raises(TrainingError, match=r"not numbers after step 1: model\.shift"):
        small.small_run(student=student, checkpoint=tmp_path / "c", checkpoint_every=1)
    assert not (tmp_path / "c").exists()


def test_what_is_read_is_what_was_saved(tmp_path):
    tensors = {"a": {"x": torch.arange(6.0).view(2, 3).T}, "b": {}}
    save_checkpoint(tmp_path, 5, tensors, {"key": "k", "pi": 3.141592653589793, "of": [1, "ü"]})
    found, notes = read_checkpoint(tmp_path, "k")
    assert notes == [] and torch.equal(found.tensors["a"]["x"], tensors["a"]["x"])
    assert found.about == {"key": "k", "pi": 3.141592653589793, "of": [1, "ü"]}
    assert read_checkpoint(tmp_path, "other") == (None, [])
    state = tmp_path / "step-000000005" / "state.json"
    state.write_text(json.dumps([1]))
    assert "began anew" in read_checkpoint(tmp_path, "k")[1][0]


KILLS = """
import os, shutil, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import safetensors.torch, torch
from isogloss.train import checkpoint
from small import Student, small_run, weights_of
work = Path(sys.argv[2])
die = lambda: os.kill(os.getpid(), signal.SIGKILL)

class Killer:
    'Kills the process as it makes the n-th call of a function, before it or half-way in it.'
    def __init__(self, own, n, half=None):
        self.own, self.left, self.half = own, n, half
    def __call__(self, *args, **more):
        self.left -= 1
        if not self.left:
            if self.half:
                self.half(self.own, *args)
            die()
        return self.own(*args, **more)

def at_step(n):
    def advance(amount, text=''):
        advance.left -= 1
        if not advance.left:
            die()
    advance.left = n
    return {'advance': advance}

def half_a_file(own, tensors, file):
    own(tensors, file)
    file.write_bytes(file.read_bytes()[:-40])

def half_a_folder(own, folder, **more):
    next(iter(Path(folder).iterdir())).unlink()

def on(where, name, n, half=None):
    killer = Killer(getattr(where, name), n, half)
    setattr(where, name, lambda *args, **more: killer(*args, **more))
    return {}

POINTS = {
    'first step': lambda: at_step(1),
    'step before a checkpoint': lambda: at_step(5),
    'step of a checkpoint': lambda: at_step(6),
    'step behind a checkpoint': lambda: at_step(7),
    'last step': lambda: at_step(20),
    'first checkpoint, weights half-written': lambda: on(safetensors.torch, 'save_file', 1,
                                                         half_a_file),
    'third checkpoint, moments half-written': lambda: on(safetensors.torch, 'save_file', 6,
                                                         half_a_file),
    'third checkpoint, before its state': lambda: on(checkpoint, 'write_json', 3),
    'third checkpoint, before it has its name': lambda: on(Path, 'replace', 6),
    'third checkpoint, half of the old one deleted': lambda: on(checkpoint.shutil, 'rmtree', 7,
                                                                half_a_folder),
    'fourth checkpoint, before the old one is deleted': lambda: on(checkpoint.shutil, 'rmtree', 10),
}
for name, point in POINTS.items():
    folder = work / name.replace(' ', '-')
    child = os.fork()
    if not child:
        try:
            small_run(checkpoint=folder, **point())
        finally:
            os._exit(1)
    ended = os.waitpid(child, 0)[1]
    student, trained = small_run(checkpoint=folder)
    print(name, os.WTERMSIG(ended), trained.resumed_at, sep='|', flush=True)
    left = [path.name for path in folder.iterdir() if path.name.startswith('.')]
    torch.save((weights_of(student), trained.rows, left), work / f'{folder.name}.pt')
"""


def test_a_process_killed_at_any_moment_is_resumed_to_the_same_bits(tmp_path):
    script = tmp_path / "kills.py"
    script.write_text(KILLS)
    run = subprocess.run(
        [sys.executable, script, Path(small.__file__).parent, tmp_path],
        capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert not run.returncode, run.stderr
    student, whole = small.small_run()
    ends = dict(line.split("|", 1) for line in run.stdout.splitlines())
    assert {name: end.split("|")[0] for name, end in ends.items()} == dict.fromkeys(ends, "9")
    for name in ends:
        weights, rows, left = torch.load(
            tmp_path / f"{name.replace(' ', '-')}.pt", weights_only=False
        )
        assert torch.equal(weights, small.weights_of(student)), name
        assert rows == whole.rows, name
        assert left == [], name
    resumed = {name: int(end.split("|")[1]) for name, end in ends.items()}
    assert resumed == {
        "first step": 0,
        "step before a checkpoint": 3,
        "step of a checkpoint": 6,
        "step behind a checkpoint": 6,
        "last step": 18,
        "first checkpoint, weights half-written": 0,
        "third checkpoint, moments half-written": 6,
        "third checkpoint, before its state": 6,
        "third checkpoint, before it has its name": 6,
        "third checkpoint, half of the old one deleted": 9,
        "fourth checkpoint, before the old one is deleted": 12,
    }
