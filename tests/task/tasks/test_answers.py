"""Answers are cut out of their context, whatever the tokens are and wherever it is cut."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import labelled
from isogloss.encode.folder import open_folder
from isogloss.errors import CorpusError
from isogloss.task.cutting import Cutter, cutter_of
from isogloss.task.examples import ANSWERS, make_examples
from isogloss.task.solver import Tuning, open_tuned, tune
from isogloss.task.tasks.answers import NO_ANSWER, SPAN, AnswersTask
from isogloss.train.batch import UNKNOWN

QUICK = {"threads": 1, "batch": 16, "learning_rate": 3e-3, "clip": 0.0, "warmup": 0.0}
TASK = AnswersTask(longest=4)
NONE_TOO, ALWAYS = {"answer": [SPAN, NO_ANSWER]}, {"answer": [SPAN]}


@pytest.fixture(scope="module")
def solver(tiny_body):
    train = labelled.answers(200, answerable=0.75)
    tuning = Tuning(epochs=12, **QUICK)
    return tune(open_folder(tiny_body, "tiny"), TASK, [train], tuning, seed=0)


@pytest.fixture(scope="module")
def cutter(tiny_body):
    return cutter_of(open_folder(tiny_body, "tiny"))


def asked(context, question="red a", **columns):
    columns = {"context": [context], "question": [question], **columns}
    return make_examples("x", "eng", ANSWERS, columns, source="x.json")


def sure(piece, first, last, worth, none=0.0):
    """Logits that say from which to which place of a piece, and how much none is worth."""
    logits = np.full((len(piece.ids), 2), -50.0)
    logits[0] = none / 2
    logits[first, 0] = logits[last, 1] = worth / 2
    return logits


def test_answers_are_learned_and_that_there_is_none(solver):
    test = labelled.answers(60, seed=1, answerable=0.75)
    told = solver.tell(test)
    pairs = list(zip(test.column("answers"), told.values, strict=True))
    assert np.mean([gold == value for gold, value in pairs]) > 0.9
    assert np.mean([not gold for gold, value in pairs if not value]) > 0.8
    assert told.values == solver.tell(test.sealed()).values
    assert all(0 <= guess.shares <= 1 for guess in told.guesses)


def test_it_is_saved_and_tells_the_same(solver, tmp_path):
    solver.save(tmp_path)
    test = labelled.answers(10, seed=2)
    assert open_tuned(open_folder(tmp_path, "x"), TASK).tell(test).values == (
        solver.tell(test).values
    )


def test_an_answer_behind_the_window_is_found(solver):
    """Its only fruit stands behind what one window holds."""
    context = "dog the of small " * 12 + "banana"
    narrow = replace(solver, cutter=replace(solver.cutter, longest=20))
    test = asked(context)
    assert len(TASK.cut(test, narrow.cutter, solver.classes).pieces) > 4
    [value] = narrow.tell(test).values
    assert value == [{"text": "banana", "start": len(context) - 6}]


def test_scores_are_of_texts():
    gold = asked("a red dog", answers=[[{"text": "red dog", "start": 2}]])
    part, whole = [{"text": "dog", "start": 6}], [{"text": "Red dog.", "start": 0}]
    for told, f1, exact in ((part, 2 / 3, 0), ([], 0, 0), (whole, 1, 1), (None, 0, 0)):
        scores = TASK.score(gold, [told])
        values = {name: float(t.statistic(t.columns.sum(0))) for name, t in scores.items()}
        assert values == pytest.approx({"f1": f1, "exact": exact})
        assert tuple(scores) == TASK.measures
    none = TASK.score(asked("a", answers=[[]]), [[]])["exact"]
    assert none.statistic(none.columns.sum(0)) == 1.0


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe", "bpe", "unigram"])
def test_gold_that_is_learned_is_gold_that_is_told(tokenizer_of, kind):
    """Pointing at the gold places of the piece that has it gives back the words of the answer."""
    cutter = Cutter(tokenizer_of(kind), 24)
    words = st.lists(st.sampled_from(["apple", "groß", "привет", "مرحبا", "😀", "a-b", "né"]),
                     min_size=1, max_size=60)  # fmt: skip

    @given(words, st.data())
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    def check(row, data):
        first = data.draw(st.integers(0, len(row) - 1))
        last = data.draw(st.integers(first, min(len(row) - 1, first + 1)))
        text = " ".join(row)
        start = len(" ".join(row[:first])) + (first > 0)
        answer = {"text": " ".join(row[first : last + 1]), "start": start}
        examples = asked(text, answers=[[answer]])
        cut = TASK.cut(examples, cutter, ALWAYS)
        covered = np.concatenate([p.tokens["from"][p.tokens["asked"] == 1] for p in cut.pieces])
        read = cutter.texts([text])[0]
        assert set(covered.tolist()) == set(read.spans[:, 0].tolist())  # nothing is cut off
        assert all(len(piece.ids) <= cutter.longest for piece in cut.pieces)
        having = [piece for piece in cut.pieces if piece.row["begin"]]
        if not having:  # in no stretch whole
            return
        found = [sure(p, int(p.row["begin"]), int(p.row["end"]), 9.0) for p in having]
        [guess] = AnswersTask(longest=99).join(examples, having, found, ALWAYS)
        if not cut.counted["widened at the answer to whole tokens"]:
            assert guess.value == [answer]
        [value] = guess.value
        end = value["start"] + len(value["text"])
        assert text[value["start"] : end] == value["text"]
        assert value["start"] <= start and end >= start + len(answer["text"])

    check()


def test_a_window_without_the_whole_answer_is_taught_none(cutter):
    context = "dog " * 400 + "red banana"
    answers = [[{"text": "red banana", "start": 1600}]]
    cut = TASK.cut(asked(context, answers=answers), cutter, ALWAYS)
    begins = [int(piece.row["begin"]) for piece in cut.pieces]
    assert begins[:-1] == [0] * (len(begins) - 1) and begins[-1] > 0 and len(begins) > 2
    piece = cut.pieces[-1]
    spots = slice(int(piece.row["begin"]), int(piece.row["end"]) + 1)
    assert context[piece.tokens["from"][spots][0] : piece.tokens["to"][spots][-1]] == "red banana"
    assert cut.counted == {"widened at the answer to whole tokens": 0,
                           "read in several stretches": 1}  # fmt: skip
    [none] = TASK.cut(asked("red dog", answers=[[]]), cutter, NONE_TOO).pieces
    assert (int(none.row["begin"]), int(none.row["end"])) == (0, 0)
    [sealed] = TASK.cut(asked("red dog"), cutter, NONE_TOO).pieces
    assert (int(sealed.row["begin"]), int(sealed.row["end"])) == (UNKNOWN, UNKNOWN)


def test_a_piece_is_the_question_what_stands_between_and_the_context(cutter):
    [piece] = TASK.cut(asked("a dog", "red the"), cutter, ALWAYS).pieces
    question, context = (one.ids.tolist() for one in cutter.texts(["red the", "a dog"]))
    assert piece.ids.tolist() == [*question, *cutter.between, *context]
    assert piece.tokens["asked"].tolist() == [0] * (len(question) + 1) + [1] * len(context)


def test_an_answer_inside_a_token_is_widened_and_counted(cutter):
    text = "the dogs"
    spans = cutter.texts([text])[0].spans
    place = int((spans[:, 1] - spans[:, 0]).argmax())
    start, end = spans[place].tolist()
    inside = {"text": text[start : end - 1], "start": start}
    cut = TASK.cut(asked(text, answers=[[inside]]), cutter, ALWAYS)
    assert cut.counted["widened at the answer to whole tokens"] == 1
    [piece] = cut.pieces
    assert piece.tokens["to"][int(piece.row["end"])] == end


def test_the_best_pair_of_all_windows_is_told_within_the_length(cutter):
    examples = asked("red dog of the cat " * 150)
    pieces = TASK.cut(examples, cutter, NONE_TOO).pieces
    last = len(pieces[-1].ids) - 1
    found = [sure(piece, 5, 6, 2.0 + place, -1.0) for place, piece in enumerate(pieces)]
    [guess] = TASK.join(examples, pieces, found, NONE_TOO)
    [value] = guess.value
    place = pieces[-1].tokens["from"][5]
    assert value["start"] == place and examples.column("context")[0][place:].startswith(
        value["text"]
    )
    # What ends before it begins, is too long or lies in the question is no span.
    for first, end in ((last, last - 1), (last - 4, last), (1, 6)):
        wild = [*found[:-1], sure(pieces[-1], first, end, 99.0, -1.0)]
        [other] = TASK.join(examples, pieces, wild, ALWAYS)
        [expected] = TASK.join(examples, pieces[:-1], found[:-1], ALWAYS)
        assert other.value == expected.value


def test_ends_that_make_no_pair_do_not_hide_the_answer(cutter):
    examples = asked("red dog of the cat " * 5)
    [piece] = TASK.cut(examples, cutter, NONE_TOO).pieces
    first, last = (int(piece.tokens["asked"].argmax()), len(piece.ids) - 1)
    logits = sure(piece, first + 3, first + 4, 2.0, -1.0)
    logits[[last - 1, last], 0] = logits[[first, first + 1], 1] = 5.0
    [guess] = AnswersTask(best=2).join(examples, [piece], [logits], NONE_TOO)
    [value] = guess.value
    # The likeliest of all pairs begins or ends at one of the likely places, and 30 tokens are less.
    pairs = [(i, j) for i in range(first, last + 1) for j in range(i, min(i + 30, last + 1))]
    best = max(pairs, key=lambda pair: logits[pair[0], 0] + logits[pair[1], 1])
    assert value["start"] == piece.tokens["from"][best[0]]
    assert value["start"] + len(value["text"]) == piece.tokens["to"][best[1]]


def test_none_is_told_past_the_threshold_and_only_by_what_knows_it(cutter):
    examples = asked("red dog of the cat")
    [piece] = TASK.cut(examples, cutter, NONE_TOO).pieces
    for none, classes, threshold, told in (
        (3.0, NONE_TOO, 0.0, []), (3.0, NONE_TOO, 2.0, "span"), (1.0, NONE_TOO, 0.0, "span"),
        (1.0, NONE_TOO, -2.0, []), (30.0, ALWAYS, 0.0, "span"),
    ):  # fmt: skip
        task = AnswersTask(threshold=threshold)
        [guess] = task.join(examples, [piece], [sure(piece, 5, 5, 2.0, none)], classes)
        assert bool(guess.value) == (told == "span")
        worth, rest = (2.0, none) if guess.value else (none, 2.0)
        rest = -np.inf if classes is ALWAYS else rest  # none is not among what may be told
        assert guess.shares == pytest.approx(np.exp(worth) / (np.exp(worth) + np.exp(rest)))
    # The window that is least of the mind that there is none counts.
    minds = [sure(piece, 5, 5, 2.0, none) for none in (9.0, 1.0)]
    [guess] = TASK.join(examples, [piece, piece], minds, NONE_TOO)
    assert guess.value


def test_what_cannot_be_asked_is_counted_and_long_questions_are_cut(solver):
    columns = {
        "context": ["red dog", "", None, "red dog"],
        "question": ["", "red", "red", "a " * 900],
    }
    told = solver.tell(make_examples("x", "eng", ANSWERS, columns))
    assert [guess is None for guess in told.guesses] == [True, True, True, False]
    assert told.dropped == {"no question or no context": 3} and told.truncated == 1


def test_classes_say_whether_there_may_be_none_and_odd_answers_are_named(cutter):
    right = [{"text": "dog", "start": 4}]
    both = make_examples("x", "eng", ANSWERS, {"context": ["red dog"] * 2, "question": ["a"] * 2,
                                               "answers": [right, []]})  # fmt: skip
    assert TASK.classes([both]) == NONE_TOO and TASK.classes([both.take([0])]) == ALWAYS
    with pytest.raises(CorpusError, match="no question has an answer"):
        TASK.classes([both.take([1])])
    for start in (-1, 99, 6):
        odd = asked("red dog", answers=[[{"text": "cow", "start": start}]])
        with pytest.raises(CorpusError, match=rf"'cow' of example '1' .* at character {start}"):
            TASK.cut(odd, cutter, ALWAYS)
