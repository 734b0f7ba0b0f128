"""Scores of translations: BLEU and chrF++ as sacrebleu counts them, and how many are off target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np

from isogloss.errors import MissingExtra, UsageError
from isogloss.language import Language, read_language
from isogloss.language.letters import letters
from isogloss.language.segment import UNSPACED
from isogloss.language.tags import read
from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked, mean, ratio

Words = Literal["13a", "char", "intl", "none", "zh"]
Identify = Callable[[Sequence[str]], Sequence[str]]
"""Texts to the tags of their languages, in any spelling."""
_ORDERS = 4  # of the n-grams of BLEU
_BETA = 2  # of chrF, in which recall weighs beta^2 as much as precision


def bleu(
    gold: Sequence[str], told: Sequence[str | None], language: str, words: Words | None = None
) -> Tally:
    """BLEU of all texts together, from 0 to 100, with sacrebleu's signature in the settings.

    exp(min(0, 1 - R/H)) (p_1 p_2 p_3 p_4)^(1/4), H and R the lengths of what was told and of gold,
    p_n the n-grams of those told that gold has too. Where no n-gram of an order is right, p_n is
    1 / 2, then 1 / 4 ..., over those told. A text without a prediction is the empty text.

    Args:
        gold: one reference each.
        told: a text each, or None.
        language: of both, any spelling of its tag.
        words: sacrebleu's way to cut words. By default `zh` for Chinese, `char` for other scripts
            without spaces, where sacrebleu would ask for a segmenter, else `13a`.

    Raises:
        MissingExtra: sacrebleu is not installed.
        UsageError: unequal lengths, no text, unknown references, or an unknown way to cut.
        UnknownLanguage: no such tag.

    Prefer chrF++ where words have many forms; BLEU is for comparison with what is published.
    Source: Papineni et al. (2002), BLEU; Post (2018), A Call for Clarity in Reporting BLEU Scores.
    """
    checked(gold, told)
    cut = words or _cut(read_language(language))
    if cut not in get_args(Words):
        raise UsageError(
            f"words cannot be cut by {cut!r}",
            remedy=f"it is {', '.join(get_args(Words))}; sacrebleu's others fetch models",
        )
    metric = _sacrebleu().BLEU(tokenize=cut, force=True)
    each = [metric.corpus_score([text or ""], [[one]]) for one, text in _pairs(gold, told)]
    columns = [[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in each]
    return _tally(metric, columns, _bleu, gold, told)


def chrf(gold: Sequence[str], told: Sequence[str | None]) -> Tally:
    """chrF++ of all texts together, from 0 to 100, with sacrebleu's signature in the settings.

    5 P R / (4 P + R), P and R the means over 1 to 6 characters and 1 and 2 words of the share of
    n-grams of what was told, and of gold, that both have; orders that one side lacks are left out.
    A text without a prediction is the empty text.

    Args:
        gold: one reference each.
        told: a text each, or None.

    Raises:
        MissingExtra: sacrebleu is not installed.
        UsageError: unequal lengths, no text, or unknown references.

    Prefer it to BLEU: it needs no way to cut words, though where a script writes no spaces its two
    word orders see whole sentences.
    Source: Popović (2017), chrF++: words helping character n-grams.
    """
    checked(gold, told)
    metric = _sacrebleu().CHRF(word_order=2)
    texts = [text or "" for text in told]
    # Its counts are in no public object; what is made of them is checked against its own score.
    columns = metric._extract_corpus_statistics(texts, [list(gold)])
    return _tally(metric, columns, _chrf, gold, told)


def off_target(
    told: Sequence[str | None], to: Sequence[str], identify: Identify | None = None
) -> Tally:
    """The share of texts in another language than was asked for; less is better.

    A text is off target if not even half of its letters are of the script of the language, or if
    `identify` finds another language or none (`und`); a macrolanguage is as good as its members. A
    text without letters, such as a number, is on target by its script. An empty one or None is off.

    Args:
        told: a text each, or None.
        to: the tag of the language that was asked for, of each text.
        identify: a language identifier. Without it languages of one script are not told apart, and
            the settings say so.

    Raises:
        UsageError: unequal lengths, no text, or an identifier that returns another number of tags.
        UnknownLanguage: no such tag, in `to` or from the identifier.

    Source: Zhang et al. (2020), Improving Massively Multilingual Neural Machine Translation and
    Zero-Shot Translation, section 3: what they call the off-target translation issue.
    """
    checked(to, told)
    asked = [read_language(tag) for tag in to]
    there = [row for row, text in enumerate(told) if (text or "").strip()]
    texts = [told[row] or "" for row in there]
    off = np.ones(len(told))
    off[there] = [not _in_script(text, asked[row]) for row, text in zip(there, texts, strict=True)]
    if identify is not None:
        found = list(identify(texts)) if texts else []
        if len(found) != len(texts):
            raise UsageError(f"the identifier gave {len(found)} tags for {len(texts)} texts")
        for row, tag in zip(there, found, strict=True):
            off[row] = off[row] or not _is(tag, asked[row])
    return mean(off, {"by": "script" if identify is None else "script and identifier"})


def _sacrebleu() -> Any:
    try:
        return import_module("sacrebleu.metrics")
    except ImportError:
        raise MissingExtra("sacrebleu", "translate", "a score of translations") from None


def _pairs(gold: Sequence[str], told: Sequence[str | None]) -> zip[tuple[str, str | None]]:
    return zip(gold, told, strict=True)


def _cut(language: Language) -> Words:
    if language.script in ("Hans", "Hant", "Hani"):
        return "zh"
    return "char" if language.script in UNSPACED else "13a"


def _tally(
    metric: Any,
    columns: Sequence[Sequence[float]],
    value: Callable[[np.ndarray], np.ndarray],
    gold: Sequence[str],
    told: Sequence[str | None],
) -> Tally:
    """Counts and a column of ones, from which sums have their size again: smoothing needs it."""
    counts = np.array(columns, float)
    own = metric.corpus_score([text or "" for text in told], [list(gold)])
    if abs(float(value(counts.sum(0))) - own.score) > 1e-6:
        raise UsageError(
            f"sacrebleu counts in another way than is known here: {metric.get_signature()}",
            remedy="install sacrebleu 2.5 or 2.6",
        )
    n = len(counts)
    settings = {"signature": str(metric.get_signature()), "scale": "0 to 100"}
    table = np.column_stack([np.ones(n), counts])
    return Tally(table, lambda s: value(s[1:] / s[0] * n), settings)


def _bleu(s: np.ndarray) -> np.ndarray:
    """BLEU of sums: lengths told and of gold, then right and told n-grams by order."""
    told, gold, right, total = s[0], s[1], s[2 : 2 + _ORDERS], s[2 + _ORDERS :]
    missed = right == 0
    halved = 0.5 ** np.cumsum(missed, axis=0)
    precision = ratio(np.where(missed, halved, right), total)
    known = (total > 0).all(0) & (right > 0).any(0)
    logs = np.log(np.where(known, precision, 1.0)).mean(0)
    short = np.minimum(0, 1 - ratio(gold, told))
    return np.where(known, 100 * np.exp(logs + short), 0.0)


def _chrf(s: np.ndarray) -> np.ndarray:
    """The F-score of sums: n-grams told, of gold, and of both, by order."""
    told, gold, both = s[0::3], s[1::3], s[2::3]
    used = (told > 0) & (gold > 0)
    orders = used.sum(0)
    precision = ratio((ratio(both, told) * used).sum(0), orders)
    recall = ratio((ratio(both, gold) * used).sum(0), orders)
    weight = _BETA**2
    return 100 * ratio((1 + weight) * precision * recall, weight * precision + recall)


def _in_script(text: str, language: Language) -> bool:
    inside, every = letters(text, language.script)
    return 2 * inside >= every


def _is(tag: str, asked: Language) -> bool:
    if tag == "und":
        return False
    found = read(tag)
    return asked.iso in (found.language.iso, found.written) or found.written == asked.macrolanguage
