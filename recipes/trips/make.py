"""Write the sentences, dictionaries and parallel text of this folder: `python make.py`.

What people say about trips, in four languages, with intents, entities, parts of speech and trees.
Sentences are templates filled with names; templates and most names of the test are not those of
training. Nothing is drawn: the same files come out every time.

`templates.txt` has, of each split, an intent and the same sentence in each language, as
word/part of speech/head/relation: heads count the parts of the line from 1, and `$LOC` and the
like stand for a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
LANGUAGES = ("eng", "deu", "spa", "ita")
SIZES = {"train": 96, "test": 48, "raw": 120}
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


def names(kind: str, language: int) -> list[Name]:
    """All names of a kind, as a language has them."""
    made = []
    for line in NAMES[kind].splitlines():
        forms = line.strip().split("|")
        article, _, words = forms[language if len(forms) > 1 else 0].rpartition(":")
        made.append((article, words.split()))
    return made


def sentence(template: str, language: int, turn: int, split: str) -> list[Word]:
    """A template of a language with names in it; the same `turn` gives the same ones in each."""
    starts, made, seen = [0], [], Counter[str]()
    for part in template.split():
        *own, head, relation = part.split("/")
        number, kind = len(made), own[0].removeprefix("$")
        if len(own) == 2 or kind == own[0]:
            made.append((own[0], own[1], int(head), relation, "O"))
            starts.append(len(made))
            continue
        article, words = _chosen(kind, language, turn + 3 * seen[kind], split)
        seen[kind] += 1
        if article:
            made.append((article, "DET", -(number + 2), "det", "O"))
        root = len(made) + 1
        tag = "NOUN" if kind == "DAY" and language else "PROPN"
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


def sentences(language: int, split: str) -> Iterator[tuple[str, list[Word]]]:
    """Intents and sentences; those of `train` are of other names in each language."""
    text = (HERE / "templates.txt").read_text(encoding="utf-8")
    train, test = text.removeprefix("train:").split("test:")
    blocks = (test if split == "test" else train).strip().split("\n\n")
    for row in range(SIZES[split]):
        intent, *templates = blocks[row % len(blocks)].splitlines()
        turn = (
            row // len(blocks) + 3 * (row % len(blocks)) + (5 * language if split == "train" else 0)
        )
        yield intent, sentence(templates[language], language, turn, split)


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


def dictionary(language: int) -> str:
    """English words and names with those of a language."""
    rows = [entry.split() for line in WORDS.splitlines() for entry in line.split("|")]
    pairs = [(row[0], row[language]) for row in rows if row[language] != "-"]
    for kind in NAMES:
        pairs += [(" ".join(own), " ".join(other))
                  for (_, own), (_, other) in zip(names(kind, 0), names(kind, language),
                                                  strict=True)]  # fmt: skip
    return "".join(f"{one}\t{other}\n" for one, other in pairs)


def files() -> dict[str, str]:
    """Every file by its name."""
    made = {}
    for at, language in enumerate(LANGUAGES):
        for split in ("train", "test"):
            made[f"{language}.{split}.conllu"] = conllu(at, split)
        made[f"{language}.raw.txt"] = "".join(
            " ".join(word for word, *_ in words) + "\n" for _, words in sentences(at, "raw")
        )
        if at:
            made[f"eng-{language}.tsv"] = dictionary(at)
    return made


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8")
