"""Labels of words reach a language by links, by translations and by marks."""

import re
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

import labelled
from isogloss import registry
from isogloss.corpus.records import make_corpus
from isogloss.encode.words import TokenVectors
from isogloss.errors import CorpusError, UsageError
from isogloss.task.job import Means, attempt
from isogloss.task.projection.constrained import Decoder
from isogloss.task.projection.linking import link_words

TARGET, WORDS = "deu_Latn", pytest.mark.parametrize("job", ["words"], indirect=True)


class Letters:
    """An encoder in which a word and its mirror are one: a vector of its letters."""

    name, fingerprint, layers = "letters", "2" * 16, (0, 1, 2, 3)

    def encode_words(self, sentences, *, layers):
        assert layers == [2]
        rng, made = np.random.default_rng, []
        for words in sentences:
            made += [sum(rng(ord(c)).normal(size=16) for c in word.lower()) for word in words]
        lengths = np.array([len(words) for words in sentences])
        starts = np.concatenate([[0], lengths.cumsum()])
        at = np.concatenate([np.arange(n) for n in lengths])
        return {2: TokenVectors(np.array(made, np.float32), starts, at, lengths)}


class Turned:
    """Translates by spelling a text backwards, words and all; marks stay marks."""

    name, fingerprint = "turned", "3" * 16

    def translate(self, texts, source, target):
        flip = str.maketrans("\x01\x02", "\x02\x01")
        made = []
        for text in texts:
            words = text.replace("<a>", "\x01").replace("</a>", "\x02").translate(flip)[::-1]
            made.append(words.replace("\x01", "<a>").replace("\x02", "</a>"))
        return made


def parallel(n=80, lacking=0):
    rows = [" ".join(words) for words in labelled.words(n, seed=7).column("words")]
    other = [None if i < lacking else row[::-1] for i, row in enumerate(rows)]
    texts = {"eng_Latn": rows, TARGET: other}
    return make_corpus("verses", [str(i) for i in range(n)], texts)


def told(job, name="projected.v1", **settings):
    def strategy(job, target):
        return registry.get("strategy", name)(job, target, **settings)

    guesses = attempt(job, strategy, TARGET)
    gold = job.load(TARGET, "test").column("tags")
    right = [a == b for g, tags in zip(guesses, gold, strict=True)
             for a, b in zip(g.value, tags, strict=True)]  # fmt: skip
    return float(np.mean(right))


@WORDS
def test_tags_of_parallel_text_reach_the_target(job):
    job.means = Means(parallel=parallel(lacking=5), encoder=Letters())
    assert told(job) > 0.95 > 0.7 > told(job, "zero_shot.v1")
    told(job)
    source, made = job.learner.taught[-1]["train"]
    assert source.language == "eng_Latn" and made.language == TARGET
    gold = labelled.words(80, seed=7).column("tags")[5:]
    assert made.column("tags") == [tags[::-1] for tags in gold]
    assert job.ledger.parallel == {("eng_Latn", TARGET): 75}
    assert job.ledger.counted("train") == {"eng_Latn": 60}
    assert job.dropped == {"rows of verses without both languages": 5}
    assert job.ledger.translations.texts == 0


@WORDS
@pytest.mark.parametrize("carry", ["links", "marks"])
def test_labels_of_translated_examples_are_peoples(job, carry):
    job.means = Means(translator=Turned(), encoder=Letters())
    assert told(job, through="translation", carry=carry, beside=False) > 0.95
    [made] = job.learner.taught[-1]["train"]
    assert made.column("tags") == [tags[::-1] for tags in labelled.words(60).column("tags")]
    assert job.ledger.translations.texts == 60 and not job.ledger.parallel


@WORDS
def test_what_is_not_projected_is_counted(job):
    class Silent(Turned):
        def translate(self, texts, source, target):
            return ["", "", "", "", *super().translate(texts[4:], source, target)]

    job.means = Means(translator=Silent(), encoder=Letters())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isogloss.task.strategies.projected.link_words", without_every_third)
        told(job, through="translation")
    assert job.dropped["projected to deu_Latn: examples left out: no translation"] == 4
    lost = job.dropped["projected to deu_Latn: sentences left out: a span was lost"]
    made = job.learner.taught[-1]["train"][-1]
    assert lost > 0 and len(made) == 60 - 4 - lost


