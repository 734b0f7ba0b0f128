"""Margin search against FAISS, exact and by IVF; the cost of a round of self-learning.

    python benchmarks/neighbours.py [--student FOLDER] [--size 100000]

Vectors are those of a static student on verses of eight Bibles: 100,000 of four languages against
100,000 of four others. Contests run in turns in one process; memory is measured in a process each.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import isogloss
from isogloss import read_corpus
from isogloss.encode import load_encoder
from isogloss.match.index import cosine_neighbours
from isogloss.match.mining import margins, mine_pairs
from isogloss.match.neighbours import k_largest, tiles, unit
from isogloss.match.search import Neighbours, neighbourhood_means
from isogloss.space.self_learning import draw_dictionary, weighted_maps

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
SIDES = (("fra", "spa", "ita", "por"), ("eng", "nld", "hun", "dan"))
K = 16
OUT = Path("runs/benchmark-neighbours")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--student")
    arguments.add_argument("--size", type=int, default=100_000)
    arguments.add_argument("--subset", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--memory-of")
    given = arguments.parse_args()
    if given.memory_of == "round":
        round_of_self_learning(given.rounds)
        return
    if given.memory_of:
        memory(given.memory_of)
        return
    if not (DATA / "bible").is_dir() or importlib.util.find_spec("faiss") is None:
        print(f"skipped: needs faiss and the text of {DATA}; set ISOGLOSS_DATA")
        return
    (x, y), verses = sides(given.student, given.size)
    print(f"{len(x):,} x {len(y):,} vectors of width {x.shape[1]}, k = {K}")
    exact, times = contest(x, y, given.rounds)
    guesses(x, y, exact, times, verses)
    subset(x[: given.subset], y[: given.subset])
    for side, array in (("x", x), ("y", y)):
        np.save(OUT / f"{side}.npy", array)
    for index in ("exact", "lists", "flat"):
        command = [sys.executable, __file__, "--memory-of", index]
        print(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    command = [sys.executable, __file__, "--memory-of", "round"]
    print(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def sides(student: str | None, size: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Unit vectors of both sides, and of which verse each is; trains a student if there is none."""
    OUT.mkdir(parents=True, exist_ok=True)
    if student is None:
        languages = sorted({*SIDES[0], *SIDES[1]} - {"eng"})
        run = isogloss.extend(
            "all-MiniLM-L6-v2", languages=languages, parallel=DATA / "bible",
            held_out=DATA / "ntrex128", student="static", out=OUT / "student",
        )  # fmt: skip
        student = str(run.model)
    encoder = load_encoder(student)
    found, verses = [], []
    for languages in SIDES:
        corpus = read_corpus(DATA / "bible", languages=list(languages))
        first: dict[str, int] = {}
        for language in languages:
            for verse, text in enumerate(corpus.texts(language)):
                if text:
                    first.setdefault(text, verse)
        texts = list(first)[:size]
        found.append(unit(encoder.encode(texts, language="mul")[0].array))
        verses.append(np.array([first[text] for text in texts]))
    return found, verses


def margin_search(x: np.ndarray, y: np.ndarray, index: str, **settings: Any) -> list[Neighbours]:
    """Both directions, as margins need them."""
    return [cosine_neighbours(a, b, K, index=index, **settings) for a, b in ((x, y), (y, x))]


def contest(x: np.ndarray, y: np.ndarray, rounds: int) -> tuple[list[Neighbours], dict[str, float]]:
    """Exact search in turns with FAISS flat: what it found, and the median time of each."""
    found: dict[str, list[Neighbours]] = {}
    taken: dict[str, list[float]] = {index: [] for index in ("exact", "flat")}
    for _ in range(rounds):
        for index, times in taken.items():
            start = time.perf_counter()
            found[index] = margin_search(x, y, index)
            times.append(time.perf_counter() - start)
    a, b = (statistics.median(taken[i]) for i in ("exact", "flat"))
    print(f"both directions: exact {a:.1f} s, FAISS flat {b:.1f} s, ratio {b / a:.2f} "
          f"(median of {rounds} in turns)", flush=True)  # fmt: skip
    pairs = list(zip(found["exact"], found["flat"], strict=True))
    same = np.mean([(e.ids == f.ids).mean() for e, f in pairs])
    off = max(np.abs(e.scores - f.scores).max() for e, f in pairs)
    print(f"same neighbours at the same rank: {same:.4%}; scores differ by at most {off:.1e}")
    return found["exact"], {"exact": a, "FAISS flat": b}


