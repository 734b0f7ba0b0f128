"""What attempts told, kept beside a run."""

import shutil

import pytest

from isogloss.errors import CorpusError
from isogloss.recipe.step import FILES
from isogloss.recipe.told import NAME, Told, read_told, write_told


def told(strategy, values, **other):
    about = {"dataset": "topics", "task": "topic", "language": "deu_Latn", "seed": 0, "test": "f"}
    return Told(**about | other, strategy=strategy, ids=["1", "2"], values=values)


def leave(run, step, *attempts):
    (run / step).mkdir(parents=True)
    write_told(run / step, attempts)
    (run / FILES / step).mkdir(parents=True)
    shutil.move(run / step / FILES / NAME, run / FILES / step / NAME)


def test_what_is_told_comes_back(tmp_path):
    attempts = [told("zero_shot", ["a", None]), told("few", [[1], {"b": "ü"}]),
                told("few", ["a", "a"], seed=1)]  # fmt: skip
    leave(tmp_path, "transfer", *attempts)
    assert read_told(tmp_path) == attempts
    (tmp_path / FILES / "transfer" / NAME).write_bytes(b"other")
    with pytest.raises(CorpusError, match="does not hold what was told"):
        read_told(tmp_path)


def test_steps_that_told_of_one_task_are_kept_apart(tmp_path):
    """Their answers had been put behind each other, as of one attempt with every id twice."""
    alone = told("zero_shot", ["a", "b"], task="intent")
    leave(tmp_path, "plain", told("zero_shot", ["a", "b"]), alone)
    leave(tmp_path, "tuned", told("zero_shot", ["b", "b"]), told("", ["b", "a"]))
    assert read_told(tmp_path) == [
        told("plain: zero_shot", ["a", "b"]), alone, told("tuned: zero_shot", ["b", "b"]),
        told("tuned", ["b", "a"]),
    ]  # fmt: skip