@WORDS
def test_tags_that_are_no_spans_are_made_whole_by_a_hidden_markov_model(job):
    load = job.load

    def plain(language, split):
        found = load(language, split)
        named = [[tag.removeprefix("B-") for tag in tags] for tags in found.column("tags")]
        return found.having({"tags": named})

    job.load = plain
    job.means = Means(parallel=parallel(), encoder=Letters())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isogloss.task.strategies.projected.link_words", without_the_last)
        told(job)
        [gaps] = [one for one in job.learner.taught[-1]["train"] if one.language == TARGET]
        assert job.dropped["projected to deu_Latn: words without a tag: no link"] > 0
        told(job, hmm=True)
        [whole] = [one for one in job.learner.taught[-1]["train"] if one.language == TARGET]
    assert any("_" in tags for tags in gaps.column("tags"))
    assert not any("_" in tags for tags in whole.column("tags"))
    with pytest.raises(UsageError, match="tags of each word"):
        told(job, through="translation", carry="marks")


def without_every_third(source, target, **how):
    found = link_words(source, target, encoder=Letters())
    return [[] if at % 3 == 0 else pairs for at, pairs in enumerate(found)]


def without_the_last(source, target, **how):
    return [pairs[:-1] for pairs in link_words(source, target, encoder=Letters())]


@WORDS
@pytest.mark.parametrize(
    ("means", "settings", "error", "what"),
    [
        ({}, {}, UsageError, "an encoder for the links"),
        ({"encoder": Letters()}, {}, UsageError, "parallel text"),
        ({"encoder": Letters()}, {"through": "translation"}, UsageError, "a translator"),
        ({}, {"carry": "marks"}, UsageError, "carries marks"),
        ({"encoder": Letters()}, {"hmm": True}, UsageError, "these are spans"),
        ({"encoder": Letters(), "parallel": parallel(4, 4)}, {}, CorpusError, "no row has both"),
    ],
)
def test_what_is_missing_is_named(job, means, settings, error, what):
    job.means = Means(**means)
    with pytest.raises(error, match=what):
        told(job, **settings)


def test_labels_of_texts_are_refused(job):
    with pytest.raises(
        UsageError, match=r"projected.v1 does not work for text with a label\n.*translate_train"
    ):
        registry.get("strategy", "projected.v1")(job, TARGET)


def test_links_of_statistics_and_of_vectors():
    pytest.importorskip("thot")
    rows = labelled.words(150, seed=3).column("words")
    turned = [[word[::-1] for word in row][::-1] for row in rows]
    wanted = [[(i, len(row) - 1 - i) for i in range(len(row))] for row in rows]
    found = link_words(rows, turned, "hmm")
    right = np.mean([set(a) <= set(b) for a, b in zip(wanted, found, strict=True)])
    assert right > 0.7
    with pytest.raises(UsageError, match="has no layer 3"):
        link_words(rows, turned, "hmm", layer=3)
    with pytest.raises(UsageError, match="there is no encoder"):
        link_words(rows, turned)


def plainly(load):
    """Tags that are no spans."""

    def made(language, split):
        found = load(language, split)
        named = [[tag.removeprefix("B-") for tag in tags] for tags in found.column("tags")]
        return found.having({"tags": named})

    return made


@WORDS
@pytest.mark.parametrize("name", ["crop.v1", "translate_test.v1", "translate_train.v1"])
def test_tags_are_spelled_as_those_of_the_source(job, name):
    load = job.load

    def alone(language, split):
        """Spans of a single word, as BIOES has them."""
        found = load(language, split)
        rows = [[tag.replace("B-", "S-") for tag in tags] for tags in found.column("tags")]
        return found.having({"tags": rows})

    job.load = alone
    job.means = Means(translator=Turned(), encoder=Letters())
    assert told(job, name) > 0.95


