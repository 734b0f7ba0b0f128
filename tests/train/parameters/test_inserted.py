"""Whatever is put into a body: it alone changes, and what is saved is what trained."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.train.delta import load_delta

_spec = importlib.util.spec_from_file_location(
    "bottleneck_tests", Path(__file__).with_name("test_bottleneck.py")
)
_made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_made)
base, student, taught, vectors, encoded = (
    _made.base, _made.student, _made.taught, _made.vectors, _made.encoded,
)  # fmt: skip
POINTS = {
    "bottleneck.v1": {"reduction": 2, "invertible": True},
    "per_language.v1": {"reduction": 4},
    "hyper_adapters.v1": {"reduction": 4, "hidden": 16, "embedding": 4},
    "lora_mixture.v1": {"rank": 2},
    "lora_mixture": {"gate": "text", "experts": 3, "targets": ("output.dense",)},
}


@pytest.mark.parametrize("use", POINTS)
def test_it_alone_changes_and_is_saved(use, base, tmp_path):
    settings, one = POINTS[use], use in ("bottleneck.v1", "lora_mixture")
    use = use.removesuffix(".v1") + ".v1"
    before = student(base, use, **settings)
    torch.testing.assert_close(
        torch.from_numpy(vectors(before)), torch.from_numpy(encoded(base)), rtol=0, atol=1e-5
    )
    frozen = {n: w.clone() for n, w in before.module.named_parameters() if not w.requires_grad}
    made = taught(base, use, **settings)
    now = dict(made.module.named_parameters())
    assert all(torch.equal(now[name], weight) for name, weight in frozen.items())
    assert all(name.startswith("inserted.0.") for name in now.keys() - frozen.keys())
    made.save(tmp_path / "s")
    made.save_delta(tmp_path / "d", "base", {"use": use})
    found = [vectors(made, language) for language in (0, 1)]
    assert not np.allclose(found[0], encoded(base), atol=1e-3)
    assert np.allclose(*found, atol=1e-6) == one
    for tag, wanted in zip(("eng_Latn", "deu_Latn"), found, strict=True):
        for fast in ("auto", "no"):
            ours = encoded(tmp_path / "s", fast, language=tag)
            np.testing.assert_allclose(ours, wanted, atol=1e-5)
    again = student(base, use, **settings)
    load_delta(tmp_path / "d", again.module, "base")
    np.testing.assert_array_equal(vectors(again), vectors(made))
