"""Training speed and result against SentenceTransformerTrainer, on verses of two Bibles.

    python benchmarks/training.py [--language deu] [--precision bfloat16] [--steps 188]

MiniLM learns from 3,000 pairs in two ways: distillation (MSE of its unit vectors of both sides to
its own first vectors of English) and contrast within the batch (both directions, temperature 0.05).
Either trainer has the same pairs, batch, steps, learning rate (constant), AdamW, dropout,
precision, threads and seeds; neither clips or decays. Rows are drawn anew for each batch here and
epoch by epoch there. Each training is a process of its own, ours and theirs in turns. Time is that
of training and of cutting texts into tokens, without imports, loading the model and the teacher's
vectors. The result is retrieval of the English verse among the held-out ones, of the saved model as
sentence-transformers reads it: the mean over seeds with a bootstrap interval over verses, and the
same of the difference, verse by verse.

It needs `datasets` (pip install "isogloss[hub]"); `--packages FOLDER` says where one lies.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from isogloss import read_corpus
from isogloss.encode.resolve import find_model
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.score import bootstrap_mean

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
MODEL = "all-MiniLM-L6-v2"
WAYS, ARMS = ("distil", "contrast"), ("isogloss", "sentence-transformers")
TEMPERATURE = 0.05
BETAS = (0.9, 0.999)


def main() -> None:
    given = _options()
    if given.packages:  # behind everything else, so that both sides share all they can
        sys.path.append(str(given.packages))
    if not (DATA / "bible").is_dir() or importlib.util.find_spec("datasets") is None:
        print(f"skipped: needs the package datasets and the text of {DATA}; set ISOGLOSS_DATA")
        return
    if given.arm:
        print(json.dumps(_train(given)))
        return
    print(
        f"eng-{given.language}, {given.pairs} pairs, batch {given.batch}, {given.steps} steps at "
        f"{given.rate}, {given.precision}, {given.threads} threads, {given.seeds} seeds"
    )
    start = _interval(np.array(_apart("start", WAYS[0], 0, given)["outcomes"], float))
    print(f"P@1 before training {start}")
    for way in given.ways.split(","):
        found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
        for seed in range(given.seeds):
            for arm in ARMS if seed % 2 else ARMS[::-1]:
                found[arm].append(_apart(arm, way, seed, given))
        _show(way, found)


def _options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--language", default="deu")
    arguments.add_argument("--ways", default=",".join(WAYS))
    arguments.add_argument("--pairs", type=int, default=3000)
    arguments.add_argument("--held-out", type=int, default=1000)
    arguments.add_argument("--batch", type=int, default=64)
    arguments.add_argument("--steps", type=int, default=188, help="4 times over the pairs")
    arguments.add_argument("--rate", type=float, default=2e-5)
    arguments.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    arguments.add_argument("--threads", type=int, default=os.cpu_count())
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--packages", type=Path, help="a folder with the package datasets")
    arguments.add_argument("--arm", choices=("start", *ARMS), help=argparse.SUPPRESS)
    arguments.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    return arguments.parse_args()


def _apart(arm: str, way: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """One training in a process of its own."""
    told = {**vars(given), "arm": arm, "ways": way, "seed": seed}
    options = [
        f"--{name.replace('_', '-')}={value}" for name, value in told.items() if value is not None
    ]
    done = subprocess.run(
        [sys.executable, __file__, *options], capture_output=True, text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{arm}, {way}, seed {seed}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def _train(given: argparse.Namespace) -> dict[str, Any]:
    """Pairs a second of one training, and for each held-out verse whether it was found."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(given.threads)
    train, held = _pairs(given)
    with tempfile.TemporaryDirectory() as temporary:
        folder, seconds = str(find_model(MODEL).path), 0.0
        if given.arm == ARMS[0]:
            folder, seconds = _ours(train, given, Path(temporary))
        elif given.arm == ARMS[1]:
            folder, seconds = _theirs(train, given, Path(temporary))
        torch.set_num_threads(given.threads)
        model = SentenceTransformer(folder, device="cpu")
        x, y = (unit(np.asarray(model.encode([pair[side] for pair in held]))) for side in (1, 0))
    found = nearest(x, y).ids[:, 0] == np.arange(len(x))
    speed = given.steps * given.batch / seconds if seconds else 0.0
    return {"speed": speed, "outcomes": found.astype(int).tolist()}


def _pairs(given: argparse.Namespace) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Verses in English and the other language: those that are trained on, and those that not."""
    corpus = read_corpus(DATA / "bible", languages=["eng", given.language])
    sides = [corpus.texts(str(tag)) for tag in corpus.resolve(["eng", given.language])]
    both = [(a, b) for a, b in zip(*sides, strict=True) if a and b]
    order = np.random.default_rng(0).permutation(len(both))[: given.pairs + given.held_out]
    chosen = [both[i] for i in order]
    return chosen[: given.pairs], chosen[given.pairs :]


def _teacher(texts: list[str]) -> np.ndarray:
    """The model's unit vectors `[n, d]` before training."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(find_model(MODEL).path), device="cpu")
    return unit(np.asarray(model.encode(texts)))