@WORDS
def test_a_hidden_markov_model_of_projected_tags_tells_by_itself(job):
    job.load = plainly(job.load)
    job.means = Means(parallel=parallel(lacking=5), encoder=Letters())
    assert told(job, "projected_hmm.v1") > 0.95 > 0.7 > told(job, "zero_shot.v1")
    assert [one["train"][0].language for one in job.learner.taught] == ["eng_Latn"]
    guesses = attempt(job, registry.get("strategy", "projected_hmm.v1"), TARGET)
    assert job.last is None and job.ledger.parallel == {("eng_Latn", TARGET): 75}
    assert [len(g.value) for g in guesses] == [
        len(words) for words in job.test(TARGET).column("words")
    ]
    assert job.dropped == {"rows of verses without both languages": 5}
    [source] = job._solvers.values()
    source.size = 1 << 30
    attempt(job, registry.get("strategy", "projected_hmm.v1"), TARGET)
    assert 0 < job.ledger.model_bytes < 1 << 20  # the source's model is not asked in use


@WORDS
def test_neighbours_tell_what_no_link_told(job):
    """Three words never have a link: others stand around each, as around all of its kind."""
    load = job.load

    def two_tags(language, split):
        found = load(language, split)
        rows = [["A" if tag == "O" else "N" for tag in tags] for tags in found.column("tags")]
        return found.having({"tags": rows})

    job.load = two_tags
    job.means = Means(parallel=parallel(), encoder=Letters())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isogloss.task.strategies.projected.link_words", without_three_words)
        assert told(job, "projected_hmm.v1") > 0.95 > 0.9 > told(job, beside=False)


def without_three_words(source, target, **how):
    found = link_words(source, target, encoder=Letters())
    return [[pair for pair in pairs if words[pair[0]] not in ("apple", "cat", "horse")]
            for words, pairs in zip(source, found, strict=True)]  # fmt: skip


@WORDS
def test_settings_reach_the_model_and_what_links(job, monkeypatch):
    from isogloss.task.strategies import projected_hmm

    given, fit, link = [], projected_hmm.fit_hmm, link_words

    def fitted(words, tags, **how):
        given.append(how)
        return fit(words, tags, **how)

    def linked(source, target, **how):
        given.append({**how, "encoder": None})
        return link(source, target, **{**how, "layer": 2})

    monkeypatch.setattr(projected_hmm, "fit_hmm", fitted)
    monkeypatch.setattr("isogloss.task.strategies.projected.link_words", linked)
    job.load, job.seed = plainly(job.load), 5
    job.means = Means(parallel=parallel(), encoder=Letters())
    told(job, "projected_hmm.v1", links="intersection", layer=1, emission="features", rounds=2)
    assert given == [{"by": "intersection", "encoder": None, "layer": 1, "seed": 5},
                     {"emission": "features", "rounds": 2}]  # fmt: skip


@WORDS
def test_what_a_hidden_markov_model_cannot_tell_is_refused(job):
    job.means = Means(parallel=parallel(), encoder=Letters())
    with pytest.raises(UsageError, match="these are spans"):
        told(job, "projected_hmm.v1")
    job.load = plainly(job.load)
    with pytest.raises(UsageError, match="needs parallel text"):
        job.means = Means(encoder=Letters())
        told(job, "projected_hmm.v1")
    with pytest.raises(UsageError, match="links = eflomal"):
        job.means = Means(parallel=parallel())
        told(job, "projected_hmm.v1")


class Askable(Turned):
    """Turns texts, and can be asked."""

    asked = None


def oracle_decoder(translator, languages):
    """Thinks one marked sentence likely: the source as it is marked, turned."""
    known = {}

    def number(word):
        return known.setdefault(word, len(known) + 1)

    def reads(text):
        [turned] = translator.translate([text], *languages)
        gold = [number(word) for word in re.findall(r"</?a>|[^<>\s]+", turned)] + [0]

        def log_p(prefix):
            said = np.full(999, -9.0)
            if list(prefix) == gold[: len(prefix)] and len(prefix) < len(gold):
                said[gold[len(prefix)]] = -0.1
            return said

        return log_p

    return Decoder(
        reads=reads, tokens=lambda words: [[number(word)] for word in words],
        mark=lambda name: ([number("<a>")], [number("</a>")]), end=0,
    )  # fmt: skip


