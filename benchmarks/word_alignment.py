"""Word alignment: the links and the speed of SimAlign, and agreement with gold links.

    python benchmarks/word_alignment.py speed [--pairs 500] [--layer 4]
    python benchmarks/word_alignment.py gold [--student FOLDER ...]

`speed` links German-English NTREX lines with SimAlign 0.4 and here, same model and layer, in turns.
`gold` scores every method at every layer on the shared gold sets; method settings and the default
layer were chosen on development sets, which are not among them.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from isogloss import read_corpus
from isogloss.encode import load_encoder
from isogloss.encode.resolve import find_model
from isogloss.match.word_alignment import align_words
from isogloss.recipe.word_alignment import Text, align, middle, read_text, score

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
SETS = {
    "fra": "en-fr.test", "dan": "en-da.xlwa-test", "spa": "en-es.xlwa-test",
    "ita": "en-it.xlwa-test", "nld": "en-nl.xlwa-test", "hun": "en-hu.xlwa-test",
}  # fmt: skip
METHODS = (
    "forward", "intersection", "itermax", "mwmf", "softmax", "entmax", "transport",
    "partial_transport", "unbalanced_transport",
)  # fmt: skip
THEIRS = {"inter": "intersection", "itermax": "itermax", "mwmf": "mwmf"}
DEMO = "all-MiniLM-L6-v2"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("case", nargs="?", choices=["speed", "gold"])
    arguments.add_argument("--pairs", type=int, default=500)
    arguments.add_argument("--layer", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--student", action="append", default=[])
    given = arguments.parse_args()
    if not (DATA / "word_alignment").is_dir():
        print(f"skipped: no text in {DATA}; set ISOGLOSS_DATA")
        return
    if given.case != "gold":
        speed(given.pairs, given.layer, given.rounds)
    if given.case != "speed":
        gold([DEMO, *given.student])


def speed(pairs: int, layer: int, rounds: int) -> None:
    """The same links as SimAlign, and how much sooner."""
    if importlib.util.find_spec("simalign") is None:
        print("speed skipped: needs pip install isogloss[bench]")
        return
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    from simalign import SentenceAligner

    corpus = read_corpus(DATA / "ntrex128", languages=["deu", "eng"])
    source, target = ([t.split() for t in corpus.texts(x)[:pairs]] for x in ("deu", "eng"))
    folder = str(find_model(DEMO).body)
    their = {
        methods: SentenceAligner(
            model=folder, token_type="bpe", matching_methods=methods, layer=layer
        )
        for methods in ("mai", "a")
    }
    encoder = load_encoder(DEMO)

    def vectors() -> list:
        return [encoder.encode_words(s, layers=[layer])[layer] for s in (source, target)]

    def run_theirs(methods: str) -> list:
        return [their[methods].get_word_aligns(a, b) for a, b in zip(source, target, strict=True)]

    everything = list(THEIRS.values())
    ready = vectors()
    embedded = [
        (ready[0].array[a:b], ready[1].array[c:d])
        for (a, b), (c, d) in zip(
            *(zip(side.starts[:-1], side.starts[1:], strict=True) for side in ready), strict=True
        )
    ]

    def extract_theirs() -> None:
        for x, y in embedded:
            similarity = SentenceAligner.get_similarity(x, y)
            forward, backward = SentenceAligner.get_alignment_matrix(similarity)
            _ = forward * backward
            SentenceAligner.get_max_weight_match(similarity)
            SentenceAligner.iter_max(similarity)

    contests: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "three methods, end to end": (
            lambda: run_theirs("mai"), lambda: align_words(*vectors(), everything)
        ),
        "inter alone, end to end": (
            lambda: run_theirs("a"), lambda: align_words(*vectors(), ["intersection"])
        ),
        "three methods, vectors given": (extract_theirs, lambda: align_words(*ready, everything)),
    }  # fmt: skip
    for name, sides in contests.items():
        taken = [[timed(side) for side in sides] for _ in range(rounds)]
        a, b = (statistics.median(column) for column in zip(*taken, strict=True))
        print(
            f"{name}: SimAlign {pairs / a:.1f} pairs/s, Isogloss {pairs / b:.1f} pairs/s, "
            f"ratio {a / b:.1f} (median of {rounds} rounds in turns)"
        )
    found, wanted = align_words(*ready, everything), run_theirs("mai")
    for theirs, ours in THEIRS.items():
        both = [(set(w[theirs]), set(f.pairs)) for w, f in zip(wanted, found[ours], strict=True)]
        same, either = (sum(len(op(a, b)) for a, b in both) for op in (set.intersection, set.union))
        print(f"{theirs}: {same} of {either} links alike ({same / either:.4%}), n = {pairs} pairs")


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def gold(models: list[str]) -> None:
    """AER, F1 and F1 of null words for every set, model, layer and method."""
    texts = {tag: read_text(DATA / "word_alignment" / f"{name}.tsv.gz")
             for tag, name in SETS.items()}  # fmt: skip
    print("AER / F1 / null F1 of English with each; half widths of 95% intervals of the AER are "
          f"{halfwidth(texts)}")  # fmt: skip
    print("model\tlayer\tmethod\t" + "\t".join(texts) + "\tmean AER")
    for model in models:
        layers = load_encoder(model).layers
        for layer in layers:
            usual = " (default)" if layer == middle(layers) else ""
            found = {t: align(model, text, methods=METHODS, layer=layer)
                     for t, text in texts.items()}  # fmt: skip
            for method in METHODS:
                made = {tag: {method: links[method]} for tag, links in found.items()}
                line(f"{Path(model).parent.name or model}\t{layer}{usual}\t{method}", texts, made)
    for model in ("ibm1", "fast_align", "hmm", "ibm4", "eflomal"):
        for extra in (False, True):
            text = {t: with_silver(text, t) if extra else text for t, text in texts.items()}
            found = {t: align(model, one, methods=["grow_diag_final_and", "intersection"])
                     for t, one in text.items()}  # fmt: skip
            about = "with silver text" if extra else "this text alone"
            for method in ("grow_diag_final_and", "intersection"):
                made = {
                    t: {method: links[method][: len(texts[t].ids)]} for t, links in found.items()
                }
                line(f"{model}\t{about}\t{method}", texts, made)


def with_silver(text: Text, tag: str) -> Text:
    """The pairs and, behind them, those of the silver training file, whose links are not read."""
    name = SETS[tag].replace("xlwa-test", "silver-train")
    if name == SETS[tag]:
        return text
    more = read_text(DATA / "word_alignment" / f"{name}.tsv.gz")
    return text._replace(
        ids=text.ids + more.ids, source=text.source + more.source, target=text.target + more.target
    )


def line(label: str, texts: dict[str, Text], found: dict[str, dict]) -> None:
    cells, errors = [], []
    for tag, links in found.items():
        rows = {row.measure: row.value for row in score(texts[tag], links)}
        aer, f1, null = (rows[k] or 0 for k in ("alignment_aer", "alignment_f1", "null_f1"))
        cells.append(f"{aer:.3f} / {f1:.3f} / {null:.3f}")
        errors.append(aer)
    print(f"{label}\t" + "\t".join(cells) + f"\t{statistics.mean(errors):.3f}", flush=True)


def halfwidth(texts: dict[str, Text]) -> str:
    """How wide intervals are, from one method: half widths by set."""
    found = []
    for tag, text in texts.items():
        rows = score(text, align("ibm1", text, methods=["intersection"]))
        [row] = rows.where(measure="alignment_aer")
        found.append(f"{tag} {(row.high - row.low) / 2:.3f}")
    return ", ".join(found)


if __name__ == "__main__":
    main()
