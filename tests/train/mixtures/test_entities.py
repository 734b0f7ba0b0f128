"""Names are found, hidden as the paper's table says, and what is not a name is left alone."""

from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.material import Material
from isogloss.train.mixtures.entities import (
    FATES,
    EntityText,
    cut,
    entities,
    hide_entities,
    name_spans,
    pieces,
)
from isogloss.train.mixtures.shares import Plan
from isogloss.train.transforms.switch import phrases, switch_entities

SPECIAL, MASK, SIZE, NAME = [0, 1, 2, 3, 4], 4, 200, 100
"""In `text` ids from NAME on are pieces of names."""
RNG = np.random.default_rng


def text(masks, chosen, share, size=64):
    """Windows of words in which names of 1 to 4 pieces stand; no name beside another."""
    rng, found = RNG(0), []
    for _ in range(200):
        ids, own = [], []
        for number in range(3):
            words, length = rng.integers(5, NAME, rng.integers(1, 6)), rng.integers(1, 5)
            ids += [*words, *rng.integers(NAME, SIZE, length)]
            own += [-1] * len(words) + [number] * length
        found.append((np.array([*ids, 3]), np.array([*own, -1])))
    return EntityText(
        {"eng_Latn": found}, Plan({"eng_Latn": 200}, 1.0, size=size), FATES[masks], chosen, share,
        MASK, SPECIAL, SIZE, {},
    )  # fmt: skip


def drawn(mixture, steps=40):
    """Of many batches: what is read, what is told, what was there, and runs of names."""
    for step in range(steps):
        batch = mixture.batch(0, step)
        ids, gold = batch["ids"].numpy(), batch["gold"].numpy()
        was = np.where(gold == UNKNOWN, ids, gold)
        inside = was >= NAME
        edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
        yield ids, gold, was, [slice(a, b) for a, b in edges.reshape(-1, 2)]


def slow(ids, numbers, rng, fate, chosen, mask, ordinary):
    """`hide_entities`, a piece at a time."""
    there = [place for place, number in enumerate(numbers) if number >= 0]
    units = sorted({numbers[place] if fate.whole else place for place in there})
    taken, drawn_ = rng.random(len(units)), rng.random(len(units))
    how = {u: d if t < chosen else 2.0 for u, t, d in zip(units, taken, drawn_, strict=True)}
    if all(value >= fate.mask + fate.other + fate.same for value in how.values()):
        how[units[rng.integers(len(units))]] = 0.0
    others = rng.choice(ordinary, len(there))
    made, gold = list(ids), [UNKNOWN] * len(ids)
    for place, other in zip(there, others, strict=True):
        value = how[numbers[place] if fate.whole else place]
        if value < fate.mask:
            made[place], gold[place] = mask, ids[place]
        elif value < fate.mask + fate.other:
            made[place], gold[place] = other, ids[place]
        elif value < fate.mask + fate.other + fate.same:
            gold[place] = ids[place]
    return made, gold


@given(
    st.sampled_from(sorted(FATES)), st.floats(0.01, 1), st.integers(0, 99),
    st.lists(st.tuples(st.integers(-1, 5), st.integers(1, 4)), min_size=1, max_size=8),
)  # fmt: skip
def test_it_hides_what_the_plainest_way_hides(masks, chosen, seed, runs):
    numbers = np.concatenate([np.full(length, at if kind >= 0 else -1)
                              for at, (kind, length) in enumerate(runs)])  # fmt: skip
    ids, ordinary = RNG(seed).integers(5, SIZE, len(numbers)), np.arange(5, SIZE)
    given_ = FATES[masks], chosen, MASK, ordinary
    made, gold = hide_entities(ids, numbers, RNG(seed), *given_)
    if (numbers < 0).all():
        assert made.tolist() == ids.tolist() and (gold == UNKNOWN).all()
        return
    assert (gold != UNKNOWN).any()
    wanted = slow(ids, numbers, RNG(seed), *given_)
    assert [made.tolist(), gold.tolist()] == [list(map(int, part)) for part in wanted]


@pytest.mark.parametrize("chosen", [1.0, 0.5])
def test_whole_entities_are_hidden_with_all_their_pieces_or_told_as_they_stand(chosen):
    fates = []
    for ids, gold, was, names in drawn(text("wep", chosen, 0.0)):
        for name in names:
            hidden, told = ids[name] == MASK, gold[name] != UNKNOWN
            assert hidden.all() or not hidden.any()
            assert told.all() or not (told.any() or hidden.any())
            assert hidden.all() or (ids[name] == was[name]).all()
            fates.append([told.all(), hidden.all()])
    told, hidden = np.mean(fates, 0)
    assert told == pytest.approx(chosen, abs=0.02)
    assert hidden == pytest.approx(0.8 * chosen, abs=0.02)


