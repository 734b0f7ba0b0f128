"""A learner of milliseconds: each word votes for the labels that it stood beside."""

import json
from collections import Counter

import numpy as np

from isogloss.task.contracts import Guess
from isogloss.task.solver import Told


class Bag:
    """Counts of (word, label); of words with tags each word alone."""

    kept = "the last step was kept"

    def __init__(self, votes, labels, before=0.0):
        self.votes, self.labels, self.seconds = votes, sorted(labels), before + 1.0
        self.classes, self.size = {"label": self.labels}, 8 * len(votes)

    def _shares(self, words):
        counts = np.array([sum(self.votes[w, x] for w in words) for x in self.labels], float)
        return (counts + 0.1) / (counts + 0.1).sum()

    def tell(self, examples):
        assert all(x is None for x in examples.sealed().column(examples.shape.labels[0]))
        told = []
        for row in range(len(examples)):
            if "words" in examples.shape.columns:
                shares = np.array([self._shares([w]) for w in examples.column("words")[row]])
                told.append(Guess([self.labels[i] for i in shares.argmax(1)], shares))
            elif text := examples.column("text")[row]:
                shares = self._shares(text.split())
                told.append(Guess(self.labels[int(shares.argmax())], shares))
            else:
                told.append(None)
        return Told(told, {}, 0, 0.001)

    def save(self, folder):
        kept = [[*key, n] for key, n in self.votes.items()]
        (folder / "bag.json").write_text(json.dumps([kept, self.labels, self.seconds]))


class BagLearner:
    """Notes what it was taught with."""

    fingerprint = "0" * 16

    def __init__(self):
        self.taught = []

    def teach(self, task, train, *, seed, after, watch, start, changes, name):
        self.taught.append({"train": list(train), "seed": seed, "after": after, "watch": watch,
                            "changes": dict(changes)})  # fmt: skip
        votes, labels, before = Counter(), set(), 0.0
        if after:
            kept, names, before = json.loads((after / "bag.json").read_text())
            votes.update({(w, x): n for w, x, n in kept})
            labels |= set(names)
        for one in train:
            if "words" in one.shape.columns:
                pairs = [(w, x) for words, tags in zip(one.column("words"), one.column("tags"),
                         strict=True) for w, x in zip(words, tags or [], strict=False)]  # fmt: skip
            else:
                pairs = [(w, x) for text, x in zip(one.column("text"), one.column("label"),
                         strict=True) if x for w in (text or "").split()]  # fmt: skip
            votes.update(pairs)
            labels |= {x for _, x in pairs}
        return Bag(votes, labels, before)
