"""Is it a translation: something, not the same again, in the right language, markers in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from isogloss.errors import LanguageError, TranslatorError, UsageError
from isogloss.language import Language, read_language
from isogloss.language.letters import letters
from isogloss.task.translate.contract import (
    Told,
    Translator,
    batch_of,
    check_count,
    check_texts,
    pair,
    told_of,
)
from isogloss.task.translate.markers import Markers, compare_markers

Identifier = Callable[[Sequence[str]], Sequence[str | None]]
"""The language of each text, in any spelling; None where it cannot say."""

BLANK, EMPTY, COPIED = "blank text", "empty translation", "copied"
SCRIPT, LANGUAGE, MARKERS = "wrong script", "wrong language", "marker lost"
_WRONG = (SCRIPT, LANGUAGE)
_LETTERS = 5  # fewer, as in a name or a unit, say nothing of the language
_HALF = 0.5  # of the letters at least are in the script of the language
_LEAST = 10  # texts, so that one odd translation among a few stops nothing


@dataclass(frozen=True)
class Check:
    """What is looked at in translations, and how much of it is too much.

    Attributes:
        wrong: share of translations in the wrong script or language, above which a translator is
            refused; 1 refuses none.
        copied: the same for translations that are the text again, and for empty ones.
        identify: tells languages; by script alone without it.
        known: canonical tags of languages that `identify` is asked of; all without it.
        markers: pattern of markers that have to survive.
    """

    wrong: float = 0.2
    copied: float = 0.5
    identify: Identifier | None = None
    known: frozenset[str] | None = None
    markers: Markers | None = None

    def __post_init__(self) -> None:
        for name, share in (("wrong", self.wrong), ("copied", self.copied)):
            if not 0 <= share <= 1:
                raise UsageError(f"{name}={share}: a share from 0 to 1 is needed")


def findings(
    texts: Sequence[str], made: Sequence[str], target: str, check: Check
) -> list[Counter[str]]:
    """What is wrong with each translation, by reason.

    A text with less than 5 letters is in any language. Else less than half of the letters in the
    scripts of the language are `wrong script`, and, where they are enough, a language that the
    identifier tells and that is not the target, nor shares a macrolanguage with it, is `wrong
    language`; of a target that is not `known` nothing is said.

    Raises:
        UsageError: the identifier tells of another number of texts than it was given.
    """
    wanted = read_language(target)
    found = [
        _of_one(text, one, wanted.script, check) for text, one in zip(texts, made, strict=True)
    ]
    unknown = check.known is not None and str(wanted) not in check.known
    if check.identify is None or unknown:
        return found
    rows = [i for i, one in enumerate(made) if not found[i][SCRIPT] and _judged(one)]
    told = list(check.identify([made[i] for i in rows])) if rows else []
    if len(told) != len(rows):
        raise UsageError(f"the identifier told {len(told)} languages of {len(rows)} texts")
    for i, tag in zip(rows, told, strict=True):
        if tag is not None and not _same(tag, wanted):
            found[i][LANGUAGE] = 1
    return found


def _of_one(text: str, made: str, script: str, check: Check) -> Counter[str]:
    found: Counter[str] = Counter()
    if not text.strip():
        found[BLANK] = 1
        return found
    if not made.strip():
        found[EMPTY] = 1
        return found
    inside, every = letters(made, script)
    if every and made.strip() == text.strip():
        found[COPIED] = 1
    if every >= _LETTERS and inside < _HALF * every:
        found[SCRIPT] = 1
    if check.markers is not None and (lost := compare_markers(text, made, check.markers).lost):
        found[MARKERS] = len(lost)
    return found


def _judged(made: str) -> bool:
    return letters(made, "Latn")[1] >= _LETTERS


def _same(tag: str, wanted: Language) -> bool:
    try:
        told = read_language(tag)
    except LanguageError:
        return False
    macro = wanted.macrolanguage or wanted.iso
    return told.iso == wanted.iso or macro in (told.iso, told.macrolanguage)


class Watch:
    """Sums up findings, a direction at a time, and stops a translator that is no use.

    Args:
        name: of the translator.
        check: what is looked at.
    """

    def __init__(self, name: str, check: Check) -> None:
        self.name, self.check = name, check
        self._sums: dict[tuple[str, str], Counter[str]] = {}

    def see(
        self, texts: Sequence[str], made: Sequence[str], source: str, target: str
    ) -> list[Counter[str]]:
        """What is wrong with each translation of a batch.

        Raises:
            TranslatorError: another number of them than of texts; or more than the stated share of
                all translations in this direction so far, counted as 10 while they are fewer, is
                in the wrong language, copied or empty; with an example.
        """
        check_count(self.name, texts, made)
        found = findings(texts, made, target, self.check)
        sums = self._sums.setdefault((source, target), Counter())
        for one in found:
            sums.update(one.keys())
        sums["all"] += sum(not one[BLANK] for one in found)
        for reasons, share in ((_WRONG, self.check.wrong), ((COPIED, EMPTY), self.check.copied)):
            count = sum(sums[reason] for reason in reasons)
            if share < 1 and count > share * max(_LEAST, sums["all"]):
                row = next((i for i, o in enumerate(found) if any(o[r] for r in reasons)), 0)
                raise self._refused(reasons, count, sums["all"], texts[row], made[row], target)
        return found

    def _refused(
        self, reasons: Sequence[str], count: int, total: int, text: str, made: str, target: str
    ) -> TranslatorError:
        wrong = reasons is _WRONG
        what = f"not in {target}" if wrong else "empty, or the text again"
        setting = f"{'wrong' if wrong else 'copied'}={min(1.0, count / total + 0.05):.2f}"
        return TranslatorError(
            f"{self.name}: {count} of {total} translations are {what}; "
            f"{text[:80]!r} became {made[:80]!r}",
            remedy=f"check that it translates into {target}, or allow more behind its kind: "
            f"local?{setting}:FOLDER",
        )


class Checked:
    """A translator of which every batch is looked at; see `findings` and `Watch`.

    Without a cache; `cached` looks at what it is given, and at what it has.

    Args:
        translator: any.
        check: what is looked at.
    """

    def __init__(self, translator: Translator, check: Check | None = None) -> None:
        self.inner, self.name = translator, translator.name
        self.fingerprint, self.batch = translator.fingerprint, batch_of(translator)
        self.told: list[Told] = []
        self._watch = Watch(self.name, check or Check())

    @property
    def calls(self) -> int | None:
        """Calls of the translator so far, if it counts them."""
        return getattr(self.inner, "calls", None)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """See `Translator`; a blank text is not sent.

        Raises:
            TranslatorError: of the translator, or as `Watch.see`.
        """
        source, target = pair(source, target)
        check_texts(texts)
        made, self.told = [], []
        for at in range(0, len(texts), self.batch):
            part = texts[at : at + self.batch]
            sent = [text for text in part if text.strip()]
            done = self.inner.translate(sent, source, target) if sent else []
            found = self._watch.see(sent, done, source, target)
            told = [
                Counter(a) + b for a, b in zip(told_of(self.inner, len(sent)), found, strict=True)
            ]
            both = iter(zip(done, told, strict=True))
            for text in part:
                one, why = next(both) if text.strip() else ("", {BLANK: 1})
                made.append(one)
                self.told.append(why)
        return made


def checked(translator: Translator, check: Check | None = None) -> Checked:
    """The translator, each batch of which is looked at."""
    return Checked(translator, check)


def sums_of(told: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """What became of texts, summed by reason; reasons that occur, in order of their names."""
    total: Counter[str] = Counter()
    for one in told:
        total.update(one)
    return {reason: total[reason] for reason in sorted(total) if total[reason]}
