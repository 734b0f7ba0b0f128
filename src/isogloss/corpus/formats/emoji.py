"""The names of emoji: short phrases, n-way parallel in 14 languages, inside a package.

The five skin tones multiply one name into near copies, so only emoji without one are kept: 1,927
names in version 2.16 of the package. Where one name has several spellings, that of the less
qualified sequence is taken: the others have lost letters in Russian and Persian.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import MissingExtra, UsageError
from isogloss.language import read_language
from isogloss.registry import register

LANGUAGES = ("en", "ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
HELD_OUT = 400
_SKIN_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")
# Gender signs, hair and a direction, which follow a person after a joiner.
_ADDED = re.compile("\u200d[\u2640\u2642\u27a1\U0001f9b0-\U0001f9b3]")
_ADULT = re.compile("[\U0001f468\U0001f469\U0001f9d1]")  # man, woman, person
_CHILD = re.compile("[\U0001f466\U0001f467\U0001f9d2]")  # boy, girl, child
_WHO = re.compile(
    r"\b(wo)?m[ae]n(’s)?\b|\bpe(rson|ople)\b|\b(boy|girl)s?\b|\b(child|adult)(ren)?\b|"
    r"\bfacing right\b|\band\b"
)
# Names of two genders that share no sequence; each reads as the first.
_SAME = {"older": "old", "princess": "prince", "grandmother": "grandfather", "mrs.": "claus",
         "santa": "claus", "mx": "claus", "merman": "merperson", "mermaid": "merperson",
         "father": "parent", "mother": "parent"}  # fmt: skip


def accepts(spec: Spec) -> int:
    """Surely for the word `emoji`, when no folder of that name is there."""
    return 3 if spec.text == "emoji" and not spec.path.exists() else 0


@register("format", "emoji.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read the phrase names: `emoji`, `emoji?split=train` or `emoji?split=held-out`.

    The 400 held-out emoji are chosen by sha256, a family at a time: what differs only in gender,
    hair, members of a family or direction ("man running", "woman running facing right") goes to
    one side together, so that no held-out phrase has a twin in training.
    """
    names = emoji_names()
    signs = sorted(names)
    split = spec.options.get("split", "all")
    if split not in ("all", "train", "held-out"):
        raise UsageError(f"emoji?split={split}: must be train, held-out or all")
    if split != "all":
        held_out = held_out_emoji({sign: entry["en"] for sign, entry in names.items()})
        signs = [sign for sign in signs if (sign in held_out) == (split == "held-out")]
    there = {read_language(code): code for code in LANGUAGES}
    wanted = spec.choose(there)
    texts = {language: [names[s][code] for s in signs] for language, code in wanted.items()}
    about["name"] = "emoji" if split == "all" else f"emoji-{split}"
    return make_corpus(str(about.pop("name")), signs, texts, **about)


def emoji_names() -> dict[str, dict[str, str]]:
    """The phrase of each emoji in each language of `LANGUAGES`.

    Raises:
        MissingExtra: the package `emoji` is not installed.
    """
    try:
        from emoji import EMOJI_DATA, config
    except ImportError:
        raise MissingExtra("emoji", "emoji", "the emoji phrases") from None
    config.load_language(list(LANGUAGES))
    best: dict[str, tuple[int, str]] = {}
    for sign, entry in EMOJI_DATA.items():
        if not _SKIN_TONE.search(sign) and all(code in entry for code in LANGUAGES):
            rank = (entry["status"], sign)  # a higher status is a less qualified sequence
            best[entry["en"]] = max(best.get(entry["en"], rank), rank)
    return {
        sign: {code: _phrase(EMOJI_DATA[sign][code]) for code in LANGUAGES}
        for _, sign in best.values()
    }


def held_out_emoji(english: Mapping[str, str]) -> set[str]:
    """The 400 held-out emoji: whole families in the order of their sha256, as far as they fit."""
    families: dict[str, list[str]] = {}
    for sign in english:
        families.setdefault(family(sign, english), []).append(sign)
    chosen: set[str] = set()
    for name in sorted(families, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if len(chosen) + len(families[name]) <= HELD_OUT:
            chosen.update(families[name])
    return chosen


def family(sign: str, english: Mapping[str, str]) -> str:
    """What an emoji shows without who does it: one word for "man running", "woman running"."""
    base = _ADDED.sub("", sign.replace("\ufe0f", ""))
    base = _CHILD.sub("\U0001f9d2", _ADULT.sub("\U0001f9d1", base))
    phrase = english.get(base) or english.get(base + "\ufe0f") or english[sign]
    words = [_SAME.get(word, word) for word in _WHO.sub(" ", phrase.lower()).split()]
    return words[0] if words and words[0] in ("family", "kiss", "couple") else " ".join(words)


def _phrase(name: str) -> str:
    return name.strip(":").replace("_", " ")
