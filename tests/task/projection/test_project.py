"""Examples in one language to examples in another: spans, tags, trees; nothing lost unseen."""

import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.task.examples import INTENTS, TEXT, TREES, WORDS, make_examples
from isogloss.task.projection.project import project

NAMES = make_examples("n", "eng", WORDS, {
    "id": ["a", "b", "c", "d"],
    "words": [["Ann", "saw", "Kano"], ["Kano"], ["no", "name"], ["x"]],
    "tags": [["B-PER", "O", "B-LOC"], ["I-LOC"], ["O", "O"], None],
}, licence="CC0", split="dev")  # fmt: skip


def test_spans_by_links():
    made, counts = project(
        NAMES, ["Kano Anna ga,", "", "ba suna", "x"], language="hau",
        links=[[(0, 1), (1, 2), (2, 0)], [], [(0, 0)], []],
    )  # fmt: skip
    assert made.ids == ["a", "c"] and made.language == "hau_Latn" and made.split == "dev"
    assert made.column("words") == [["Kano", "Anna", "ga", ","], ["ba", "suna"]]
    assert made.column("tags") == [["B-LOC", "B-PER", "O", "O"], ["O", "O"]]
    assert made.dropped == {"no label": 1, "no translation": 1} and made.licence == "CC0"
    assert counts["examples projected"] == 2 and counts["examples left out: no label"] == 1


def test_translations_may_be_words():
    made, counts = project(
        NAMES, [["Kano,", "Anna", "ga"], ["Kano"], ["ba"], None], language="hau",
        links=[[(0, 1), (2, 0)], [], [], []],
    )  # fmt: skip
    assert made.column("words") == [["Kano,", "Anna", "ga"], ["ba"]]
    assert counts["examples left out: not projected"] == 1
    assert counts["spans of the source without a beginning tag"] == 1
    assert counts["sentences left out: a span was lost"] == 1


def test_spans_are_spelled_as_those_of_the_examples():
    one = make_examples("n", "eng", WORDS, {
        "words": [["Ann", "Lee", "saw", "Kano"]], "tags": [["B-PER", "E-PER", "O", "S-LOC"]],
    })  # fmt: skip
    links = [[(0, 1), (1, 2), (2, 3), (3, 0)]]
    made, _ = project(one, ["Kano Anna Lee ga"], language="hau", links=links)
    assert made.column("tags") == [["S-LOC", "B-PER", "E-PER", "O"]]
    last = one.having({"tags": [["B-PER", "L-PER", "O", "U-LOC"]]})
    made, _ = project(last, ["Kano Anna Lee ga"], language="hau", links=links)
    assert made.column("tags") == [["U-LOC", "B-PER", "L-PER", "O"]]


def test_markers_need_no_translation():
    made, _ = project(NAMES, None, "markers", language="hau", translate=lambda texts, *_: texts)
    assert made.column("tags") == [["B-PER", "O", "B-LOC"], ["B-LOC"], ["O", "O"]]


def test_intents_stay_with_their_slots():
    one = make_examples("i", "eng", INTENTS, {
        "words": [["to", "Kano"], ["hi"]], "tags": [["O", "B-to"], ["O"]], "label": ["go", None],
    })  # fmt: skip
    made, _ = project(one, ["zuwa Kano", "sannu"], language="hau", links=[[(1, 1)], []])
    assert made.column("label") == ["go", None] and made.column("tags")[0] == ["O", "B-to"]


def test_tags_by_links_and_a_model():
    words = [["the", "dog", "runs"], ["the", "cat", "runs"], ["the", "dog"]] * 5
    tags = [["DET", "NOUN", "VERB"], ["DET", "NOUN", "VERB"], ["DET", "NOUN"]] * 5
    other = ["le chien court", "le chat court", "le chien"] * 5
    links = [[(i, i) for i in range(len(one)) if (n + i) % 4] for n, one in enumerate(words)]
    one = make_examples("t", "eng", WORDS, {"words": words, "tags": tags})
    plain, counts = project(one, other, language="fra", links=links)
    assert plain.column("tags")[0] == ["_", "NOUN", "VERB"]
    assert counts["words without a tag: no link"] > 0
    whole, counts = project(one, other, language="fra", links=links, hmm={"rounds": 2})
    assert whole.column("tags") == tags
    assert counts["words tagged by the hidden Markov model alone"] > 0
    assert project(one, other, language="fra", links=links, hmm=True)[0].column("tags") == tags


def test_trees_by_links():
    one = make_examples("t", "eng", TREES, {
        "words": [["dogs", "run"]], "tags": [["NOUN", "VERB"]], "features": [["Number=Plur", "_"]],
        "heads": [[2, 0]], "relations": [["nsubj", "root"]],
    })  # fmt: skip
    made, counts = project(one, ["les chiens courent !"], language="fra",
                           links=[[(0, 1), (1, 2)]])  # fmt: skip
    assert made.column("heads") == [[2, 3, 0, 3]]
    assert made.column("tags") == [["X", "NOUN", "VERB", "X"]]
    assert made.column("relations") == [["dep", "nsubj", "root", "dep"]]
    assert made.column("features") == [["_", "Number=Plur", "_", "_"]]
    assert counts["words hung on a neighbour"] == 2
    with pytest.raises(CorpusError, match="no example could be projected"):
        project(one, ["les chiens courent !"], language="fra", links=[[(0, 1)]], coverage=0.9)


@pytest.mark.parametrize("call, error, said", [
    (lambda: project(NAMES, ["x"], language="hau", links=[]), CorpusError, "1 translations of 4"),
    (lambda: project(NAMES, None, language="hau", links=[[]] * 4), UsageError,
     "needs translations"),
    (lambda: project(NAMES, ["x"] * 4, language="hau"), UsageError, "links"),
    (lambda: project(NAMES, ["x"] * 4, language="hau", links=[[]] * 4, colour=1), UsageError,
     "colour"),
    (lambda: project(NAMES, ["x"] * 4, language="hau", links=[[]] * 3), CorpusError,
     "links of 3 sentences for 4 examples"),
    (lambda: project(NAMES, [""] * 4, language="hau", links=[]), CorpusError, "nothing to project"),
    (lambda: project(make_examples("t", "eng", TEXT, {"text": ["a"]}), ["b"], language="hau"),
     UsageError, "no words"),
    (lambda: project(NAMES, None, unit="words", language="hau"), UsageError, "by links"),
])  # fmt: skip
def test_what_cannot_be(call, error, said):
    with pytest.raises(error, match=said):
        call()
