"""Trees over words, with parts of speech and features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.arborescence import best_tree
from isogloss.task.contracts import Cut, Guess, Piece, Tally
from isogloss.task.examples import TREES, Examples
from isogloss.task.tasks.tag import NONE, first_tokens, numbered_words
from isogloss.train.batch import UNKNOWN

if TYPE_CHECKING:
    from isogloss.encode.words import Split
    from isogloss.task.cutting import Cutter

ROOT = "root"
_SILENT = {"tags": "X", "features": NONE, "relations": "dep"}
"""Of a word that has no token, such as a lone control character."""
_TAGGED = ("upos", "mlas")


@register("task", "parse.v1")
@dataclass(frozen=True, kw_only=True)
class ParseTask:
    """A head and a relation of each word, its part of speech and its features.

    Words are those of the syntax, each told by its first token; what is written as one and is
    several words matters to the score alone. A deep biaffine parser stands on means of the model's
    layers; of its scores the best tree with one root is taken, and then the likeliest relation of
    each arc.

    A sentence that does not fit the window is left out and counted, as half a tree is none: all its
    words are then told wrong. A word without a token hangs from the word before it. A subtype of a
    relation that training has not seen is learned as the relation, and features that it has not
    seen are not learned from.

    Source: Kondratyuk and Straka (2019), UDify; Dozat and Manning (2017).

    Attributes:
        arc_width: of what arcs are told by.
        relation_width: of what relations are told by.
        mixed: whether means of layers are read, or the last layer alone.
        factor: of the head's learning rate, over that of the model.
    """

    shape: ClassVar = TREES
    measures: ClassVar = ("las", "uas", "upos", "ufeats", "clas", "mlas")
    arc_width: int = 256
    relation_width: int = 128
    mixed: bool = True
    factor: float = 10.0

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """Relations, tags and features of training data in the order of their names."""
        found = {name: _names(examples, name) for name in ("relations", "tags", "features")}
        found["tags"] = [tag for tag in found["tags"] if tag != NONE]
        found["relations"] = [one for one in found["relations"] if one != NONE]
        if not found["relations"]:
            raise CorpusError(
                "no word has a relation", file=examples[0].source or None,
                remedy="give trees to learn from",
            )  # fmt: skip
        return found

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """A piece a sentence, with what is known of a word on its first token."""
        gold = {
            "head": _heads(examples),
            "relation": _numbers(examples, "relations", classes["relations"]),
            "tag": _numbers(examples, "tags", classes["tags"]),
            "feature": _numbers(examples, "features", classes["features"]),
        }
        pieces, empty = [], 0
        for row, split in enumerate(cutter.words(examples.column("words"))):
            empty += not len(split.ids)
            if 0 < len(split.ids) <= cutter.longest:
                own = {name: values[row] for name, values in gold.items()}
                pieces.append(Piece(row, split.ids.astype(np.int64), _columns(split, own)))
        longer = len(examples) - len(pieces) - empty
        return Cut(pieces, {"no token": empty, "longer than the window": longer})

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """`parse.v1` of training."""
        from isogloss.train.objectives.parse import Parse

        names = list(classes["relations"])
        return Parse(
            relations=len(names), tags=len(classes["tags"]), features=len(classes["features"]),
            root=names.index(ROOT) if ROOT in names else -1, arc_width=self.arc_width,
            relation_width=self.relation_width, mixed=self.mixed, factor=self.factor, seed=seed,
        )  # fmt: skip

    def join(
        self, examples: Examples, pieces: Sequence[Piece], found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:  # fmt: skip
        """The best tree of each sentence; how sure: the geometric mean of its arcs' shares."""
        told: list[Guess | None] = [None] * len(examples)
        lengths = [len(words) for words in examples.column("words")]
        for piece, one in zip(pieces, found, strict=True):
            spoken = piece.tokens["word"][piece.tokens["word"] != UNKNOWN]
            heads = best_tree(one["arcs"])
            every = np.arange(len(heads))
            numbers = {"relations": one["relations"][every, heads].astype(int)}
            numbers |= {name: one[name].argmax(1) for name in ("tags", "features") if name in one}
            named = {name: np.array(classes[name])[at].tolist() for name, at in numbers.items()}
            sure = float(np.exp(one["arcs"][every, heads].mean()))
            value = _whole(lengths[piece.example], spoken, heads, named)
            told[piece.example] = Guess({"tags": None, "features": None, **value}, sure)
        return told

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """Scores by the rules of CoNLL 2018; without those of tags where gold has none."""
        from isogloss.task.metrics.trees import tree_scores, trees_of

        true, guessed = trees_of(gold), trees_of(gold.told(told))
        there = [tree if one else None for tree, one in zip(guessed, told, strict=True)]
        untagged = any(None in tree.tags for tree in true)
        measures = [one for one in self.measures if not (untagged and one in _TAGGED)]
        return tree_scores(true, there, measures)


