"""What languages share learns; their modules and the embeddings stay, bit for bit."""

import pytest
import torch

from isogloss.errors import ModelError
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.mlm import Mlm
from loading import load

_made = load("train/parameters/test_bottleneck.py")
base, student, taught = _made.base, _made.student, _made.taught


def moved(made):
    """Names of the weights that training changed."""
    before = {name: weight.clone() for name, weight in made.module.named_parameters()}
    settings = LoopSettings(steps=2, learning_rate=1e-2, threads=1)
    train(made, [Lesson(_made.Words(), [(1.0, Mlm())])], settings)
    after = dict(made.module.named_parameters())
    return {name for name, weight in before.items() if not torch.equal(weight, after[name])}


@pytest.mark.parametrize("use", ["per_language.v1", "branches.v1"])
def test_modules_of_languages_stay(use, base, tmp_path):
    settings = {"reduction": 4} if use == "per_language.v1" else {"layers": "last:1"}
    taught(base, use, **settings).save(tmp_path / "modular")
    names = moved(student(tmp_path / "modular", "shared.v1"))
    assert any("encoder.layer.0" in name for name in names)
    assert not any(part in name for name in names for part in ("inserted", "embeddings"))
    every = moved(student(tmp_path / "modular", "full.v1"))
    assert any("inserted" in name for name in every)  # what shared.v1 is there to prevent
    names = moved(student(tmp_path / "modular", "shared.v1", embeddings=True))
    assert any("word_embeddings" in name for name in names)
    assert not any("inserted" in name for name in names)


def test_a_body_without_modules_of_languages(base, tmp_path):
    with pytest.raises(ModelError, match="no modules of languages are in the body"):
        student(base, "shared.v1")
    taught(base, "bottleneck.v1", reduction=4).save(tmp_path / "s")
    with pytest.raises(ModelError, match="no modules of languages are in the body"):
        student(tmp_path / "s", "shared.v1")
