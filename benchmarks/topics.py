"""SIB-200 topics from English: plain MiniLM beside students that were extended to other languages.

    python benchmarks/topics.py [--students static-seed,static-bible,full-bible]
                                [--learner probe|tune] [--languages TAGS] [--steps N]

Extends MiniLM on text that SIB-200 has no part in (NLLB-Seed, Bibles), teaches each model the
topics on English lines alone, and prints accuracy by language: MiniLM, each student where it was
extended, and MiniLM taught on the language's own lines, which people translated: the upper bound.
Differences are those of `isogloss compare`: paired by example, over the mean of the seeds; p after
Holm over the languages of a student. Languages in Latin letters are told apart from the others.
Runs that are there are read.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

import isogloss
from isogloss.recipe.runs import Run
from isogloss.score import Scores

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
MODEL = "all-MiniLM-L6-v2"
SEED = "ace_Arab arz bam ban bjn dik grn hne kas lim ltg mni mri szl taq tzm".split()
BIBLE = (
    "arb ben ces cmn dan deu ell eus fin fra heb hin hun ita lvs mar mya nld nob pol por rus spa "
    "swe tel ukr"
).split()
FAR = "arb ben cmn ell heb hin mar mya rus tel ukr".split()
STUDENTS = {
    "static-seed": {"languages": SEED, "parallel": DATA / "nllb_seed", "held_out": DATA / "sib200",
                    "student": "static"},
    "static-bible": {"languages": BIBLE, "parallel": DATA / "bible",
                     "held_out": DATA / "ntrex128", "student": "static"},
    "full-bible": {"languages": FAR, "parallel": DATA / "bible", "held_out": DATA / "ntrex128",
                   "student": "full", "precision": "bfloat16"},
}  # fmt: skip
"""On SIB-200 the first is only measured: NTREX has two of its languages."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--students", default=",".join(STUDENTS))
    arguments.add_argument("--languages", default="", help="of each student's; all by default")
    arguments.add_argument("--learner", default="probe", choices=["probe", "tune"])
    arguments.add_argument("--steps", type=int, help="of extending; its own default by default")
    arguments.add_argument("--seeds", default="0,1,2")
    arguments.add_argument("--out", type=Path, default=Path("runs/benchmark-topics"))
    given = arguments.parse_args()
    if not (DATA / "sib200").is_dir():
        print(f"skipped: needs the text of {DATA}; set ISOGLOSS_DATA")
        return
    for name in given.students.split(","):
        about = STUDENTS[name]
        asked = given.languages.split(",") if given.languages else about["languages"]
        wanted = [tag for tag in about["languages"] if tag in asked]
        told = f"{given.steps or 'all'}-{len(wanted)}"
        extended = isogloss.extend(
            MODEL,
            **{**about, "languages": wanted},
            steps=given.steps,
            out=given.out / f"{name}-{told}",
        )
        learner = "probe" if about["student"] == "static" else given.learner
        runs = [
            taught(system, which, wanted, learner, given, f"{name}-{told}")
            for system, which in ((MODEL, "plain"), (str(extended.model), "student"))
        ]
        change = isogloss.compare(
            *(run.folder for run in runs), strategies=["zero_shot"], data=str(DATA),
            out=given.out / f"{name}-{told}-{learner}-change",
        )  # fmt: skip
        bound = runs[0].scores.where(strategy="target_labels", seed=None, stage=None)
        show(f"{name}, {learner}", change.scores, bound)


def taught(
    model: str, which: str, languages: list[str], learner: str, given: argparse.Namespace,
    name: str,
) -> Run:  # fmt: skip
    """The topics taught on English, and on each language's own lines."""
    return isogloss.transfer(
        model, train="sib200/eng", data=str(DATA), languages=languages, learner=learner,
        strategies=["zero_shot", "target_labels"], seeds=[int(s) for s in given.seeds.split(",")],
        tuning={"precision": "bfloat16"}, out=given.out / f"{name}-{learner}-{which}",
    )  # fmt: skip


def accuracy(scores: Scores) -> dict[str, float]:
    """By language."""
    return {row.language: row.value for row in scores.where(measure="accuracy") if row.language}


def show(title: str, scores: Scores, labelled: Scores) -> None:
    """Accuracy by language, and the student's difference."""
    changes = {row.language: row for row in scores.where(stage="change") if row.language}
    first = next(iter(changes.values()))
    names = first.settings["against"], first.strategy
    before, after = (accuracy(scores.where(strategy=name, stage=None)) for name in names)
    bound = accuracy(labelled)
    print(f"\n{title}: zero-shot from English, n = {first.n}")
    print("language    MiniLM  student  change [95%]            p (Holm)  own labels, MiniLM")
    for latin in (False, True):
        rows = {tag: row for tag, row in changes.items() if tag.endswith("_Latn") == latin}
        for tag, row in rows.items():
            print(
                f"{tag:11} {before[tag]:.3f}   {after[tag]:.3f}    "
                f"{row.value:+.3f} [{row.low:+.3f}, {row.high:+.3f}]  "
                f"{row.settings['p_holm']:.4f}    {bound[tag]:.3f}"
            )
        if tags := list(rows):
            sides = [np.mean([side[tag] for tag in tags]) for side in (before, after, bound)]
            sure = [row.value for row in rows.values() if row.settings["p_holm"] < 0.05]
            more, less = (sum(sign * value > 0 for value in sure) for sign in (1, -1))
            print(
                f"mean of {len(tags)} in {'Latin letters' if latin else 'other scripts'}: "
                f"{sides[0]:.3f} -> {sides[1]:.3f} (own labels {sides[2]:.3f}); "
                f"better in {more}, worse in {less}"
            )


if __name__ == "__main__":
    main()
