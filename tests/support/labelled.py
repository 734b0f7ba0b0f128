"""Small labelled sets whose labels are in their words."""

import numpy as np

from isogloss.task.examples import ANSWERS, INTENTS, TEXT, TEXTS, TREES, WORDS, make_examples

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


def trees(n=40, language="eng", split="train", seed=0):
    """Sentences in which what hangs from what is a matter of both words, in any order.

    A fruit, a beast and other words are shuffled: the beast is the root, the fruit hangs from it,
    "red" and "small" from the fruit, all else from the beast.
    """
    rng = np.random.default_rng(seed)
    columns = {name: [] for name in ("words", "tags", "features", "heads", "relations")}
    for _ in range(n):
        others = rng.choice(OTHERS, int(rng.integers(1, 4)), replace=False)
        kinds = [(str(rng.choice(KINDS["beast"])), "VERB", "_", "root"),
                 (str(rng.choice(KINDS["fruit"])), "NOUN", "Case=Acc", "obj"),
                 *((str(one), *_OTHER[one in ("red", "small")]) for one in others)]  # fmt: skip
        order = rng.permutation(len(kinds)).tolist()
        beast, fruit = order.index(0) + 1, order.index(1) + 1
        row = [kinds[place] for place in order]
        heads = {"root": 0, "obj": beast, "amod": fruit, "det": beast}
        for place, name in enumerate(("words", "tags", "features", "relations")):
            columns[name].append([one[place] for one in row])
        columns["heads"].append([heads[one[3]] for one in row])
    return make_examples("kinds", language, TREES, columns, split=split)


_OTHER = {True: ("ADJ", "Degree=Pos", "amod"), False: ("DET", "_", "det")}


def intents(n=40, language="eng", split="train", seed=0):
    """Words with a tag of each, and the kind that is among them."""
    made = words(n, language, split, seed)
    columns = {name: made.column(name) for name in ("words", "tags")}
    columns["label"] = [list(KINDS)[i % 2] for i in range(n)]
    return make_examples("kinds", language, INTENTS, columns, split=split)


def several(n=40, language="eng", split="train", seed=0):
    """Texts with words of no kind, of one, or of both."""
    rng = np.random.default_rng(seed)
    labels = [[name for name in KINDS if rng.random() < 0.5] for _ in range(n)]
    columns = {"text": [" ".join(_mixed(row, rng)) for row in labels], "labels": labels}
    return make_examples("kinds", language, TEXTS, columns, split=split)


def answers(n=40, language="eng", split="train", seed=0, answerable=1.0):
    """Texts with words of both kinds, questions for one of them, and where it stands."""
    rng = np.random.default_rng(seed)
    columns = {name: [] for name in ("context", "question", "answers")}
    for _ in range(n):
        kind = str(rng.choice(list(KINDS)))
        there = rng.random() < answerable
        row = _mixed([name for name in KINDS if there or name != kind], rng)
        text = " ".join(row)
        word = next((word for word in row if word in KINDS[kind]), None)
        columns["context"].append(text)
        columns["question"].append("red a" if kind == "fruit" else "small the")
        columns["answers"].append([{"text": word, "start": text.index(word)}] if word else [])
    return make_examples("kinds", language, ANSWERS, columns, split=split)


def _mixed(kinds, rng):
    """Words of each of some kinds among others, in any order."""
    row = [str(rng.choice(KINDS[kind])) for kind in kinds] + rng.choice(OTHERS, 3).tolist()
    return [row[place] for place in rng.permutation(len(row))]
