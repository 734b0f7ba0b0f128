"""Examples whose texts are put into another language, while their labels stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from isogloss.errors import TranslatorError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import tokens
from isogloss.task.examples import Examples, make_examples
from isogloss.task.projection.contract import join
from isogloss.train.transforms.switch import Phrases, phrases, switched

_ENDS = {"B-": "BI", "I-": "II", "E-": "IE", "L-": "IL", "S-": "BE", "U-": "BL"}
"""Of one word's tag the tags of the first and last of several, in BIO, BIOES and BILOU."""


def translated(
    examples: Examples,
    translate: Callable[[Sequence[str], str, str], list[str]],
    target: str,
) -> Examples:
    """Each text translated; missing ones stay missing, and labels are those of before.

    Args:
        examples: whose labels belong to whole texts.
        translate: texts, from, to: as many texts.
        target: canonical tag.

    Raises:
        UsageError: labels of words or of places in a text, which a translation moves.
        TranslatorError: not one text has a translation.
    """
    made = {}
    for name in text_columns(examples):
        column = examples.column(name)
        asked = [text for cell in column for text in texts_in(cell) if text]
        done = translate(asked, examples.language, target)
        if any(map(str.strip, asked)) and not any(map(str.strip, done)):
            raise TranslatorError(
                f"not one of {len(asked)} texts of {examples.language} has a translation into "
                f"{target}", remedy="ask the translator for one of them and see, or name another",
            )  # fmt: skip
        left = iter(done)
        made[name] = [_filled(cell, left) for cell in column]
    return examples.having(made, language=target)


def texts_in(cell: Any) -> Sequence[str | None]:
    """The texts of a cell, which is one or a list of them."""
    return cell if isinstance(cell, list) else [cell]


def _filled(cell: Any, done: Iterator[str]) -> Any:
    """A text, or several, with the next of others in place of each that is there."""
    made = [next(done) if text else text for text in texts_in(cell)]
    return made if isinstance(cell, list) else made[0]


def translated_words(
    examples: Examples,
    translate: Callable[[Sequence[str], str, str], list[str]],
    target: str,
) -> tuple[Examples, list[int]]:
    """Words of translations, without labels, and the rows that have one.

    Args:
        examples: of words.
        translate: texts, from, to: as many texts.
        target: canonical tag.

    Raises:
        TranslatorError: not one row has a translation.
    """
    scripts = [read_language(tag).script for tag in (examples.language, target)]
    texts = [join(words or (), scripts[0]) for words in examples.column("words")]
    asked = [row for row, text in enumerate(texts) if text.strip()]
    done = translate([texts[row] for row in asked], examples.language, target)
    made = {row: tokens(text, scripts[1]) for row, text in zip(asked, done, strict=True)}
    there = [row for row in asked if made[row]]
    if not there:
        raise TranslatorError(
            f"no sentence of {examples.language} was translated into {target}: {len(asked)} of "
            f"{len(examples)} have words, and none a translation",
            remedy="give text of this language, and a translator that works in this direction",
        )
    columns = {"id": [examples.ids[row] for row in there], "words": [made[row] for row in there]}
    found = make_examples(examples.name, target, examples.shape, columns, split=examples.split)
    return found, there


def text_columns(examples: Examples) -> list[str]:
    """The columns of whole texts that stand on their own.

    Raises:
        UsageError: the labels are of words or of places in a text.
    """
    shape = examples.shape
    if "words" in shape.columns or "context" in shape.columns:
        raise UsageError(
            f"a translation of {shape.name} does not have their labels",
            remedy="project the labels: isogloss project-labels, or --strategy projected",
        )
    more = [name for name in ("second", "choices") if name in shape.columns]
    return ["text", *(name for name in more if any(examples.column(name)))]


def code_switched(
    examples: Examples,
    entries: Mapping[str, Sequence[tuple[str, str]]],
    rng: np.random.Generator,
    *,
    share: float,
    one: bool,
) -> tuple[Examples, int]:
    """Words that a dictionary has exchanged for a translation, and how many were.

    Of words with tags each is exchanged for itself: a translation of several words has the tag on
    all of them, as the inside of an entity behind its first.

    Args:
        examples: of texts or of words.
        entries: by canonical tag, pairs of a source word or phrase and a translation.
        rng: what is drawn from.
        share: probability that a known phrase is exchanged.
        one: whether each text goes into one language, else each phrase into any.
    """
    script = read_language(examples.language).script
    tables = {tag: phrases(pairs, script, lower=True) for tag, pairs in entries.items()}
    told: dict[str, Any] = {"script": script, "share": share, "lower": True, "one": one}
    if "words" in examples.shape.columns:
        return _switched_words(examples, tables, rng, share=share, one=one)
    made, total = {}, 0
    for name in text_columns(examples):
        column = examples.column(name)
        asked = [text for cell in column for text in texts_in(cell) if text]
        done = [switched(text, tables, rng, **told) for text in asked]
        total += sum(count for _, count in done)
        texts = iter([text for text, _ in done])
        made[name] = [_filled(cell, texts) for cell in column]
    return examples.having(made), total


def _switched_words(
    examples: Examples, tables: Mapping[str, Phrases], rng: np.random.Generator, *,
    share: float, one: bool,
) -> tuple[Examples, int]:  # fmt: skip
    rows, tagged, total = [], [], 0
    for words, tags in zip(examples.column("words"), examples.column("tags"), strict=True):
        into = [str(rng.choice(sorted(tables)))] if one else sorted(tables)
        made: list[str] = []
        marks: list[str] = []
        for at, word in enumerate(words):
            known = [tag for tag in into if (word.lower(),) in tables[tag]]
            put = [word]
            if known and rng.random() < share:
                choices = tables[known[int(rng.integers(len(known)))]][word.lower(),]
                put = choices[int(rng.integers(len(choices)))].split() or [word]
                total += 1
            made += put
            if tags is not None:
                marks += _lengthened(tags[at], len(put))
        rows.append(made)
        tagged.append(marks if tags is not None else None)
    return examples.having({"words": rows, "tags": tagged}), total


def _lengthened(tag: str, count: int) -> list[str]:
    """The tags of so many words in the place of one: what begins, goes on, ends or stands alone."""
    kind = tag[2:]
    if count == 1 or tag[:2] not in _ENDS:
        return [tag] * count
    first, last = _ENDS[tag[:2]]
    return [f"{first}-{kind}", *[f"I-{kind}"] * (count - 2), f"{last}-{kind}"]
