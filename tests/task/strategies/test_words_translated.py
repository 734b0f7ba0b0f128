"""Slots with their intents, tags and trees in other languages: what moves, and what is refused."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

import labelled
from bag_learner import BagLearner
from isogloss import registry
from isogloss.errors import CorpusError, UsageError
from isogloss.task.contracts import Guess
from isogloss.task.examples import CHOICES, make_examples
from isogloss.task.fitting import FITTING, need_fit
from isogloss.task.job import Job, Means, attempt
from isogloss.task.retext import code_switched, translated
from isogloss.task.solver import Told
from loading import load

_made = load("task/strategies/test_projected.py")
TARGET, Letters, Turned, parallel = _made.TARGET, _made.Letters, _made.Turned, _made.parallel


class IntentLearner(BagLearner):
    """Tags as a bag tells them; the intent is the kind of most tags."""

    def teach(self, task, train, **how):
        bag = super().teach(task, train, **how)

        def tell(examples):
            told = bag.tell(examples)
            made = []
            for guess in told.guesses:
                kinds = [tag[2:] for tag in guess.value if tag != "O"]
                label = max(sorted(set(kinds)), key=kinds.count) if kinds else "none"
                made.append(Guess({"tags": guess.value, "label": label}, guess.shares))
            return told._replace(guesses=made)

        return SimpleNamespace(tell=tell, seconds=bag.seconds, kept=bag.kept, classes={})


class TreeLearner(BagLearner):
    """Tells every tree as a chain from the first word, whatever it was taught."""

    def teach(self, task, train, **how):
        self.taught.append({"train": list(train)})

        def tell(examples):
            made = []
            for words in examples.column("words"):
                n = len(words)
                made.append(Guess({
                    "tags": ["NOUN"] * n, "features": ["_"] * n, "heads": list(range(n)),
                    "relations": ["root", *["dep"] * (n - 1)],
                }, 1.0))  # fmt: skip
            return Told(made, {}, 0, 0.001)

        return SimpleNamespace(tell=tell, seconds=1.0, kept="", classes={})


def flipped(examples):
    """The same in a language whose sentences are those of English from behind."""
    columns = {"words": [[w[::-1] for w in row][::-1] for row in examples.column("words")]}
    for name in ("tags", "features", "relations"):
        if name in examples.shape.columns:
            columns[name] = [row[::-1] for row in examples.column(name)]
    if "heads" in examples.shape.columns:
        columns["heads"] = [[h and len(row) + 1 - h for h in row][::-1]
                            for row in examples.column("heads")]  # fmt: skip
    return examples.having(columns, language=TARGET)


SEEDS = {"train": 0, "dev": 1, "test": 2}


@pytest.fixture
def job(request, tmp_path):
    make, task, learner = {
        "intents": (labelled.intents, "intents.v1", IntentLearner()),
        "words": (labelled.words, "ner.v1", BagLearner()),
        "trees": (labelled.trees, "parse.v1", TreeLearner()),
        "answers": (labelled.answers, "answers.v1", BagLearner()),
    }[request.param]

    def load(language, split):
        examples = make(60, split=split, seed=SEEDS[split])
        return examples if language == "eng_Latn" else flipped(examples)

    means = Means(translator=Turned(), encoder=Letters(), parallel=parallel())
    return Job(registry.get("task", task)(), ["eng_Latn"], load, learner, 0, means, tmp_path / "s")


def values(job, name, **settings):
    def strategy(job, target):
        return registry.get("strategy", name)(job, target, **settings)

    return [guess and guess.value for guess in attempt(job, strategy, TARGET)]


def scored(job, name, **settings):
    told = values(job, name, **settings)
    found = job.task.score(job.load(TARGET, "test"), told)
    return {key: float(one.statistic(one.columns.sum(0))) for key, one in found.items()}


of = pytest.mark.parametrize


@of("job", ["intents"], indirect=True)
@of(
    ("name", "settings"),
    [
        ("translate_train.v1", {}), ("translate_train.v1", {"beside": False}),
        ("projected.v1", {"through": "translation", "carry": "marks"}),
        ("projected.v1", {"through": "translation"}), ("projected.v1", {}),
        ("translate_test.v1", {}),
    ],
)  # fmt: skip
def test_slots_and_intents_reach_the_target(job, name, settings):
    plain = scored(job, "zero_shot.v1")
    assert plain["slot_f1"] < 0.7
    found = scored(job, name, **settings)
    assert found["slot_f1"] > 0.95 and found["intent_accuracy"] > 0.95


@of("job", ["intents"], indirect=True)
def test_the_intent_of_a_translation_is_that_of_its_sentence(job):
    values(job, "translate_train.v1", beside=False)
    [made] = job.learner.taught[-1]["train"]
    source = labelled.intents(60)
    assert made.shape == source.shape and made.language == TARGET
    assert made.column("label") == source.column("label")
    assert made.column("tags") == [tags[::-1] for tags in source.column("tags")]
    assert job.ledger.counted("train") == {"eng_Latn": 60}
    assert job.ledger.translations.texts == 60


@of("job", ["words"], indirect=True)
def test_tags_of_a_translated_test_come_back_along_links(job):
    found = scored(job, "translate_test.v1")
    assert found["f1"] > 0.95 > 0.7 > scored(job, "zero_shot.v1")["f1"]

    class Silent(Turned):
        def translate(self, texts, source, target):
            return ["", *super().translate(texts[1:], source, target)]

    job.means = Means(translator=Silent(), encoder=Letters())
    told = values(job, "translate_test.v1")
    assert told[0] is None and None not in told[1:]
    assert job.dropped["no translation"] == 1
    job.means = Means(translator=Turned())
    with pytest.raises(UsageError, match="an encoder for the links"):
        values(job, "translate_test.v1")


@of("job", ["words"], indirect=True)
def test_a_span_whose_words_have_no_link_is_counted_and_the_rest_stays(job, monkeypatch):
    where = "isogloss.task.strategies.projected.link_words"
    monkeypatch.setattr(where, lambda a, b, **how: [[] for _ in a])
    told = values(job, "translate_test.v1")
    assert all(set(tags) == {"O"} for tags in told)
    lost = job.dropped["carried back to deu_Latn: spans lost: no word has a link"]
    assert lost == sum(tag != "O" for row in labelled.words(60, seed=2).column("tags")
                       for tag in row)  # fmt: skip


@of("job", ["words"], indirect=True)
def test_a_span_without_a_link_does_not_take_others_with_it(job, monkeypatch):
    load_, asked = job.load, labelled.make_examples("two", "deu", labelled.WORDS, {
        "words": [["tac", "der", "elppa"]], "tags": [["B-beast", "O", "B-fruit"]],
    }, split="test")  # fmt: skip
    job.load = lambda tag, split: asked if (tag, split) == (TARGET, "test") else load_(tag, split)
    where = "isogloss.task.strategies.projected.link_words"
    monkeypatch.setattr(where, lambda a, b, **how: [[(0, 2)]])
    assert values(job, "translate_test.v1") == [["O", "O", "B-fruit"]]


@of("job", ["trees"], indirect=True)
def test_trees_are_projected_through_links(job):
    values(job, "translate_train.v1", beside=False)
    [made] = job.learner.taught[-1]["train"]
    gold = flipped(labelled.trees(60))
    for name in ("words", "tags", "features", "heads", "relations"):
        assert made.column(name) == gold.column(name)
    values(job, "projected.v1", beside=False)
    [made] = job.learner.taught[-1]["train"]
    rows = zip(made.column("words"), made.column("heads"), strict=True)
    chains = [heads for words, heads in rows if len(set(words)) == len(words)]
    assert len(chains) > 40  # of words that occur once, so that links are sure
    assert all(heads == [*range(2, len(heads) + 1), 0] for heads in chains)
    assert job.ledger.parallel == {("eng_Latn", TARGET): 80}


@of("job", ["trees"], indirect=True)
def test_only_trees_that_are_nearly_whole_are_learned_from(job, monkeypatch):
    def most(source, target, **how):
        """Without a quarter of the words of every second sentence."""
        n = [len(row) for row in source]
        return [[(i, k - 1 - i) for i in range(k) if at % 2 or i * 4 < 3 * (k - 1)]
                for at, k in enumerate(n)]  # fmt: skip

    monkeypatch.setattr("isogloss.task.strategies.projected.link_words", most)
    values(job, "translate_train.v1", beside=False)
    [made] = job.learner.taught[-1]["train"]
    assert len(made) < 60
    gone = "projected to deu_Latn: sentences left out: too few linked words"
    assert job.dropped[gone] == 60 - len(made)
    values(job, "projected.v1", through="translation", beside=False, coverage=0.0)
    [made] = job.learner.taught[-1]["train"]
    assert len(made) == 60 and job.dropped["projected to deu_Latn: words hung on a neighbour"] > 0
    for heads in made.column("heads"):
        assert heads.count(0) == 1
    monkeypatch.setattr("isogloss.task.strategies.projected.link_words",
                        lambda a, b, **how: [[] for _ in a])  # fmt: skip
    with pytest.raises(CorpusError, match="no example could be projected"):
        values(job, "translate_train.v1")


@of("job", ["trees", "answers"], indirect=True)
def test_what_cannot_move_is_refused_with_what_works(job):
    job.means.lexicons["deu_Latn"] = "x.tsv"
    with pytest.raises(UsageError, match=r"translate_test.v1 does not work.*\n.*zero_shot.v1"):
        values(job, "translate_test.v1")
    with pytest.raises(UsageError, match=r"code_switch.v1 does not work.*\n.*zero_shot.v1"):
        values(job, "code_switch.v1")
    trees = job.task.shape.name == "words with their heads"
    told = "translate_train.v1, projected.v1" if trees else r"target_labels.v1$"
    with pytest.raises(UsageError, match=f"crop.v1 does not work.*\n.*{told}"):
        values(job, "crop.v1")
    if trees:
        with pytest.raises(UsageError, match="these are trees"):
            values(job, "projected.v1", through="translation", carry="marks")
        with pytest.raises(UsageError, match="these are trees"):
            values(job, "projected.v1", hmm=True)
    else:
        with pytest.raises(UsageError, match="a place in its text, which a translation moves"):
            values(job, "translate_train.v1")


def test_every_strategy_that_is_listed_is_registered_and_says_what_it_takes():
    asking = {
        f"{name}.v1" for name in ("vote", "weighted")  # which say more than `need_fit` does
    } | {
        name for name in registry.names("strategy")
        if f'need_fit("{name}"' in inspect.getsource(registry.get("strategy", name))
    }  # fmt: skip
    assert asking == set(FITTING)
    for name, shapes in FITTING.items():
        for shape in (one for every in FITTING.values() for one in every if one not in shapes):
            with pytest.raises(UsageError, match=f"{name} does not work for {shape.name}"):
                need_fit(name, shape)


def test_choices_are_translated_with_their_text():
    rows = make_examples("x", "eng", CHOICES, {
        "text": ["ab", "cd"], "choices": [["ef", "gh"], ["ij", "kl", "mn"]], "label": [0, 2],
    })  # fmt: skip
    made = translated(rows, lambda texts, a, b: [one[::-1] for one in texts], TARGET)
    assert made.column("choices") == [["fe", "hg"], ["ji", "lk", "nm"]]
    assert made.column("text") == ["ba", "dc"] and made.column("label") == [0, 2]
    plain, _ = code_switched(rows, {}, np.random.default_rng(0), share=1.0, one=False)
    assert plain.column("choices") == rows.column("choices")
