"""Romanisation that lives inside a saved tokenizer: a character map applied before all else.

A model that knows only Latin letters still shares names, numbers and loans with text in other
scripts once their letters are spelled in Latin. The map is compiled into the form that
`tokenizers.normalizers.Precompiled` reads, so the saved tokenizer.json needs no code of ours.
"""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from isogloss.errors import UsageError

# Letter for letter, in the order of the alphabets; `'` stands for nothing.
_CYRILLIC = dict(zip(
    "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґўјљњћђџ",
    (
    "a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya e i i "
    "ye g u j lj nj c dj dz"
).split(), strict=True))  # fmt: skip
_GREEK = dict(zip(
    "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    (
    "a v g d e z i th i k l m n x o p r s s t y f ch ps o a e i i o y o i y i y"
).split(),
    strict=True))  # fmt: skip
_ARABIC = dict(zip(
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءآأإؤئپچژگکیہھےں",
    (
    "a b t th j h kh d dh r z s sh s d t z a gh f q k l m n h w y a a ' a a i w y p c"
    "h zh g k y h h e n"
).split(), strict=True))  # fmt: skip
# Vowel marks and elongation, which most text leaves out.
_ARABIC |= {chr(code): "'" for code in (*range(0x64B, 0x653), 0x670, 0x640)}
_ABUGIDAS = {
    "Deva": (0x900, "DEVANAGARI"), "Beng": (0x980, "BENGALI"), "Guru": (0xA00, "GURMUKHI"),
    "Gujr": (0xA80, "GUJARATI"), "Orya": (0xB00, "ORIYA"), "Taml": (0xB80, "TAMIL"),
    "Telu": (0xC00, "TELUGU"), "Knda": (0xC80, "KANNADA"), "Mlym": (0xD00, "MALAYALAM"),
}  # fmt: skip
# A consonant's own vowel, and a sign that takes its place; `steps` turns both into letters.
INHERENT, SIGN = "\ue001", "\ue000"
SMALL = "\ue002"  # a small kana takes the place of the vowel before it
_ALPHABETS = {"Cyrl": _CYRILLIC, "Grek": _GREEK, "Arab": _ARABIC}
_BY_NAME = {"Jpan": range(0x30A1, 0x30FD), "Kore": range(0xAC00, 0xD7A4)}
SCRIPTS = (*_ALPHABETS, *_BY_NAME, *_ABUGIDAS)


def romanisation(script: str) -> dict[str, str]:
    """Sequences of one script and how they are spelled in Latin letters.

    Alphabets map letter by letter. In the abugidas of India a consonant carries the vowel a unless
    a vowel sign or a virama follows or the word ends, which `steps` settles by two marks. Of
    Japanese only the katakana are mapped, which spell names and loans; of Korean every syllable.
    The names of the letters in Unicode say how they sound.

    Raises:
        UsageError: a script there is no map for.
    """
    if script in _ALPHABETS:
        rules = {k: v.replace("'", "") for k, v in _ALPHABETS[script].items()}
        return rules | {k.upper(): v for k, v in rules.items() if k.upper() != k}
    if script in _BY_NAME:
        return {chr(code): _sound(unicodedata.name(chr(code))) for code in _BY_NAME[script]}
    if script not in _ABUGIDAS:
        raise UsageError(f"no romanisation for {script!r}", remedy=f"known: {', '.join(SCRIPTS)}")
    return _abugida(*_ABUGIDAS[script])


def _abugida(start: int, name: str) -> dict[str, str]:
    rules = {}
    for code in range(start, start + 0x80):
        kind, _, sound = unicodedata.name(chr(code), "").removeprefix(f"{name} ").rpartition(" ")
        sound = sound.lower()
        if kind == "LETTER" and sound.endswith("a") and sound.strip("aeiou"):
            rules[chr(code)] = _CONSONANT.get(sound[:-1], sound[:-1]) + INHERENT
        elif kind == "LETTER":
            rules[chr(code)] = _VOWEL.get(sound, sound)
        elif kind == "VOWEL SIGN":
            rules[chr(code)] = SIGN + _VOWEL.get(sound, sound)
        elif kind == "SIGN":
            marks = {"virama": SIGN, "anusvara": "n", "candrabindu": "n", "visarga": "h"}
            rules[chr(code)] = marks.get(sound, "")
        elif kind == "DIGIT":
            rules[chr(code)] = str(unicodedata.digit(chr(code)))
    return rules