def mirror_probability(translator):
    """Thinks a word likely that is the other one turned, or that one itself."""

    def probability(asked):
        turned = [of if language == origin else of[::-1] for _, of, language, origin in asked]
        return [-0.1 if one[0] == said else -5.0
                for one, said in zip(asked, turned, strict=True)]  # fmt: skip

    return probability


@WORDS
@pytest.mark.parametrize("carry", ["codec", "candidates"])
def test_spans_are_placed_by_a_translator_that_is_asked(job, carry, monkeypatch):
    job.means = Means(translator=Askable())
    where = "isogloss.task.strategies.projected."
    monkeypatch.setattr(where + "decoder_of", oracle_decoder)
    monkeypatch.setattr(where + "probability_of", mirror_probability)
    assert told(job, through="translation", carry=carry) > 0.95 > 0.7 > told(job, "zero_shot.v1")
    told(job, through="translation", carry=carry, beside=False)
    [made] = job.learner.taught[-1]["train"]
    gold = labelled.words(60, seed=0)
    assert made.column("tags") == [tags[::-1] for tags in gold.column("tags")]
    assert job.ledger.translations.texts == 60  # it is not asked for marked ones
    if carry == "codec":
        with pytest.raises(CorpusError, match="searches that were cut short"):
            told(job, through="translation", carry=carry, calls=1)


@WORDS
def test_spans_of_a_translated_test_come_back_by_codec(job, monkeypatch):
    job.means = Means(translator=Askable())  # and no encoder, by which words could be linked
    monkeypatch.setattr("isogloss.task.strategies.projected.decoder_of", oracle_decoder)
    found = told(job, "translate_test.v1", carry="codec")
    assert found > 0.95 > 0.7 > told(job, "zero_shot.v1")
    job.load = plainly(job.load)
    with pytest.raises(UsageError, match="codec puts marks around spans"):
        told(job, "translate_test.v1", carry="codec")


@WORDS
def test_a_translator_that_cannot_be_asked_is_refused(job):
    for carry in ("codec", "candidates"):
        job.means = Means(translator=Turned())
        with pytest.raises(UsageError, match="turned cannot be"):
            told(job, through="translation", carry=carry)
        with pytest.raises(UsageError, match="asks a translator"):
            told(job, carry=carry)
        job.means = Means()
        with pytest.raises(UsageError, match="needs a translator"):
            told(job, through="translation", carry=carry)


@dataclass
class Namer:
    """Proposes what each word of the kind that is asked for has become, and one that none has."""

    kept, seconds = "the last step was kept", 1.0
    beams: int = 1
    within: bool = False
    notes: list[str] = field(default_factory=list)

    def propose(self, source, target, *, language):
        assert language == TARGET
        self.notes.append("one was read in part")
        kinds = {kind: [word[::-1] for word in words] for kind, words in labelled.KINDS.items()}
        return [[["nothing", *kinds[span.kind]][: self.beams] for span in one.spans]
                for one in source]  # fmt: skip


@WORDS
@pytest.mark.parametrize("taught", [True, False])
def test_what_a_proposer_names_is_judged(job, taught, monkeypatch, tmp_path):
    """By a judge who likes the first stretch best, so that only proposals can be right."""
    from isogloss.task.projection import proposing

    (tmp_path / "task").mkdir()
    if taught:
        (tmp_path / "task" / proposing.PROPOSER).write_text("{}")
    folder = SimpleNamespace(path=tmp_path, fingerprint="6" * 16)
    job.means = Means(translator=Askable(), proposer=folder)
    asked = []

    def teach(task, train, *, after, changes, watch, **more):
        if not isinstance(task, proposing.ProposeTask):
            return plain(task, train, after=after, changes=changes, watch=watch, **more)
        asked.append((after, dict(changes), watch, [one.language for one in train]))
        return Namer()

    plain = job.learner.teach
    job.watched = "word_accuracy"
    monkeypatch.setattr(job.learner, "teach", teach)
    monkeypatch.setattr(proposing, "open_proposer", lambda given: Namer())
    monkeypatch.setattr("isogloss.encode.folder.open_folder", lambda *given: folder)
    where = "isogloss.task.strategies.projected."
    monkeypatch.setattr(where + "probability_of", lambda translator: None)
    monkeypatch.setattr(where + "by_translation", lambda *given: first_is_best)
    how = {"through": "translation", "carry": "candidates", "beside": False, "propose": True}
    how |= {} if taught else {"teaching": {"epochs": 2}}
    gold = [tags[::-1] for tags in labelled.words(60, seed=0).column("tags")]
    told(job, beams=6, **how)
    [made] = job.learner.taught[-1]["train"]
    assert made.column("tags") == gold
    assert asked == ([] if taught else [(tmp_path, {"epochs": 2}, None, ["eng_Latn"])])
    assert job.notes.count("one was read in part") == 1
    absent = "projected to deu_Latn: proposals that are not in the translation"
    assert job.dropped[absent] > 60
    with pytest.raises(CorpusError, match="no example could be projected"):
        told(job, beams=1, **how)  # which is the one that none has
    told(job, beams=1, unproposed="all", **how)
    [made] = job.learner.taught[-1]["train"]
    assert len(made) == 60 and made.column("tags") != gold
    assert job.dropped["projected to deu_Latn: spans without a proposal in the translation"] == 60


