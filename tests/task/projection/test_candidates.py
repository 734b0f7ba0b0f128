"""The best places of spans: exact against all choices, scores of two kinds, proposals."""

import unicodedata
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode.words import TokenVectors
from isogloss.errors import CorpusError, UsageError
from isogloss.task.projection.candidates import (
    assign,
    by_translation,
    by_vectors,
    candidates,
    places_of,
    stretches,
)
from isogloss.task.projection.contract import Labelled
from isogloss.task.spans import Span

SOURCE = Labelled("Ann Lee saw Kano".split(), [Span(0, 2, "PER"), Span(3, 4, "LOC")])
TARGET = "yau Anna Lee , ga Kano !".split()


def all_choices(scores, places):
    """The most spans, then the largest total, over every choice."""
    best = (0, 0.0)
    for choice in product(range(-1, len(places)), repeat=len(scores)):
        taken = [places[at] for at in choice if at >= 0]
        apart = all(a[1] <= b[0] or b[1] <= a[0]
                    for n, a in enumerate(taken) for b in taken[:n])  # fmt: skip
        values = [scores[s, at] for s, at in enumerate(choice) if at >= 0]
        if apart and np.isfinite(values).all():
            best = max(best, (len(taken), sum(values)))
    return best


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4))
def test_the_choice_is_the_best_of_all(seed, spans, words):
    rng = np.random.default_rng(seed)
    places = stretches(["w"] * words, 3)
    scores = rng.normal(size=(spans, len(places)))
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    made = assign(scores, places)
    taken = [places[at] for at in made.at if at >= 0]
    assert len({w for place in taken for w in range(*place)}) == sum(b - a for a, b in taken)
    total = sum(scores[s, at] for s, at in enumerate(made.at) if at >= 0)
    assert made.exact and (len(taken), pytest.approx(total)) == all_choices(scores, places)


def test_the_best_single_place_may_have_to_give_way():
    places = [(0, 1), (0, 2), (1, 2)]
    scores = np.array([[0.5, 0.9, 0.1], [0.2, 0.3, 0.8]])
    assert assign(scores, places).at == [0, 2]


def test_many_spans_are_taken_one_by_one():
    scores = np.eye(14)
    made = assign(scores, [(i, i + 1) for i in range(14)])
    assert made.at == list(range(14)) and not made.exact
    made = candidates(
        [Labelled(["w"] * 14, [Span(i, i + 1, "X") for i in range(14)])], [["v"] * 14],
        score=lambda s, t, p: [np.eye(14)], longest=1,
    )  # fmt: skip
    assert made.counts["sentences whose many spans were placed one by one"] == 1
    assert made.counts["spans projected"] == 14


def test_stretches_have_no_punctuation_at_their_ends():
    assert stretches(["a", ",", "b"], 3) == [(0, 1), (0, 3), (2, 3)]


LANGUAGES = ("eng", "hau")


def alike(asked):
    """A translator to whom texts are as probable as their sets of letters are alike."""
    return [np.log(max(len(set(a) & set(b)) / len(set(a) | set(b)), 1e-9)) for a, b, *_ in asked]


def test_the_translator_finds_names():
    made = candidates([SOURCE], [TARGET], score=by_translation(alike, LANGUAGES))
    assert made.sentences[0].spans == [Span(1, 3, "PER"), Span(5, 6, "LOC")]
    assert made.counts == {"spans of the source": 2, "spans projected": 2}


def test_translation_scores_are_symmetric_and_1_of_a_text_with_itself():
    def skewed(asked):
        assert len(asked) == 4 and {one[2:] for one in asked} == {
            ("eng", "hau"), ("hau", "eng"), ("eng", "eng"), ("hau", "hau"),
        }  # fmt: skip
        assert all(a == b for a, b, to, of in asked if to == of)
        return [-len(a) - (a != b) * (2 + len(b)) for a, b, *_ in asked]

    score = by_translation(skewed, LANGUAGES)
    [[[forth]]] = score([Labelled(["xy"], [Span(0, 1, "")])], [["z"]], [[(0, 1)]])
    [[[back]]] = score([Labelled(["z"], [Span(0, 1, "")])], [["xy"]], [[(0, 1)]])
    [[[same]]] = score([Labelled(["z"], [Span(0, 1, "")])], [["z"]], [[(0, 1)]])
    assert forth == pytest.approx(back) == pytest.approx((np.exp(-3) + np.exp(-4)) / 2)
    assert same == 1


class Toy:
    """An encoder: each word has a vector by its first letter."""

    layers = (0, 1, 2, 3)

    def encode_words(self, sentences, *, layers):
        lengths = np.array([len(s) for s in sentences])
        table = np.random.default_rng(0).normal(size=(128, 16)).astype(np.float32)
        array = np.array([table[ord(w[0].lower()) % 128] for s in sentences for w in s])
        starts = np.array([0, *lengths.cumsum()])
        words = np.concatenate([np.arange(n) for n in lengths])
        return {layers[0]: TokenVectors(array, starts, words, lengths)}


