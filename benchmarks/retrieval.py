"""Retrieval over verses of several languages: time, memory and worth of one vector or of many.

    python benchmarks/retrieval.py [--passages 100000] [--model FOLDER] [--seed 0]

Queries are English verses, passages the same and other verses in other languages; a passage is
relevant if it is the query's verse. Each stage runs in a process of its own, whose peak memory is
told over that of a bare interpreter. Nothing is trained: the projection of late interaction is
principal directions, and the heads of the rerankers are random, which their speed does not see.
"""

from __future__ import annotations

from pathlib import Path


def resident(field: str) -> float:
    """Memory of this process in GiB: `VmRSS` now, `VmHWM` at most so far."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{field}:")[2].split()[0]) / 2**20


BARE = resident("VmRSS")

import argparse  # noqa: E402 - what stands above is measured before anything is loaded
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import numpy as np  # noqa: E402

from isogloss import read_corpus  # noqa: E402
from isogloss.encode import load_encoder  # noqa: E402
from isogloss.files import write_json  # noqa: E402
from isogloss.match.search import Neighbours  # noqa: E402
from isogloss.task.examples import QUERIES, Examples, make_examples  # noqa: E402
from isogloss.task.retrieve.dense import (  # noqa: E402
    encode_collection,
    encode_queries,
    find,
    held,
)
from isogloss.task.retrieve.late import (  # noqa: E402
    build_index,
    encode_late,
    find_every,
    find_late,
)
from isogloss.task.retrieve.rerank import (  # noqa: E402
    cross_encoder,
    late_interaction,
    poly_encoder,
    rerank_found,
)
from isogloss.task.retrieve.task import Retrieve, named  # noqa: E402

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
LANGUAGES = ("deu", "fra", "spa", "nld", "ita", "por")
MANY = "mul"
MOST = 4.0  # GiB that no stage may need


class Verses(NamedTuple):
    """Passages, and the queries that some of them answer."""

    ids: list[str]
    texts: list[str]
    queries: Examples


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--passages", type=int, default=100_000)
    arguments.add_argument("--queries", type=int, default=500)
    arguments.add_argument("--model", default="all-MiniLM-L6-v2")
    arguments.add_argument("--bits", type=int, default=2)
    arguments.add_argument("--candidates", type=int, default=100, help="that are reranked a query")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--out", type=Path, default=Path("runs/benchmark-retrieval"))
    arguments.add_argument("--stage", choices=sorted(STAGES))
    given = arguments.parse_args()
    if not (DATA / "bible").is_dir():
        print(f"skipped: no text in {DATA}; set ISOGLOSS_DATA")
        return
    if given.stage:
        STAGES[given.stage](given, read_verses(given.out))
        peak = resident("VmHWM")
        print(f"  peak memory {peak - BARE:.2f} GiB over a bare interpreter ({peak:.2f} in all)")
        if peak > MOST:
            sys.exit(f"{given.stage} needs over {MOST} GiB")
        return
    shutil.rmtree(given.out, ignore_errors=True)  # times are of an index made anew
    print(f"{given.passages:,} passages in {', '.join(LANGUAGES)}; {given.queries} queries in eng; "
          f"{given.model}, seed {given.seed}, {os.environ.get('OMP_NUM_THREADS', 'all')} threads",
          flush=True)  # fmt: skip
    given.out.mkdir(parents=True)
    draw_verses(given)
    for stage in ("dense", "late", "rerank"):
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--stage", stage], check=True)


def draw_verses(given: argparse.Namespace) -> None:
    """Write passages drawn at random from verses that English has, and these as queries."""
    corpus = read_corpus(DATA / "bible", languages=["eng", *LANGUAGES])
    english = corpus.texts("eng")
    columns = {tag: corpus.texts(tag) for tag in LANGUAGES}
    rng = np.random.default_rng(given.seed)
    drawn = [row for row in rng.permutation(len(corpus)).tolist() if english[row]]
    there = [(tag, row) for row in drawn for tag in LANGUAGES if columns[tag][row]]
    there = there[: given.passages]
    ids = [f"{tag}/{corpus.ids[row]}" for tag, row in there]
    relevant: dict[int, list[str]] = {}
    for one, (_, row) in zip(ids, there, strict=True):
        relevant.setdefault(row, []).append(one)
    asked = list(relevant)[: given.queries]
    queries = {
        "id": [corpus.ids[row] for row in asked], "text": [english[row] for row in asked],
        "relevant": [relevant[row] for row in asked],
    }  # fmt: skip
    texts = [columns[tag][row] for tag, row in there]
    write_json(given.out / "verses.json", {"ids": ids, "texts": texts, "queries": queries})
    if len(ids) < given.passages:
        print(f"  there are {len(ids):,} passages, not {given.passages:,}")


def read_verses(folder: Path) -> Verses:
    """What `draw_verses` wrote: stages need not have whole Bibles in memory."""
    kept = json.loads((folder / "verses.json").read_text(encoding="utf-8"))
    queries = make_examples("bible", "eng", QUERIES, kept["queries"], split="test")
    return Verses(kept["ids"], kept["texts"], queries)


def dense(given: argparse.Namespace, verses: Verses) -> None:
    """One vector a passage."""
    encoder = load_encoder(given.model)
    took, made = timed(lambda: encode_collection(
        encoder, verses.texts, given.out / "dense", language=MANY))  # fmt: skip
    size = sum(part.nbytes for part in made.parts) / 2**20
    print(f"bi-encoder: {len(made):,} passages in {took:.1f} s, {len(made) / took:,.0f} a second; "
          f"{size:.1f} MiB on disk; {made.truncated} were cut")  # fmt: skip
    texts, kept = verses.queries.column("text"), held(made)
    latency("  one query, exact", texts, [
        ("encoding", lambda text, _: encode_queries(encoder, [text], made, language="eng_Latn")),
        ("search", lambda _, vector: find(vector, kept, 100)),
    ])  # fmt: skip
    asked = encode_queries(encoder, texts, made, language="eng_Latn")
    took, found = timed(lambda: find(asked, made, 100))
    print(f"  {len(texts)} queries together from disk: {1000 * took / len(texts):.2f} ms each")
    worth("bi-encoder", found, verses)
    np.savez(given.out / "found.npz", ids=found.ids, scores=found.scores)


def late(given: argparse.Namespace, verses: Verses) -> None:
    """A compressed vector a token."""
    encoder = load_encoder(given.model)
    took, made = timed(lambda: build_index(
        encoder, verses.texts, given.out / "late", language=MANY, bits=given.bits, seed=given.seed
    ))  # fmt: skip
    print(
        f"late interaction: {len(made):,} passages, {len(made.codes):,} tokens in {took:.1f} s, "
        f"{len(made) / took:,.0f} passages a second; {made.size / 2**20:.1f} MiB on disk, "
        f"{given.bits} bits, {len(made.codec.centres)} centres, projection "
        f"{made.projection.made} to {made.codec.centres.shape[1]}; {made.windowed} over the window"
    )
    texts = verses.queries.column("text")
    latency("  one query, candidates by centres", texts, [
        ("encoding", lambda text, _: encode_late(encoder, [text], made, language="eng_Latn")),
        ("search", lambda _, tokens: find_late(tokens, made, 100)),
    ])  # fmt: skip
    asked = encode_late(encoder, texts, made, language="eng_Latn")
    found = find_late(asked, made, 100)
    worth("late interaction", found, verses)
    few = asked.take(np.arange(min(20, len(texts))))
    took, every = timed(lambda: find_every(few, made, 100))
    shared = [len(np.intersect1d(a[a >= 0], b)) / len(b)
              for a, b in zip(found.ids, every.ids, strict=False)]  # fmt: skip
    print(
        f"  every passage scored: {1000 * took / len(few.lengths):.0f} ms a query of "
        f"{len(few.lengths)} together; candidates by centres find {np.mean(shared):.3f} of its "
        f"first 100, {np.mean(found.ids[: len(every.ids), 0] == every.ids[:, 0]):.3f} of its first"
    )


def rerank(given: argparse.Namespace, verses: Verses) -> None:
    """Candidates of the bi-encoder in another order, by each reranker."""
    from isogloss.task.retrieve.tokens import random_projection

    encoder = load_encoder(given.model)
    width = encoder.encode(["a"], language="eng_Latn")[encoder.layers[-1]].array.shape[1]
    with np.load(given.out / "found.npz") as kept:
        ids = kept["ids"][:20, : given.candidates]
        found = Neighbours(ids, kept["scores"][:20, : given.candidates])
    texts = verses.queries.column("text")[:20]
    rng = np.random.default_rng(given.seed)
    scorers = {
        "cross-encoder": cross_encoder(encoder, rng.normal(size=width), language=MANY),
        "poly-encoder, 64 codes": poly_encoder(
            encoder, rng.normal(size=(64, width)), language=MANY
        ),
        "late interaction, 128": late_interaction(
            encoder, random_projection(width, min(128, width), given.seed), language=MANY
        ),
    }
    print(f"reranking: {found.ids.size:,} pairs of {len(texts)} queries, passages read anew")
    for name, scorer in scorers.items():
        took, _ = timed(partial(rerank_found, texts, found, verses.texts, scorer))
        print(f"  {name}: {found.ids.size / took:,.0f} pairs a second, "
              f"{1000 * took / len(texts):.0f} ms a query", flush=True)  # fmt: skip


STAGES = {"dense": dense, "late": late, "rerank": rerank}


def latency(
    label: str, texts: Sequence[str], parts: Sequence[tuple[str, Callable[[str, Any], Any]]]
) -> None:
    """Median and 95th percentile of the parts of answering one query at a time."""
    times = np.zeros((len(texts), len(parts)))
    for row, text in enumerate([texts[0], *texts]):  # the first, twice: what is compiled once
        value = None
        for column, (_, run) in enumerate(parts):
            step = partial(run, text, value)
            times[max(row - 1, 0), column], value = timed(step)
    for name, some in [*zip([name for name, _ in parts], times.T, strict=True),
                       ("both", times.sum(1))]:  # fmt: skip
        middle, most = 1000 * np.quantile(some, [0.5, 0.95])
        print(f"{label}, {name}: median {middle:.1f} ms, p95 {most:.1f} ms, n {len(texts)}")


def worth(name: str, found: Neighbours, verses: Verses) -> None:
    """What the rankings are worth as the task scores them."""
    scored = Retrieve().score(verses.queries, named(found, verses.ids))
    told = (f"{measure} {float(tally.statistic(tally.columns.sum(0))):.3f}"
            for measure, tally in scored.items())  # fmt: skip
    print(f"  {name}: {', '.join(told)}, n {len(verses.queries)}", flush=True)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    start = time.perf_counter()
    value = run()
    return time.perf_counter() - start, value


if __name__ == "__main__":
    main()
