"""Is it the language or the translation: one test, translated by people and by a machine.

A test that was translated is not the text of its language: a machine's version is nearer to what a
model learned from than a person's, a translator who saw half of a pair has lost words that the
halves shared, and some translations are wrong. All of that changes scores, and none of it is
transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import regex

from isogloss.errors import CorpusError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import words
from isogloss.score import Score, Scores, holm, paired_test
from isogloss.task.examples import TEXT, Examples

CLASSES = ("right in both", "human only", "machine only", "wrong in both")
_EDGE = regex.compile(r"^[^\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+$")

Outcomes = Mapping[str, float]
"""What a model's answer to an example is worth, by the id of the example."""


class Versions(NamedTuple):
    """Outcomes of one model on two translations of a test.

    Attributes:
        human: on the text that people translated.
        machine: on the text that a machine translated.
    """

    human: Outcomes
    machine: Outcomes


def translation_gaps(
    versions: Mapping[str, Versions], *, measure: str = "translation_gap", seed: int = 0
) -> Scores:
    """By how much a model does better on the machine's version of a test, a row a language.

    gap = mean over shared examples of (machine - human)

    A gap well above those of other languages points to errors in the human translation, on which
    the labels no longer hold; a gap everywhere to a model that prefers text like the machine's.
    Neither says anything of transfer.

    Args:
        versions: by language; ids are those of the n-way test.
        measure: name of the rows.
        seed: of the resampling.

    Returns:
        The gap with its 95% bootstrap interval over examples; `settings` has `p` of the sign-flip
        test, `holm` the same adjusted over the languages, and the means `human` and `machine`.
        `dropped` counts examples that one version lacks.

    Raises:
        CorpusError: two versions share fewer than 2 examples.
        VectorError: an outcome that is not a finite number.

    When to prefer it: before a difference between languages of a translated test is called one of
    transfer.

    Source: Agrawal, Fazili and Jyothi (2024), Translation Errors Significantly Impact Low-Resource
    Languages in Cross-Lingual Learning: the gap between human- and machine-translated test text.
    """
    rows = []
    for tag, both in versions.items():
        language = str(read_language(tag))
        ids, dropped = _shared(both.human, both.machine, language)
        found = {"human": _column(both.human, ids), "machine": _column(both.machine, ids)}
        rows.append(_row(measure, language, found, dropped, seed))
    return adjusted(rows)


def changed_examples(both: Versions) -> dict[str, list[str]]:
    """Which examples a model gets right in which version: ids by one of `CLASSES`.

    `machine only` are those to look at first: right where a machine translated, wrong where a
    person did, they hold the errors of the human translation, or a machine's wording that gives
    the label away.

    Args:
        both: outcomes that are 0 or 1.

    Returns:
        Ids in the order of the human version, those of both versions alone; all classes.

    Raises:
        CorpusError: no id is in both.
        UsageError: an outcome is something else than 0 or 1.

    Source: Agrawal, Fazili and Jyothi (2024), who re-annotate examples of languages with a gap.
    """
    ids, _ = _shared(both.human, both.machine, "changed examples")
    found: dict[str, list[str]] = {name: [] for name in CLASSES}
    for one in ids:
        pair = both.human[one], both.machine[one]
        if not all(value in (0, 1) for value in pair):
            raise UsageError(
                f"the outcome of {one!r} is {pair}, not 0 or 1",
                remedy="give 1 for a right answer and 0 for a wrong one",
            )
        right, again = bool(pair[0]), bool(pair[1])
        found[CLASSES[0 if right and again else 1 if right else 2 if again else 3]].append(one)
    return found


def overlap(text: str, second: str, script: str) -> float | None:
    """The share of distinct words of the second text that are in the first too.

    Words are lower case without punctuation around them; letters, in scripts without spaces.

    Args:
        text: such as a premise.
        second: such as its hypothesis.
        script: ISO 15924 code of both.

    Returns:
        From 0 to 1; None where the second text has no word.
    """
    first, other = _words(text, script), _words(second, script)
    return len(first & other) / len(other) if other else None