@pytest.mark.parametrize(
    ("masks", "shares"),
    [("pep_mrs", (0.8, 0.1, 0.1)), ("pep_ms", (0.8, 0.0, 0.1)), ("pep_m", (0.8, 0.0, 0.0)),
     ("wep", (0.8, 0.0, 0.2))],
)  # fmt: skip
@pytest.mark.parametrize("chosen", [1.0, 0.5])
def test_pieces_become_what_the_table_of_the_paper_says(masks, shares, chosen):
    counts = np.zeros(4)
    for ids, gold, was, _ in drawn(text(masks, chosen, 0.0)):
        name = was >= NAME
        told, mask, same = gold[name] != UNKNOWN, ids[name] == MASK, ids[name] == was[name]
        counts += [mask.sum(), (told & ~mask & ~same).sum(), (told & same).sum(), name.sum()]
    # another token is by chance the same in 1 of 195
    assert counts[:3] / counts[3] == pytest.approx(np.array(shares) * chosen, abs=0.012)


@pytest.mark.parametrize("masks", ["pep_mrs", "pep_ms", "pep_m"])
def test_pieces_of_one_name_have_each_a_fate_of_their_own(masks):
    names = [ids[name] == MASK for ids, _, _, every in drawn(text(masks, 1.0, 0.0))
             for name in every]  # fmt: skip
    for length in (1, 2, 3, 4):
        counts = np.bincount([hidden.sum() for hidden in names if len(hidden) == length])
        wanted = [comb(length, k) * 0.8**k * 0.2 ** (length - k) for k in range(length + 1)]
        assert counts / counts.sum() == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("masks", sorted(FATES))
def test_without_a_share_nothing_but_names_is_hidden_and_something_always_is(masks):
    for ids, gold, was, _ in drawn(text(masks, 0.01, 0.0, size=1), steps=300):
        outside = was < NAME
        assert (gold[outside] == UNKNOWN).all() and (ids[outside] != MASK).all()
        assert (gold != UNKNOWN).any()
    untouched = {tuple(ids) for ids, _ in text(masks, 1.0, 0.0).windows["eng_Latn"]}
    assert all(tuple(was) in untouched
               for _, _, was, _ in drawn(text(masks, 1.0, 0.0, size=1), 50))  # fmt: skip


def test_with_a_share_other_words_are_hidden_as_ever_and_names_as_before():
    counts, names = np.zeros(5), np.zeros(2)
    for ids, gold, was, _ in drawn(text("pep_ms", 0.5, 0.15), steps=150):
        word, name = (was < NAME) & (was != 3), was >= NAME
        assert (gold[was == 3] == UNKNOWN).all()
        told = word & (gold != UNKNOWN)
        hidden, same = told & (ids == MASK), told & (ids == was)
        counts += [told.sum(), hidden.sum(), same.sum(), (told & ~hidden & ~same).sum(), word.sum()]
        names += [(ids[name] == MASK).sum(), name.sum()]
    assert counts[0] / counts[4] == pytest.approx(0.15, abs=0.006)
    assert counts[1:4] / counts[0] == pytest.approx([0.8, 0.1, 0.1], abs=0.015)
    assert names[0] / names[1] == pytest.approx(0.4, abs=0.01)


def test_a_batch_depends_on_seed_and_step_alone_and_one_name_drawn_twice_is_two():
    mixture = text("wep", 0.5, 0.15)
    ahead, mixture = mixture.batch(1, 2), text("wep", 0.5, 0.15)
    mixture.batch(1, 1)
    again, other = mixture.batch(1, 2), mixture.batch(2, 2)
    assert ahead["ids"].tolist() == again["ids"].tolist() != other["ids"].tolist()
    assert sum(ahead["read"].values()) == len(ahead["ids"])
    mixture.windows = {"eng_Latn": mixture.windows["eng_Latn"][:1] * 200}
    batch = mixture.batch(0, 0)
    rows = {tuple(row) for row in np.split(batch["ids"].numpy(), batch["offsets"].numpy()[1:])}
    assert len(rows) > 8


def test_names_of_a_batch_are_told_apart_whatever_their_numbers():
    mixture, found = text("wep", 0.5, 0.0, size=2), []
    two = [(np.full(2, NAME + n), np.full(2, n)) for n in (0, 4)]
    mixture.windows = {"eng_Latn": two * 100}
    for ids, _, was, _ in drawn(mixture, 120):
        assert ids[0] == ids[1] and ids[2] == ids[3]
        if was[0] == NAME + 4 and was[2] == NAME:  # 4 tokens, so that 4 and 0 + 4 would be one
            found.append((ids[0] == MASK) != (ids[2] == MASK))
    assert 0.2 < np.mean(found) < 0.8


@given(st.lists(st.integers(1, 5), max_size=12), st.lists(st.integers(0, 9), max_size=8))
def test_tokens_belong_to_the_names_that_they_share_a_letter_with(lengths, edges):
    ends = np.cumsum([0, *lengths]).tolist()
    offsets = list(pairwise(ends))
    places = np.cumsum(edges).tolist()
    spans = [(a, b) for a, b in zip(places[::2], places[1::2], strict=False) if a < b]
    letters = {at: number for number, (a, b) in enumerate(spans) for at in range(a, b)}
    one = list(range(len(spans)))  # names that share a token are one, the first of them
    found = []
    for begin, end in offsets:
        shared = sorted({letters[at] for at in range(begin, end) if at in letters})
        for number in shared:
            one[number] = min(one[other] for other in shared)
        found.append(shared[0] if shared else None)
    wanted = [-1 if number is None else one[number] for number in found]
    assert pieces(offsets, spans).tolist() == wanted


