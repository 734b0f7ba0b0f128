"""Importing the package or asking for help loads nothing heavy and takes no time."""

import resource
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "sklearn", "pandas", "pyarrow")


def best_cpu_seconds(*command: str, runs: int = 5) -> float:
    """The least user + system time of several runs, which a busy machine disturbs least."""
    times = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


@pytest.mark.parametrize(
    "action",
    [
        "import isogloss",
        "from isogloss.cli.main import app; app(['--help'], standalone_mode=False)",
    ],
    ids=["import", "help"],
)
def test_nothing_heavy_is_loaded(action):
    code = f"{action}\nimport sys\nprint([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"


def test_import_is_fast():
    bare = best_cpu_seconds(sys.executable, "-c", "pass")
    assert best_cpu_seconds(sys.executable, "-c", "import isogloss") - bare < 0.15


def test_help_is_fast():
    assert best_cpu_seconds(sys.executable, "-m", "isogloss", "--help") < 0.5


def test_the_version_is_told():
    import isogloss

    said = subprocess.run(
        [sys.executable, "-m", "isogloss", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"isogloss {isogloss.__version__}\n"
