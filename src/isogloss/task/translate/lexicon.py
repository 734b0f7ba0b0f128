"""Translation word by word with a dictionary: a weak baseline that needs no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from isogloss.corpus.lexicon import read_lexicon
from isogloss.errors import UsageError
from isogloss.files import fingerprint
from isogloss.language import read_language
from isogloss.language.segment import UNSPACED, words
from isogloss.registry import register
from isogloss.task.translate.check import Check
from isogloss.task.translate.contract import Told, check_texts, pair
from isogloss.train.transforms.switch import Phrases, known_phrases, phrases, units

LEAST = 1e-4
"""Probability that any word has as a translation."""
UNKNOWN, WORDS = "word not in the dictionary", "word"


@register("translator", "lexicon.v1")
class LexiconTranslator:
    """Each word or phrase by the first translation that a dictionary has, the longest phrase first.

    Words that it lacks stay as they are and are counted, and so do markers, numbers and
    punctuation. A dictionary is read in both directions. Between words of a script that writes no
    spaces and words of one that does, spaces are put or taken away.

    When to prefer it: where there is nothing else, and as the floor that a translator has to beat.

    Args:
        lexicons: dictionaries by direction, such as `{("eng", "aka"): "en-ak.tsv.gz"}`, the words
            of the first language first.

    Attributes:
        told: of each text of the last call, `word` and `word not in the dictionary`, numbers not
            counted; in scripts without spaces these are letters.

    Raises:
        CorpusError: a dictionary that cannot be read.
        UsageError: none, or two of one direction.
    """

    batch = 1000
    check = Check(known=frozenset())  # what it lacks stays in its language, and `told` counts it

    def __init__(self, lexicons: Mapping[tuple[str, str], str | Path]) -> None:
        self.name = "dictionary"
        self.told: list[Told] = []
        self.calls = 0
        self._entries: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._tables: dict[tuple[str, str], Phrases] = {}
        self._shares: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
        for (source, target), path in lexicons.items():
            direction = pair(source, target)
            if direction in self._entries:
                raise UsageError(f"two dictionaries from {direction[0]} to {direction[1]}")
            self._entries[direction] = read_lexicon(path).entries
        if not self._entries:
            raise UsageError("no dictionary", remedy="give one a direction")
        for (source, target), entries in list(self._entries.items()):
            back = [(translation, word) for word, translation in entries]
            self._entries.setdefault((target, source), back)
        self.fingerprint = fingerprint(
            "lexicon.v1", "marks stay", [[*d, e] for d, e in self._entries.items()]
        )

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """See `Translator`.

        Raises:
            UsageError: there is no dictionary of that direction.
        """
        direction = pair(source, target)
        check_texts(texts)
        made, self.told = exchanged(texts, self._table(direction), direction)
        self.calls += 1
        return made

    def probability(self, asked: Sequence[tuple[str, str, str, str]]) -> list[float]:
        """The mean log probability of a text's words as a translation of another.

        log p(e | f) = mean over words e_j of log(sum over words f_i of t(e_j | f_i) / |f|), as in
        IBM Model 1, where t shares a word evenly among the words of its entries; those that the
        dictionary lacks stay as they are, and so do all in a language into itself. No word has
        less than 1e-4. Order and context count for nothing: it is the floor of a judge.

        Args:
            asked: texts, each with the one it is a translation of, and their languages.

        Raises:
            UsageError: there is no dictionary of a direction.

        Source: Brown et al. (1993), The Mathematics of Statistical Machine Translation, section
        4.2, for the model; its table is not learned here.
        """
        found = []
        for text, of, language, origin in asked:
            shares = {} if origin == language else self._shared((origin, language))
            given, said = (words(one.lower(), read_language(tag).script)
                           for one, tag in ((of, origin), (text, language)))  # fmt: skip
            sums = [sum(shares.get(f, {f: 1.0}).get(e, 0.0) for f in given) for e in said]
            likely = [max(one / max(1, len(given)), LEAST) for one in sums] or [LEAST]
            found.append(float(np.mean(np.log(likely))))
        return found

    def _shared(self, direction: tuple[str, str]) -> dict[str, dict[str, float]]:
        """Of each word how likely each word of the other language is."""
        if direction not in self._shares:
            self._table(direction)  # refuses a direction that is not there
            counts: dict[str, Counter[str]] = {}
            for entry in self._entries[direction]:
                own, other = (words(side.lower(), read_language(tag).script)
                              for side, tag in zip(entry, direction, strict=True))  # fmt: skip
                for word in own:
                    counts.setdefault(word, Counter()).update(other)
            self._shares[direction] = {
                word: {one: n / seen.total() for one, n in seen.items()}
                for word, seen in counts.items()
            }
        return self._shares[direction]

    def _table(self, direction: tuple[str, str]) -> Phrases:
        if direction not in self._entries:
            there = ", ".join(sorted(f"{a} to {b}" for a, b in self._entries))
            raise UsageError(
                f"no dictionary from {direction[0]} to {direction[1]}", remedy=f"there are: {there}"
            )
        if direction not in self._tables:
            script = read_language(direction[0]).script
            self._tables[direction] = phrases(self._entries[direction], script, lower=True)
        return self._tables[direction]


def exchanged(
    texts: Sequence[str], table: Phrases, direction: tuple[str, str]
) -> tuple[list[str], list[Told]]:
    """Texts word by word, and of each its words and those that stayed.

    Args:
        texts: any.
        table: lower-case phrases, `train.transforms.switch.phrases`.
        direction: canonical tags of the texts and of the table's translations.
    """
    scripts = [read_language(tag).script for tag in direction]
    spaced = (scripts[0] not in UNSPACED, scripts[1] not in UNSPACED)
    done = [word_by_word(text, table, scripts[0], spaced=spaced) for text in texts]
    told: list[Told] = [{WORDS: words, UNKNOWN: unknown} for _, words, unknown in done]
    return [text for text, _, _ in done], told


def word_by_word(
    text: str, table: Phrases, script: str, *, spaced: tuple[bool, bool] = (True, True)
) -> tuple[str, int, int]:
    """A text with all phrases of a dictionary exchanged, its words, and those that stayed.

    Args:
        text: any text.
        table: lower-case phrases, `train.transforms.switch.phrases`.
        script: of the text, ISO 15924.
        spaced: whether the text's script and that of the translation put spaces between words.
    """
    places = units(text, script)
    keys = ["" if _is_mark(text, a, b) else text[a:b].lower() for a, b in places]
    made, end = [], 0
    unknown = {i for i, key in enumerate(keys) if key and not key.isdecimal()}
    words = len(unknown)
    for at, key, _ in known_phrases(keys, {"": table}):
        begin, stop = places[at][0], places[at + len(key) - 1][1]
        made += [_between(text[end:begin], end > 0, True, spaced), table[key][0]]
        unknown.difference_update(range(at, at + len(key)))
        end = stop
    return "".join([*made, _between(text[end:], end > 0, False, spaced)]), words, len(unknown)


def _is_mark(text: str, first: int, stop: int) -> bool:
    """Whether letters are those of `<a>` or `</a>`, which a dictionary may have as words."""
    before = text[max(0, first - 2) : first].removesuffix("/")
    return before.endswith("<") and text.startswith(">", stop)


def _between(gap: str, after: bool, before: bool, spaced: tuple[bool, bool]) -> str:
    """What stands after a translation, before one, or both, where scripts differ in spaces."""
    if spaced == (True, False) and after and before and gap.isspace():
        return ""
    if spaced == (False, True):
        if not gap:
            return " " if after and before else ""
        left = " " if after and gap[0].isalnum() else ""
        return left + gap + (" " if before and gap[-1].isalnum() else "")
    return gap
