"""Bitext mining: 1,000 NTREX pairs among 60,000 sentences that have no translation.

    python benchmarks/mining.py [--student FOLDER] [--out runs/benchmark-mining]

German and English. Distractors are the Old Testament in German and the New in English (two halves
of one Testament hold the same stories twice), and Tatoeba sentences of other pairs. The threshold
comes from the 1,004 pairs of SIB-200, planted by the job itself; what it promises is compared with
the truth, which the job does not know.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

import isogloss
from isogloss import read_corpus
from isogloss.recipe.mining import Choice, mine
from isogloss.recipe.mining_stages import Search

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
DISTRACTORS = 60_000
Texts = dict[str, list[str]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--student")
    arguments.add_argument("--out", default="runs/benchmark-mining")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    if not (DATA / "bible").is_dir():
        print(f"skipped: no text in {DATA}; set ISOGLOSS_DATA")
        return
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    student = given.student or train(out)
    gold = texts(out, given.seed)
    for retrieval in ("max", "intersection", "forward"):
        start = time.perf_counter()
        result = mine(
            student, [out / "text.deu"], [out / "text.eng"], out / f"mined-{given.seed}",
            languages=("deu", "eng"), search=Search(), planted=DATA / "sib200",
            choice=Choice(retrieval=retrieval),
        )  # fmt: skip
        took = time.perf_counter() - start
        show(retrieval, out / f"mined-{given.seed}", gold, took)
        for note in result.facts.get("notes", []):
            print(f"  note: {note}")


def train(out: Path) -> str:
    """A static student of German; never sees NTREX but to be measured."""
    run = isogloss.extend(
        "all-MiniLM-L6-v2", languages=["deu"], parallel=DATA / "bible",
        held_out=DATA / "ntrex128", student="static", out=out / "student",
    )  # fmt: skip
    return str(run.model)


def texts(out: Path, seed: int) -> set[tuple[int, int]]:
    """Both texts as files, shuffled; the line numbers of the true pairs."""
    rng = np.random.default_rng(seed)
    ntrex = read_corpus(DATA / "ntrex128", languages=["deu", "eng"])
    places = []
    for tag, others in distractors().items():
        own = [text for text in ntrex.texts(tag) if text]
        mixed = np.array(own + others, object)
        shuffled = rng.permutation(len(mixed))
        (out / f"text.{tag}").write_text("\n".join(mixed[shuffled]) + "\n", encoding="utf-8")
        places.append(np.argsort(shuffled)[: len(own)] + 1)  # line of each gold sentence
        print(f"{tag}: {len(own):,} with a translation, {len(others):,} without")
    return set(zip(*(p.tolist() for p in places), strict=True))


def distractors() -> Texts:
    """Sentences of both languages that are no translations of each other."""
    bible = read_corpus(DATA / "bible", languages=["deu", "eng"])
    new = bible.ids.index("MAT.1.1")
    found = {
        "deu": [t for t in bible.texts("deu")[:new] if t],
        "eng": [t for t in bible.texts("eng")[new:] if t],
    }
    tatoeba = read_corpus(DATA / "tatoeba")
    german = [i for i, text in enumerate(tatoeba.texts("deu")) if text]
    found["deu"] += [tatoeba.texts("deu")[i] for i in german[::2]]
    skipped = set(german)
    found["eng"] += [t for i, t in enumerate(tatoeba.texts("eng")) if t and i not in skipped]
    found = {tag: list(dict.fromkeys(lines)) for tag, lines in found.items()}
    found["eng"] = found["eng"][: DISTRACTORS - len(found["deu"])]
    return found


def show(retrieval: str, folder: Path, gold: set[tuple[int, int]], took: float) -> None:
    """What was promised and what is true."""
    facts = json.loads((folder / "mined.json").read_text(encoding="utf-8"))
    rows = (folder / "bitext.tsv").read_text(encoding="utf-8").splitlines()[1:]
    found = {(int(row.split("\t")[1]), int(row.split("\t")[2])) for row in rows}
    right = len(found & gold)
    precision, recall = right / max(len(found), 1), right / len(gold)
    f1 = 2 * right / (len(found) + len(gold))
    print(f"{retrieval}: {len(found):,} pairs over the threshold, {took:.0f} s; true precision "
          f"{precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")  # fmt: skip
    print(f"  promised: {json.dumps(facts.get('calibration', facts), default=str)[:600]}")


if __name__ == "__main__":
    main()
