"""A tag a word: parts of speech, and entities as runs of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isogloss.encode.words import Split
from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.contracts import Cut, Guess, Piece, Tally
from isogloss.task.examples import WORDS, Examples
from isogloss.task.spans import spans
from isogloss.train.batch import UNKNOWN

if TYPE_CHECKING:
    from isogloss.task.cutting import Cutter

IN_STRETCHES = "read in several stretches"
NONE = "_"
"""A word that has no tag, which is neither learned from nor scored."""


@dataclass(frozen=True, kw_only=True)
class _Tags:
    """A tag of each word by its first token, from a linear head over the last states.

    A sentence over the window is read in stretches that overlap by half; a word is told by the
    stretch in which it stands furthest from an end.

    Source: as in Devlin et al. (2019), BERT, section 5.3, with the model trained too.

    Attributes:
        factor: of the head's learning rate, over that of the model.
    """

    shape: ClassVar = WORDS
    factor: float = 10.0

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """The tags of training data in the order of their names."""
        rows = (row for one in examples for row in one.column("tags") if row)
        found = {tag for row in rows for tag in row} - {NONE}
        if len(found) < 2:
            raise CorpusError(
                f"{len(found)} kind of tag", file=examples[0].source or None,
                remedy="give examples of at least two",
            )  # fmt: skip
        return {"tag": sorted(found)}

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """Stretches of sentences, with the tag of a word on its first token."""
        number = {NONE: UNKNOWN} | {name: place for place, name in enumerate(classes["tag"])}
        tags = numbered_words(examples, "tags", number)
        pieces = []
        for row, split in enumerate(cutter.words(examples.column("words"))):
            firsts = first_tokens(split)
            told = (
                np.where(firsts, tags[row][split.words], UNKNOWN) if len(split.ids) else split.ids
            )
            for at in stretches(len(split.ids), cutter.longest):
                pieces.append(
                    Piece(row, split.ids[at].astype(np.int64), _columns(split, firsts, told, at))
                )
        empty = len(examples) - len({piece.example for piece in pieces})
        return Cut(pieces, {"no token": empty}, counted={IN_STRETCHES: in_stretches(pieces)})

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """`tag.v1` of training."""
        from isogloss.train.objectives.tag import Tag

        return Tag(classes=len(classes["tag"]), factor=self.factor, seed=seed)

    def join(
        self, examples: Examples, pieces: Sequence[Piece], found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:  # fmt: skip
        """The likeliest tag of each word; of one that has no token `O`, or the first there is."""
        names = np.array(classes["tag"])
        shares = word_shares(examples, pieces, found, len(names))
        silent = classes["tag"].index("O") if "O" in classes["tag"] else 0
        told: list[Guess | None] = []
        for one in shares:
            if one is None:
                told.append(None)
                continue
            best = np.where((one == one[:, :1]).all(1), silent, one.argmax(1))
            told.append(Guess(names[best].tolist(), one))
        return told


@register("task", "tag.v1")
@dataclass(frozen=True, kw_only=True)
class TagTask(_Tags):
    """A tag each word, as UPOS: accuracy over words."""

    measures: ClassVar = ("word_accuracy",)

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """The share of words whose tag is right, of those that have one."""
        from isogloss.task.metrics.spans import same_tokens, token_accuracy

        same_tokens(gold.column("tags"), told)
        tags, kept = _tagged(gold.column("tags"), told)
        return {"word_accuracy": token_accuracy(tags, kept)}


@register("task", "ner.v1")
@dataclass(frozen=True, kw_only=True)
class EntityTask(_Tags):
    """Entities as runs of words with tags in BIO or BIOES: F1 over whole entities."""

    measures: ClassVar = ("f1", "precision", "recall")

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """The tags of training data in the order of their names, which must spell spans."""
        for one in examples:
            _check_spans(one, {NONE})
        return super().classes(examples)

    def check(self, gold: Examples) -> None:
        """Refuse tags that spell no span."""
        _check_spans(gold)

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """Precision, recall and F1 as in seqeval."""
        from isogloss.task.metrics.spans import span_scores

        return span_scores(gold.column("tags"), told)


def _check_spans(examples: Examples, beside: Set[str] = frozenset()) -> None:
    for tag in sorted({tag for row in examples.column("tags") for tag in row or ()} - beside):
        try:
            spans([tag])
        except CorpusError:
            raise CorpusError(
                f"the tag {tag!r} of {examples.language} spells no span",
                file=examples.source or None,
                remedy="write O, and B-KIND and I-KIND; tags such as parts of speech are for "
                "tag.v1",
            ) from None  # fmt: skip


def _tagged(
    gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None]
) -> tuple[list[list[str]], list[list[str] | None]]:
    """Both without the words that have no tag in the first."""
    there = [[at for at, tag in enumerate(row) if tag != NONE] for row in gold]
    return (
        [[row[at] for at in places] for row, places in zip(gold, there, strict=True)],
        [
            None if row is None else [row[at] for at in places]
            for row, places in zip(told, there, strict=True)
        ],
    )


def numbered_words(examples: Examples, column: str, number: Mapping[str, int]) -> list[np.ndarray]:
    """The numbers of the tags of the words of each row `[words]`, `UNKNOWN` where there is none.

    Raises:
        CorpusError: a tag that training has not seen; another number of tags than words.
    """
    made = []
    columns = zip(examples.ids, examples.column("words"), examples.column(column), strict=True)
    for name, words, tags in columns:
        if tags is None:
            made.append(np.full(len(words), UNKNOWN))
            continue
        if len(tags) != len(words):
            raise CorpusError(
                f"example {name!r} of {examples.language} has {len(words)} words and {len(tags)} "
                "tags", file=examples.source or None, remedy=f"give each word a tag, or {NONE}",
            )  # fmt: skip
        if new := sorted(set(tags) - set(number)):
            raise CorpusError(
                f"example {name!r} of {examples.language} has the tag {new[0]!r}, which is none of "
                f"{', '.join(number)}", file=examples.source or None,
                remedy="spell tags alike in all languages, or train on text that has it",
            )  # fmt: skip
        made.append(np.array([number[tag] for tag in tags], np.int64))
    return made


def first_tokens(split: Split) -> np.ndarray:
    """Which tokens `[t]` are the first of their word."""
    return np.append(True, np.diff(split.words) > 0)[: len(split.ids)]


def stretches(length: int, longest: int) -> list[slice]:
    """A text of `length` tokens in stretches of at most `longest`, which overlap by half."""
    if length <= longest:
        return [slice(0, length)] if length else []
    step = max(1, longest // 2)
    starts = [*range(0, length - longest, step), length - longest]
    return [slice(start, start + longest) for start in starts]


def in_stretches(pieces: Sequence[Piece]) -> int:
    """Examples of more than one piece."""
    return sum(count > 1 for count in Counter(piece.example for piece in pieces).values())


def _columns(
    split: Split, firsts: np.ndarray, told: np.ndarray, at: slice
) -> dict[str, np.ndarray]:
    size = at.stop - at.start
    room = np.minimum(np.arange(size), np.arange(size)[::-1])
    room = np.where(firsts[at], room, -1)  # how far a word's first token stands from an end
    return {
        "tag": told[at].astype(np.int64),
        "word": split.words[at].astype(np.int64),
        "room": room,
    }


def word_shares(
    examples: Examples, pieces: Sequence[Piece], found: Sequence[Any], classes: int
) -> list[np.ndarray | None]:
    """What is told of each word `[words, classes]`, all alike where it has no token.

    Of several stretches that hold a word, the one counts in which it stands furthest inside.
    """
    made: dict[int, np.ndarray] = {}
    best: dict[int, np.ndarray] = {}
    lengths = [len(words) for words in examples.column("words")]
    for piece, shares in zip(pieces, found, strict=True):
        row = piece.example
        if row not in made:
            made[row] = np.full((lengths[row], classes), 1 / classes, np.float32)
            best[row] = np.full(lengths[row], -1)
        firsts = piece.tokens["room"] >= 0  # one token a word
        word, room = piece.tokens["word"][firsts], piece.tokens["room"][firsts]
        better = room > best[row][word]
        made[row][word[better]] = np.asarray(shares)[firsts][better]
        best[row][word[better]] = room[better]
    return [made.get(row) for row in range(len(lengths))]
