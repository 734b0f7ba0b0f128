"""Every initialiser on real text: a new vocabulary for MiniLM, before and after training.

    python benchmarks/vocabulary_transfer.py before [--languages deu,fin,rus,hin,arb,tam]
    python benchmarks/vocabulary_transfer.py after --steps 200 --languages fin,hin,tam \
        --initialisers random,...

For each language a Unigram tokenizer of 16,000 pieces is learned on its Bible and the English one,
and takes the place of MiniLM's. What initialisers need besides comes from the same Bibles: words
are aligned, vectors of words and tokens trained on them. P@1 is on the NTREX lines, which nothing
is trained or chosen on, each language against English in the same vocabulary, with a 95% interval.
`after` trains the student of `isogloss extend --precision bfloat16`. Results are kept in the
folder and read again, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import isogloss
from isogloss import read_corpus, registry
from isogloss.encode import load_encoder
from isogloss.measure.pair import Pair
from isogloss.measure.retrieval import retrieval_p1
from isogloss.recipe.initial_rows import Aids, Parallel
from isogloss.recipe.learning import save_tokenizer
from isogloss.recipe.replacement import replace_vocabulary
from isogloss.score import Scores
from isogloss.vocabulary.learn import learn

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
MODEL = "all-MiniLM-L6-v2"
SIZE = 16_000
SKIPPED = {"hypernetwork.v1": "is trained first", "clp.v1": "needs a small model of the language"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", nargs="?", choices=("before", "after"), default="before")
    arguments.add_argument("--languages", default="deu,fin,rus,hin,arb,tam")
    arguments.add_argument("--initialisers", default="")
    arguments.add_argument("--steps", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--out", type=Path, default=Path("runs/benchmark-vocabulary"))
    given = arguments.parse_args()
    if not (DATA / "bible").is_dir() or importlib.util.find_spec("gensim") is None:
        print(f"skipped: needs gensim and the text of {DATA}; set ISOGLOSS_DATA")
        return
    asked = [n for n in given.initialisers.split(",") if n]
    names = [registry.full_name("initialiser", n) for n in asked or registry.names("initialiser")]
    for name in [n for n in names if n in SKIPPED and not asked]:
        print(f"{name}: left out, it {SKIPPED[name]}")
        names.remove(name)
    rows = Scores()
    for language in given.languages.split(","):
        for name in names:
            kept = given.out / f"{language}-{name}-{given.what}-{given.steps}-{given.seed}.json"
            if given.what == "before":
                kept = given.out / f"{language}-{name}-before-{given.seed}.json"
            if not kept.is_file():
                run = before if given.what == "before" else after
                start = time.perf_counter()
                scores = run(language, name, given).having(system=name, seed=given.seed)
                scores.to_json(kept)
                print(f"{language} {name}: {time.perf_counter() - start:.0f} s", flush=True)
            rows += Scores.read(kept)
    show(rows, names, given.languages.split(","))


def before(language: str, name: str, given: argparse.Namespace) -> Scores:
    """The body as it is, with the new vocabulary."""
    corpus = read_corpus(DATA / "bible", languages=["eng", language])
    pivot, tag = map(str, corpus.resolve(["eng", language]))
    tokenizer = given.out / f"tokenizer-{language}"
    if not tokenizer.is_dir():
        texts = {side: [t for t in corpus.texts(side) if t] for side in (pivot, tag)}
        save_tokenizer(learn("unigram", texts, size=SIZE, special="bert"), tokenizer)
    made = given.out / "model"
    shutil.rmtree(made, ignore_errors=True)
    aids = Aids(parallel=Parallel(corpus, pivot, [pivot, tag]))
    result = replace_vocabulary(
        MODEL, made, tokenizer=tokenizer, initialise=name, aids=aids, seed=given.seed
    )
    print(f"  rows: {result.facts['rows made']}", flush=True)
    return retrieval(made, language, given.seed)


def after(language: str, name: str, given: argparse.Namespace) -> Scores:
    """The student of `isogloss extend` after so many steps, from this beginning."""
    folder = given.out / f"{language}-{name}-{given.steps}-{given.seed}"
    run = isogloss.extend(
        MODEL, languages=[language], parallel=DATA / "bible", held_out=DATA / "ntrex128",
        out=folder, student="full", surgery="replace", initialise=name, vocabulary=SIZE,
        steps=given.steps, seed=given.seed, precision="bfloat16", threads=1,
    )  # fmt: skip
    return retrieval(run.model, language, given.seed)


def retrieval(model: Path, language: str, seed: int) -> Scores:
    corpus = read_corpus(DATA / "ntrex128", languages=["eng", language])
    encoder = load_encoder(model)
    x, y = (
        next(iter(encoder.encode(corpus.texts(tag), language=str(tag)).values()))
        for tag in map(str, corpus.resolve([language, "eng"]))
    )
    pair = Pair(x, y)
    return pair.scores(retrieval_p1(pair, seed=seed), seed).scores


def show(rows: Scores, names: Sequence[str], languages: Sequence[str]) -> None:
    """P@1 from the language to English, with its interval."""
    print("\t".join(["initialiser", *languages]))
    for name in names:
        cells = []
        for language in languages:
            found = [r for r in rows.where(system=name) if (r.direction or "").startswith(language)]
            cells += [f"{r.value:.3f} [{r.low:.3f}, {r.high:.3f}]" for r in found[:1]]
        print("\t".join([name, *cells]))


if __name__ == "__main__":
    main()
