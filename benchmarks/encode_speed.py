"""Encoding speed against SentenceTransformer.encode, on text of many languages and lengths.

    python benchmarks/encode_speed.py --data ../shared/data/ntrex128

Takes a seeded sample of the sentences of all files of NTREX-128, encodes it with both in turn
(`--per-run` sentences a run, the next ones in the next run; all of them if not given), and prints
sentences per second, the median of the paired ratios, the largest difference between the
normalised vectors, and the share of the machine's float32 matrix-product rate that is reached.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isogloss.encode import load_encoder
from isogloss.encode.resolve import find_model


def main() -> None:
    options = _options()
    texts = _sample(options.data, options.sentences)
    ours = load_encoder(options.model, fast=options.fast)
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(find_model(options.model).path), device="cpu")

    def run_ours(part: list[str]) -> np.ndarray:
        return _unit(ours.encode(part, language="mul")[ours.layers[-1]].array)

    def run_theirs(part: list[str]) -> np.ndarray:
        return _unit(theirs.encode(part, batch_size=options.batch, show_progress_bar=False))

    for run in (run_ours, run_theirs):  # the first call of either is slow
        run(texts[:64])
    size = options.per_run or len(texts)
    mine, other, share, difference = [], [], [], 0.0
    for i in range(options.pairs):
        part = [texts[(i * size + k) % len(texts)] for k in range(size)]
        seconds, vectors = _timed(lambda part=part: run_ours(part))
        mine.append(seconds)
        seconds, reference = _timed(lambda part=part: run_theirs(part))
        other.append(seconds)
        difference = max(difference, float(np.abs(vectors - reference).max()))
        # Measured between the runs, so that a busy machine slows both sides of the share.
        rate = max(_matrix_rate("mkl"), _matrix_rate("onednn"))
        share.append(_flops(ours, options.model, part) / mine[-1] / rate)
    ratios = [b / a for a, b in zip(mine, other, strict=True)]
    print(
        json.dumps(
            {
                "sentences": len(texts),
                "threads": torch.get_num_threads(),
                "fast": options.fast,
                "sentences_a_run": size,
                "sentences_per_second": round(size / statistics.median(mine), 1),
                "sentence_transformers_per_second": round(size / statistics.median(other), 1),
                "ratio_median": round(statistics.median(ratios), 3),
                "ratios": [round(ratio, 3) for ratio in ratios],
                "largest_difference": difference,
                "matrix_gflop_per_second": round(rate / 1e9, 1),
                "share_of_matrix_rate_median": round(statistics.median(share), 3),
            },
            indent=1,
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data")) / "ntrex128"
    parser.add_argument("--data", type=Path, default=default, help="the folder of NTREX-128")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--per-run", type=int, default=0, help="sentences a run, 0 for all")
    parser.add_argument("--batch", type=int, default=32, help="batch of SentenceTransformer")
    parser.add_argument("--fast", default="auto", choices=("auto", "no"))
    return parser.parse_args()


def _sample(folder: Path, number: int) -> list[str]:
    """Sentences drawn without repetition from all files, seed 0."""
    lines = []
    for file in sorted(folder.glob("*.txt.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as opened:
            lines += [line.rstrip("\n") for line in opened]
    return random.Random(0).sample([line for line in lines if line.strip()], number)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def _flops(encoder: Any, model: str, texts: list[str]) -> float:
    """Multiplications and additions of the dense layers and attention, padding not counted."""
    config = find_model(model).config
    layers, d, inner = (
        config[key] for key in ("num_hidden_layers", "hidden_size", "intermediate_size")
    )
    tokens = encoder.encode(texts, language="mul", layers=[0])[0].tokens
    t = np.minimum(tokens, encoder.window).astype(float)  # [n]
    return float(layers * (t * 2 * (4 * d * d + 2 * d * inner) + 4 * d * t * t).sum())


def _matrix_rate(way: str, size: int = 2048, repeats: int = 7) -> float:
    """The best rate of a square float32 product, FLOP/s, through MKL or oneDNN."""
    x, w = torch.randn(2, size, size)
    if way == "onednn":
        packed = torch.ops.mkldnn._reorder_linear_weight(w, size)
        product = lambda: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")  # noqa: E731
    else:
        product = lambda: x @ w  # noqa: E731
    with torch.inference_mode():
        product()
        best = min(_timed(product)[0] for _ in range(repeats))
    return 2 * size**3 / best


if __name__ == "__main__":
    main()
