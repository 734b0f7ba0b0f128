"""VoCap: average log probabilities, the greedy allocation, and the union of vocabularies."""

import itertools
import json
import math
from collections import Counter

import numpy as np
import pytest

from isogloss import read_corpus
from isogloss.errors import UsageError
from isogloss.vocabulary.capacity import (
    Allocation,
    Language,
    allocate,
    average_log_probability,
    growth,
    merged,
    mixed,
)
from isogloss.vocabulary.learn import NoRoom, learn
from isogloss.vocabulary.sizes import at_sizes
from isogloss.vocabulary.special import PRESETS

LINES = ["the red panda reads", "then a bird reads", "a bird reads the panda"] * 4


def test_average_log_probability_is_the_formula():
    made = learn("bpe", {"x": LINES}, size=24, special="bert")
    read = [made.encode(line, add_special_tokens=False).tokens for line in LINES]
    counts = Counter(itertools.chain(*read))
    total = sum(counts.values())
    wanted = sum(math.log(counts[t] / total) for tokens in read for t in tokens) / len(LINES)
    assert average_log_probability(made, LINES) == pytest.approx(wanted)
    larger = learn("bpe", {"x": LINES}, size=34, special="bert")
    assert average_log_probability(larger, LINES) > wanted
    with pytest.raises(UsageError, match="without tokens"):
        average_log_probability(made, [""])


def languages(seed, count=4, steps=6):
    rng = np.random.default_rng(seed)
    found = {}
    for tag in "abcd"[:count]:
        alp = np.cumsum(-np.sort(-rng.random(steps))) - 9  # gains fall, as they do
        pieces = [f"{tag}{i}" for i in range(4 * steps)] + [f"all{i}" for i in range(2 * steps)]
        order = list(rng.permutation(pieces))
        made = [frozenset(order[: 3 + 4 * i]) for i in range(steps)]
        if tag == "d":  # vocabularies that are not nested, as those of Unigram
            made = [one - {order[i]} for i, one in enumerate(made)]
        found[tag] = Language(list(alp), made)
    return found, {tag: float(rng.random() + 0.1) for tag in found}


def plain(found, q, size, beta):
    """Every step anew: the union from scratch, the best of all gains that fit."""
    steps = dict.fromkeys(found, 0)
    closed: set = set()
    while True:
        gains = {}
        for tag, one in found.items():
            if tag not in closed and steps[tag] + 1 < len(one.alp):
                gains[tag] = q[tag] ** beta * (one.alp[steps[tag] + 1] - one.alp[steps[tag]])
        if not gains:
            break
        best = max(sorted(gains), key=gains.__getitem__)
        after = {**steps, best: steps[best] + 1}
        if len(frozenset().union(*(found[t].pieces[i] for t, i in after.items()))) > size:
            closed.add(best)
        else:
            steps = after
    return steps, len(frozenset().union(*(found[t].pieces[i] for t, i in steps.items())))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("beta", [0, 0.7, 1])
def test_allocation_is_the_plain_greedy_one(seed, beta):
    found, q = languages(seed)
    for size in (20, 35, 50, 500):
        made = allocate(found, q, size=size, beta=beta)
        assert made == Allocation(*plain(found, q, size, beta)) and made.pieces <= size
    assert set(made.steps.values()) == {5}


def test_places_go_where_they_bring_most_and_not_to_all_alike():
    steep = [0.0, 10.0, 19.0, 27.0]
    flat = [0.0, 0.3, 0.5, 0.6]
    pieces = {t: [frozenset(f"{t}{i}" for i in range(n)) for n in (1, 2, 3, 4)] for t in "xy"}
    found = {"x": Language(steep, pieces["x"]), "y": Language(flat, pieces["y"])}
    assert allocate(found, {"x": 0.5, "y": 0.5}, size=5).steps == {"x": 3, "y": 0}
    rare = {"x": 0.001, "y": 0.999}  # beta lets the share of the text decide
    assert allocate(found, rare, size=5, beta=1).steps == {"x": 0, "y": 3}
    assert allocate(found, rare, size=5, beta=0).steps == {"x": 3, "y": 0}


def test_a_shared_piece_takes_one_place():
    same = [frozenset("ab"), frozenset("abc")]
    own = [frozenset("ab"), frozenset("abd")]
    found = {"x": Language([0, 1], same), "y": Language([0, 1], same)}
    assert allocate(found, {"x": 1, "y": 1}, size=3).steps == {"x": 1, "y": 1}
    found["y"] = Language([0, 1], own)
    assert allocate(found, {"x": 1, "y": 1}, size=3).steps == {"x": 1, "y": 0}


TEXTS = {
    "eng_Latn": LINES * 3,
    "deu_Latn": ["der rote panda liest", "ein vogel liest vor", "der panda vor dem vogel"] * 2,
}


