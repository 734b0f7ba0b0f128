"""Is it the language or the translation: one test, translated by people and by a machine.

A test that was translated is not the text of its language: a machine's version is nearer to what a
model learned from than a person's, a translator who saw half of a pair has lost words that the
halves shared, and some translations are wrong. All of that changes scores, and none of it is
transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import regex

from isogloss.errors import CorpusError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import words
from isogloss.score import Score, Scores, defined, holm
from isogloss.task.compare import compare
from isogloss.task.contracts import Tally
from isogloss.task.examples import TEXT, Examples
from isogloss.task.metrics.sums import mean

CLASSES = ("right in both", "human only", "machine only", "wrong in both")
_EDGE = regex.compile(r"^[^\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+$")


class Answers(NamedTuple):
    """What a model's answers to a version of a test are worth.

    Attributes:
        ids: of the examples.
        tally: a measure as sums over them, such as accuracy or F1.
    """

    ids: Sequence[str]
    tally: Tally

    def each(self) -> dict[str, float]:
        """The measure of each example alone, by its id; NaN where it has none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.asarray(self.tally.statistic(self.tally.columns.T), np.float64)  # [n]
        return dict(zip(self.ids, map(float, values), strict=True))

    def taken(self, ids: Sequence[str]) -> Tally:
        """The tally of these examples, in this order."""
        at = {one: row for row, one in enumerate(self.ids)}
        return self.tally._replace(columns=self.tally.columns[[at[one] for one in ids]])


class Versions(NamedTuple):
    """Answers of one model to two translations of a test, by the same measure.

    Attributes:
        human: to the text that people translated.
        machine: to the text that a machine translated.
    """

    human: Answers
    machine: Answers


def translation_gaps(
    versions: Mapping[str, Versions], *, measure: str = "translation_gap", seed: int = 0,
    **settings: Any,
) -> Scores:  # fmt: skip
    """By how much a model does better on the machine's version of a test, a row a language.

    gap = score of the shared examples in machine - score of them in human

    The score may be any that is made of sums over examples: a mean, or a ratio of sums as F1 is. A
    gap well above those of other languages points to errors in the human translation, on which
    the labels no longer hold; a gap everywhere to a model that prefers text like the machine's.
    Neither says anything of transfer.

    Args:
        versions: by language; ids are those of the n-way test.
        measure: name of the rows.
        seed: of the resampling.
        settings: more of those of the rows, such as `of`, the measure of the answers.

    Returns:
        The gap with its 95% paired bootstrap interval over examples; `settings` has `p` of random
        swaps of both outcomes of an example (`compare`), `holm` the same adjusted over the
        languages, and the scores `human` and `machine`. `dropped` counts examples that one version
        lacks.

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
        ids, dropped = _shared(both.human.ids, both.machine.ids, language)
        row = _row(measure, language, both.human.taken(ids), both.machine.taken(ids), dropped, seed)
        rows.append(replace(row, settings={**row.settings, **settings}))
    return adjusted(rows)


def changed_examples(both: Versions) -> dict[str, list[str]]:
    """Which examples a model gets right in which version: ids by one of `CLASSES`.

    `machine only` are those to look at first: right where a machine translated, wrong where a
    person did, they hold the errors of the human translation, or a machine's wording that gives
    the label away.

    Args:
        both: of a measure that gives each example alone 0 or 1.

    Returns:
        Ids in the order of the human version, those of both versions alone; all classes.

    Raises:
        CorpusError: no id is in both.
        UsageError: an outcome is something else than 0 or 1.

    Source: Agrawal, Fazili and Jyothi (2024), who re-annotate examples of languages with a gap.
    """
    human, machine = both.human.each(), both.machine.each()
    ids, _ = _shared(human, machine, "changed examples")
    found: dict[str, list[str]] = {name: [] for name in CLASSES}
    for one in ids:
        pair = human[one], machine[one]
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
        sides = (mean(np.array([side[one] for one in kept], float)) for side in (left, right))
        rows.append(_row(measure, human.language, *sides, dropped, seed))
    return adjusted(rows)


def adjusted(rows: Sequence[Score]) -> Scores:
    """The rows with `holm` beside `p` in their settings, adjusted over all of them."""
    values = holm([row.settings["p"] for row in rows])
    return Scores(
        replace(row, settings={**row.settings, "holm": value})
        for row, value in zip(rows, values, strict=True)
    )


def _shared(
    human: Collection[str], machine: Collection[str], language: str
) -> tuple[list[str], dict[str, int]]:
    """Ids of both versions in the order of the human one, and how many each lacks."""
    other = set(machine)
    ids = [one for one in human if one in other]
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


def _row(
    measure: str, language: str, human: Tally, machine: Tally, dropped: Mapping[str, int], seed: int
) -> Score:
    """What the machine's version has over the human one on the same examples."""
    if (n := len(human.columns)) < 2:
        raise CorpusError(
            f"{language}: {n} examples to compare, of which 2 are needed",
            remedy="give both the ids of the test that was translated",
        )
    found = compare(human, machine, seed=seed)
    return Score(
        measure=measure, value=defined(found.difference), n=n, language=language,
        low=defined(found.low), high=defined(found.high), dropped=dropped,
        interval="paired bootstrap over examples",
        settings={"p": found.p, "human": defined(found.before), "machine": defined(found.after)},
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
