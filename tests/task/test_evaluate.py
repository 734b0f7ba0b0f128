"""What a solver is worth: every measure with its interval, and nothing lost on the way."""

import json

import numpy as np
import pytest

import labelled
from isogloss.errors import CorpusError, UsageError
from isogloss.score import Score, Scores, bootstrap_of_sums
from isogloss.task.contracts import Guess
from isogloss.task.evaluate import evaluate
from isogloss.task.solver import Told
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.tag import TagTask


class Fixed:
    """Says what it is told to say, and notes what it was shown."""

    seconds, kept, classes = 0.0, "", {}

    def __init__(self, values, dropped=None):
        self.values, self.dropped = values, dropped or {}

    def tell(self, examples):
        self.shown = examples
        guesses = [None if value is None else Guess(value) for value in self.values]
        return Told(guesses, self.dropped, 2, 0.5)


@pytest.fixture
def gold():
    return labelled.texts(12, language="deu", split="test")


def test_scores_are_those_of_the_task_with_the_interval_of_its_sums(gold):
    told = gold.column("label")
    told = [None, "beast" if told[1] == "fruit" else "fruit", *told[2:]]
    solver = Fixed(told, {"no text": 1})
    scores, items = evaluate(solver, ClassifyTask(), gold, seed=3, system="fixed")
    assert [one.measure for one in scores] == list(ClassifyTask.measures)
    accuracy = scores[0]
    assert accuracy.value == pytest.approx(10 / 12) and accuracy.n == 12
    tally = ClassifyTask().score(gold, told)["accuracy"]
    plain = bootstrap_of_sums(tally.columns, tally.statistic, seed=3)
    assert (accuracy.low, accuracy.high) == (plain.low, plain.high)
    assert accuracy.dropped == {"no text": 1} and accuracy.truncated == 2
    about = (accuracy.language, accuracy.dataset, accuracy.task, accuracy.system)
    assert about == ("deu_Latn", "kinds", "classify.v1", "fixed")
    assert items.told == told and items.ids == gold.ids and items.seconds == 0.5
    Scores(scores).to_json()


def test_the_solver_does_not_see_labels(gold):
    solver = Fixed(gold.column("label"))
    evaluate(solver, ClassifyTask(), gold)
    assert set(solver.shown.column("label")) == {None}


def test_what_a_reader_left_out_is_told_beside_what_the_solver_could_not_say(gold):
    from dataclasses import replace

    some = replace(gold, dropped={"no text": 4, "twice": 1})
    scores, _ = evaluate(Fixed([None] * 12, {"no text": 12}), ClassifyTask(), some)
    assert scores[0].dropped == {"no text": 16, "twice": 1} and scores[0].value == 0


def test_items_give_the_scores_again(gold):
    rng = np.random.default_rng(0)
    told = rng.choice(list(labelled.KINDS), 12).tolist()
    scores, items = evaluate(Fixed(told), ClassifyTask(), gold)
    table = items.table().to_pydict()
    assert table["id"] == gold.ids and [json.loads(v) for v in table["told"]] == told
    for score in scores:
        tally = items.tallies[score.measure]
        kept = [table[f"{score.measure}.{k}"] for k in range(tally.columns.shape[1])]
        assert float(tally.statistic(np.sum(kept, 1))) == pytest.approx(score.value)


def test_one_example_has_a_value_and_no_interval(gold):
    [accuracy, _], _ = evaluate(Fixed(["fruit"]), ClassifyTask(), gold.take([0]))
    assert isinstance(accuracy, Score) and accuracy.value == 1.0
    assert accuracy.low is accuracy.high is accuracy.interval is None


def test_another_number_of_values_and_another_shape_are_refused(gold):
    with pytest.raises(UsageError, match="tells 3 predictions of 12 examples"):
        evaluate(Fixed(["fruit"] * 3), ClassifyTask(), gold)
    with pytest.raises(UsageError, match="the task tells text with a label"):
        evaluate(Fixed([]), ClassifyTask(), labelled.words(3))


