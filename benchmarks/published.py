"""Published systems beside the same run without their distinctive part, on real text, over seeds.

    python benchmarks/published.py SBERT-Multilingual-KD [LaBSE ...] [--seeds 3]

Runs `recipes/NAME.toml` once a seed, on the texts below instead of its own where there are any.
Prints what its `compare.v1` steps found: the change of each measure that is told, its 95% interval
over items and its p after Holm, seed by seed, then the mean over seeds and how far they are apart.
Nothing is chosen on the text that is measured. Stopped runs go on, and finished ones are read.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import isogloss
from isogloss.report.rows import compared
from isogloss.score import Score, Scores
from isogloss.settings import read_toml

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
BIBLE, NTREX = DATA / "bible", DATA / "ntrex128"
SIB200 = f"{DATA / 'sib200'}/{{language}}/test.tsv.gz?id=index_id&text=text"
CAPTIONS = DATA / "xtd10" / "captions.{language}.txt.gz"
GOLD = [
    {"source": "eng", "target": tag, "gold": str(DATA / "word_alignment" / f"{name}.tsv.gz")}
    for tag, name in {"spa": "en-es.xlwa-test", "ita": "en-it.xlwa-test"}.items()
]
WORDS = "languages=eng,deu,fin,rus"  # of which a translator word by word is learned
SMALL = ("deu", "spa", "rus", "ara")  # of the recipes of small models
TEXTS: dict[str, dict[str, Any]] = {
    "SBERT-Multilingual-KD": {"train": BIBLE, "held_out": NTREX, "languages": ("fin", "vie")},
    "LaBSE": {"train": BIBLE, "held_out": NTREX, "languages": ("fin", "vie")},
    # Words of the captions are few enough to seek each among all.
    "CaoAlign": {
        "train": NTREX, "held_out": CAPTIONS, "languages": ("spa", "ita"),
        "steps": {f"links-{arm}": {"pairs": GOLD} for arm in ("before", "held-alone", "aligned")},
    },
    "awesome-align": {
        "train": NTREX, "held_out": CAPTIONS, "languages": ("spa", "ita"),
        "steps": {f"links-{arm}": {"pairs": GOLD} for arm in ("before", "mlm-alone", "awesome")},
    },
    "TransliCo": {
        "train": BIBLE, "held_out": SIB200,
        "languages": ("hin", "ben", "mar", "tel", "rus", "ukr", "ell"),
    },
    "LT-SFT": {"train": BIBLE, "held_out": NTREX, "languages": ("deu", "por")},
    "PreAlign": {
        "train": f"{BIBLE}?clone=eng", "words": f"{BIBLE}?clone_words=eng",
        "held_out": f"{NTREX}?clone=eng", "languages": ("eng_Geor",),
    },
    "LASER3": {"train": BIBLE, "held_out": NTREX, "languages": ("fin",)},
    "BabelNet-LexSpec": {
        "train": DATA / "gatitos", "held_out": NTREX, "languages": ("spa", "fra", "hin"),
    },
    "MAD-X": {"languages": SMALL},  # labels of its own text
    **{
        name: {"train": BIBLE, "held_out": NTREX, "languages": SMALL}
        for name in ("InfoXLM", "LayRA", "Sparse-Subnetwork-LAPE", "mmBERT", "LangSAMP", "DAP")
    },
    "ZeroPOS-HMM": {
        "raw": NTREX, "languages": ("deu", "spa", "fra"), "model": "all-MiniLM-L6-v2",
        "steps": {"tags": {
            "suite": "ud_english_ewt:upos", "tests": "ud_pud:upos", "data": str(DATA),
            "model": "teacher", "targets": ["deu", "spa", "fra"], "tuning": {"epochs": 1},
        }},
    },
    "BEA-RaRe": {
        "model": "all-MiniLM-L6-v2",
        "steps": {step: {
            "suite": "masakhaner2:entities", "data": str(DATA), "model": "teacher",
            "source": ["hau", "swa", "yor"], "targets": ["pcm"], "tuning": {"epochs": 0.5},
        } for step in ("without-labels", "with-few-labels")},
    },
    **{
        name: {"steps": {step: {
            "suite": "sib200", "data": str(DATA), "translator": f"parallel:{BIBLE}?{WORDS}",
            "targets": ["deu", "fin", "rus"],
        } for step in steps}}
        for name, steps in {
            "CostBenefitCLT": ["ways"],
            "TranslationArtifacts": ["translated-tests", "tests-as-they-are"],
        }.items()
    },
}  # fmt: skip
"""Of each recipe its texts by name, `languages`, `model`, and `steps`: settings of some by name."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("names", nargs="+", help="recipes, as in recipes/NAME.toml")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--out", type=Path, default=Path("runs/benchmark-published"))
    given = arguments.parse_args()
    if not BIBLE.is_dir():
        print(f"skipped: needs the text of {DATA}; set ISOGLOSS_DATA")
        return
    for name in given.names:
        runs = []
        for seed in range(given.seeds):
            start = time.perf_counter()
            about = dict(TEXTS.get(name, {}))
            languages, steps = about.pop("languages", ()), about.pop("steps", {})
            recipe = read_toml(f"recipes/{name}.toml")
            recipe |= {"model": about.pop("model")} if "model" in about else {}
            for step in recipe["steps"]:
                step |= steps.get(step["name"], {})
                step |= {"seeds": [seed]} if step["use"] == "transfer.v1" else {}
            folder = given.out / f"{name}-{seed}"
            run = isogloss.run(recipe, out=folder, seed=seed, languages=languages, texts=about)
            print(f"{name}, seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
            runs.append(run.scores)
        show(name, runs)


def show(name: str, runs: Sequence[Scores]) -> None:
    """The changes of all seeds, and their mean."""
    found: dict[tuple[Any, ...], list[tuple[Score, Score, Score]]] = {}
    for scores in runs:
        for row in scores.where(stage="change"):
            if row.strategy and (row.language is None or row.settings.get("forgetting")):
                continue
            tried = row.strategy or row.system
            key = (tried, row.settings.get("against"), row.measure, row.language, row.direction,
                   row.layer)  # fmt: skip
            found.setdefault(key, []).append((*_sides(scores, row), row))
    print(
        f"\n{name}: means of {len(runs)} seeds; changes seed by seed with 95% intervals over items"
    )
    for (system, against, measure, *place), rows in sorted(found.items(), key=str):
        means = [sum(float(one[i].value or 0) for one in rows) / len(rows) for i in range(3)]
        seeds = "  ".join(
            f"{c.value:+.3f} [{c.low:+.3f}, {c.high:+.3f}] p {_p(c):.3f}" for _, _, c in rows
        )
        spread = max(c.value or 0 for *_, c in rows) - min(c.value or 0 for *_, c in rows)
        print(
            f"{system} against {against or 'the start'} | {measure} | "
            + " ".join(str(p) for p in place if p is not None)
            + f" | n {rows[0][2].n} | {means[0]:.3f} -> {means[1]:.3f}, change {means[2]:+.3f} "
            f"(seeds apart {spread:.3f}) | {seeds}"
        )


def _p(change: Score) -> float:
    """After Holm, where it is one of several."""
    adjusted = change.settings["p_holm"]
    return change.settings["p"] if adjusted is None else adjusted


def _sides(scores: Scores, change: Score) -> tuple[Score, Score]:
    """What a change compares: two models, or two strategies over seeds."""
    if change.strategy is None:
        return compared(scores, change)
    at = {"measure": change.measure, "language": change.language, "stage": None, "seed": None}
    names = (change.settings["against"], change.strategy)
    one, other = (scores.where(strategy=name, **at)[-1] for name in names)
    return one, other


if __name__ == "__main__":
    main()
