"""A small model learns to name the spans of sentences, and what it names is judged."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import ciphers
from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError, TrainingError, UsageError
from isogloss.task.examples import WORDS, make_examples
from isogloss.task.projection.candidates import candidates, places_of
from isogloss.task.projection.contract import Labelled
from isogloss.task.projection.proposing import (
    KIND,
    following,
    is_proposer,
    open_proposer,
    teach_proposer,
)
from isogloss.task.solver import Tuning
from isogloss.task.spans import spans
from isogloss.task.writing import Written, end_of

KINDS = {"sun": "SKY", "rain": "SKY", "tree": "PLANT", "leaf": "PLANT"}
BARELY = Tuning(epochs=0.1, learning_rate=1e-5, batch=4, threads=1)


def labelled(n, seed=0, language="eng"):
    """Sentences of the words of English in any order, of which two thirds are of a kind."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(n):
        rows.append([ciphers.WORDS["eng"][i] for i in rng.permutation(6)[: rng.integers(2, 5)]])
    tags = [[f"B-{KINDS[w]}" if w in KINDS else "O" for w in row] for row in rows]
    return make_examples("weather", language, WORDS, {"words": rows, "tags": tags})


def sentences(examples):
    return [Labelled(words, spans(tags)) for words, tags in
            zip(examples.column("words"), examples.column("tags"), strict=True)]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return open_folder(ciphers.save("t5", tmp_path_factory.mktemp("t5"), padded=1), "t5")


@pytest.fixture(scope="module")
def proposer(folder):
    tuning = Tuning(epochs=14, learning_rate=5e-3, batch=16, threads=1, warmup=0.05)
    made = teach_proposer(folder, [labelled(150)], tuning, seed=0)
    made.beams, made.longest = 6, 12
    return made


def recall(proposer, examples):
    """The share of spans that stand among the proposals for them."""
    given = sentences(examples)
    told = proposer.propose(given, examples.column("words"), language="eng")
    found = [" ".join(one.words[s.first : s.stop]) in named
             for one, row in zip(given, told, strict=True)
             for s, named in zip(one.spans, row, strict=True)]  # fmt: skip
    return np.mean(found)


def test_it_names_spans_of_sentences_it_has_not_seen(proposer, folder):
    test = labelled(30, seed=1)
    untaught = open_proposer(folder, sorted({*KINDS.values()}))
    untaught.beams, untaught.longest = 6, 12
    assert recall(proposer, test) > 0.9 > 0.4 > recall(untaught, test)


def test_few_stretches_are_judged_and_the_right_ones_are_among_them(proposer):
    source = sentences(labelled(30, seed=2))
    turned = [one.words[::-1] for one in source]
    asked = []

    def score(those, there, places):
        """Likes what stands late, so that it is right where there is little else."""
        asked.append(sum(map(len, places)))
        return [np.tile(np.arange(len(row)) * 1.0, (len(one.spans), 1))
                for one, row in zip(those, places, strict=True)]  # fmt: skip

    def right(**how):
        made = candidates(source, turned, score=score, lost="span", **how)
        found = [{(" ".join(one.words[a:b]), kind) for a, b, kind in one.spans}
                 for one in made.sentences]  # fmt: skip
        gold = [{(word, KINDS[word]) for word in words if word in KINDS} for words in turned]
        hits = sum(len(a & b) for a, b in zip(found, gold, strict=True))
        return hits / sum(map(len, gold)), made.counts

    every, _ = right()
    proposed, counts = right(propose=partial(proposer.propose, language="eng"))
    assert proposed > 0.85 > 0.6 > every and asked[1] < asked[0] / 2
    assert counts["proposals"] > counts.get("proposals that are not in the translation", 0)


def test_what_is_written_is_read_by_its_kinds(proposer):
    sky, plant = (proposer.kinds[kind] for kind in ("SKY", "PLANT"))
    ids = {w: proposer.cutter.texts([w])[0].ids.tolist() for w in ("sun", "tree", "wind")}
    whole = Written([*ids["wind"], sky, *ids["sun"], *ids["wind"], plant, *ids["tree"], sky], True)
    assert list(proposer._read(whole)) == [("SKY", "sun wind"), ("PLANT", "tree")]
    assert list(proposer._read(Written(whole.ids[:-1], False))) == [("SKY", "sun wind")]
    more = Written([sky, *ids["tree"], sky, *ids["sun"], *ids["wind"]], True)
    assert proposer._named([whole, more]) == {
        "SKY": ["sun wind", "tree"], "PLANT": ["tree"]
    }  # fmt: skip


def test_within_the_sentence_all_that_is_written_stands_there(folder):
    """By a model that was taught nothing, each kind in turn, and each beam another stretch."""
    solver = open_proposer(folder, ["PLANT", "SKY"])
    solver.beams, solver.longest = 8, 16
    one = Labelled("rain tree leaf".split(), spans(["B-SKY", "O", "B-PLANT"]))
    target = "leaf wind rain snow tree".split()
    [loose] = solver.propose([one], [target], language="eng")
    assert not any(places_of(text, target) for texts in loose for text in texts)
    solver.within = True
    [told] = solver.propose([one], [target], language="eng")
    assert all(told) and all(places_of(text, target) for texts in told for text in texts)
    assert sum(map(len, told)) >= 8