def test_a_row_without_a_label_is_named():
    gold = labelled.words(4)
    gold = gold.having({"tags": [*gold.column("tags")[:3], None]})
    with pytest.raises(CorpusError, match="1 of 4 examples to test on have no label, such as '4'"):
        evaluate(Fixed([]), TagTask(), gold)


def test_as_many_tags_are_told_as_there_are_words():
    gold = labelled.words(2)
    longer = [*gold.column("tags")[0], "O"]
    with pytest.raises(UsageError, match=r"example 1 has \d gold tags and \d told ones"):
        TagTask().score(gold, [longer, None])


def test_a_word_without_a_tag_is_not_scored():
    row = {"words": [["a", "b", "c"]], "tags": [["X", "_", "Y"]]}
    gold = labelled.make_examples("x", "eng", labelled.WORDS, row)
    found = TagTask().score(gold, [["X", "Y", "X"]])["word_accuracy"]
    assert found.columns.tolist() == [[1, 2]]


def test_tags_that_spell_no_span_are_refused_before_they_are_learned():
    from isogloss.task.tasks.tag import EntityTask

    row = {"words": [["Anna", "ran"]], "tags": [["PER", "O"]]}
    with pytest.raises(CorpusError, match=r"the tag 'PER' of eng_Latn spells no span\n.*B-KIND"):
        EntityTask().classes([labelled.make_examples("x", "eng", labelled.WORDS, row)])


@pytest.mark.parametrize(
    ("task", "shape", "labels", "said"),
    [
        ("ner.v1", "WORDS", {"words": [["a"], ["b"]], "tags": [["O"], ["o"]]}, "'o' of deu_Latn"),
        ("ner.v1", "WORDS", {"words": [["a"], ["b"]], "tags": [["O"], ["_"]]}, "spells no span"),
        (
            "intents.v1", "INTENTS",
            {"words": [["a"]], "tags": [["PER"]], "label": ["x"]}, "the tag 'PER'",
        ),
        (
            "choices.v1", "CHOICES",
            {"text": ["a"], "choices": [["b", "c"]], "label": [2]}, "has the label 2 and 2 choices",
        ),
    ],
)  # fmt: skip
def test_labels_that_can_only_be_told_wrong_are_refused_before_anything_is_asked(
    task, shape, labels, said
):
    from isogloss import registry
    from isogloss.task import examples
    from isogloss.task.sealed import SealedTest

    gold = examples.make_examples("x", "deu", getattr(examples, shape), labels)
    with pytest.raises(CorpusError, match=said):
        SealedTest(gold, registry.get("task", task)())


def test_a_word_without_a_token_is_no_entity():
    from isogloss.task.contracts import Piece
    from isogloss.task.tasks.tag import EntityTask

    row = {"words": [["Anna", "\u200b"]]}
    asked = labelled.make_examples("x", "eng", labelled.WORDS, row)
    tokens = {"word": np.array([0]), "room": np.array([0])}
    piece = Piece(0, np.array([7]), tokens)
    classes = {"tag": ["B-LOC", "B-PER", "O"]}
    [guess] = EntityTask().join(asked, [piece], [np.array([[0.1, 0.8, 0.1]])], classes)
    assert guess.value == ["B-PER", "O"]


def test_trees_without_parts_of_speech_are_scored_by_what_is_left():
    from isogloss.task.tasks.parse import ParseTask

    gold = labelled.trees(4)
    gold = gold.having({"tags": [None] * len(gold)})
    names = gold.shape.labels
    told = [dict(zip(names, row, strict=True))
            for row in zip(*(gold.column(name) for name in names), strict=True)]  # fmt: skip
    scores, _ = evaluate(Fixed(told), ParseTask(), gold)
    assert {one.measure: one.value for one in scores} == dict.fromkeys(
        ("las", "uas", "ufeats", "clas"), 1.0
    )
