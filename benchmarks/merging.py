"""Merging: memory and time of two large checkpoints here, and of mergekit's linear merge.

    python benchmarks/merging.py [--megabytes 1000] [--type BF16] [--environment FOLDER]

Two random checkpoints of the shape of Llama are made in a temporary folder, a few megabytes at a
time, and deleted at the end; with the results that takes seven times the size of one. Each merge
runs in a process of its own, once to bring the files into the system's cache and once measured.
Memory is the peak of the process less its peak before the merge, everything imported; the kernel
counts pages of mapped files that were touched, as they are memory too while they are needed. Time
is of the merge alone, and for `command` of everything that `isogloss merge --no-check` and
`mergekit-yaml` do, imports and fingerprints of the inputs among them. mergekit runs in an
environment of its own, made in a temporary folder (`--environment` keeps one); it is given a shard
size over the checkpoint's, so that both write one file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors import safe_open

from support.environment import OPTION, environment

VOCABULARY, WIDTH, INNER, HEADS = 32_000, 1024, 2816, 16
PACKAGES = ["mergekit==0.1.5"]
BYTES = {"F32": 4, "BF16": 2}
ROWS = 1024  # made at a time
SIZES = (28, 10, 10, 9, 10)

OURS = """
import json, resource, sys, time
from pathlib import Path
from isogloss.encode.resolve import find_model
from isogloss.merge.family import read_point
from isogloss.merge.plan import Asked, weights_of
from isogloss.merge.stream import merge_weights
import concurrent.futures.thread, numpy.random
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
method, out, *folders = sys.argv[1:]
models = [weights_of(find_model(folder)) for folder in folders]
Path(out).mkdir()
before, start = peak(), time.perf_counter()
merge_weights(models, models[0], Path(out), Asked(read_point(method)))
print(json.dumps({"seconds": time.perf_counter() - start, "bytes": peak() - before}))
"""
THEIRS = """
import json, resource, sys, time, yaml
import torch
from mergekit.config import MergeConfiguration
from mergekit.merge import MergeOptions, run_merge
import safetensors.torch, transformers
transformers.LlamaForCausalLM
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
_, out, *folders = sys.argv[1:]
config = MergeConfiguration.model_validate(yaml.safe_load(open(out + ".yaml")))
before, start = peak(), time.perf_counter()
run_merge(config, out, options=MergeOptions(
    lazy_unpickle=True, out_shard_size=10**11, quiet=True, copy_tokenizer=False,
    write_model_card=False,
))
print(json.dumps({"seconds": time.perf_counter() - start, "bytes": peak() - before}))
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=1000, help="of each checkpoint")
    arguments.add_argument("--type", choices=BYTES, default="BF16", help="of its weights")
    arguments.add_argument("--environment", help=OPTION)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models = [folder / "one", folder / "other"]
        for seed, model in enumerate(models):
            make_model(model, given.megabytes * 10**6, given.type, seed)
        size = (models[0] / "model.safetensors").stat().st_size
        print(f"two checkpoints of {size / 1e6:,.0f} MB, {given.type}")
        heads = ("merge", "memory", "seconds", "MB/s", "command")
        print(" ".join(f"{head:>{width}}" for head, width in zip(heads, SIZES, strict=True)))
        for method in ("linear", "slerp", "ties"):
            based = ["--base", str(models[0])] if method == "ties" else []
            told = [sys.executable, "-m", "isogloss", "merge", *map(str, models), "--no-check",
                    "--method", method, *based]  # fmt: skip
            measure(f"{method}, isogloss", [sys.executable, "-c", OURS, method], folder, models,
                    told)  # fmt: skip
        place = Path(given.environment or f"{temporary}/environment")
        python = environment(place, PACKAGES, "mergekit")
        if python is None:
            return
        write_config(
            folder / "out.yaml", models, {"F32": "float32", "BF16": "bfloat16"}[given.type]
        )
        told = [str(python.with_name("mergekit-yaml")), str(folder / "out.yaml"),
                "--lazy-unpickle", "--out-shard-size", "100B", "--no-copy-tokenizer"]  # fmt: skip
        measure("linear, mergekit", [str(python), "-c", THEIRS, "linear"], folder, models, told)
        compare(folder, models)


