"""Small labelled sets whose labels are in their words."""

import numpy as np

from isogloss.task.examples import TEXT, WORDS, make_examples

KINDS = {"fruit": ["apple", "banana", "cherry", "grapes", "lemon"],
         "beast": ["cat", "dog", "horse", "mouse", "whale"]}  # fmt: skip
OTHERS = ["red", "small", "the", "of", "a"]


def texts(n=40, language="eng", split="train", seed=0, labelled=True):
    """Texts of words of one kind, between others."""
    rng = np.random.default_rng(seed)
    labels = [list(KINDS)[i % 2] for i in range(n)]
    made = [" ".join(sentence(label, rng)) for label in labels]
    columns = {"text": made, "label": labels if labelled else [None] * n}
    return make_examples("kinds", language, TEXT, columns, split=split)


def words(n=40, language="eng", split="train", seed=0):
    """The same with a tag of each word, as BIO."""
    rng = np.random.default_rng(seed)
    rows = [sentence(list(KINDS)[i % 2], rng) for i in range(n)]
    kind = {word: name for name, words in KINDS.items() for word in words}
    tags = [[f"B-{kind[w]}" if w in kind else "O" for w in row] for row in rows]
    return make_examples("kinds", language, WORDS, {"words": rows, "tags": tags}, split=split)


def sentence(kind, rng):
    """Three words, one of them of a kind."""
    row = [str(rng.choice(OTHERS)), str(rng.choice(KINDS[kind])), str(rng.choice(OTHERS))]
    return row[: 2 + int(rng.integers(2))]
