"""Which process writes is known before anything heavy is loaded, and who trains is declared."""

import inspect
import subprocess
import sys

import pytest

from isogloss import registry
from isogloss.errors import UsageError
from isogloss.recipe.processes import Processes, join, launched
from isogloss.recipe.runs import check_shares


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, Processes()),
        ({"WORLD_SIZE": "2", "RANK": "1"}, Processes(2, 1)),
        ({"WORLD_SIZE": "1", "RANK": "0"}, Processes()),
        ({"WORLD_SIZE": "8"}, Processes()),
        ({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3"}, Processes(4, 3)),
    ],
)
def test_the_launcher_says_how_many_there_are(environment, wanted):
    assert launched(environment) == wanted
    assert wanted.first == (wanted.rank == 0)


def test_one_process_agrees_with_itself_and_loads_nothing():
    assert join() == Processes() and Processes().agreed("a") == "a"
    code = (
        "from isogloss.recipe.processes import join\njoin().wait()\n"
        "import sys\nassert not {'torch', 'accelerate'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_step_that_trains_is_shared_by_all_processes():
    """One that is not would wait forever for the others."""
    signs = ("train.loop import", "train_warmed_up(", "_train(self")
    for name in registry.names("step"):
        step = registry.get("step", name)
        if any(sign in inspect.getsource(step) for sign in signs):
            assert step.together, name
    assert registry.get("step", "train.v1").together
    assert not registry.get("step", "measure.v1").together


def test_batches_that_cannot_be_shared_are_refused_before_anything_runs():
    objectives = [{"use": "contrast_views.v1"}]
    lesson = {"mixture": {"use": "parallel.v1", "text": "t"}, "objectives": objectives}
    parts = registry.get("step", "train.v1")(
        name="a", use="train.v1", lessons=[lesson], accumulate=4
    )
    whole = registry.get("step", "distil.v1")(name="b", use="distil.v1", text="t")
    plain = registry.get("step", "measure.v1")(name="c", use="measure.v1", model="m", text="t")
    check_shares([parts, whole, plain], 1)
    check_shares([parts, plain], 2)
    with pytest.raises(UsageError, match=r"a\.accumulate: 3 processes cannot share 4 parts"):
        check_shares([parts], 3)
    with pytest.raises(UsageError, match=r"b: distil\.v1 trains in one process, and 2 were"):
        check_shares([plain, whole], 2)