def first_is_best(source, target, places):
    return [np.tile(-np.arange(len(row)) * 1.0, (len(one.spans), 1))
            for one, row in zip(source, places, strict=True)]  # fmt: skip


@WORDS
def test_what_links_leave_open_is_done_as_it_is_said(job, monkeypatch):
    """Two names a sentence, the second one without a link, and a stray link of the first."""
    rows = [["apple", "red", "the", "cat"], ["the", "red", "small", "dog"]]
    tags = [["B-fruit", "O", "O", "B-beast"], ["O", "O", "O", "B-beast"]]
    made = labelled.make_examples("two", "eng", labelled.WORDS, {"words": rows, "tags": tags})
    load = job.load
    job.load = lambda tag, split: (
        made if (tag, split) == ("eng_Latn", "train") else load(tag, split)
    )
    job.means = Means(translator=Turned(), encoder=Letters())
    where = "isogloss.task.strategies.projected.link_words"
    monkeypatch.setattr(where, lambda a, b, **how: [[(0, 0), (0, 3), (1, 2)], [(3, 0), (1, 2)]])

    def learned(**settings):
        told(job, through="translation", beside=False, **settings)
        return job.learner.taught[-1]["train"][0].column("tags")

    second, hull = ["B-beast", "O", "O", "O"], ["B-fruit", *["I-fruit"] * 3]
    assert learned() == [second]
    assert learned(lost="span") == [hull, second]
    assert learned(lost="span", gap=1) == [["B-fruit", "O", "O", "O"], second]
    with pytest.raises(CorpusError, match="too few linked words"):
        learned(lost="span", coverage=0.8)


@WORDS
def test_settings_of_another_way_to_carry_are_refused(job):
    job.means = Means(translator=Askable(), encoder=Letters(), parallel=parallel())
    way = {"through": "translation"}
    for settings, what in (
        ({**way, "carry": "marks", "gap": 1}, "gap is not for spans that are carried by marks"),
        ({**way, "carry": "codec", "coverage": 0.5}, "coverage is not for spans"),
        ({**way, "carry": "marks", "lost": "span"}, "lost is not for spans"),
        ({**way, "carry": "candidates", "calls": 9}, "carried by candidates"),
        ({"calls": 9}, "calls is not for spans that are carried by links"),
    ):
        with pytest.raises(UsageError, match=what):
            told(job, **settings)
    job.load = plainly(job.load)
    for settings in ({"gap": 1}, {"lost": "span"}):
        with pytest.raises(UsageError, match="is not for words that are carried by links"):
            told(job, **settings)
    assert not job.learner.taught


@WORDS
def test_what_is_of_a_proposer_is_refused_without_one(job):
    job.means = Means(translator=Askable())
    how = {"through": "translation", "carry": "candidates"}
    for settings, what in (
        ({**how, "propose": True}, "needs a model that proposes spans"),
        ({**how, "unproposed": "all"}, "are of a proposer"),
        ({**how, "within": True}, "are of a proposer"),
        ({**how, "teaching": {"epochs": 1}}, "are of a proposer"),
        ({**how, "carry": "codec", "propose": True}, "nothing is proposed for codec"),
    ):
        with pytest.raises(UsageError, match=what):
            told(job, **settings)