@pytest.fixture(scope="module")
def names():
    corpus = read_corpus("emoji", languages=["eng", "deu"])
    return {str(tag): corpus.texts(tag)[:400] for tag in corpus.languages}


@pytest.mark.parametrize("algorithm", ["unigram", "bpe", "byte_bpe", "wordpiece"])
def test_the_result_has_the_pieces_of_both_and_reads_all(algorithm, names):
    settings = {"step": 40, "largest": 460, "base": algorithm, "special": "bert", "size": 560}
    made = learn("vocap", names, **settings)
    assert 500 < made.get_vocab_size() <= 560
    assert [made.id_to_token(i) for i in range(5)] == PRESETS["bert"].tokens
    for line in itertools.chain(*names.values()):
        assert 1 not in made.encode(line).ids
    assert made.encode("panda").tokens[0] == "[CLS]"
    assert learn("vocap", names, **settings).to_str() == made.to_str()


def test_the_pieces_are_those_that_the_allocation_gives(names):
    few = {**names, "deu_Latn": names["deu_Latn"][:60]}
    made = learn("vocap", few, size=420, step=30, largest=300, base="bpe", temperature=0.5)
    grown = {t: at_sizes(x, range(30, 301, 30), algorithm="bpe") for t, x in few.items()}
    n = {tag: len(lines) ** 0.5 for tag, lines in few.items()}
    q = {tag: each / sum(n.values()) for tag, each in n.items()}
    found = {tag: growth(each.values(), few[tag]) for tag, each in grown.items()}
    steps, size = plain(found, q, 420, 0.7)
    wanted = frozenset().union(*(found[tag].pieces[i] for tag, i in steps.items()))
    assert set(made.get_vocab()) == wanted and len(wanted) == size
    joint = learn("bpe", few, size=size, temperature=0.5)
    assert set(joint.get_vocab()) != wanted


def test_an_even_half_each_is_not_what_comes_out(names):
    few = {**names, "deu_Latn": names["deu_Latn"][:25]}
    made = learn("vocap", few, size=500, step=20, largest=450, base="bpe", beta=1,
                 temperature=1)  # fmt: skip
    own = [Counter(), Counter()]
    for count, lines in zip(own, few.values(), strict=True):
        for line in lines:
            count.update(made.encode(line).ids)
    assert len(own[0]) > 2 * len(own[1])


def test_mixed_scores_are_those_of_the_mixture():
    parts = {tag: learn("unigram", {tag: lines}, size=40) for tag, lines in TEXTS.items()}
    made = mixed(parts, {"eng_Latn": 3.0, "deu_Latn": 1.0}, PRESETS["none"])
    scores = [dict(json.loads(t.to_str())["model"]["vocab"]) for t in (made, *parts.values())]
    assert set(scores[0]) == set(scores[1]) | set(scores[2])
    for piece, score in scores[0].items():
        if piece != "<unk>":
            p = [math.exp(s[piece]) if piece in s else 0 for s in scores[1:]]
            assert math.exp(score) == pytest.approx(0.75 * p[0] + 0.25 * p[1], rel=1e-3)


def test_merged_text_is_cut_as_alone_where_languages_share_nothing():
    texts = {"x": ["abc abd", "abcd"] * 3, "y": ["рст рсу", "рсту"] * 3}
    parts = {tag: learn("bpe", {tag: lines}, size=14) for tag, lines in texts.items()}
    made = merged(list(parts.values()))
    for tag, lines in texts.items():
        for line in lines:
            assert made.encode(line).tokens == parts[tag].encode(line).tokens


def test_growth_rises():
    sizes = [learn("bpe", {"x": LINES}, size=n) for n in (20, 26, 32)]
    made = growth(sizes, LINES)
    assert list(made.alp) == sorted(made.alp) and [len(p) for p in made.pieces] == [20, 26, 32]


def test_refused():
    with pytest.raises(UsageError, match="no text"):
        learn("vocap", {"x": [""]}, size=100)
    with pytest.raises(NoRoom, match="smallest vocabularies"):
        apart = {"x": ["abc def"], "y": ["рст уфх"]}
        learn("vocap", apart, size=12, step=1, largest=30, base="bpe")
    with pytest.raises(NoRoom, match="no room"):
        learn("vocap", TEXTS, size=100, step=2, largest=5)
    with pytest.raises(UsageError, match="no union is known"):
        learn("vocap", TEXTS, size=100, base="superword_bpe")
    with pytest.raises(UsageError, match="lead nowhere"):
        learn("vocap", TEXTS, size=100, step=0)
    found, q = languages(0)
    with pytest.raises(UsageError, match="a share"):
        allocate(found, {**q, "z": 1.0}, size=100)
