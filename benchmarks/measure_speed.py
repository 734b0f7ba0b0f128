"""Time and memory of `measure` over all files of NTREX-128, vectors cached.

    python benchmarks/measure_speed.py --data NTREX_FOLDER

Encodes once (not timed), then measures the last layer and every layer, each in a fresh process,
and prints wall seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

CHILD = """
import json, resource, sys, time
from isogloss.corpus import read_corpus
from isogloss.encode import load_encoder
from isogloss.encode.cache import cache_root
from isogloss.measure.languages import measure_languages
data, layers = sys.argv[1:]
corpus = read_corpus(data)
languages = [str(x) for x in corpus.languages if str(x) != "eng_Latn"]
encoder = load_encoder("all-MiniLM-L6-v2")
began = time.perf_counter()
made = measure_languages(encoder, corpus, pivot="eng_Latn", languages=languages, layers=layers,
                         cache=cache_root())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps([len(languages), len(made.scores), time.perf_counter() - began, peak]))
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("ISOGLOSS_DATA", "../shared/data") + "/ntrex128"
    arguments.add_argument("--data", default=default)
    data = arguments.parse_args().data
    if not os.path.isdir(data):  # noqa: PTH112
        print(f"skipped: no text in {data}; set ISOGLOSS_DATA")
        return
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "ISOGLOSS_CACHE": os.environ.get("ISOGLOSS_CACHE", cache)}
        for label, layers in (("encode", "all"), ("last layer", "last"), ("every layer", "all")):
            began = time.perf_counter()
            command = [sys.executable, "-c", CHILD, data, layers]
            made = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            languages, rows, seconds, peak = json.loads(made.stdout.splitlines()[-1])
            whole = time.perf_counter() - began
            print(
                f"{label:12} {languages} languages, {rows} scores, {seconds:.1f} s "
                f"({whole:.1f} s with start-up), peak {peak:.2f} GiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