def _sound(name: str) -> str:
    """How a syllable sounds by its name: `KATAKANA LETTER SMALL YA`, `HANGUL SYLLABLE GAG`."""
    sound = name.rpartition(" ")[2].lower()
    if not name.startswith(("KATAKANA LETTER", "HANGUL SYLLABLE")):
        return " " if sound == "dot" else ""  # a mark: long vowels are written once
    sound = _KATAKANA.get(sound, sound) if name.startswith("KATAKANA") else sound
    if "SMALL" in name:  # a small tu doubles the next consonant, which is written once
        return "" if sound == "tsu" else SMALL + sound
    return sound


_KATAKANA = {"si": "shi", "ti": "chi", "tu": "tsu", "hu": "fu", "zi": "ji", "di": "ji", "du": "zu"}
_VOWEL = {"aa": "a", "ii": "i", "uu": "u", "ee": "e", "oo": "o", "vocalic": "r"}
_CONSONANT = {
    "ng": "n", "ny": "n", "tt": "t", "dd": "d", "tth": "th", "ddh": "dh", "nn": "n", "ll": "l",
    "rr": "r", "lll": "l", "nnn": "n", "rrr": "r", "dddh": "rh",
}  # fmt: skip


def steps(scripts: Iterable[str]) -> list[Any]:
    """The normalisers, in order, that spell these scripts in Latin letters."""
    from tokenizers import Regex, normalizers

    scripts = set(scripts)
    made: list[Any] = [normalizers.Precompiled(charsmap(scripts))]
    if "Jpan" in scripts:
        made.append(normalizers.Replace(Regex(f"[aeiou]?{SMALL}"), ""))
    if scripts & set(_ABUGIDAS):
        unwritten = f"{INHERENT}{SIGN}|{INHERENT}(?![a-z{INHERENT}{SIGN}])|{SIGN}"
        made.append(normalizers.Replace(Regex(unwritten), ""))
        made.append(normalizers.Replace(INHERENT, "a"))
    return made


def romanise(texts: Sequence[str | None], script: str) -> list[str | None]:
    """Texts of one script in Latin letters, as `steps` spells them after NFKC.

    What the map does not know, such as the Chinese characters of Japanese, stays. A text of which
    nothing is left, such as a lone vowel mark, becomes None, as missing ones are.

    Raises:
        UsageError: a script there is no map for.
    """
    from tokenizers import normalizers

    spell = normalizers.Sequence([normalizers.NFKC(), *steps([script])]).normalize_str
    return [None if text is None else spell(text).strip() or None for text in texts]


def charsmap(scripts: Iterable[str]) -> bytes:
    """The compiled map of several scripts; everything else is unchanged.

    Raises:
        UsageError: a script there is no map for.
    """
    import sentencepiece as spm
    from sentencepiece import sentencepiece_model_pb2 as proto

    rules: dict[str, str] = {}
    for script in sorted(set(scripts)):
        rules |= romanisation(script)
    spelled = [
        " ".join(f"{ord(c):X}" for c in left) + "\t" + " ".join(f"{ord(c):X}" for c in right)
        for left, right in sorted(rules.items())
    ]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rules.tsv"
        table.write_text("\n".join(spelled) + "\n", encoding="utf-8")
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g h"] * 9), model_prefix=f"{folder}/m",
            vocab_size=14, model_type="char", normalization_rule_tsv=str(table), minloglevel=2,
            hard_vocab_limit=False,
        )  # fmt: skip
        model = proto.ModelProto()  # ty: ignore[missing-attribute]
        model.ParseFromString((Path(folder) / "m.model").read_bytes())
    return model.normalizer_spec.precompiled_charsmap
