"""A job whose target language is the source's, each word spelled backwards."""

import pytest

import labelled
from bag_learner import BagLearner
from isogloss.task.examples import WORDS
from isogloss.task.job import Job, Means
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.tag import TagTask


def backwards(examples, language="deu_Latn"):
    """The same examples in a language whose words are those of English spelled backwards."""
    if examples.shape is WORDS:
        made = {"words": [[w[::-1] for w in row] for row in examples.column("words")]}
    else:
        made = {"text": [" ".join(w[::-1] for w in t.split()) for t in examples.column("text")]}
    return examples.having(made, language=language)


class Backwards:
    """Translates by spelling backwards, both ways."""

    name, fingerprint = "backwards", "1" * 16

    def translate(self, texts, source, target):
        return [" ".join(word[::-1] for word in text.split()) for text in texts]


SEEDS = {"train": 0, "dev": 1, "test": 2}


@pytest.fixture(params=["texts"])
def job(request, tmp_path):
    """English and its mirror; `labels` of the mirror are there too."""
    make = getattr(labelled, request.param)

    def load(language, split):
        examples = make(60, split=split, seed=SEEDS[split])
        return examples if language == "eng_Latn" else backwards(examples, language)

    lexicon = tmp_path / "en-de.tsv"
    words = [w for kind in labelled.KINDS.values() for w in kind] + labelled.OTHERS
    lexicon.write_text("".join(f"{w}\t{w[::-1]}\n" for w in words), encoding="utf-8")
    task = ClassifyTask() if request.param == "texts" else TagTask()
    means = Means(translator=Backwards(), lexicons={"deu_Latn": lexicon})
    return Job(task, ["eng_Latn"], load, BagLearner(), 0, means, tmp_path / "solvers")
