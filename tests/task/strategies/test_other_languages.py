"""Strategies that put texts into another language."""

import numpy as np
import pytest

import labelled
from isogloss.errors import UsageError
from isogloss.task.examples import CHOICES
from isogloss.task.retext import code_switched, translated
from loading import load

_made = load("task/strategies/test_strategies.py")
TARGET, seen, told = _made.TARGET, _made.seen, _made.told


def test_translated_training_data_reach_the_target_and_labels_stay(job):
    assert told(job, "translate_train.v1") > 0.85 > told(job, "zero_shot.v1")
    assert told(job, "translate_train.v1", beside=False) > 0.85
    [made] = job.learner.taught[-1]["train"]
    assert made.language == TARGET
    assert made.column("label") == labelled.texts(60).column("label")
    assert seen(job) == {"eng_Latn": 60} and job.ledger.translations.texts == 60


def test_a_translated_test_is_asked_of_the_sources_model(job):
    assert told(job, "translate_test.v1") > 0.85
    assert [one.language for one in job.learner.taught[-1]["train"]] == ["eng_Latn"]
    assert job.ledger.translations.texts == 60


def test_words_switched_by_a_dictionary_reach_the_target(job):
    assert told(job, "code_switch.v1", share=1.0, copies=1) > 0.85
    source, made = job.learner.taught[-1]["train"]
    for text, other in zip(source.column("text"), made.column("text"), strict=True):
        assert other == " ".join(word[::-1] for word in text.split())
    assert told(job, "code_switch.v1", into="all") > 0.7
    assert len(job.learner.taught[-1]["train"]) == 3


def test_words_of_all_dictionaries_are_mixed_or_those_of_the_target_alone(job, tmp_path):
    words = [w for kind in labelled.KINDS.values() for w in kind] + labelled.OTHERS
    for tag in ("deu_Latn", "fra_Latn"):
        job.means.lexicons[tag] = tmp_path / f"{tag}.tsv"
        job.means.lexicons[tag].write_text("".join(f"{w}\t{tag}\n" for w in words), "utf-8")

    def mixed(**settings):
        told(job, "code_switch.v1", **settings)
        _, *made = job.learner.taught[-1]["train"]
        return [text.split() for one in made for text in one.column("text")]

    rows = mixed(into="all", share=1.0, copies=1)
    assert len(rows) == 60 and {w for row in rows for w in row} == {"deu_Latn", "fra_Latn"}
    assert any(len(set(row)) == 2 for row in rows)
    rows = mixed(copies=3)
    assert len(rows) == 180 and rows[:60] != rows[60:120] != rows[120:]
    known = [word == "deu_Latn" for row in rows for word in row]
    assert 0.4 < np.mean(known) < 0.6 and "fra_Latn" not in {w for row in rows for w in row}


def test_words_of_another_source_are_not_exchanged_by_a_dictionary_of_the_first(job):
    job.source = ["eng_Latn", "spa_Latn"]
    job.load = lambda tag, split: labelled.texts(60, tag[:3], split)  # words that are spelled alike
    told(job, "code_switch.v1", copies=2)
    read = [one.language for one in job.learner.taught[-1]["train"]]
    assert read == ["eng_Latn", "spa_Latn", "eng_Latn", "eng_Latn"]


def test_a_target_without_a_dictionary_is_refused(job):
    job.means.lexicons.clear()
    with pytest.raises(UsageError, match="needs dictionaries"):
        told(job, "code_switch.v1")


def test_tags_go_with_their_words_into_translations_of_several():
    examples = labelled.make_examples(
        "x", "eng", labelled.WORDS, {"words": [["the", "Whale"]], "tags": [["O", "B-beast"]]}
    )
    pairs = {"deu_Latn": [("whale", "grosser Fisch"), ("the", "der")]}
    made, count = code_switched(examples, pairs, np.random.default_rng(0), share=1.0, one=True)
    assert made.column("words") == [["der", "grosser", "Fisch"]]
    assert made.column("tags") == [["O", "B-beast", "I-beast"]] and count == 2


def test_labels_of_words_are_not_translated():
    with pytest.raises(UsageError, match="project the labels"):
        translated(labelled.words(4), lambda texts, a, b: list(texts), TARGET)


def test_missing_texts_stay_missing_and_pairs_are_translated_on_both_sides():
    pair = labelled.make_examples(
        "x", "eng", labelled.TEXT,
        {"text": ["ab", None], "second": ["cd", "ef"], "label": ["x", "y"]},
    )  # fmt: skip
    made = translated(pair, lambda texts, a, b: [t[::-1] for t in texts], TARGET)
    assert made.column("text") == ["ba", None] and made.column("second") == ["dc", "fe"]


def test_choices_are_put_into_the_language_with_their_text():
    asked = labelled.make_examples(
        "x", "eng", CHOICES, {"text": ["ab", "cd"], "choices": [["ef", "gh"], ["ij", "", "kl"]]}
    )
    made = translated(asked, lambda texts, a, b: [t[::-1] for t in texts], TARGET)
    assert made.column("text") == ["ba", "dc"]
    assert made.column("choices") == [["fe", "hg"], ["ji", "", "lk"]]
    pairs = {"deu_Latn": [("gh", "hh"), ("ab", "bb")]}
    made, count = code_switched(asked, pairs, np.random.default_rng(0), share=1.0, one=True)
    assert made.column("choices")[0] == ["ef", "hh"] and count == 2


@pytest.mark.parametrize(
    ("tag", "made"),
    [("S-X", ["B-X", "I-X", "E-X"]), ("E-X", ["I-X", "I-X", "E-X"]), ("I-X", ["I-X"] * 3),
     ("U-X", ["B-X", "I-X", "L-X"]), ("B-X", ["B-X", "I-X", "I-X"]), ("NOUN", ["NOUN"] * 3)],
)  # fmt: skip
def test_several_words_in_the_place_of_one_are_still_one_entity(tag, made):
    examples = labelled.make_examples(
        "x", "eng", labelled.WORDS, {"words": [["whale"]], "tags": [[tag]]}
    )
    pairs = {"deu_Latn": [("whale", "ein grosser Fisch")]}
    rng = np.random.default_rng(0)
    assert code_switched(examples, pairs, rng, share=1.0, one=True)[0].column("tags") == [made]