def test_names_are_found_as_they_are_spelled_the_longest_first():
    known = [(name, "") for name in ("York", "New York", "Nueva York", "Yahoo!", "北京")]
    table = phrases(known, "Latn", lower=False)
    said = "In New York, new york and 北京 Yahoo! saw Nueva York's York."
    found = [said[a:b] for a, b in name_spans(said, table, "Latn")]
    assert found == ["New York", "北京", "Yahoo", "York"]  # a word goes on behind an apostrophe


@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 99))
def test_a_name_that_a_window_cuts_is_none_and_is_counted(length, longest, seed):
    rng = RNG(seed)
    numbers = np.concatenate([np.full(rng.integers(1, 5), -1 if rng.random() < 0.5 else number)
                              for number in range(length)])  # fmt: skip
    ids = rng.integers(0, 50, len(numbers))
    parts, lost = cut(ids, numbers, longest)
    assert all(len(part) <= longest for part, _ in parts)
    assert np.concatenate([part for part, _ in parts]).tolist() == ids.tolist()
    at, gone = 0, set()
    for part, own in parts:
        for number in set(numbers[at : at + len(part)].tolist()) - {-1}:
            within = int((numbers[at : at + len(part)] == number).sum())
            is_whole = within == int((numbers == number).sum())
            assert int((own == number).sum()) == (within if is_whole else 0)
            gone |= set() if is_whole else {number}
        at += len(part)
    assert lost == len(gone)


@pytest.fixture
def switched(tokenizer_of, tmp_path):
    """Material of English text with German names, the dictionary, and what was told."""
    file, notes = tmp_path / "names.tsv", []
    file.write_text("Vienna\tWien\nRed Cross\tRote Kreuz\nİzmir\tSmyrna\n", encoding="utf-8")
    rows = ["Vienna is far from the Red Cross", "no name at all", None, "İzmir and then Vienna"]
    plain = make_corpus("m", list("abcd"), {"eng_Latn": rows})
    corpus = switch_entities(plain, "eng_Latn", RNG(0), lexicons={"deu": file}, share=0.7)
    made = Material(
        {"t": corpus}, tokenizer_of("wordpiece"), SPECIAL, MASK, "eng_Latn", ["deu_Latn"], 60,
        note=notes.append,
    )  # fmt: skip
    return made, file, notes


@pytest.mark.parametrize("lower", [True, False])
def test_names_are_known_after_switching_and_texts_without_one_are_left_out(switched, lower):
    material, file, notes = switched
    material.lower = lower
    mixture = entities(material, text="t", names=(file,), masks="wep", chosen=1.0, share=0.0)
    said = [t for t in material.texts["t"].texts("eng_Latn") if t and "no name" not in t]
    rows = mixture.windows["eng_Latn"]
    for text_, (ids, own) in zip(said, rows, strict=True):
        decode = material.tokenizer.decode
        names = [decode(ids[own == number]).lower() for number in np.unique(own[own >= 0])]
        wanted = [name for name in ("vienna", "wien", "red cross", "rote kreuz", "smyrna", "izmir")
                  if name in text_.lower().replace("i̇", "i")]  # fmt: skip
        assert sorted(name.replace("i̇", "i") for name in names) == sorted(wanted) and names
    assert "t: 4 names in 3 texts of eng_Latn" in notes
    assert "t: 1 texts of eng_Latn with no name were left out" in notes
    batch = mixture.batch(0, 0)
    everything = {int(one) for ids, own in rows for one in ids[own >= 0]}
    assert set(batch["gold"].tolist()) - {UNKNOWN} <= everything


def test_names_that_windows_cut_are_told_and_special_pieces_stay(switched):
    material, file, notes = switched
    mixture = entities(material, text="t", names=(file,), longest=2)
    [line] = [note for note in notes if "cut by a window" in note]
    lost = int(line.split()[1])
    whole = entities(material, text="t", names=(file,))
    assert 0 < lost <= 4 and _names(whole) == 4 and _names(mixture) == 4 - lost
    ids, own = whole.windows["eng_Latn"][0]
    assert own[0] == 0  # the text begins with a name
    material.special = [*SPECIAL, int(ids[0])]
    _, own = entities(material, text="t", names=(file,)).windows["eng_Latn"][0]
    assert own[0] == -1


def _names(mixture):
    return sum(len(set(own[own >= 0])) for _, own in mixture.windows["eng_Latn"])


def test_text_without_names_is_refused(switched, tmp_path):
    material, _, _ = switched
    other = tmp_path / "other.tsv"
    other.write_text("Atlantis\tAtlantide\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"no name of .*other\.tsv is in it"):
        entities(material, text="t", names=(other,))
    material.mask = None
    with pytest.raises(TrainingError, match="no mask"):
        entities(material, text="t", names=(other,))