def overlap_changes(
    pairs: Sequence[tuple[Examples, Examples]],
    *,
    measure: str = "overlap_change",
    of: Callable[[str, str, str], float | None] = overlap,
    seed: int = 0,
) -> Scores:
    """By how much the two texts of an example share more words in the machine's version.

    change = mean over shared examples of (overlap in machine - overlap in human)

    Halves of a pair that are translated apart lose words that they shared, more or less of them by
    who translates; a model that goes by shared words then does worse for no reason of language.

    Args:
        pairs: a human and a machine translation of the same test, of a language each; examples
            with `text` and `second`.
        measure: name of the rows.
        of: from both texts and their script to a number, `overlap` if not given.
        seed: of the resampling.

    Returns:
        As `translation_gaps`, with the mean overlaps as `human` and `machine`. `dropped` counts
        examples that one version lacks, and those without a word in their second text.

    Raises:
        CorpusError: examples of two languages, without a second text, or fewer than 2 shared.

    Source: Artetxe, Labaka and Agirre (2020), Translation Artifacts in Cross-lingual Transfer
    Learning: lexical overlap of premise and hypothesis. The share of words is our reading of it.
    """
    rows = []
    for human, machine in pairs:
        if human.language != machine.language:
            raise CorpusError(
                f"the versions are of {human.language} and {machine.language}",
                remedy="pair two translations into one language",
            )
        script = read_language(human.language).script
        left, right = (_overlaps(one, script, of) for one in (human, machine))
        ids, dropped = _shared(left, right, human.language)
        kept = [one for one in ids if left[one] is not None and right[one] is not None]
        if len(kept) < len(ids):
            dropped["no word in the second text"] = len(ids) - len(kept)
        found = {"human": _column(left, kept), "machine": _column(right, kept)}
        rows.append(_row(measure, human.language, found, dropped, seed))
    return adjusted(rows)


def adjusted(rows: Sequence[Score]) -> Scores:
    """The rows with `holm` beside `p` in their settings, adjusted over all of them."""
    values = holm([row.settings["p"] for row in rows])
    return Scores(
        replace(row, settings={**row.settings, "holm": value})
        for row, value in zip(rows, values, strict=True)
    )


def _shared(
    human: Mapping[str, Any], machine: Mapping[str, Any], language: str
) -> tuple[list[str], dict[str, int]]:
    """Ids of both versions in the order of the human one, and how many each lacks."""
    ids = [one for one in human if one in machine]
    lacking = {
        "not in the machine version": len(human) - len(ids),
        "not in the human version": len(machine) - len(ids),
    }
    if not ids:
        raise CorpusError(
            f"{language}: the human and the machine version share no example",
            remedy="give both the ids of the test that was translated",
        )
    return ids, {why: count for why, count in lacking.items() if count}


def _column(side: Mapping[str, float | None], ids: Sequence[str]) -> np.ndarray:
    return np.array([side[one] for one in ids], np.float64)


def _row(
    measure: str,
    language: str,
    found: Mapping[str, np.ndarray],
    dropped: Mapping[str, int],
    seed: int,
) -> Score:
    """A difference between the columns `human` and `machine` of the same examples."""
    human, machine = found["human"], found["machine"]  # [n], [n]
    if len(human) < 2:
        raise CorpusError(
            f"{language}: {len(human)} examples to compare, of which 2 are needed",
            remedy="give both the ids of the test that was translated",
        )
    tested = paired_test(human, machine, seed=seed)
    return Score(
        measure=measure, value=tested.difference, n=len(human), language=language,
        low=tested.low, high=tested.high, interval="bootstrap over examples", dropped=dropped,
        settings={"p": tested.p, "human": float(human.mean()), "machine": float(machine.mean())},
    )  # fmt: skip


def _overlaps(
    examples: Examples, script: str, of: Callable[[str, str, str], float | None]
) -> dict[str, float | None]:
    if examples.shape != TEXT or None in examples.column("second"):
        raise CorpusError(
            f"{examples.name} {examples.language} has no second text in every example",
            file=examples.source or None,
            remedy="overlap is of pairs, such as premise and hypothesis",
        )
    both = zip(examples.column("text"), examples.column("second"), strict=True)
    values = [of(text, second, script) for text, second in both]
    return dict(zip(examples.ids, values, strict=True))


def _words(text: str, script: str) -> set[str]:
    return {_EDGE.sub("", word) for word in words(text.lower(), script)} - {""}
