"""Answers to questions: exact match and F1, after the normalisation of a language.

Three sets of rules make texts comparable:

- `squad`: the script of SQuAD, made for English, whatever the language: lower case, ASCII
  punctuation away, `a`, `an` and `the` away. Most published figures on XQuAD are by it.
- `mlqa`: the script of MLQA: Unicode punctuation away, the articles of the language away, and
  Chinese cut into characters. In a language it does not know no word is an article; where the
  script writes no spaces, letters are words.
- `own`: `squad` for English and `mlqa` for all else.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from isogloss.errors import UsageError
from isogloss.language import DEFAULT_MEMBER, Language, read_language
from isogloss.language.segment import UNSPACED, words
from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked, mean

Rules = Literal["own", "squad", "mlqa"]
ARTICLES = {
    "eng": "a an the",
    "spa": "un una unos unas el la los las",
    "deu": "ein eine einen einem eines einer der die das den dem des",
    "vie": "của là cái chiếc những",
}
"""What the script of MLQA takes for articles; in Arabic it is `ال` wherever it stands in a word, in
Hindi and Chinese there are none."""
_ASCII = frozenset(string.punctuation)
_HAN = re.compile("[\u4e00-\u9fa5]")


def answer_scores(
    gold: Sequence[Sequence[str]],
    told: Sequence[str | None],
    language: str,
    rules: Rules = "own",
) -> dict[str, Tally]:
    """`exact` and `f1` of answers, from 0 to 1: means of the best over the gold answers of each.

    F1 is of the words that both have, each as often as both have it. A question without a gold
    answer is right if the empty text is told, as in SQuAD 2; gold answers of which normalisation
    leaves nothing count only where there are no others. No prediction is wrong, also there.

    Args:
        gold: the answers to each question; none where the text does not answer it.
        told: a text each, empty for no answer; None where the model said nothing.
        language: any spelling of its tag.
        rules: see the top of this file.

    Raises:
        UsageError: unequal lengths, no question, gold answers that are unknown, unknown rules.
        UnknownLanguage: no such tag.

    Source: Rajpurkar et al. (2016), SQuAD, section 6.1, and its `evaluate-v1.1`; Rajpurkar, Jia and
    Liang (2018), `evaluate-v2.0`; Lewis et al. (2020), MLQA, `mlqa_evaluation_v1`.
    """
    checked(gold, told)
    normal = normaliser(language, rules)
    exact, f1 = [], []
    for one, other in zip(gold, told, strict=True):
        known = [text for text in map(normal, one) if text] or [""]
        text = None if other is None else normal(other)
        exact.append(text is not None and text in known)
        f1.append(0.0 if text is None else max(_f1(text, answer) for answer in known))
    settings = {"normalisation": _named(rules, read_language(language))}
    return {"exact": mean(exact, settings), "f1": mean(f1, settings)}


def normaliser(language: str, rules: Rules = "own") -> Callable[[str], str]:
    """What makes answers comparable: words without punctuation and articles, spaced by one.

    Raises:
        UsageError: unknown rules.
        UnknownLanguage: no such tag.
    """
    tag = read_language(language)
    if _named(rules, tag) == "squad":
        return _squad
    away = _articles(tag)

    def normal(text: str) -> str:
        kept = "".join(c for c in text.lower() if not _punctuation(c))
        return " ".join(_words(away.sub(" ", kept), tag))

    return normal


def _named(rules: str, tag: Language) -> str:
    if rules not in ("own", "squad", "mlqa"):
        raise UsageError(f"there are no rules {rules!r}", remedy="they are own, squad or mlqa")
    return ("squad" if tag.iso == "eng" else "mlqa") if rules == "own" else rules


def _articles(tag: Language) -> re.Pattern[str]:
    if "arb" in (tag.iso, DEFAULT_MEMBER.get(tag.macrolanguage or "")):
        return re.compile("ال")
    articles = ARTICLES.get(tag.iso, "").replace(" ", "|")
    return re.compile(rf"\b({articles})\b" if articles else r"(?!)")


def _squad(text: str) -> str:
    kept = "".join(c for c in text.lower() if c not in _ASCII)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def _punctuation(character: str) -> bool:
    return character in _ASCII or unicodedata.category(character).startswith("P")


def _words(text: str, tag: Language) -> list[str]:
    if tag.iso == "cmn":
        return _HAN.sub(r" \g<0> ", text).split()
    return words(text, tag.script) if tag.script in UNSPACED else text.split()


def _f1(told: str, gold: str) -> float:
    guess, true = told.split(), gold.split()
    if not guess or not true:
        return float(guess == true)
    same = sum((Counter(guess) & Counter(true)).values())
    return 2 * same / (len(guess) + len(true))
