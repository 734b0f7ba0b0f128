"""A target whose beasts are of a language that spells each letter as the one before it."""

from functools import partial

import pytest

import labelled
from isogloss import registry
from isogloss.errors import UsageError
from isogloss.task.examples import WORDS
from isogloss.task.job import Means, attempt
from isogloss.task.tasks.answers import AnswersTask
from loading import load

_made = load("task/strategies/test_strategies.py")
TARGET, told = _made.TARGET, _made.told
ABC = "abcdefghijklmnopqrstuvwxyz"
BEFORE = dict(zip(ABC, ABC[-1] + ABC, strict=False))


def moved(word):
    return "".join(BEFORE[letter] for letter in word) if word in labelled.KINDS["beast"] else word


@pytest.fixture
def mixed(job, tmp_path):
    """The job with that target, the letters that undo it, and the classes of half of its words."""
    plain = job.load

    def load_(language, split):
        examples, put = plain("eng_Latn", split), moved if language == TARGET else str
        if examples.shape is WORDS:
            made = {"words": [[put(w) for w in row] for row in examples.column("words")]}
        else:
            made = {"text": [" ".join(f"{put(w)}," for w in text.split())
                             for text in examples.column("text")]}  # fmt: skip
        return examples.having(made, language=language)

    job.load = load_
    (tmp_path / "letters.tsv").write_text(
        "".join(f"{BEFORE[letter]}\t{letter}\n" for letter in ABC), encoding="utf-8"
    )
    lines = [f"{moved(w)}\tmoved" for w in labelled.KINDS["beast"]]
    lines += [f"{w}\tplain" for w in [*labelled.KINDS["fruit"], *labelled.OTHERS]]
    lines += [f"{w}q\tmoved\n{w}e\tplain" for w in ("kor", "lum", "pat", "vir")]
    (tmp_path / "classes.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    acts = {"moved": f"letters:{tmp_path / 'letters.tsv'}"}
    job.means = Means(acts=acts, word_classes=tmp_path / "classes.tsv")
    return job


def read_as_english(job, **settings):
    """Whether the model of English tells what it tells of the same text in English."""
    strategy = partial(registry.get("strategy", "rewritten.v1"), **settings)
    asked = [one.value for one in attempt(job, strategy, TARGET)]
    return asked == job.last.tell(job.test("eng_Latn")).values


def test_only_words_of_the_class_are_respelled(mixed):
    assert read_as_english(mixed) and mixed.ledger.predict_seconds > 0
    counts = mixed.ledger.settings()["words"]
    assert set(counts) == {
        "test, moved: rewritten", "test, plain: passed", "test, without a letter: passed"
    }  # fmt: skip
    texts = mixed.load("eng_Latn", "test").column("text")
    beasts = [word for text in texts for word in text.replace(",", "").split()
              if word in labelled.KINDS["beast"]]  # fmt: skip
    assert counts["test, moved: rewritten"] == len(beasts)
    [note] = mixed.notes
    assert "classes.tsv: of " in note and "held-out words" in note
    assert mixed.ledger.rule().endswith("no label of deu_Latn was seen")


def test_all_words_and_none_are_other_systems(mixed):
    assert not read_as_english(mixed, every="moved")  # fruits are not read any more
    assert set(mixed.ledger.words) == {"test, moved: rewritten", "test, without a letter: passed"}
    assert not mixed.notes
    right = told(mixed, "zero_shot.v1")
    assert not mixed.ledger.words and right < told(mixed, "rewritten.v1") - 0.1


def test_the_targets_own_labels_are_learned_from_as_the_words_are_asked(mixed):
    told(mixed, "rewritten.v1", labels="target")
    [made] = mixed.learner.taught[-1]["train"]
    plain = mixed.load("eng_Latn", "train")
    assert made.language == TARGET and made.column("text") == plain.column("text")
    assert "60 labels of deu_Latn" in mixed.ledger.rule()
    assert {key.partition(",")[0] for key in mixed.ledger.words} == {"train", "test"}


def test_words_that_the_list_lacks_are_guessed_or_left(mixed, tmp_path):
    file = tmp_path / "classes.tsv"
    rest = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("gnqrd")]
    file.write_text("\n".join(rest) + "\n", encoding="utf-8")
    told(mixed, "rewritten.v1", decide="listed")
    left = mixed.ledger.words["test, unknown: passed"]
    assert mixed.ledger.train_seconds == 1.0
    told(mixed, "rewritten.v1")
    assert left > 0 and "test, unknown: passed" not in mixed.ledger.words
    assert mixed.ledger.train_seconds > 1.0  # that of the classes too


