"""Write the sentences, dictionaries and parallel text of this folder: `python make.py`.

What people say about trips, in four languages, with intents, entities, parts of speech and trees.
Sentences are templates filled with names; templates and most names of the test are not those of
training. Nothing is drawn: the same files come out every time.

What translators learn from, `LANGUAGE.pairs.SPLIT.txt`, is n-way, line by line: the test has other
names in the same templates, all of which stand in training. `LANGUAGE.marked.txt` has the sentences
of training three times: as they are, with marks around one name, and with marks around all.

`templates.txt` has, of each split, an intent and the same sentence in each language, as
word/part of speech/head/relation: heads count the parts of the line from 1, and `$LOC` and the
like stand for a name. `questions.txt` has, of each kind of fact, what is said of it in each
language, how training asks for it, and how the test does. A passage says three facts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import product
from math import gcd, prod
from pathlib import Path

HERE = Path(__file__).parent
LANGUAGES = ("eng", "deu", "spa", "ita")
SIZES = {"train": 96, "test": 48, "raw": 120}
PAIRS = {"train": 32, "test": 6}
"""Of a template, at most: a quarter of what its names make is the test's."""
PASSAGES = {"train": 240, "test": 120}
FACTS = 3  # of a passage
NAMES = {
    "LOC": """London|London|Londres|Londra
        Munich|München|Múnich|Monaco
        Vienna|Wien|Viena|Vienna
        Florence|Florenz|Florencia|Firenze
        Geneva|Genf|Ginebra|Ginevra
        Lisbon|Lissabon|Lisboa|Lisbona
        New York|New York|Nueva York|New York
        Brussels|Brüssel|Bruselas|Bruxelles
        Naples|Neapel|Nápoles|Napoli
        Athens|Athen|Atenas|Atene
        Cologne|Köln|Colonia|Colonia
        Warsaw|Warschau|Varsovia|Varsavia
        Copenhagen|Kopenhagen|Copenhague|Copenaghen
        Cape Town|Kapstadt|Ciudad del Cabo|Città del Capo
        Prague|Prag|Praga|Praga
        Milan|Mailand|Milán|Milano""",
    "PER": """Anna Weber
        Luca
        Mary Stone
        José García
        Clara
        Peter Braun
        Sofia Conti
        Tom
        Irene Vega
        Paul Klein""",
    "ORG": """the:Red Cross|das:Rote Kreuz|la:Cruz Roja|la:Croce Rossa
        Siemens
        the:European Union|die:Europäische Union|la:Unión Europea|l':Unione Europea
        Greenpeace
        the:World Bank|die:Weltbank|el:Banco Mundial|la:Banca Mondiale
        Nokia
        Interpol""",
    "DAY": """Monday|Montag|lunes|lunedì
        Tuesday|Dienstag|martes|martedì
        Friday|Freitag|viernes|venerdì
        Sunday|Sonntag|domingo|domenica
        Thursday|Donnerstag|jueves|giovedì""",
}
"""One a line, as each language has it; what stands before a colon is an article."""
SHARED = {"LOC": (10, 8), "PER": (6, 4), "ORG": (4, 3), "DAY": (4, 2)}
"""Names of training are those before the first number, of the test those from the second on."""

WORDS = """book buche reserva prenota|flight Flug vuelo volo|from von de da|to nach a a
    what wie cómo che|is ist está fa|the das el il|weather Wetter tiempo tempo|in in en a|on am el -
    call ruf llama chiama|works arbeitet trabaja lavora|for für para per|find finde busca cerca
    cheap billiges barato economico|hotel Hotel hotel albergo|lives wohnt vive vive|and und y e
    loves liebt ama ama|needs braucht necesita vuole|ticket Ticket billete biglietto|a ein un un
    it es - -|rain regnet llueve piove|show zeige muestra mostra|train Zug tren treno
    cold kalt frío freddo|write schreibe escribe scrivi|visits besucht visita visita|an eine un un
    apartment Wohnung piso appartamento|wants will quiere vuole|room Zimmer habitación camera"""
"""Of the dictionaries, besides names; `-` where a language has no word for it."""

Word = tuple[str, str, int, str, str]
"""Form, part of speech, head, relation, tag."""
Name = tuple[str, Sequence[str]]
"""An article or nothing, and words."""
Slot = tuple[str, int]
"""A kind of name, and how many of its kind stand before it in the sentence."""


def names(kind: str, language: int) -> list[Name]:
    """All names of a kind, as a language has them."""
    made = []
    for line in NAMES[kind].splitlines():
        forms = line.strip().split("|")
        article, _, words = forms[language if len(forms) > 1 else 0].rpartition(":")
        made.append((article, words.split()))
    return made


