"""What every registered way of changing a body owes the loop, by a table of settings.

Those that are no function of a `Body`, or need a second model or modules in the first, are
`ELSEWHERE`, each with tests of its own.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from isogloss import registry
from isogloss.train.contracts import Lesson
from isogloss.train.delta import changed_weights, load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.readers import words
from isogloss.train.reading import text_ends
from loading import load

_made = load("train/parameters/test_bottleneck.py")
base, student, vectors, encoded = _made.base, _made.student, _made.vectors, _made.encoded
POINTS = {
    "full.v1": {},
    "shorter.v1": {"every": 2},
    "layers.v1": {"layers": "last:1"},
    "bitfit.v1": {},
    "layer_norm.v1": {},
    "embeddings.v1": {"first": 20},
    "factors.v1": {"rank": 8},
    "prefix.v1": {"length": 2},
    "prompts.v1": {"length": 2},
    "factored_prompts.v1": {"languages": 2, "length": 1, "language_length": 1},
    "lora.v1": {"rank": 2},
    "sparse.v1": {"share": 0.05},
    "neurons.v1": {"neurons": [(0, 3), (1, 5)]},
    "bottleneck.v1": {"reduction": 4},
    "per_language.v1": {"reduction": 4},
    "hyper_adapters.v1": {"reduction": 4, "hidden": 16, "embedding": 4},
    "lora_mixture.v1": {"rank": 2},
    "branches.v1": {"layers": "last:1"},
    "langsamp.v1": {},
    "projector.v1": {"width": 8},
}
ELSEWHERE = {
    "static.v1", "hypernetwork.v1", "pixel_fallback.v1", "connector.v1", "head.v1",
    "new_language.v1", "shared.v1",
}  # fmt: skip
OTHER_AT_FIRST = {
    "shorter.v1", "factors.v1", "prompts.v1", "factored_prompts.v1", "projector.v1",
    "prefix.v1",
}  # fmt: skip


def test_every_name_has_a_point_or_is_tested_elsewhere():
    assert POINTS.keys().isdisjoint(ELSEWHERE)
    assert {*POINTS, *ELSEWHERE} == set(registry.names("parameters"))


@pytest.fixture(params=sorted(POINTS))
def use(request):
    if request.param == "lora.v1":
        pytest.importorskip("peft", reason="needs pip install isogloss[peft]")
    return request.param


class Rows(_made.Words):
    """The same with two views a row, for what makes vectors."""

    def batch(self, seed, step):
        return replace(super().batch(seed, step), views=2)


def taught(made, use):
    lesson = (
        Lesson(Rows(), [(1.0, ContrastViews())]) if use == "projector.v1"
        else Lesson(_made.Words(), [(1.0, Mlm())])
    )  # fmt: skip
    train(made, [lesson], LoopSettings(steps=3, learning_rate=1e-2, threads=1))
    return made


def test_what_is_in_no_group_is_frozen_and_all_else_is_in_one(use, base):
    made = student(base, use, **POINTS[use])
    free = [id(w) for w in made.module.parameters() if w.requires_grad]
    grouped = [id(w) for group in made.groups() for w in group["params"]]
    assert free and sorted(free) == sorted(grouped)


def test_it_begins_as_the_model_unless_it_says_otherwise(use, base):
    made = student(base, use, **POINTS[use])
    if use in OTHER_AT_FIRST:
        found = vectors(made)
        assert found.shape[1] != 32 or not np.allclose(found, encoded(base), atol=1e-4)
    else:
        np.testing.assert_allclose(vectors(made), encoded(base), atol=1e-5)


def test_frozen_weights_stay_bit_for_bit_and_some_of_the_others_move(use, base):
    made = student(base, use, **POINTS[use])
    before = {name: weight.detach().clone() for name, weight in made.module.named_parameters()}
    taught(made, use)
    moved = {n for n, w in made.module.named_parameters() if not torch.equal(w, before[n])}
    assert moved and moved <= changed_weights(made.module).keys()
    for name, places in made.change.places.items():
        now, then = (
            w.detach().reshape(-1) for w in (made.module.get_parameter(name), before[name])
        )
        assert set(torch.nonzero(now != then).ravel().tolist()) <= set(places.tolist())


def test_a_delta_goes_onto_the_model_that_it_was_trained_from(use, base, tmp_path):
    made = taught(student(base, use, **POINTS[use]), use)
    made.save_delta(tmp_path / "delta", "base", {"use": use})
    again = student(base, use, **POINTS[use])
    assert not np.array_equal(vectors(again), vectors(made)) or use == "langsamp.v1"
    load_delta(tmp_path / "delta", again.module, "base")
    np.testing.assert_array_equal(vectors(again), vectors(made))


def test_what_is_saved_is_read_as_it_was_trained(use, base, tmp_path):
    made = taught(student(base, use, **POINTS[use]), use)
    wanted = vectors(made)
    made.save(tmp_path / "saved")
    np.testing.assert_array_equal(vectors(made), wanted)  # saving changes nothing
    if use == "projector.v1":
        from isogloss.encode import load_encoder

        read = load_encoder(tmp_path / "saved").encode(_made.TEXTS, language="eng_Latn")
        found = next(reversed(read.values())).array
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        found = found / np.linalg.norm(found, axis=1, keepdims=True)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        return
    np.testing.assert_allclose(encoded(tmp_path / "saved"), wanted, atol=1e-4)
    if not len(made.module.inserted):  # a plain model, which any reader opens
        from tokenizers import Tokenizer

        own = Tokenizer.from_file(str(tmp_path / "saved" / "tokenizer.json"))
        plain = words(tmp_path / "saved", own)
        assert plain.ends == text_ends(own) and not plain.made