def _ours(pairs: list[tuple[str, str]], given: argparse.Namespace, out: Path) -> tuple[str, float]:
    """The folder that a training here leaves, and its seconds."""
    from isogloss.encode.weights import load_tokenizer, read_window
    from isogloss.train.body import student_of
    from isogloss.train.contracts import Lesson
    from isogloss.train.loop import LoopSettings, train
    from isogloss.train.mixtures.parallel import ParallelViews
    from isogloss.train.objectives.contrast import ContrastViews
    from isogloss.train.objectives.distil_mse import DistilMse
    from isogloss.vocabulary.trim import untruncated

    distils = given.ways == WAYS[0]
    teacher = _teacher([pair[0] for pair in pairs]) if distils else None
    folder = find_model(MODEL)
    wrapper = load_tokenizer(folder)
    tokenizer = untruncated(wrapper.backend_tokenizer)
    longest = read_window(folder, wrapper) - 2
    student = student_of("full.v1", folder.body, tokenizer, fast=1.0)
    objective: Any = DistilMse(unit=True) if distils else ContrastViews(temperature=TEMPERATURE)
    settings = LoopSettings(
        steps=given.steps, learning_rate=given.rate, warmup=0.0, schedule="constant", betas=BETAS,
        seed=given.seed, threads=given.threads, precision=given.precision,
    )  # fmt: skip
    began = time.perf_counter()
    tokens = {
        tag: [
            np.array(found.ids[:longest], np.int64)
            for found in tokenizer.encode_batch([pair[side] for pair in pairs],
                                                add_special_tokens=False)
        ]
        for side, tag in enumerate(("eng_Latn", given.language))
    }  # fmt: skip
    mixture = ParallelViews(tokens, teacher, "eng_Latn", size=given.batch, views=2, drop=0.0)
    train(student, [Lesson(mixture, [(1.0, objective)])], settings)
    seconds = time.perf_counter() - began
    student.save(out)
    return str(out), seconds


def _theirs(
    pairs: list[tuple[str, str]], given: argparse.Namespace, out: Path
) -> tuple[str, float]:
    """The folder that their trainer leaves, and its seconds."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses

    distils = given.ways == WAYS[0]
    columns: dict[str, Any] = {"english": [p[0] for p in pairs], "other": [p[1] for p in pairs]}
    if distils:
        columns["label"] = _teacher(columns["english"]).tolist()
    data = Dataset.from_dict(columns)
    model = SentenceTransformer(str(find_model(MODEL).path), device="cpu")
    loss: Any
    if distils:
        loss = losses.MSELoss(model)
    else:
        loss = losses.MultipleNegativesRankingLoss(
            model, scale=1 / TEMPERATURE, directions=("query_to_doc", "doc_to_query"),
            partition_mode="per_direction",
        )  # fmt: skip
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(out / "runs"), max_steps=given.steps, use_cpu=True, seed=given.seed,
        per_device_train_batch_size=given.batch, learning_rate=given.rate,
        lr_scheduler_type="constant", warmup_steps=0, weight_decay=0.0, max_grad_norm=0.0,
        adam_beta1=BETAS[0], adam_beta2=BETAS[1], bf16=given.precision == "bfloat16",
        dataloader_drop_last=True, save_strategy="no", logging_strategy="no", report_to="none",
        disable_tqdm=True,
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=data, loss=loss)
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    model.save(str(out / "model"))
    return str(out / "model"), seconds


def _interval(outcomes: np.ndarray) -> str:
    found = bootstrap_mean(outcomes)[0]
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _show(way: str, found: dict[str, list[dict[str, Any]]]) -> None:
    """Both sides of one way of training."""
    outcomes = {}
    for arm, runs in found.items():
        outcomes[arm] = np.mean([run["outcomes"] for run in runs], axis=0)  # [n]
        speeds = ", ".join(f"{run['speed']:.1f}" for run in runs)
        speed = statistics.median(run["speed"] for run in runs)
        print(f"{way:>9} {arm:>22} {speed:8.1f} pairs/s ({speeds})  P@1 {_interval(outcomes[arm])}")
    ours, theirs = (found[arm] for arm in ARMS)
    ratios = [a["speed"] / b["speed"] for a, b in zip(ours, theirs, strict=True)]
    print(
        f"{way:>9} ratio {statistics.median(ratios):.2f} "
        f"({', '.join(f'{ratio:.2f}' for ratio in ratios)}), difference in P@1 "
        f"{_interval(outcomes[ARMS[0]] - outcomes[ARMS[1]])}"
    )


if __name__ == "__main__":
    main()
