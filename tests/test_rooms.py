"""Rooms call downward only; the order is the one of the architecture."""

import ast
from pathlib import Path

import pytest

import isogloss

ROOT = Path(isogloss.__file__).parent
LEVELS = [
    ["errors", "_version"],
    ["files", "settings", "registry", "progress", "memory"],
    ["score", "language"],
    ["corpus"],
    ["encode"],
    ["match"],
    ["space", "measure", "prepare", "vocabulary"],
    ["train", "merge"],
    ["task"],
    ["predict", "lab"],
    ["report"],
    ["recipe"],  # a run ends by writing its report, so recipe stands above report
    ["cli"],
    ["__main__"],
]
LEVEL = {room: height for height, rooms in enumerate(LEVELS) for room in rooms}


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).with_suffix("").parts[0]


def imported_rooms(source: str) -> set[str]:
    """First part below isogloss of every import, those inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "isogloss":
                names = [f"isogloss.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {n.split(".")[1] for n in names if n.startswith("isogloss.")}
    return found


def complaints(room: str, source: str) -> list[str]:
    wrong = []
    for other in imported_rooms(source) - {room}:
        if LEVEL[other] > LEVEL[room]:
            wrong.append(f"{room} calls up to {other}")
        elif LEVEL[other] == LEVEL[room] and LEVEL[room] > LEVEL["language"]:
            wrong.append(f"{room} calls its neighbour {other}")
    return wrong


FILES = sorted(f for f in ROOT.rglob("*.py") if f != ROOT / "__init__.py")


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_every_file_calls_downward(file):
    assert complaints(room_of(file), file.read_text(encoding="utf-8")) == []


def test_the_check_can_fail():
    assert complaints("measure", "from isogloss.recipe.runs import Run") == [
        "measure calls up to recipe"
    ]
    assert complaints("measure", "def f():\n import isogloss.vocabulary.audit") == [
        "measure calls its neighbour vocabulary"
    ]


def test_every_room_has_a_level():
    rooms = {room_of(f) for f in FILES}
    assert rooms <= set(LEVEL)
