"""What a merge takes in memory does not grow with the models."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

MEGABYTES = 150
MERGE = """
import resource, sys
from pathlib import Path
from isogloss.merge.family import read_point
from isogloss.merge.plan import Asked, Weights
from isogloss.merge.stream import merge_weights

def peak():
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

folder = Path(sys.argv[1])
models = [Weights(n, folder / n) for n in ("one", "other")]
import concurrent.futures.thread, numpy.random
before = peak()
for method in ("linear", "slerp", "ties"):
    (folder / method).mkdir()
    merge_weights(models, models[0], folder / method, Asked(read_point(method)))
assert "torch" not in sys.modules
print(peak() - before)
"""


@pytest.mark.slow
def test_it_stays_small_and_needs_no_torch(tmp_path):
    rows = MEGABYTES * 1_000_000 // 4 // 512
    header = {
        "embed": {"dtype": "F32", "shape": [rows, 512], "data_offsets": [0, rows * 2048]},
    }
    text = json.dumps(header).encode()
    rng = np.random.default_rng(0)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "model.safetensors").open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for at in range(0, rows, 10_000):
                file.write(rng.random((min(10_000, rows - at), 512), np.float32).tobytes())
    done = subprocess.run(
        [sys.executable, "-c", MERGE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 100  # megabytes, of 300 that are read