def test_of_two_classes_of_a_listed_word_the_first_counts(mixed, tmp_path):
    file = tmp_path / "classes.tsv"
    told(mixed, "rewritten.v1", decide="listed")
    once = mixed.ledger.words
    file.write_text(file.read_text("utf-8") + "gnqrd\tplain\n", encoding="utf-8")
    told(mixed, "rewritten.v1", decide="listed")
    assert mixed.ledger.words == once


def test_without_a_list_the_dictionaries_decide(mixed, tmp_path):
    beasts = labelled.KINDS["beast"]
    own = tmp_path / "own.tsv"
    own.write_text("".join(f"{moved(w)}\t{w}\n" for w in beasts), encoding="utf-8")
    other = tmp_path / "other.tsv"
    other.write_text("apple\tapple\n" + f"{moved(beasts[0])}\twrong\n", encoding="utf-8")
    mixed.means = Means(acts={"beasts": f"lexicon:{own}", "fruits": f"lexicon:{other}"})
    assert read_as_english(mixed)
    assert mixed.ledger.words["test, fruits: rewritten"] > 0
    assert mixed.ledger.words["test, unknown: passed"] > 0
    told(mixed, "rewritten.v1", only=["fruits"])
    assert mixed.ledger.words["test, beasts: passed"] > 0
    assert "test, beasts: rewritten" not in mixed.ledger.words


def test_a_translator_is_asked_for_each_word_once_and_counted(mixed):
    asked = []

    table = {moved(w): w for w in labelled.KINDS["beast"]}

    class Back:
        name, fingerprint = "back", "2" * 16

        def translate(self, texts, source, target):
            asked.append((list(texts), source, target))
            return [table[text] for text in texts]

    mixed.means = Means(
        Back(), acts={"moved": "translate:eng"}, word_classes=mixed.means.word_classes
    )
    assert read_as_english(mixed)
    [(words, source, target)] = asked
    assert len(set(words)) == len(words) == 5 and (source, target) == (TARGET, "eng_Latn")
    assert mixed.ledger.in_use.texts == mixed.ledger.translations.texts == 5


@pytest.mark.parametrize("job", ["words"], indirect=True)
def test_tags_stay_with_their_words(mixed):
    guesses = registry.get("strategy", "rewritten.v1")(mixed, TARGET, labels="target")
    [made] = mixed.learner.taught[-1]["train"]
    plain = mixed.load("eng_Latn", "train")
    assert made.column("words") == plain.column("words")
    assert made.column("tags") == plain.column("tags")
    assert [one.value for one in guesses] == mixed.load(TARGET, "test").column("tags")


def refused(job, means, **settings):
    job.means = Means(**means)
    with pytest.raises(UsageError) as caught:
        registry.get("strategy", "rewritten.v1")(job, TARGET, **settings)
    assert caught.value.remedy and not job.learner.taught
    return f"{caught.value.message} / {caught.value.remedy}"


def test_what_cannot_be_rewritten_is_refused_before_it_trains(mixed, tmp_path):
    acts, listed = mixed.means.acts, mixed.means.word_classes
    whole = {"acts": acts, "word_classes": listed}
    assert "--act" in refused(mixed, {})
    assert "nothing by which a word is moved" in refused(mixed, {"acts": acts})
    said = refused(mixed, {**whole, "acts": acts | {"arabik": "maltese_to_arabic"}})
    assert "no word of" in said and "is arabik" in said and "its classes are moved, plain" in said
    assert "nothing is said of words that are 'plain'" in refused(mixed, whole, every="plain")
    assert "that are 'plain'" in refused(mixed, whole, only=["moved", "plain"])
    assert "give one of the two" in refused(mixed, whole, only=["moved"], every="moved")
    assert "names no file" in refused(mixed, {**whole, "acts": {"moved": "letters"}})
    said = refused(mixed, {**whole, "acts": {"plain": "leave"}})
    assert "not one word of 60 examples of deu_Latn test was rewritten" in said
    few = tmp_path / "few.tsv"
    few.write_text("a\tmoved\nb\tplain\n", encoding="utf-8")
    assert "too few" in refused(mixed, {**whole, "word_classes": few})
    mixed.task = AnswersTask()
    assert "rewritten.v1 does not work for" in refused(mixed, whole)