def sentence(template: str, name: Callable[[Slot], Name], nouns: Sequence[str]) -> list[Word]:
    """A template with names in it; `nouns` are the kinds that are common nouns."""
    starts, made, seen = [0], [], Counter[str]()
    for part in template.split():
        *own, head, relation = part.split("/")
        number, kind = len(made), own[0].removeprefix("$")
        if len(own) == 2 or kind == own[0]:
            made.append((own[0], own[1], int(head), relation, "O"))
            starts.append(len(made))
            continue
        article, words = name((kind, seen[kind]))
        seen[kind] += 1
        if article:
            made.append((article, "DET", -(number + 2), "det", "O"))
        root = len(made) + 1
        tag = "NOUN" if kind in nouns else "PROPN"
        for place, word in enumerate(words):
            there = (int(head), relation) if not place else (-root, "flat")
            made.append((word, tag, *there, f"{'I' if place else 'B'}-{kind}"))
        starts.append(root)
    return [(w, tag, starts[head] if head > 0 else -head, relation, label)
            for w, tag, head, relation, label in made]  # fmt: skip


def _chosen(kind: str, language: int, turn: int, split: str) -> Name:
    every = names(kind, language)
    stop, first = SHARED[kind]
    own = {"train": every[:stop], "test": every[first:], "raw": every}[split]
    return own[(turn + 2 * list(NAMES).index(kind)) % len(own)]


def blocks(split: str) -> list[list[str]]:
    """An intent, and its template in each language."""
    text = (HERE / "templates.txt").read_text(encoding="utf-8")
    train, test = text.removeprefix("train:").split("test:")
    return [one.splitlines() for one in (test if split == "test" else train).strip().split("\n\n")]


def sentences(
    language: int, split: str, names_of: int | None = None, templates_of: str = ""
) -> Iterator[tuple[str, list[Word]]]:
    """Intents and sentences; those of `train` are of other names in each language.

    `names_of` is the language whose names stand in them, `templates_of` the split whose templates
    they are, by default their own.
    """
    other = language if names_of is None else names_of
    every = blocks(templates_of or split)
    nouns = ("DAY",) if other else ()
    for row in range(SIZES[split]):
        intent, *templates = every[row % len(every)]
        turn = (
            row // len(every) + 3 * (row % len(every)) + (5 * language if split == "train" else 0)
        )

        def name(slot: Slot, turn: int = turn) -> Name:
            return _chosen(slot[0], other, turn + 3 * slot[1], split)

        yield intent, sentence(templates[language], name, nouns)


