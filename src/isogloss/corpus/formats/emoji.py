"""The names of emoji: short phrases, n-way parallel in 14 languages, inside a package."""

from __future__ import annotations

import hashlib
import re

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import MissingExtra, UsageError
from isogloss.language import read_language, resolve
from isogloss.registry import register

LANGUAGES = ("en", "ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
HELD_OUT = 400
# Five skin tones multiply one phrase into a family of near copies.
_SKIN_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")


@register("format", "emoji.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read the phrase names: `emoji`, `emoji?split=train` or `emoji?split=held-out`.

    Emoji with a skin tone are left out, and so are those whose English name was already met.
    The 400 held-out ones have the smallest sha256 of the emoji itself, which does
    not depend on the package's order or version.
    """
    try:
        from emoji import EMOJI_DATA, config
    except ImportError:
        raise MissingExtra("emoji", "demo", "the emoji phrases") from None
    config.load_language(list(LANGUAGES))
    names: dict[str, str] = {}
    for sign, entry in EMOJI_DATA.items():
        if not _SKIN_TONE.search(sign) and all(code in entry for code in LANGUAGES):
            english = _phrase(entry["en"])
            names.setdefault(english, sign)
    signs = sorted(names.values())
    by_hash = sorted(signs, key=lambda sign: hashlib.sha256(sign.encode()).hexdigest())
    held_out = set(by_hash[:HELD_OUT])
    split = spec.options.get("split", "all")
    if split not in ("all", "train", "held-out"):
        raise UsageError(f"emoji?split={split}: must be train, held-out or all")
    if split != "all":
        signs = [sign for sign in signs if (sign in held_out) == (split == "held-out")]
    there = {read_language(code): code for code in LANGUAGES}
    wanted = resolve(spec.wanted, there, note=spec.note) if spec.wanted else list(there)
    texts = {lang: [_phrase(EMOJI_DATA[s][there[lang]]) for s in signs] for lang in wanted}
    about["name"] = "emoji" if split == "all" else f"emoji-{split}"
    return make_corpus(str(about.pop("name")), signs, texts, **about)


def _phrase(name: str) -> str:
    return name.strip(":").replace("_", " ")