def guesses(
    x: np.ndarray,
    y: np.ndarray,
    exact: list[Neighbours],
    times: dict[str, float],
    verses: list[np.ndarray],
) -> None:
    """Both directions by lists, building counted: time, and what is found of the exact answer."""
    wanted, right = mined_pairs(exact, verses)
    top = (verses[0] == verses[1][exact[0].ids[:, 0]]).mean()
    print(f"exact: the nearest is a translation for {top:.3f}; mined {len(wanted):,} pairs, "
          f"{right:,} of them translations")  # fmt: skip
    for index, probes in (("lists", 8), ("lists", 16), ("lists", None), ("lists", 40),
                          ("ivf", 8), ("ivf", None), ("ivf", 80)):  # fmt: skip
        start = time.perf_counter()
        found = margin_search(x, y, index, probes=probes)
        took = time.perf_counter() - start
        some = zip(found[0].ids[::10], exact[0].ids[::10], strict=True)
        recall = np.mean([len(np.intersect1d(a, b)) for a, b in some]) / K
        made, now_right = mined_pairs(found, verses)
        now_top = (verses[0] == verses[1][found[0].ids[:, 0]]).mean()
        faster = ", ".join(f"{t / took:.1f} times faster than {name}" for name, t in times.items())
        print(f"{index}, {probes or 'default'} probes: {took:.1f} s, {faster}; of the exact "
              f"answer: {recall:.3f} of the {K} nearest, {len(wanted & made) / len(wanted):.3f} of "
              f"the mined pairs, {now_right / right:.3f} of the translations among them, "
              f"{now_top / top:.3f} of the translations that are nearest", flush=True)  # fmt: skip


def mined_pairs(
    found: list[Neighbours], verses: list[np.ndarray]
) -> tuple[set[tuple[int, int]], int]:
    """Pairs by intersection, and how many are of one verse."""
    mined = mine_pairs(*found, retrieval="intersection")
    right = int((verses[0][mined.source] == verses[1][mined.target]).sum())
    return set(zip(mined.source.tolist(), mined.target.tolist(), strict=True)), right


def subset(x: np.ndarray, y: np.ndarray) -> None:
    """Mined pairs against brute force, the whole matrix by numpy."""
    mined = mine_pairs(*margin_search(x, y, "exact"))
    cosines = x @ y.T
    best = [np.argsort(-c, axis=1, kind="stable")[:, :K] for c in (cosines, cosines.T)]
    of = [
        np.take_along_axis(c, b, 1).mean(1) for c, b in zip((cosines, cosines.T), best, strict=True)
    ]
    rows, columns = np.repeat(np.arange(len(x)), K), np.repeat(np.arange(len(y)), K)
    pairs = {*zip(rows.tolist(), best[0].ravel().tolist(), strict=True),
             *zip(best[1].ravel().tolist(), columns.tolist(), strict=True)}  # fmt: skip
    source, target = np.array(sorted(pairs)).T
    scores = margins(cosines[source, target], of[0][source], of[1][target])
    taken: tuple[set[int], set[int]] = (set(), set())
    wanted, kept = set(), []
    for at in np.lexsort((target, source, -scores)):
        i, j = int(source[at]), int(target[at])
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            wanted.add((i, j))
            kept.append(scores[at])
    found = set(zip(mined.source.tolist(), mined.target.tolist(), strict=True))
    off = np.abs(
        np.sort(mined.scores)[::-1][: len(wanted)] - np.sort(kept)[::-1][: len(found)]
    ).max()
    same = f"{len(found & wanted):,} of {len(found | wanted):,}"
    print(f"mined pairs of a {len(x):,} x {len(y):,} subset: {same} equal brute force")
    print(f"  their sorted scores differ by {off:.1e} at most: the others are ties")


def memory(index: str) -> None:
    """Peak memory above the inputs of one search, in this process."""
    x, y = (np.load(OUT / f"{side}.npy") for side in "xy")
    cosine_neighbours(x[:2000], y[:2000], K, index=index)  # libraries are not the search's
    before = peak()
    margin_search(x, y, index)
    print(f"{index}: peak {peak() - before:.2f} GiB above the inputs and libraries")


def peak() -> float:
    """Largest memory of this process so far, in GiB; `ru_maxrss` would be a parent's."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 2**20


def round_of_self_learning(rounds: int, n: int = 20_000, d: int = 300) -> None:
    """One round, both directions by CSLS, against two bare products of the same shapes."""
    rng = np.random.default_rng(0)
    x, y = (unit(rng.normal(size=(n, d))) for _ in range(2))
    pairs = np.stack([np.arange(n)] * 2, 1)
    draw_dictionary(x, y, 0.1, rng)
    print(f"a round of {n:,} x {n:,} x {d}: peak of the whole process {peak():.2f} GiB")
    times: dict[str, list[float]] = {}

    def note(name: str, run: Callable[[], object]) -> None:
        times.setdefault(name, []).append(timed(run))

    for _ in range(rounds + 1):
        note("two bare products (numpy)", lambda: (x @ y.T, y @ x.T))
        note("two bare products (this library's tiles)", lambda: [
            [None for _ in tiles(a, b)] for a, b in ((x, y), (y, x))])  # fmt: skip
        note("round, all candidates", lambda: draw_dictionary(x, y, 1.0, rng))
        note("round, a tenth of the candidates", lambda: draw_dictionary(x, y, 0.1, rng))
        note("  of it neighbourhood means", lambda: (
            neighbourhood_means(x, y, 10), neighbourhood_means(y, x, 10)))  # fmt: skip
        note("  of it the best 44 of every row", lambda: [
            k_largest(s, 44) for a, b in ((x, y), (y, x)) for _, s in tiles(a, b)])  # fmt: skip
        note("  and the maps", lambda: weighted_maps(x[pairs[:, 0]], y[pairs[:, 1]], 0))
    bare = statistics.median(times["two bare products (numpy)"][1:])
    for name, taken in times.items():
        print(f"{name}: {statistics.median(taken[1:]):.2f} s, "
              f"{statistics.median(taken[1:]) / bare:.2f} of two bare products")  # fmt: skip


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