def _names(examples: Sequence[Examples], column: str) -> list[str]:
    rows = (row for one in examples for row in one.column(column) if row)
    return sorted({name or NONE for row in rows for name in row})


def _numbers(examples: Examples, column: str, names: Sequence[str]) -> list[np.ndarray]:
    """The numbers of what words have `[words]`, a row each.

    Raises:
        CorpusError: what training has not seen; another number of values than words.
    """
    rows = [row and [name or NONE for name in row] for row in examples.column(column)]
    seen = {name for row in rows for name in row or ()}
    number = {name: place for place, name in enumerate(names)}
    if column == "relations":
        number |= {name: number[kind] for name in seen - set(number)
                   if (kind := name.partition(":")[0]) in number}  # fmt: skip
    fine = seen if column == "features" else {NONE}
    number = dict.fromkeys(fine, UNKNOWN) | number
    return numbered_words(examples.having({column: rows}), column, number)


def _heads(examples: Examples) -> list[np.ndarray]:
    """The heads of words `[words]`, `UNKNOWN` where they are not known.

    Raises:
        CorpusError: another number of heads than words, or one that is not there.
    """
    made = []
    columns = zip(examples.ids, examples.column("words"), examples.column("heads"), strict=True)
    for name, words, heads in columns:
        one = np.array([UNKNOWN] * len(words) if heads is None else heads, np.int64)
        if len(one) != len(words) or (heads and not 0 <= one.min() <= one.max() <= len(words)):
            raise CorpusError(
                f"the heads of example {name!r} of {examples.language} are not one of its "
                f"{len(words)} words, or 0, a word", file=examples.source or None,
                remedy="count words from 1",
            )  # fmt: skip
        made.append(one)
    return made


def _columns(split: Split, gold: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Token columns of a sentence; heads are numbered among the words that have a token."""
    firsts = first_tokens(split)
    spoken = split.words[firsts]
    place = np.full(len(gold["head"]) + 1, UNKNOWN)
    place[0], place[spoken + 1] = 0, np.arange(1, len(spoken) + 1)
    known = gold["head"] != UNKNOWN
    head = np.where(known, place[np.where(known, gold["head"], 0)], UNKNOWN)
    columns = {"word": np.arange(len(known)), **gold, "head": head}
    made = {}
    for name, values in columns.items():
        made[name] = np.full(len(split.ids), UNKNOWN, np.int64)
        made[name][firsts] = values[spoken]
    return made


def _whole(
    length: int, spoken: np.ndarray, heads: np.ndarray, named: Mapping[str, list[str]]
) -> dict[str, list[Any]]:
    """What is told of all words, by what is told of those that have a token.

    A word without one hangs from the word before it that has one, or from the first that has.
    """
    numbers = np.append(0, spoken + 1)  # of what heads are
    before = np.maximum(np.searchsorted(spoken, np.arange(length)), 1)
    whole = numbers[before]
    whole[spoken] = numbers[heads]
    made: dict[str, list[Any]] = {"heads": whole.tolist()}
    for name, values in named.items():
        made[name] = [_SILENT[name]] * length
        for word, value in zip(spoken.tolist(), values, strict=True):
            made[name][word] = value
    return made
