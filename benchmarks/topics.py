"""SIB-200 topics from English: plain MiniLM beside students that were extended to other languages.

    python benchmarks/topics.py [--students static-seed,static-bible,full-bible]
                                [--learner probe|tune] [--languages TAGS] [--steps N]

Extends MiniLM on text that SIB-200 has no part in (NLLB-Seed, Bibles), teaches each model the
topics on English lines alone, and prints accuracy by language: MiniLM, each student where it was
extended, and MiniLM taught on the language's own lines, which people translated: the upper bound.
Differences are paired by example, over the mean of the seeds; p after Holm over the languages of
a student. Languages in Latin letters are told apart from the others. Runs that are there are
read.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

import isogloss
from isogloss.encode.cache import cache_root
from isogloss.recipe.runs import Run
from isogloss.score import holm, paired_test

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
        show(name, learner, *runs)


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


def outcomes(run: Run, strategy: str) -> dict[str, np.ndarray]:
    """By language, how often each example was told right over the seeds."""
    key = run.provenance["steps"][0]["key"]
    found: dict[str, list[np.ndarray]] = {}
    with np.load(cache_root() / "steps" / key / "items.npz") as items:
        for name in items.files:
            measure, tag, which, _ = name.split("|")
            if (measure, which) == ("accuracy", strategy):
                found.setdefault(tag, []).append(items[name][:, 0] / items[name][:, -1])
    return {tag: np.mean(columns, 0) for tag, columns in found.items()}


def show(name: str, learner: str, plain: Run, student: Run) -> None:
    """Accuracy by language, and the student's difference."""
    before, after = outcomes(plain, "zero_shot"), outcomes(student, "zero_shot")
    bound = outcomes(plain, "target_labels")
    tests = {tag: paired_test(before[tag], after[tag]) for tag in before}
    adjusted = dict(zip(tests, holm([test.p for test in tests.values()]), strict=True))
    print(f"\n{name}, {learner}: zero-shot from English, n = {len(next(iter(before.values())))}")
    print("language    MiniLM  student  change [95%]            p (Holm)  own labels, MiniLM")
    for latin in (False, True):
        tags = [tag for tag in tests if tag.endswith("_Latn") == latin]
        for tag in tags:
            test = tests[tag]
            print(
                f"{tag:11} {before[tag].mean():.3f}   {after[tag].mean():.3f}    "
                f"{test.difference:+.3f} [{test.low:+.3f}, {test.high:+.3f}]  "
                f"{adjusted[tag]:.4f}    {bound[tag].mean():.3f}"
            )
        if tags:
            sides = [np.mean([side[tag].mean() for tag in tags]) for side in (before, after, bound)]
            more = sum(tests[tag].difference > 0 and adjusted[tag] < 0.05 for tag in tags)
            less = sum(tests[tag].difference < 0 and adjusted[tag] < 0.05 for tag in tags)
            print(
                f"mean of {len(tags)} in {'Latin letters' if latin else 'other scripts'}: "
                f"{sides[0]:.3f} -> {sides[1]:.3f} (own labels {sides[2]:.3f}); "
                f"better in {more}, worse in {less}"
            )


if __name__ == "__main__":
    main()
