"""Translation word by word with a dictionary: a weak baseline that needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.corpus.lexicon import read_lexicon
from isogloss.errors import UsageError
from isogloss.files import fingerprint
from isogloss.language import read_language
from isogloss.language.segment import UNSPACED
from isogloss.registry import register
from isogloss.task.translate.contract import Told, check_texts, pair
from isogloss.train.transforms.switch import Phrases, known_phrases, phrases, units

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

    def __init__(self, lexicons: Mapping[tuple[str, str], str | Path]) -> None:
        self.name = "dictionary"
        self.told: list[Told] = []
        self.calls = 0
        self._entries: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._tables: dict[tuple[str, str], Phrases] = {}
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
        table = self._table(direction)
        spaced = [read_language(tag).script not in UNSPACED for tag in direction]
        script = read_language(source).script
        self.calls += 1
        done = [word_by_word(text, table, script, spaced=(spaced[0], spaced[1])) for text in texts]
        self.told = [{WORDS: words, UNKNOWN: unknown} for _, words, unknown in done]
        return [text for text, _, _ in done]

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
