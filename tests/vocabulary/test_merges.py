"""Every member of the family of merges: against plain merging, reversible, the same everywhere."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.learn import learn
from isogloss.vocabulary.merges import POINTS, covered
from isogloss.vocabulary.pieces import read_pieces

LINES = ["the red panda", "the reddest bird", "then a bird read", "über 親睛 親舞"] * 3
TEXTS = {"eng_Latn": LINES}


def plain_merges(words: Counter, count: int, number: dict) -> list[tuple[str, str]]:
    """The most frequent pair of neighbours, ties by the numbers of its parts, merged everywhere."""
    words, merges = {tuple(word): n for word, n in words.items()}, []
    for _ in range(count):
        pairs: Counter = Counter()
        for word, n in words.items():
            for pair in pairwise(word):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], number[p[0]], number[p[1]]))
        number.setdefault("".join(best), len(number))
        merges.append(best)
        words = {merge(word, best): n for word, n in words.items()}
    return merges


def merge(word: tuple, pair: tuple) -> tuple:
    made, at = [], 0
    while at < len(word):
        both = word[at : at + 2] == pair
        made.append("".join(pair) if both else word[at])
        at += 1 + both
    return tuple(made)


@pytest.mark.parametrize("name", ["bpe.v1", "byte_bpe.v1"])
def test_merges_are_those_of_the_plain_algorithm(name):
    made = learn(name, TEXTS, size=330 if "byte" in name else 60)
    state = json.loads(made.to_str())["model"]
    merges = [tuple(pair) for pair in state["merges"]]
    assert len(merges) > 20
    first = len(state["vocab"]) - len({"".join(pair) for pair in merges})
    words: Counter = Counter()
    for line in LINES:
        text = made.normalizer.normalize_str(line) if made.normalizer else line
        words.update(word for word, _ in made.pre_tokenizer.pre_tokenize_str(text))
    number = {p: i for p, i in state["vocab"].items() if i < first}
    assert merges == plain_merges(words, len(merges), number)


ODD = ["a  b\tc", "naïve Ж ﷽ 🙂 ‏שלום", "12,345.6\n\r\nx ", "हिन्दी में", "<0x41> ▁ x"]


def test_bytes_come_back_as_they_were():
    made = learn("byte_bpe", TEXTS, size=300)
    for text in [*ODD, *LINES, " x", "\u0000\uffff"]:
        assert made.decode(made.encode(text).ids) == text
    words = [w for w, _ in made.pre_tokenizer.pre_tokenize_str("हिन्दी में")]
    assert len(words) == 2  # vowel signs do not cut words, as they do for GPT-2


def test_fallback_comes_back_but_for_its_mark_of_spaces():
    made = learn("byte_fallback_bpe", TEXTS, size=330)
    for text in [*ODD[:-1], *LINES]:
        assert made.decode(made.encode(text).ids) == text
    assert made.encode("Ж", add_special_tokens=False).tokens[-2:] == ["<0xD0>", "<0x96>"]
    pieces = read_pieces(made)
    assert pieces.bytes.sum() == 256 and pieces.special.sum() == 3


def test_wordpiece_marks_what_is_inside_a_word():
    made = learn("wordpiece", TEXTS, size=120)
    [*tokens] = made.encode("the reader", add_special_tokens=False).tokens
    assert tokens[0] == "the" and all(t.startswith("##") for t in tokens[2:])
    assert made.encode("Reddest").tokens[1] == "[UNK]"  # not lowered unless asked
    low = learn("wordpiece", TEXTS, size=120, lower=True)
    assert low.encode("RED").ids == low.encode("red").ids


def test_rare_characters_are_left_out_and_no_merge_crosses_them():
    texts = {"x": ["abab"] * 30 + ["aqb"] * 2}
    whole = learn("bpe", texts, size=20).get_vocab()
    made = learn("bpe", texts, size=20, coverage=0.98).get_vocab()
    assert "q" in whole and "q" not in made and {"a", "b"} <= made.keys()
    assert covered(["abab", "aqb"], 0.8, None) == ["abab", "a b"]
    with pytest.raises(UsageError, match="coverage"):
        covered(["a"], 0, None)


def test_romanised():
    made = learn("bpe", {"rus_Cyrl": ["панда"], "eng_Latn": ["panda"]}, size=40, scripts=["Cyrl"])
    assert made.encode("панда").ids == made.encode("panda").ids


def test_the_temperature_decides_whose_pieces_there_are():
    skewed = {"x": ["abcd efgh"] * 50, "y": ["qrst uvwx"] * 2}
    shared = {t: learn("bpe", skewed, size=28, temperature=t).get_vocab() for t in (0.0, 1.0)}
    assert "qr" in shared[0.0] and "qr" not in shared[1.0]


@pytest.mark.parametrize("name", POINTS)
def test_refused(name):
    with pytest.raises(UsageError, match="no text"):
        learn(name, {"eng_Latn": []}, size=400)
    with pytest.raises(UsageError, match="no room for"):
        learn(name, TEXTS, size=10)
    with pytest.raises(UsageError, match="has no setting sise"):
        learn(name, TEXTS, sise=400)


CODE = """
from isogloss.vocabulary.learn import learn
words = "sun moon star rain snow wind fire leaf bird fish 親 睛 舞 너".split()
texts = {t: [f"{t}{a} {b}{t}" for a in words for b in words] for t in ("x", "y", "z")}
for name in ("bpe", "byte_bpe", "byte_fallback_bpe", "wordpiece", "superword_bpe"):
    print(learn(name, texts, size=360, special="bert").to_str())
"""


def test_two_processes_learn_the_same():
    made = {
        hashlib.sha256(subprocess.check_output([sys.executable, "-c", CODE])).hexdigest()
        for _ in range(3)
    }
    assert len(made) == 1
