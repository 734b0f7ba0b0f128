"""What an evaluation reads: the rows that are kept from training, as those, and nothing else."""

from dataclasses import dataclass
from types import SimpleNamespace

from isogloss.errors import CorpusError
from isogloss.recipe.held_out import evaluation


@dataclass
class Kept:
    """As much of a material as is asked."""

    note: object
    columns: object = ()
    behind: bool = False
    texts: tuple = ()


def test_mixtures_know_that_rows_are_held_out_and_files_that_do_not_fit_are_told():
    told, seen = [], []

    def fits(material):
        seen.append(material.behind)

    def fails(material):
        raise CorpusError("has 3 lines")

    lesson = SimpleNamespace(objectives=[])
    evaluation(
        SimpleNamespace(gives=()), Kept(told.append), [fits, fails], [lesson, lesson], 0
    )()  # fmt: skip
    assert seen == [True] and told == ["no held-out loss of lessons.1: has 3 lines"]
