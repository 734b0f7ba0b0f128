"""Scores of translations: one direction at a time, and more is better in all of them."""

import numpy as np
import pytest

import ciphers
from isogloss.encode.folder import open_folder
from isogloss.errors import UsageError
from isogloss.task.learners import TuneModel
from isogloss.task.metrics.texts import off_target
from isogloss.task.solver import Tuning
from isogloss.task.tasks.translate import TranslateTask, directions, on_target


def both():
    rows = ciphers.sentences(5)
    one, other = (ciphers.pairs("eng", to, rows) for to in ("rus", "ell"))
    columns = {name: one.column(name) + other.column(name) for name in one.shape.columns}
    return ciphers.make_examples("both", "eng", one.shape, columns)


def test_directions_are_taken_apart():
    found = directions(both())
    assert list(found) == ["ell_Grek", "rus_Cyrl"]
    assert [len(one) for one in found.values()] == [5, 5]
    assert set(found["rus_Cyrl"].column("to")) == {"rus_Cyrl"}


def test_the_share_on_target_is_what_is_not_off_target():
    told = ["свет", "sun", None, "лес лист"]
    tally = on_target(["rus_Cyrl"] * 4, told)
    off = off_target(told, ["rus_Cyrl"] * 4)
    value = float(tally.statistic(tally.columns.sum(0)))
    assert value == 0.5 == 1 - float(off.statistic(off.columns.sum(0)))


def test_an_identifier_that_does_not_know_the_language_is_not_asked():
    class Other:
        languages = ("eng_Latn", "deu_Latn")

        def __call__(self, texts):
            return ["eng_Latn"] * len(texts)

    tally = on_target(["rus_Cyrl"], ["свет"], ["лес"], Other())
    assert float(tally.statistic(tally.columns.sum(0))) == 1.0
    assert tally.settings == {"by": "script"}


def test_scores_are_of_the_language_that_was_asked_for():
    pytest.importorskip("sacrebleu", reason="needs sacrebleu")
    gold = directions(both())["rus_Cyrl"]
    found = TranslateTask().score(gold, gold.column("translation"))
    assert list(found) == list(TranslateTask.measures)
    values = {name: float(t.statistic(t.columns.sum(0))) for name, t in found.items()}
    assert values["chrf"] == pytest.approx(100) and values["on_target"] == 1
    assert all(tally.settings["to"] == "rus_Cyrl" for tally in found.values())
    resampled = found["on_target"].statistic(np.stack([found["on_target"].columns.sum(0)] * 2, 1))
    assert resampled.tolist() == [1, 1]


def test_several_directions_have_no_one_score():
    gold = both()
    with pytest.raises(UsageError, match="asks for ell_Grek, rus_Cyrl"):
        TranslateTask().score(gold, gold.column("translation"))


def test_the_learner_of_models_teaches_it_in_its_own_way(tmp_path):
    path = tmp_path / "model"
    folder = open_folder(ciphers.save("t5", path), "t5")
    tuning = Tuning(epochs=0.1, batch=4, threads=1)
    learner = TuneModel(folder, tuning, tmp_path)
    train = [ciphers.pairs("eng", "rus", ciphers.sentences(4))]
    steps = []
    solver = learner.teach(
        TranslateTask(longest=4), train, seed=0, after=None, watch=None, changes={}, name="one",
        start=lambda text, total: lambda n, told="": steps.append(n),
    )  # fmt: skip
    assert solver.classes == {"to": ["rus_Cyrl"]} and steps
