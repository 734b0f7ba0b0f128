"""Words rewritten by where they come from: some transliterated, some translated, some left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from isogloss.errors import CorpusError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import tokens
from isogloss.task.examples import Examples

Decide = Callable[[Sequence[str]], Sequence[str]]
"""The words of a sentence to the class of each, such as `arabic`, `romance`, `english`, `name`."""
Act = Callable[[Sequence[str]], Sequence[str | None]]
"""Words to what stands for each; None where there is nothing."""
_MALTESE: dict[str, str] = dict(zip(
    "a b ċ d e f g ġ għ h ħ i ie j k l m n o p q r s t u v w x z ż à".split(),
    "ا ب تش د ا ف ق ج ع ه ح ي ا ي ك ل م ن و پ ق ر س ت و ڤ و ش تس ز ا".split(),
    strict=True,
))  # fmt: skip


def conditional(
    examples: Examples, decide: Decide, acts: Mapping[str, Act]
) -> tuple[Examples, dict[str, int]]:
    """The same examples with each word rewritten as its class says; labels stay as they are.

    A language that took its words from several others is read best by a model of these if each word
    is spelled as they would spell it. Words of a class without an act pass, and so do those for
    which the act has nothing, or, where each word has a label, several words. In a text the
    punctuation at the ends of words is no part of them.

    Args:
        examples: of words, or of a text or two.
        decide: the class of each word: `by_lexicon`, or what `learn_classes` gives.
        acts: what is done with the words of a class, see `read_acts`. It is given every word once.

    Returns:
        The examples, and how many words of each class were rewritten, or passed and why.

    Raises:
        UsageError: examples whose labels count characters.
        CorpusError: a decision or an act that gives another number than it was given.

    Source: Micallef, Habash, Borg, Eryani and Bouamor (2024), Cross-Lingual Transfer from Related
    Languages: Treating Low-Resource Maltese as Multilingual Code-Switching.
    """
    columns = examples.shape.columns
    wanted = [name for name in ("words", "text", "second", "context") if name in columns]
    if not wanted or "context" in wanted:
        raise UsageError(
            f"{examples.shape.name}: words cannot be rewritten under their labels",
            remedy="give examples of words, or of texts with a label",
        )
    single = wanted == ["words"]
    script = read_language(examples.language).script
    rows = {name: [_parts(value, script) for value in examples.column(name)] for name in wanted}
    decided = {name: [_decided(decide, own) for own in cut] for name, cut in rows.items()}
    table = _table(rows, decided, acts)
    counts: Counter[str] = Counter()
    made = {}
    for name, cut in rows.items():
        done = [
            [_rewritten(word, kind, table, acts, single, counts)
             for word, kind in zip(own, kinds, strict=True)]
            for own, kinds in zip(cut, decided[name], strict=True)
        ]  # fmt: skip
        values = examples.column(name)
        made[name] = [None if value is None else new if single else _joined(value, new, script)
                      for value, new in zip(values, done, strict=True)]  # fmt: skip
    return examples.having(made), dict(counts)


def by_lexicon(lexicon: Mapping[str, str], otherwise: str = "unknown") -> Decide:
    """The class that a lexicon has for a word, or for it in lower case."""

    def decide(words: Sequence[str]) -> list[str]:
        return [lexicon.get(w) or lexicon.get(w.lower()) or otherwise for w in words]

    return decide


def by_dictionary(translations: Mapping[str, str]) -> Act:
    """The translation that a dictionary has for a word, or for it in lower case."""

    def act(words: Sequence[str]) -> list[str | None]:
        return [translations.get(w) or translations.get(w.lower()) for w in words]

    return act


def by_letters(table: Mapping[str, str]) -> Act:
    """Each word in other letters, the longest group of a table first; letters not in it stay.

    Args:
        table: letters in lower case, in which words are put first, and what stands for them.
    """
    longest = sorted(table, key=len, reverse=True)
    own = re.compile("|".join([*map(re.escape, longest), "."]), re.DOTALL)

    def act(words: Sequence[str]) -> list[str | None]:
        return ["".join(table.get(o, o) for o in own.findall(word.lower())) for word in words]

    return act


_IN_ARABIC = by_letters(_MALTESE)


def maltese_to_arabic(words: Sequence[str]) -> list[str | None]:
    """Maltese words in Arabic letters, one by one; vowels are written, and other letters stay.

    Source: the correspondences of letters in Micallef et al. (2023), Exploring the Impact of
    Transliteration on NLP Performance: Treating Maltese as an Arabic Dialect, in their plain form.
    """
    return list(_IN_ARABIC(words))


def _parts(value: str | Sequence[str] | None, script: str) -> list[str]:
    if value is None:
        return []
    return tokens(value, script) if isinstance(value, str) else list(value)


def _joined(text: str, words: Sequence[str], script: str) -> str:
    """A text with other words; its spaces stay."""
    rest = iter(words)

    def put(part: re.Match[str]) -> str:
        return "".join(next(rest) for _ in tokens(part[0], script))

    return re.sub(r"\S+", put, text)


def _decided(decide: Decide, words: Sequence[str]) -> list[str]:
    kinds = list(decide(words)) if words else []
    if len(kinds) != len(words):
        raise CorpusError(
            f"{len(kinds)} classes were given for {len(words)} words",
            remedy="decide on every word of a sentence",
        )
    return kinds


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))


def _table(
    rows: Mapping[str, list[list[str]]],
    decided: Mapping[str, list[list[str]]],
    acts: Mapping[str, Act],
) -> dict[tuple[str, str], str | None]:
    """What stands for each word of a class."""
    asked: dict[str, dict[str, None]] = {}  # in the order they occur
    for name, cut in rows.items():
        for own, kinds in zip(cut, decided[name], strict=True):
            for word, kind in zip(own, kinds, strict=True):
                if kind in acts and _has_letter(word):
                    asked.setdefault(kind, {})[word] = None
    table = {}
    for kind, words in asked.items():
        made = list(acts[kind](list(words)))
        if len(made) != len(words):
            raise CorpusError(f"the act on {kind!r} gave {len(made)} for {len(words)} words")
        table |= {(kind, word): new for word, new in zip(words, made, strict=True)}
    return table


def _rewritten(
    word: str,
    kind: str,
    table: Mapping[tuple[str, str], str | None],
    acts: Mapping[str, Act],
    single: bool,
    counts: Counter[str],
) -> str:
    if not _has_letter(word):
        counts["without a letter: passed"] += 1
        return word
    if kind not in acts:
        counts[f"{kind}: passed"] += 1
        return word
    new = (table[kind, word] or "").strip()
    if not new:
        counts[f"{kind}: passed, there is nothing for it"] += 1
        return word
    if single and len(new.split()) > 1:
        counts[f"{kind}: passed, several words for one label"] += 1
        return word
    counts[f"{kind}: rewritten"] += 1
    return new