def rows_of_pairs(split: str) -> Iterator[list[list[Word]]]:
    """N-way sentences, those of one row in each language; the same for every language."""
    for _, *templates in [*blocks("train"), *blocks("test")]:
        slots = [(kind, n) for kind in NAMES
                 for n in range(templates[0].count(f"${kind}/"))]  # fmt: skip
        chosen = _combinations([len(names(kind, 0)) for kind, _ in slots])
        kept = [
            one
            for one in chosen
            if len({(slot[0], at) for slot, at in zip(slots, one, strict=True)}) == len(one)
        ]
        stop = len(kept) - max(1, len(kept) // 4)
        own = kept[:stop] if split == "train" else kept[stop:]
        for one in own[: PAIRS[split]]:
            at = dict(zip(slots, one, strict=True))
            yield [
                sentence(template, lambda slot, n=n, at=at: names(slot[0], n)[at[slot]], nouns)
                for n, template in enumerate(templates)
                for nouns in [("DAY",) if n else ()]
            ]


def _combinations(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Every choice of one of each, in an order that changes all of them often."""
    every = list(product(*map(range, sizes)))
    stride = next(n for n in range(int(0.38 * prod(sizes)) + 1, prod(sizes) + 2)
                  if gcd(n, prod(sizes)) == 1)  # fmt: skip
    return [every[n * stride % len(every)] for n in range(len(every))]


def pairs(language: int, split: str) -> str:
    """The n-way sentences of a language."""
    return "".join(said(row[language]) + "\n" for row in rows_of_pairs(split))


def marked(language: int) -> str:
    """N-way sentences as they are, with marks around one name, and with marks around all."""
    made = []
    for number, row in enumerate(rows_of_pairs("train")):
        order = [slot for slot, _, _ in spans(row[0])]
        one = [order[number % len(order)]]
        made += [said(row[language], some) + "\n" for some in ([], one, order)]
    return "".join(made)


def spans(words: Sequence[Word]) -> list[tuple[Slot, int, int]]:
    """The names of a sentence: which, their first word, and the one after their last."""
    seen, made = Counter[str](), []
    for at, word in enumerate(words):
        if word[4].startswith("B-"):
            kind = word[4][2:]
            stop = next((n for n in range(at + 1, len(words)) if words[n][4] != f"I-{kind}"),
                        len(words))  # fmt: skip
            made.append(((kind, seen[kind]), at, stop))
            seen[kind] += 1
    return made


def said(words: Sequence[Word], marks: Sequence[Slot] = ()) -> str:
    """The text of a sentence, with `<a>` and `</a>` around the first of some names, and so on."""
    forms = [word for word, *_ in words]
    for slot, first, stop in spans(words):
        if slot in marks:
            letter = chr(ord("a") + marks.index(slot))
            forms[first] = f"<{letter}> {forms[first]}"
            forms[stop - 1] = f"{forms[stop - 1]} </{letter}>"
    return " ".join(forms)


def conllu(language: int, split: str) -> str:
    """The sentences of a language and a split; the last column has entities in BIO."""
    made = []
    for row, (intent, words) in enumerate(sentences(language, split)):
        own = f"-{LANGUAGES[language]}" if split == "train" else ""
        made.append(f"# sent_id = {split}{own}-{row}\n# intent = {intent}\n")
        made += [f"{at}\t{word}\t_\t{tag}\t_\t_\t{head}\t{relation}\t_\t{label}\n"
                 for at, (word, tag, head, relation, label) in enumerate(words, 1)]  # fmt: skip
        made.append("\n")
    return "".join(made)


def worded(language: int) -> list[tuple[str, str]]:
    """English words with those of a language."""
    rows = [entry.split() for line in WORDS.splitlines() for entry in line.split("|")]
    return [(row[0], row[language]) for row in rows if row[language] != "-"]


def named(language: int) -> list[tuple[str, str]]:
    """English names with those of a language."""
    return [(" ".join(own), " ".join(other))
            for kind in NAMES
            for (_, own), (_, other) in zip(names(kind, 0), names(kind, language),
                                            strict=True)]  # fmt: skip


def dictionary(pairs: Sequence[tuple[str, str]]) -> str:
    """Pairs a line."""
    return "".join(f"{one}\t{other}\n" for one, other in pairs)


def facts(split: str) -> list[list[tuple[int, dict[str, int]]]]:
    """Of each passage the kinds of its facts, and the places of the names in them."""
    kinds = (HERE / "questions.txt").read_text(encoding="utf-8").strip().split("\n\n")
    made = []
    for row in range(PASSAGES[split]):
        first, step = _number(split, row) % len(kinds), 1 + _number(row, split) % 2
        own = []
        for fact in range(FACTS):
            kind = (first + fact * step) % len(kinds)
            slots = sorted(set(re.findall(r"\$([A-Z]+2?)", kinds[kind])))
            drawn = {slot: _number(split, row, fact, slot) for slot in slots}
            places = {slot: value % len(names(slot[:3], 0)) for slot, value in drawn.items()}
            for slot in slots:  # nobody calls himself
                if slot.endswith("2") and places[slot] == places[slot[:3]]:
                    places[slot] = (places[slot] + 1) % len(names(slot[:3], 0))
            own.append((kind, places))
        made.append(own)
    return made


def _number(*parts: object) -> int:
    """A number that follows from some things."""
    return int.from_bytes(sha256(" ".join(map(str, parts)).encode()).digest()[:4], "big")


def asked(language: int, split: str) -> tuple[str, str]:
    """Passages, and queries with the ids of those that say what is asked, as TSV."""
    kinds = (HERE / "questions.txt").read_text(encoding="utf-8").strip().split("\n\n")
    passages, queries = ["id\ttext\n"], dict[tuple, list[str]]()
    for row, own in enumerate(facts(split)):
        said = [filled(kinds[kind].splitlines()[1 + language], places, language)
                for kind, places in own]  # fmt: skip
        passages.append(f"p{row}\t{' '.join(said)}\n")
        for kind, places in own:
            line = kinds[kind].splitlines()[(5 if split == "train" else 9) + language]
            slots = re.findall(r"\$([A-Z]+2?)", line)
            key = (kind, *sorted((slot, places[slot]) for slot in slots))
            queries.setdefault(key, [filled(line, places, language)]).append(f"p{row}")
    lines = [f"q{at}\t{text}\t{'|'.join(dict.fromkeys(found))}\n"
             for at, (text, *found) in enumerate(queries.values())]  # fmt: skip
    return "".join(passages), "id\ttext\trelevant\n" + "".join(lines)


def filled(line: str, places: dict[str, int], language: int) -> str:
    """A line with names, and their articles, in its slots."""

    def name(slot: re.Match[str]) -> str:
        article, words = names(slot[1][:3], language)[places[slot[1]]]
        return " ".join([article, *words] if article else words)

    return re.sub(r"\$([A-Z]+2?)", name, line)


def files() -> dict[str, str]:
    """Every file by its name."""
    made = {}
    for at, language in enumerate(LANGUAGES):
        for split in ("train", "test"):
            made[f"{language}.{split}.conllu"] = conllu(at, split)
            made[f"passages.{language}.{split}.tsv"], made[f"queries.{language}.{split}.tsv"] = (
                asked(at, split)
            )
        made[f"{language}.raw.txt"] = "".join(
            said(words) + "\n" for _, words in sentences(at, "raw")
        )
        made[f"{language}.marked.txt"] = marked(at)
        made |= {f"{language}.pairs.{split}.txt": pairs(at, split) for split in PAIRS}
        if at:
            made[f"eng-{language}.tsv"] = dictionary([*worded(at), *named(at)])
            made[f"names-{language}.tsv"] = dictionary(named(at))
    return made


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8")