def test_what_may_follow_is_a_stretch_behind_each_kind():
    sky, plant, end, text = 90, 91, 1, [5, 6, 5, 7]
    told = {
        (): [sky], (sky,): [5, 6, 7], (sky, 5): [6, 7, plant], (sky, 5, 6): [5, plant],
        (sky, 7): [plant], (sky, 5, plant): [5, 6, 7], (sky, 5, plant, 6, 5): [7, end],
        (sky, 5, plant, 5, 6, 5, 7): [end],
    }  # fmt: skip
    for written, wanted in told.items():
        assert sorted(following(written, [sky, plant], text, end)) == sorted(wanted)


def test_a_pair_is_the_kinds_before_the_sentence_and_before_their_words(folder):
    from isogloss.task.projection.proposing import _pairs

    solver = open_proposer(folder, ["PLANT", "SKY"], ["eng_Latn"])
    one = Labelled(["tree", "wind", "sun", "rain"], spans(["B-PLANT", "O", "B-SKY", "I-SKY"]))
    long = Labelled(["tree"] * 40, spans(["B-PLANT"] + ["O"] * 39))
    [(source, target)], tags, dropped = _pairs(
        solver, [("eng_Latn", one), ("eng_Latn", long), ("eng_Latn", Labelled(["sun"], []))]
    )
    plant, sky = solver.kinds["PLANT"], solver.kinds["SKY"]
    ids = solver.cutter.texts(["tree wind sun rain"])[0].ids.tolist()
    assert source.tolist() == [plant, sky, *ids]
    assert target.tolist() == [plant, ids[0], sky, *ids[2:], end_of(solver.student.module)]
    assert tags == [("eng_Latn", "eng_Latn")]
    assert dropped["no span"] == 1 and sum(dropped.values()) == 2


def test_a_saved_proposer_proposes_alike_and_learns_new_kinds(proposer, tmp_path):
    proposer.save(tmp_path)
    assert is_proposer(tmp_path)
    again = open_proposer(open_folder(tmp_path, "x"))
    again.beams, again.longest = proposer.beams, proposer.longest
    given = sentences(labelled(4, seed=3))
    words = [one.words for one in given]
    told = proposer.propose(given, words, language="eng")
    assert again.propose(given, words, language="eng") == told
    assert again.propose(given[:1], words[:1], language="eng") == told[:1]
    new = labelled(8).having({"tags": [[t.replace("SKY", "AIR") for t in row]
                                       for row in labelled(8).column("tags")]})  # fmt: skip
    on = teach_proposer(open_folder(tmp_path, "x"), [new], BARELY, seed=0)
    assert list(on.kinds) == ["PLANT", "SKY", "AIR"] and on.seconds > proposer.seconds


def test_a_translation_over_the_window_is_read_in_part_and_noted(proposer):
    [given, *_] = sentences(labelled(2, seed=1))
    target = given.words * 50
    proposer = replace(proposer, notes=[])
    told = proposer.propose([given, given], [given.words, target], language="eng")
    assert len(told) == 2
    [note] = proposer.notes
    longest = proposer.cutter.longest
    assert "1 of 2" in note and f"first {longest} tokens" in note and len(target) > longest


def test_a_kinds_token_in_a_text_asks_for_nothing(proposer):
    ids = proposer.cutter.texts([KIND.format("SKY") + "sun"])[0].ids
    assert proposer.kinds["SKY"] not in ids


@pytest.mark.parametrize("shape", ["mt5", "marian", "mbart"])
def test_every_shape_is_taught_and_asked(shape, tmp_path):
    folder = open_folder(ciphers.save(shape, tmp_path, padded=0), shape)
    made = teach_proposer(folder, [labelled(8)], BARELY, seed=0)
    made.beams, made.longest = 3, 6
    given = sentences(labelled(2, seed=1))
    [one, _] = made.propose(given, [one.words for one in given], language="eng")
    assert len(one) == len(given[0].spans)


def test_what_cannot_be(folder, proposer, tiny_body):
    none = labelled(2).having({"tags": [["O"] * len(w) for w in labelled(2).column("words")]})
    with pytest.raises(TrainingError, match="no sentence has a span"):
        teach_proposer(folder, [none], BARELY, seed=0)
    long = make_examples("x", "eng", WORDS, {"words": [["sun"] * 50], "tags": [["B-SKY"] * 50]})
    with pytest.raises(TrainingError, match="1 with more than"):
        teach_proposer(folder, [long], BARELY, seed=0)
    with pytest.raises(ModelError, match="was taught to name no spans"):
        open_proposer(folder)
    with pytest.raises(ModelError, match="not a model of source and target"):
        teach_proposer(open_folder(tiny_body, "x"), [labelled(4)], BARELY, seed=0)
    with pytest.raises(UsageError, match="PLANT, SKY, and not LOC"):
        other = Labelled(["sun"], spans(["B-LOC"]))
        proposer.propose([other], [["sun"]], language="eng")
    assert places_of("", ["a"]) == []
