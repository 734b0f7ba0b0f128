"""The check for duplicates between training and test: time, memory, and what it finds.

    python benchmarks/leaks.py [--size 100000]

Verses of seven Bibles are halved at random; a thousand of the training half are put into the test
half with a few characters changed. One process, one thread.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import resource
import time
from pathlib import Path

from isogloss.task.leaks import exact_duplicates, jaccard, near_duplicates, normalised

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
LANGUAGES = ("eng", "deu", "fra", "spa", "hin", "cmn", "arb")
PLANTED, CHANGED = 1000, 2


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=100_000)
    size = arguments.parse_args().size
    if not (DATA / "bible").is_dir():
        print(f"skipped: needs the text of {DATA}; set ISOGLOSS_DATA")
        return
    train, test = halves(size)
    places = plant(train, test)
    before = peak()
    started = time.process_time()
    same = exact_duplicates(train, test)
    exact = time.process_time() - started
    found, how = near_duplicates(train, test, skip={j for _, j, _ in same})
    near = time.process_time() - started - exact
    told = {j for _, j, _ in [*same, *found]}
    alike = jaccard([normalised(train[i]) for i, _ in places],
                    [normalised(test[j]) for _, j in places], how["n"])  # fmt: skip
    meant = [j for (_, j), s in zip(places, alike, strict=True) if s >= how["threshold"]]
    length = sum(map(len, train)) / len(train)
    print(f"{len(train):,} x {len(test):,} texts of {length:.0f} characters on average")
    print(f"exact {exact:.1f} s, {len(same):,} found; near {near:.1f} s, {len(found):,} found")
    print(f"{len(told & set(meant)):,} of {len(meant):,} planted and alike enough found; {how}")
    print(f"{peak() - before:.0f} MiB more than the texts")


def halves(size: int) -> tuple[list[str], list[str]]:
    texts = []
    for language in LANGUAGES:
        with gzip.open(DATA / "bible" / f"{language}.tsv.gz", "rt", encoding="utf-8") as file:
            texts += [line.rstrip("\n").partition("\t")[2] for line in file]
    random.Random(0).shuffle(texts)
    return texts[:size], texts[size : 2 * size]


def plant(train: list[str], test: list[str]) -> list[tuple[int, int]]:
    rng, places = random.Random(1), []
    for j in rng.sample(range(len(test)), min(PLANTED, len(test))):
        i = rng.randrange(len(train))
        letters = list(train[i])
        for _ in range(CHANGED):
            letters[rng.randrange(len(letters))] = "x"
        test[j] = "".join(letters)
        places.append((i, j))
    return places


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