def make_model(folder: Path, size: int, kind: str, seed: int) -> None:
    """A checkpoint of at least `size` bytes with configuration, written as it is drawn."""
    folder.mkdir()
    layer = {
        "input_layernorm.weight": (WIDTH,), "post_attention_layernorm.weight": (WIDTH,),
        **{f"self_attn.{x}_proj.weight": (WIDTH, WIDTH) for x in "qkvo"},
        **{f"mlp.{x}_proj.weight": (INNER, WIDTH) for x in ("gate", "up")},
        "mlp.down_proj.weight": (WIDTH, INNER),
    }  # fmt: skip
    shapes = {"model.embed_tokens.weight": (VOCABULARY, WIDTH)} if size > 10**8 else {
        "model.embed_tokens.weight": (VOCABULARY // 16, WIDTH)
    }  # fmt: skip
    rows = shapes["model.embed_tokens.weight"][0]
    ends = {"model.norm.weight": (WIDTH,), "lm_head.weight": (rows, WIDTH)}
    layers = 0
    while sum(map(np.prod, (shapes | ends).values())) * BYTES[kind] < size:
        shapes |= {f"model.layers.{layers}.{name}": shape for name, shape in layer.items()}
        layers += 1
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": rows,
        "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": layers,
        "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "tie_word_embeddings": False,
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in (shapes | ends).items():
        end = at + int(np.prod(shape)) * BYTES[kind]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.default_rng(seed)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for shape in (shapes | ends).values():
            left = int(np.prod(shape))
            while left:
                count = min(left, ROWS * WIDTH)
                drawn = rng.standard_normal(count, np.float32) * np.float32(0.02)
                file.write(drawn if kind == "F32" else (drawn.view("<u4") >> 16).astype("<u2"))
                left -= count


def write_config(file: Path, models: list[Path], kind: str) -> None:
    """What mergekit is asked for."""
    listed = [{"model": str(model), "parameters": {"weight": 0.5}} for model in models]
    asked = {"merge_method": "linear", "models": listed, "dtype": kind}
    file.write_text(json.dumps(asked))  # JSON is YAML


def measure(
    name: str, command: list[str], folder: Path, models: list[Path], told: list[str]
) -> None:
    """One line: memory and time of the merge, and time of the whole command."""
    facts = {}
    for out in (folder / "warm", folder / "out"):
        remove(out)
        if out.name == "warm" and (folder / "out.yaml").exists():
            (folder / "warm.yaml").write_text((folder / "out.yaml").read_text())
        done = subprocess.run(
            [*command, str(out), *map(str, models)], capture_output=True, text=True
        )
        if done.returncode:
            print(f"{name}: failed: {(done.stderr.strip() or 'no reason').splitlines()[-1]}")
            return
        facts = json.loads(done.stdout.splitlines()[-1])
        remove(folder / "warm")
    (folder / "out").rename(folder / f"kept-{name.partition(' ')[2]}-{name.partition(',')[0]}")
    size = sum((model / "model.safetensors").stat().st_size for model in models)
    last = [str(folder / "command")] if "mergekit" in name else ["--out", str(folder / "command")]
    start = time.perf_counter()
    done = subprocess.run([*told, *last], capture_output=True, text=True)
    whole = f"{time.perf_counter() - start:.1f}s" if not done.returncode else "failed"
    remove(folder / "command")
    cells = (
        name, f"{facts['bytes'] / 1e6:,.0f} MB", f"{facts['seconds']:.2f}s",
        f"{size / 1e6 / facts['seconds']:,.0f}", whole,
    )  # fmt: skip
    print(
        " ".join(f"{cell:>{width}}" for cell, width in zip(cells, SIZES, strict=True)), flush=True
    )


def remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def compare(folder: Path, models: list[Path]) -> None:
    """How far our linear merge is from mergekit's, over all tensors."""
    largest = 0.0
    ours, theirs = (folder / f"kept-{who}-linear" / "model.safetensors"
                    for who in ("isogloss", "mergekit"))  # fmt: skip
    if not theirs.exists():
        theirs = next((folder / "kept-mergekit-linear").glob("*.safetensors"), theirs)
    if not theirs.exists():
        return
    with safe_open(ours, "pt") as one, safe_open(theirs, "pt") as other:
        for name in one.keys():  # noqa: SIM118
            gap = one.get_tensor(name).float() - other.get_tensor(name).float()
            largest = max(largest, float(gap.abs().max()))
    print(f"largest difference of the linear merges: {largest:.1e}")


if __name__ == "__main__":
    main()
