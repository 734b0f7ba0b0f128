"""The extension cases of the README, end to end, with averages over languages.

    python benchmarks/extension.py low-resource|demo|distant [--out FOLDER] [--steps N]

Prints mean P@1 before and after in both directions, the number of languages that rose and fell by
a paired test (Holm), what happened to the pivot, and the time of each step.
"""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

import isogloss
from isogloss.recipe.runs import Run
from isogloss.score import Scores

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
CASES = {
    "low-resource": {
        "languages": shlex.split(
            "ace_Arab arz bam ban bjn dik grn hne kas lim ltg mni mri szl taq tzm"
        ),
        "parallel": DATA / "nllb_seed",
        "held_out": DATA / "sib200",
        "student": "static",
    },
    "distant": {
        "languages": shlex.split("deu fra rus hin vie fin hun ell tam arb"),
        "parallel": DATA / "bible",
        "held_out": DATA / "ntrex128",
        "student": "full",
    },
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("case", nargs="?", default="demo", choices=["demo", *CASES])
    arguments.add_argument("--out")
    arguments.add_argument("--steps", type=int)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    out = given.out or f"runs/benchmark-{given.case}-{given.seed}"
    if given.case == "demo":
        run = isogloss.run(Path(__file__).parents[1] / "recipes" / "quickstart.toml", out=out)
    else:
        case = CASES[given.case]
        if not Path(case["parallel"]).is_dir():
            print(f"skipped: no text in {case['parallel']}; set ISOGLOSS_DATA")
            return
        run = isogloss.extend(
            "all-MiniLM-L6-v2", out=out, steps=given.steps, seed=given.seed, **case
        )
    show(run)


def show(run: Run) -> None:
    """Averages, tests and times."""
    scores = run.scores
    for outward in (True, False):
        means = []
        for stage in ("before", "after"):
            rows = [
                r.value
                for r in scores.where(measure="retrieval_p1", stage=stage)
                if str(r.direction).startswith(f"{r.language}>") == outward
            ]
            means.append(sum(rows) / len(rows))
        label = "language to pivot" if outward else "pivot to language"
        print(
            f"{label}: mean P@1 {means[0]:.3f} before, {means[1]:.3f} after, {len(rows)} languages"
        )
    changes = Scores(
        r
        for r in scores.where(measure="retrieval_p1", stage="change")
        if str(r.direction).startswith(f"{r.language}>")
    )
    sure = [r for r in changes if r.settings["p_holm"] < 0.05]
    print(f"rose {sum(r.value > 0 for r in sure)}, fell {sum(r.value < 0 for r in sure)} (Holm)")
    for row in scores:
        if row.measure.startswith("pivot_") or (row in list(changes)):
            print(row)
    for step in run.provenance["steps"]:
        print(f"{step['name']}: {step['seconds']} s{' (cached)' if step['cached'] else ''}")
    print(f"all: {run.provenance['wall_seconds']} s")


if __name__ == "__main__":
    main()
