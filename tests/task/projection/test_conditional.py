"""Words rewritten by class: what is rewritten, what passes, and labels stay."""

import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.task.examples import ANSWERS, TEXT, WORDS, make_examples
from isogloss.task.projection.conditional import (
    by_dictionary,
    by_lexicon,
    conditional,
    maltese_to_arabic,
)

CLASSES = by_lexicon({"dar": "arabic", "qalb": "arabic", "kompjuter": "english", "bankju": "it"})
ACTS = {"arabic": maltese_to_arabic, "it": by_dictionary({"bankju": "il banco"})}


def test_only_some_classes_are_rewritten():
    one = make_examples("m", "mlt", WORDS, {
        "words": [["Dar", "kompjuter", "bankju"], ["qalb"]], "tags": [["A", "B", "C"], ["A"]],
    })  # fmt: skip
    made, counts = conditional(one, CLASSES, ACTS)
    assert made.column("words") == [["دار", "kompjuter", "bankju"], ["قالب"]]
    assert made.column("tags") == one.column("tags") and made.ids == one.ids
    assert counts == {"arabic: rewritten": 2, "english: passed": 1,
                      "it: passed, several words for one label": 1}  # fmt: skip


def test_texts_keep_their_spaces_and_missing_ones():
    one = make_examples("m", "mlt", TEXT, {"text": ["dar  bankju\n x"], "label": ["A"]})
    made, counts = conditional(one, CLASSES, ACTS | {"unknown": by_dictionary({})})
    assert made.column("text") == ["دار  il banco\n x"] and made.column("second") == [None]
    assert counts["unknown: passed, there is nothing for it"] == 1


def test_maltese_letters():
    assert maltese_to_arabic(["għajn", "xemx", "bieb", "ħobż!", "2"]) == [
        "عاين", "شامش", "باب", "حوبز!", "2",
    ]  # fmt: skip


def test_an_act_is_given_each_word_once():
    given = []

    def act(words):
        given.append(list(words))
        return [w.upper() for w in words]

    one = make_examples("m", "mlt", TEXT, {"text": ["a b a", "b"]})
    made, _ = conditional(one, lambda words: ["x"] * len(words), {"x": act})
    assert given == [["a", "b"]] and made.column("text") == ["A B A", "B"]


def test_what_cannot_be():
    one = make_examples("m", "mlt", TEXT, {"text": ["a b"]})
    with pytest.raises(CorpusError, match="1 classes were given for 2 words"):
        conditional(one, lambda words: ["x"], {})
    with pytest.raises(CorpusError, match="gave 0 for 1 words"):
        conditional(
            make_examples("m", "mlt", TEXT, {"text": ["a"]}), lambda w: ["x"], {"x": lambda w: []}
        )
    answers = make_examples("m", "mlt", ANSWERS, {"context": ["a"], "question": ["b"]})
    with pytest.raises(UsageError, match="cannot be rewritten"):
        conditional(answers, CLASSES, ACTS)
