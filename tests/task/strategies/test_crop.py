"""Raw text of the target gets its labels by way of the source."""

import pytest

from isogloss.errors import TrainingError, UsageError
from isogloss.task.job import Means
from isogloss.task.projection.contract import Labelled
from isogloss.task.spans import Span
from isogloss.task.strategies.crop import located
from loading import load

_made = load("task/strategies/test_projected.py")
TARGET, WORDS, Turned, told = _made.TARGET, _made.WORDS, _made.Turned, _made.told


def near(words, *spans):
    return Labelled(words.split(), [Span(*one) for one in spans])


@WORDS
def test_raw_text_is_learned_from_as_it_stands(job):
    job.means = Means(translator=Turned())
    assert told(job, "zero_shot.v1") < 0.7
    assert told(job, "crop.v1") > 0.95
    source, made = job.learner.taught[-1]["train"]
    raw = job.load(TARGET, "train")
    assert source.language == "eng_Latn" and made.language == TARGET
    assert made.column("words") == raw.column("words")
    assert made.column("tags") == raw.column("tags")
    assert job.ledger.counted("train") == {"eng_Latn": 60}
    assert job.ledger.unlabelled == {TARGET: 60} and job.ledger.translations.texts == 120
    assert not job.dropped


@WORDS
def test_what_does_not_come_back_is_counted(job):
    class Careless(Turned):
        """Loses one text on the way there; one mark, and one word, on the way back."""

        def translate(self, texts, source, target):
            made = super().translate(texts, source, target)
            if source == TARGET:
                return ["", *made[1:]]
            made[0] = made[0].replace("<a>", "")
            before, _, rest = made[1].partition("<a>")
            made[1] = f"{before}<a> zzzzzz </a>{rest.partition('</a>')[2]}"
            return made

    job.means = Means(translator=Careless())
    told(job, "crop.v1")
    assert len(job.learner.taught[-1]["train"][-1]) == 57
    start = "raw text of deu_Latn: "
    assert {why.removeprefix(start): n for why, n in job.dropped.items()} == {
        "no translation, or no guess of it": 1,
        "translations not used: a mark was lost": 1,
        "a span was not found in the sentence": 1,
    }


def test_spans_are_found_by_their_letters_once_each():
    words = "In Neu Delhi traf Modi den Modi".split()
    found = located(near("Modi trifft Modi in Neu-Delhi", (0, 1, "P"), (2, 3, "P"), (4, 5, "L")),
                    words, 0.8)  # fmt: skip
    assert found == [Span(1, 3, "L"), Span(4, 5, "P"), Span(6, 7, "P")]
    thrice = near("Modi Modi Modi", *((at, at + 1, "P") for at in range(3)))
    assert located(thrice, words, 0.8) is None
    assert located(near("Paris", (0, 1, "L")), words, 0.8) is None
    assert located(near("Paris"), words, 0.8) == []


@WORDS
def test_what_cannot_be_done_is_refused(job):
    job.means = Means()
    with pytest.raises(UsageError, match="needs a translator"):
        told(job, "crop.v1")
    job.means = Means(translator=Turned())
    with pytest.raises(UsageError, match="least is 0"):
        told(job, "crop.v1", least=0.0)

    class Unmarked(Turned):
        def translate(self, texts, source, target):
            return [text.replace("<a>", "") for text in super().translate(texts, source, target)]

    job.means = Means(translator=Unmarked())
    with pytest.raises(TrainingError, match="a mark was lost"):
        told(job, "crop.v1")
    load_ = job.load
    job.load = lambda language, split: load_(language, split).having(
        {"tags": [["N"] * len(row) for row in load_(language, split).column("words")]}
    )
    with pytest.raises(UsageError, match="tags of each word"):
        told(job, "crop.v1")
