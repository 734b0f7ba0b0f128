"""Which process writes is known before anything heavy is loaded, and who trains is declared."""

import inspect
import subprocess
import sys

import pytest

from isogloss import registry
from isogloss.recipe.processes import Processes, join, launched


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