@pytest.mark.parametrize("centred", [True, False])
def test_vectors_find_names(centred):
    score = by_vectors(Toy(), centred=centred)
    made = candidates([SOURCE, SOURCE], [TARGET, TARGET[::-1]], score=score)
    assert made.sentences[0].spans == [Span(1, 3, "PER"), Span(5, 6, "LOC")]
    assert made.sentences[1].spans == [Span(1, 2, "LOC"), Span(4, 6, "PER")]


def test_what_all_words_of_a_language_share_does_not_count():
    class Shifted(Toy):
        """Words of upper case lie elsewhere."""

        def encode_words(self, sentences, *, layers):
            [made] = super().encode_words(sentences, layers=layers).values()
            away = 50.0 * sentences[0][0].isupper()
            return {layers[0]: replace(made, array=made.array + np.float32(away))}

    source = Labelled(["ANN", "KANO", "SAW"], [Span(0, 1, "PER")])
    asked = [source], [["kano", "saw", "ann"]], [[(0, 1), (1, 2), (2, 3)]]
    plain, away = (by_vectors(kind())(*asked)[0] for kind in (Toy, Shifted))
    np.testing.assert_allclose(plain, away, atol=1e-4)
    assert plain.argmax() == 2
    plain, away = (by_vectors(kind(), centred=False)(*asked)[0] for kind in (Toy, Shifted))
    assert abs(plain - away).max() > 0.1


def test_proposals_are_looked_up_and_counted():
    def propose(source, target):
        return [[["Anna", "Ann"] if span.kind == "PER" else ["Kano!", "kano"]
                 for span in one.spans] for one in source]  # fmt: skip

    def score(source, target, places):
        assert places == [[(1, 2), (5, 6), (5, 7)]]
        return [np.array([[0.1, 9, 9], [9, 0.2, 0.1]])]  # those of the other's proposals are shut

    made = candidates([SOURCE], [TARGET], score=score, propose=propose)
    assert made.sentences[0].spans == [Span(1, 2, "PER"), Span(5, 6, "LOC")]
    assert made.counts == {
        "proposals": 4, "proposals that are not in the translation": 1, "spans of the source": 2,
        "spans projected": 2,
    }  # fmt: skip


@pytest.mark.parametrize("unproposed", ["lost", "all"])
def test_a_span_that_nobody_proposed_is_lost_or_sought_everywhere(unproposed):
    def propose(source, target):
        return [[["Anna Lee", "Ada"], []]]

    score = by_translation(alike, LANGUAGES)
    made = candidates(
        [SOURCE], [TARGET], score=score, propose=propose, unproposed=unproposed, lost="span"
    )
    found = [Span(1, 3, "PER"), Span(5, 6, "LOC")]
    assert made.sentences[0].spans == (found if unproposed == "all" else found[:1])
    assert made.counts["spans without a proposal in the translation"] == 1
    assert made.counts.get("spans lost: no place", 0) == (unproposed == "lost")
    assert made.counts["proposals that are not in the translation"] == 1


@given(st.lists(st.text("aB ﬁ.é", max_size=3), max_size=6), st.text("abfi.é ", max_size=5))
def test_places_are_all_stretches_with_the_letters(words, text):
    def plain(given):
        return unicodedata.normalize("NFKC", given).casefold().replace(" ", "")

    wanted = [(a, b) for a in range(len(words)) for b in range(a + 1, len(words) + 1)
              if plain("".join(words[a:b])) == plain(text)
              and plain(words[a]) and plain(words[b - 1])]  # fmt: skip
    assert places_of(text, words) == wanted


def test_a_span_below_the_least_score_is_counted():
    def score(source, target, places):
        return [np.array([[0.1] * len(places[0]), [0.9] * len(places[0])])]

    made = candidates([SOURCE], [TARGET], score=score, least=0.5)
    assert made.sentences == [None] and made.counts["spans lost: no place"] == 1
    made = candidates([SOURCE], [TARGET], score=score, least=0.5, lost="span")
    assert [s.kind for s in made.sentences[0].spans] == ["LOC"]


def test_what_cannot_be():
    with pytest.raises(CorpusError, match=r"scores of shape \(1,\)"):
        candidates([SOURCE], [TARGET], score=lambda *_: [[1]])
    with pytest.raises(UsageError, match="longest is 0"):
        candidates([SOURCE], [TARGET], score=lambda *_: [], longest=0)
    with pytest.raises(UsageError, match="unproposed 'some'"):
        candidates([SOURCE], [TARGET], score=lambda *_: [], unproposed="some")
    nothing = candidates([Labelled(["a"], [])], [["b"]], score=lambda *_: [])
    assert nothing.sentences == [Labelled(["b"], [])]
