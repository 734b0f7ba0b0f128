"""Lexicon induction: word vectors of six Bibles, every way to map them, tested on dictionaries.

    python benchmarks/lexicon_induction.py [--seeds 3] [--out runs/benchmark-lexicon]

Half an hour a seed; vectors and scores are kept in the folder, so that a run that was stopped goes
on.

Vectors are trained on each Bible alone (fastText skip-gram, by gensim), so nothing but the text is
shared. Maps learn from word pairs that IBM Model 1 finds in the English Bible and another, without
the words that are tested. Tested on GATITOS, English with Spanish, French and Hindi and, joined
through English, these with each other; and on the PanLex test pairs of Finnish and Hungarian.
Pairs without English go through English as the hub, or a consensus, or the barycentre.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isogloss import read_corpus
from isogloss.corpus.lexicon import read_lexicon
from isogloss.encode.word_vectors import WordVectors, read_word_vectors, write_word_vectors
from isogloss.match.lexicon import dictionary_rows, induce
from isogloss.match.neighbours import unit
from isogloss.match.translation_table import sharpen, translation_tables
from isogloss.recipe.spaces import Spaces, fit_maps, methods, training_pairs, without_pairs
from isogloss.score import Scores
from isogloss.space.barycentre import barycentre
from isogloss.space.many import generalised_procrustes
from isogloss.space.map import Map
from isogloss.space.normalise import USUAL, normalise

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
LANGUAGES = {"eng": "en", "spa": "es", "fra": "fr", "hin": "hi", "fin": "fi", "hun": "hu"}
WITH_HUB = ("spa", "fra", "hin")
WITHOUT_HUB = (("spa", "fra"), ("spa", "hin"), ("fra", "hin"), ("fin", "hun"))
FEW = 50  # seed pairs of the semi-supervised runs
PATIENCE = 10  # of self-learning; its own 50 took four times as long
LEARNT = ("semi_supervised", "identical", "unsupervised")
LEAST = 5  # times a word must occur
Words = dict[str, list[list[str]]]
Spelt = dict[str, WordVectors]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--out", default="runs/benchmark-lexicon")
    given = arguments.parse_args()
    if not (DATA / "bible").is_dir() or importlib.util.find_spec("gensim") is None:
        print(f"skipped: needs gensim and the text of {DATA}; set ISOGLOSS_DATA")
        return
    text = verses()
    pairs = {lang: seed_pairs(text, lang) for lang in LANGUAGES if lang != "eng"}
    print("seed pairs with English: " + ", ".join(f"{k} {len(v):,}" for k, v in pairs.items()))
    rows = Scores()
    for seed in range(given.seeds):
        spelt = {lang: vectors(Path(given.out), text[lang], lang, seed) for lang in LANGUAGES}
        rows += with_hub(spelt, pairs, seed, Path(given.out)) + without_hub(spelt, pairs, seed)
    show(rows)
    rows.to_json(Path(given.out) / "scores.json")


def verses() -> Words:
    """Lower-cased words of every verse that all have."""
    corpus = read_corpus(DATA / "bible", languages=list(LANGUAGES))
    texts = {lang: corpus.texts(lang) for lang in LANGUAGES}
    kept = [row for row in zip(*texts.values(), strict=True) if None not in row]
    word = re.compile(r"[^\W\d_][\w\u0900-\u0963\u0971-\u097f’'-]*")
    return {
        lang: [word.findall(str(row[i]).lower()) for row in kept] for i, lang in enumerate(texts)
    }


def vectors(out: Path, lines: list[list[str]], lang: str, seed: int) -> WordVectors:
    """FastText skip-gram vectors, kept in a file; most frequent words first."""
    file = out / f"{lang}-{seed}.npz"
    if not file.exists():
        from gensim.models import FastText

        start = time.perf_counter()
        model = FastText(
            lines, vector_size=300, window=5, min_count=LEAST, sg=1, negative=10, epochs=10,
            seed=seed, workers=1, bucket=100_000,
        )  # fmt: skip
        write_word_vectors(file, model.wv.index_to_key, model.wv.vectors)
        print(f"{lang}, seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
    return read_word_vectors(file)


def seed_pairs(text: Words, lang: str) -> list[tuple[str, str]]:
    """English words and what both directions of IBM Model 1 say they are, frequent ones first."""
    known = [vocabulary(text[side]) for side in ("eng", lang)]
    ids = [
        [np.array([at[w] for w in line if w in at], np.int64) for line in text[side]]
        for side, at in zip(("eng", lang), known, strict=True)
    ]
    table = sharpen(*translation_tables(*ids, (len(known[0]), len(known[1])))).tocsr()
    names = list(known[1])
    found = []
    for word, row in known[0].items():
        cells = table.data[table.indptr[row] : table.indptr[row + 1]]
        if len(cells) and cells.max() > 0.5:
            best = table.indices[table.indptr[row] + cells.argmax()]
            found.append((word, names[best]))
    return found


def vocabulary(lines: list[list[str]]) -> dict[str, int]:
    """Words that occur often enough, by falling frequency."""
    counts = Counter(word for line in lines for word in line)
    return {w: i for i, (w, n) in enumerate(counts.most_common()) if n >= LEAST}


def gatitos(lang: str) -> list[tuple[str, str]]:
    """English entries, lower-cased."""
    entries = read_lexicon(DATA / "gatitos" / f"en-{LANGUAGES[lang]}.tsv.gz").entries
    return [(a.lower(), b.lower()) for a, b in entries]


def test_pairs(source: str, target: str) -> list[tuple[str, str]]:
    """Gold translations between two languages, joined through English where there are none."""
    if (source, target) == ("fin", "hun"):
        return read_lexicon(DATA / "panlex_bli" / "fi-hu.test.tsv.gz").entries
    if source == "eng":
        return gatitos(target)
    there: dict[str, list[str]] = {}
    for english, word in gatitos(target):
        there.setdefault(english, []).append(word)
    return [(a, b) for english, a in gatitos(source) for b in there.get(english, [])]


def with_hub(
    spelt: Spelt, pairs: Mapping[str, list[tuple[str, str]]], seed: int, out: Path
) -> Scores:
    """English with each: every way to map two spaces. What was scored before is read again."""
    rows = Scores()
    for lang in WITH_HUB:
        spaces = Spaces(spelt["eng"], spelt[lang], [])
        gold = test_pairs("eng", lang)
        asked = dictionary_rows(gold, spelt["eng"].words, spelt[lang].words)
        tested = {word for word, _ in gold}
        learnt = [pair for pair in pairs[lang] if pair[0] not in tested]
        known = training_pairs(dictionary_rows(learnt, spelt["eng"].words, spelt[lang].words))
        for method in methods():
            kept = out / "scores" / f"eng-{lang}-{method}-{seed}.json"
            if kept.is_file():
                rows += Scores.read(kept)
                continue
            start = time.perf_counter()
            given = known[: FEW if method == "semi_supervised" else None]
            given = None if method in without_pairs() else given
            try:
                settings = {"patience": PATIENCE} if method in LEARNT else {}
                fitted = fit_maps(method, spaces, given, seed=seed, **settings)
            except Exception as error:  # a method that cannot be fitted is a finding
                print(f"eng-{lang} {method}: {error}")
                continue
            took = time.perf_counter() - start
            x, y = fitted.source.apply(spelt["eng"].array), fitted.target.apply(spelt[lang].array)
            scored = asked_for(x, y, asked, f"eng-{lang}", method, seed)
            scored.to_json(kept)
            rows += scored
            print(f"eng-{lang} seed {seed} {method}: {took:.0f} s", flush=True)
    return rows


def without_hub(spelt: Spelt, pairs: Mapping[str, list[tuple[str, str]]], seed: int) -> Scores:
    """Pairs without English: through it, through a consensus, through the barycentre."""
    tested = {word for lang in WITH_HUB for word, _ in gatitos(lang)}
    prepared = {lang: normalise(v.array, USUAL) for lang, v in spelt.items()}
    x = {lang: prepared[lang].apply(v.array) for lang, v in spelt.items()}
    at = {lang: {w: i for i, w in enumerate(v.words)} for lang, v in spelt.items()}
    learnt = {
        lang: [(at["eng"][e], at[lang][w]) for e, w in found
               if e not in tested and e in at["eng"] and w in at[lang]]
        for lang, found in pairs.items()
    }  # fmt: skip
    hub = {"eng": Map()}
    for lang, rows in learnt.items():
        i, j = np.array(rows).T
        hub[lang] = rotation(x[lang][j], x["eng"][i])
    meanings, ids = {"eng": x["eng"]}, {"eng": np.arange(len(x["eng"]))}
    for lang, rows in learnt.items():
        once = dict(rows)  # one word for each English word: a meaning
        ids[lang] = np.array(list(once))
        meanings[lang] = x[lang][list(once.values())]
    ways = {
        "hub: English": hub,
        "consensus": generalised_procrustes(meanings, ids),
        "barycentre": barycentre(x, start=hub, size=2000),
    }
    rows = Scores()
    for way, maps in ways.items():
        mapped = {lang: maps[lang].apply(v) for lang, v in x.items()}
        for source, target in WITHOUT_HUB:
            gold = test_pairs(source, target)
            asked = dictionary_rows(gold, spelt[source].words, spelt[target].words)
            pair = f"{source}-{target}"
            rows += asked_for(mapped[source], mapped[target], asked, pair, way, seed)
    return rows


def rotation(source: np.ndarray, target: np.ndarray) -> Map:
    from isogloss.space.linear import fit

    return fit("procrustes", source=source, target=target)


def asked_for(x: np.ndarray, y: np.ndarray, asked, pair: str, way: str, seed: int) -> Scores:
    found = Scores()
    for score in ("cosine", "csls"):
        found += induce(unit(x), unit(y), asked, score=score, seed=seed, dataset=pair, system=way)
    return found


def show(rows: Scores) -> None:
    """P@1 by CSLS and by nearest neighbour: mean over seeds, spread, interval of the first seed."""
    print("pair\tmethod\tP@1 CSLS (mean of seeds)\tspread\t95% of seed 0\tP@1 nearest\tP@5\t"
          "MRR\tn\tcoverage")  # fmt: skip
    for pair, way in dict.fromkeys((r.dataset, r.system) for r in rows):

        def values(measure: str, score: str, pair=pair, way=way) -> list:
            return [r for r in rows.where(dataset=pair, system=way, measure=measure)
                    if r.settings["score"] == score]  # fmt: skip

        p1 = values("lexicon_p1", "csls")
        means = [np.mean([r.value for r in values(m, s)]) for m, s in (
            ("lexicon_p1", "csls"), ("lexicon_p1", "cosine"), ("lexicon_p5", "csls"),
            ("lexicon_mrr", "csls"))]  # fmt: skip
        spread = max(r.value for r in p1) - min(r.value for r in p1)
        print(f"{pair}\t{way}\t{means[0]:.3f}\t{spread:.3f}\t[{p1[0].low:.3f}, {p1[0].high:.3f}]"
              f"\t{means[1]:.3f}\t{means[2]:.3f}\t{means[3]:.3f}\t{p1[0].n}\t"
              f"{p1[0].settings['coverage']:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
