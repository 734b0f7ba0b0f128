"""A suite that says that labels are the same is held to it, by `transfer` and by `evaluate`."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from isogloss.errors import CorpusError
from isogloss.recipe.evaluate_step import Evaluate
from isogloss.recipe.transfer_data import TransferData
from isogloss.recipe.transfer_step import Transfer

SUITE = """
name = "kinds"
title = "Kinds of things"
citation = "none"
licence = "CC0"
[[tasks]]
name = "kind"
use = "classify.v1"
metric = "accuracy"
path = "{language}.{split}.tsv"
options = { id = "id", text = "text", label = "label" }
splits = { train = "train", test = "test" }
"""
FRUIT, BEAST, STONE = "apple\tfruit", "dog\tbeast", "flint\tstone"


@pytest.fixture
def made(tmp_path):
    """Writes tables, and a suite with what it says of labels."""

    def write(files, labels='labels = "same"', name="kinds"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for file, rows in files.items():
            lines = [f"{i}\t{row}" for i, row in enumerate(rows)]
            (folder / f"{file}.tsv").write_text("\n".join(["id\ttext\tlabel", *lines]) + "\n")
        suite = tmp_path / f"{name}.toml"
        suite.write_text(SUITE.replace('"kinds"', f'"{name}"') + labels + "\n", encoding="utf-8")
        return str(suite), str(folder)

    return write


def files(**more):
    """English with three labels in both splits, and German with those that a test wants."""
    every = [FRUIT, BEAST, STONE]
    return {"eng.train": every, "eng.test": every, "deu.train": every, "deu.test": every, **more}


def unequal(suite, data, source=("eng",), tests=""):
    return TransferData(suite, tests, source, [], data).unequal()


def test_equal_labels_say_nothing(made):
    assert unequal(*made(files())) == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_transfer_names_languages_and_labels(made, split):
    given = made(files(**{f"deu.{split}": [FRUIT, BEAST, "rose\tplant"]}))
    with pytest.raises(CorpusError) as caught:
        unequal(*given)
    said = str(caught.value)
    assert f"labels are not the same in {split}" in said and "the suite kinds says" in said
    assert "eng_Latn without plant" in said or "only deu_Latn with plant" in said
    assert "deu_Latn without stone" in said
    assert "leave those languages out" in said and "rename or keep" in said


def test_what_may_differ_is_told_and_no_more(made):
    given = made(files(**{"deu.test": [FRUIT, BEAST]}), labels="")
    assert unequal(*given) == ["kind: labels are not the same in test: deu_Latn without stone"]


def test_a_source_without_a_test_is_compared_by_what_is_learned_from(made):
    tables = files(**{"deu.test": [FRUIT, BEAST]})
    del tables["eng.test"], tables["deu.train"]
    with pytest.raises(CorpusError, match=r"in train and test: deu_Latn test without stone"):
        unequal(*made(tables))


def test_a_language_without_any_label_is_not_compared(made):
    suite, data = made(files(**{"deu.train": ["dog\t", "cat\t"]}))
    file = Path(suite)
    told = file.read_text(encoding="utf-8").replace('"label" }', '"label", missing = "keep" }')
    file.write_text(told, encoding="utf-8")
    assert unequal(suite, data) == []


def test_the_run_stops_before_anything_is_trained(made):
    suite, data = made(files(**{"deu.test": [FRUIT, BEAST]}))
    step = Transfer(name="transfer", use="transfer.v1", suite=suite, source=("eng",), data=data)
    with pytest.raises(CorpusError, match="deu_Latn without stone"):
        step.run(SimpleNamespace(notes=[]))


def test_of_two_suites_each_is_held_to_its_own(made, tmp_path):
    learned, _ = made({"eng.train": [FRUIT, BEAST], "spa.train": [FRUIT, STONE]})
    asked, _ = made({"deu.test": [FRUIT, "rose\tplant"], "hin.test": [FRUIT, "rose\tplant"]},
                    name="asked")  # fmt: skip
    both = tmp_path / "both"
    both.mkdir()
    for folder in ("kinds", "asked"):
        for file in (tmp_path / folder).iterdir():
            file.rename(both / file.name)
    assert unequal(learned, str(both), tests=asked) == []
    with pytest.raises(CorpusError, match=r"spa_Latn without beast"):
        unequal(learned, str(both), source=("eng", "spa"), tests=asked)


def test_evaluate_names_languages_and_labels(made):
    suite, data = made(files(**{"deu.test": [FRUIT, BEAST]}))
    step = Evaluate(name="evaluate", use="evaluate.v1", suites=(suite,), data=data)
    step.__dict__["_chosen"] = lambda: [(one, list(one.tasks)) for one in step._suites]
    with pytest.raises(CorpusError, match=r"deu_Latn without stone, and the suite kinds says"):
        _ = step._groups
