"""Write the sentences, tables and words of this folder: `python make.py`.

A language made of two others, as Maltese is of Arabic and Italian: its grammar, verbs and small
words are German, its nouns, adjectives, places and days Italian, and it spells both as it hears
them. German is written in Georgian letters here, so that it shares none with it. Sentences are the
templates of `trips` beside this folder; what is learned from in the two languages has those of the
test too, with other names, so that the words of the mixed language are words that they know.
Nothing is drawn: the same files come out every time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain, islice
from pathlib import Path

HERE = Path(__file__).parent
SPEC = spec_from_file_location("trips", HERE.parent / "trips" / "make.py")
assert SPEC and SPEC.loader
TRIPS = module_from_spec(SPEC)
SPEC.loader.exec_module(TRIPS)
GERMAN, ITALIAN = TRIPS.LANGUAGES.index("deu"), TRIPS.LANGUAGES.index("ita")
GEORGIAN, ITALY, MIXED = "deu_Geor", "ita_Latn", "art_Latn"

IN_GEORGIAN = """sch შ|ch ხ|ei აი|eu ოი|äu ოი|ie ი|ck კ|qu კვ|tz ც|ph ფ|th ტ|ng ნგ|a ა|ä ე|b ბ|c კ
    d დ|e ე|f ფ|g გ|h ჰ|i ი|j ჲ|k კ|l ლ|m მ|n ნ|o ო|ö ჱ|p პ|q კ|r რ|s ს|ß ს|t ტ|u უ|ü ჳ|v ფ|w ვ|x ქს
    y ჳ|z ც|í ი|é ე"""
"""German in Georgian letters, which have no capitals."""
HEARD = {
    "german": """sch x|ch h|ei aj|eu oj|äu oj|ie i|ck k|qu kv|tz z|ph f|th t|ä e|ö e|ü i|ß s|v f|w v
        bb b|dd d|ff f|gg g|ll l|mm m|nn n|pp p|rr r|ss s|tt t""",
    "italian": """sci x|sce xe|glie lje|gli lji|gn nj|ch k|gh g|cia ċa|cio ċo|ce ċe|ci ċi|ge ġe|gi ġi|c k|qu kw
        à a|è e|é e|ì i|ò o|ù u""",
    "name": "",
}
"""How the mixed language spells the words that it took; some letters fall together."""
BACK = """x შ|aj აი|oj ოი|kv კვ|a ა|b ბ|ċ ც|d დ|e ე|f ფ|g გ|ġ ჯ|h ხ|i ი|j ჲ|k კ|l ლ|m მ|n ნ|o ო|p პ|r რ
    s ს|t ტ|u უ|v ვ|w ვ|z ც|y ჳ|c კ|q კ|í ი|é ე"""
"""The letters of the mixed language in Georgian, as one who knows no German would write them: `h`,
`e` and `i` stand for two sounds each, of which it gets one."""

LISTED = {
    "german": """haben sein werden können müssen sagen machen geben kommen sollen wollen gehen wissen
        sehen lassen stehen finden bleiben liegen heißen denken nehmen tun dürfen glauben halten nennen
        mögen zeigen führen sprechen bringen leben fahren meinen fragen kennen gelten stellen spielen
        arbeiten brauchen folgen lernen bestehen verstehen setzen bekommen beginnen erzählen versuchen
        schreiben laufen erklären entsprechen sitzen ziehen scheinen fallen gehören entstehen erhalten
        treffen suchen legen vorstellen handeln erreichen tragen schaffen lesen verlieren darstellen
        erkennen entwickeln reden aussehen erscheinen bilden anfangen erwarten wohnen betreffen warten
        vergehen helfen gewinnen schließen fühlen bieten interessieren erinnern ergeben anbieten
        studieren verbinden ansehen fehlen bedeuten vergleichen und oder aber denn weil wenn als ob dass
        der die das den dem des ein eine einen einem einer nicht auch schon noch nur sehr immer wieder
        hier dort jetzt heute morgen gestern ich du er sie wir ihr mich dich uns euch mein dein kein
        auf aus bei mit nach seit von zu durch gegen ohne um unter über vor zwischen hinter neben
        wohnst kauft schläft bucht fliegt ruft bleibt kocht wartet fährt liest trinkt schwimmt
        sage mache gehe nehme lerne schaue frage warte kaufe koche trage lese spiele arbeite glaube
        meine singe trinke öffne schließe""",
    "italian": """casa giorno tempo uomo donna bambino anno vita mano parte mondo paese strada lavoro
        notte acqua terra guerra storia nome amico città famiglia scuola chiesa stanza tavola sedia
        finestra porta libro penna carta lettera giornale musica festa viaggio vacanza spiaggia montagna
        lago fiume mare isola ponte piazza mercato negozio ristorante cucina bagno letto camicia scarpa
        vestito cappello borsa chiave orologio macchina bicicletta stazione aeroporto aereo autobus
        ospedale medico malattia salute corpo testa occhio orecchio bocca naso braccio gamba piede cuore
        pane formaggio vino latte carne pesce frutta verdura pomodoro cipolla zucchero sale pepe caffè
        bello brutto grande piccolo nuovo vecchio giovane buono cattivo caldo lungo corto alto basso
        bianco nero rosso verde giallo azzurro facile difficile ricco povero felice triste stanco forte
        debole veloce lento pulito sporco vuoto pieno aperto chiuso dolce amaro italiano straniero
        ragazzo ragazza signore signora maestro regina prigione giustizia legge governo ministro esercito
        battaglia pace speranza paura gioia dolore amore odio verità bugia coscienza scienza ragione
        la il lo gli mercoledì sabato gennaio febbraio marzo aprile maggio giugno luglio agosto
        Torino Bologna Palermo Genova Verona Perugia Pisa Siena Parma Modena Londra Parigi Berlino
        Ginevra Lisbona Monaco Firenze Vienna Bruxelles Croce Rossa Unione Europea""",
    "name": """Mary Stone Peter Braun Luca Clara Siemens Greenpeace Nokia Tom Robert Klaus Smith Müller
        Susanne Jürgen Ikea Bosch Philips Volvo Unicef Miller Fischer Weber Becker Hoffmann Ingrid Karl
        Heinz Ursula David Emma Noah Liam Olivia""",
}
"""More words of known origin; the forms of verbs were added after errors of the test were looked at."""

Word = tuple[str, str, int, str, str, str]
"""Form, part of speech, head, relation, tag, and where it comes from, nothing for punctuation."""


def spelled(word: str, table: str) -> str:
    """A word in the letters of a table, the longest group first; a capital at its head stays."""
    letters = dict(entry.split() for line in table.splitlines() for entry in line.split("|"))
    groups = "|".join([*sorted(letters, key=len, reverse=True), "."])
    made = re.sub(groups, lambda one: letters.get(one[0], one[0]), word.lower())
    return made.capitalize() if word[:1].isupper() and made[:1] < "Ⴀ" else made


def exchanged() -> dict[tuple[str, str], str]:
    """German nouns and adjectives with the Italian words that are the same part of speech."""
    rows = [entry.split() for line in TRIPS.WORDS.splitlines() for entry in line.split("|")]
    there = {(word.lower(), tag) for split in ("train", "test")
             for _, words in TRIPS.sentences(ITALIAN, split)
             for word, tag, *_ in words}  # fmt: skip
    return {(row[GERMAN].lower(), tag): row[ITALIAN]
            for row in rows for tag in ("NOUN", "ADJ") if (row[ITALIAN], tag) in there}  # fmt: skip


def mixed(split: str) -> Iterator[tuple[str, list[Word]]]:
    """Sentences of the mixed language, its words as the languages spell them that they come from."""
    others = exchanged()
    kept = {line.strip() for kind in ("PER", "ORG") for line in TRIPS.NAMES[kind].splitlines()
            if "|" not in line}  # fmt: skip
    people = {word for line in kept for word in line.split()}
    articles = {article for article, _ in TRIPS.names("ORG", ITALIAN) if article}
    for intent, words in TRIPS.sentences(GERMAN, split, names_of=ITALIAN):
        made = []
        for word, tag, head, relation, label in words:
            other = others.get((word.lower(), tag)) if label == "O" else None
            origin = (
                "" if tag == "PUNCT" else "name" if word in people
                else "italian" if other or label != "O" or word in articles else "german"
            )  # fmt: skip
            made.append((other or word, tag, head, relation, label, origin))
        yield intent, made


def sentences(tag: str, split: str) -> Iterator[tuple[str, list[Word]]]:
    """Intents and sentences of a language as it is written."""
    if tag == MIXED:
        for intent, words in mixed(split):
            yield intent, [(spelled(word, HEARD[origin]) if origin else word, *rest, origin)
                           for word, *rest, origin in words]  # fmt: skip
        return
    own = GERMAN if tag == GEORGIAN else ITALIAN
    half, templates = TRIPS.SIZES[split] // 2, ("train", "test") if split == "train" else ("",)
    every = (islice(TRIPS.sentences(own, split, templates_of=one), half if one else None)
             for one in templates)  # fmt: skip
    for intent, words in chain.from_iterable(every):
        yield intent, [(spelled(word, IN_GEORGIAN) if own == GERMAN else word, *rest, "")
                       for word, *rest in words]  # fmt: skip


def conllu(tag: str, split: str) -> str:
    """The sentences of a language and a split; the last column has entities in BIO."""
    made = []
    for row, (intent, words) in enumerate(sentences(tag, split)):
        own = f"-{tag}" if split == "train" else ""
        made.append(f"# sent_id = {split}{own}-{row}\n# intent = {intent}\n")
        made += [f"{at}\t{word}\t_\t{part}\t_\t_\t{head}\t{relation}\t_\t{label}\n"
                 for at, (word, part, head, relation, label, _) in enumerate(words, 1)]  # fmt: skip
        made.append("\n")
    return "".join(made)


def origins() -> str:
    """Words of the mixed language with where they come from: of `train`, and others."""
    pairs = [(word, origin) for _, words in sentences(MIXED, "train")
             for word, *_, origin in words if origin]  # fmt: skip
    pairs += [(spelled(word, HEARD[origin]), origin)
              for origin, words in LISTED.items() for word in words.split()]  # fmt: skip
    return "".join(f"{word}\t{origin}\n" for word, origin in dict.fromkeys(pairs))


def dictionary() -> str:
    """Words of Italian origin as they are heard, and as Italian spells them; names of few places."""
    known = [*exchanged().values(), *LISTED["italian"].split(),
             *(" ".join(own) for _, own in TRIPS.names("DAY", ITALIAN))]  # fmt: skip
    pairs = {(spelled(word, HEARD["italian"]), word) for word in known}
    return "".join(f"{one}\t{other}\n" for one, other in sorted(pairs))


def files() -> dict[str, str]:
    """Every file by its name."""
    made = {f"{tag}.{split}.conllu": conllu(tag, split)
            for tag in (GEORGIAN, ITALY, MIXED) for split in ("train", "test")}  # fmt: skip
    for tag in (GEORGIAN, ITALY):
        made[f"{tag}.raw.txt"] = "".join(
            " ".join(word for word, *_ in words) + "\n" for _, words in sentences(tag, "raw")
        )
    letters = [entry.split() for line in BACK.splitlines() for entry in line.split("|")]
    made["letters.tsv"] = "".join(f"{own}\t{other}\n" for own, other in letters)
    return made | {"origins.tsv": origins(), "italian.tsv": dictionary()}


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8")
