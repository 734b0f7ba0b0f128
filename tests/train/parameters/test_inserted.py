"""Whatever is put into a body: it alone changes, and what is saved is what trained."""

import numpy as np
import pytest
import torch

from isogloss.encode.inserted.files import keep_languages
from isogloss.errors import ModelError
from isogloss.train.contracts import Lesson
from isogloss.train.delta import load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.parts import Pass
from loading import load

_made = load("train/parameters/test_bottleneck.py")
base, student, taught, vectors, encoded = (
    _made.base, _made.student, _made.taught, _made.vectors, _made.encoded,
)  # fmt: skip
POINTS = {
    "bottleneck.v1": {"reduction": 2, "invertible": True},
    "per_language.v1": {"reduction": 4},
    "hyper_adapters.v1": {"reduction": 4, "hidden": 16, "embedding": 4},
    "lora_mixture.v1": {"rank": 2},
    "branches.v1": {"layers": "last:1"},
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


@pytest.mark.parametrize("use", ["per_language.v1", "branches.v1"])
def test_languages_are_detached(use, base, tmp_path):
    taught(base, use, layers="last:1").save(tmp_path / "s")
    keep_languages(tmp_path / "s", ["deu"], tmp_path / "kept")
    both, one = ((tmp_path / n / "inserted.safetensors").stat().st_size for n in ("s", "kept"))
    assert one < 0.7 * both
    ours, theirs = (encoded(tmp_path / n, language="deu_Latn") for n in ("kept", "s"))
    np.testing.assert_array_equal(ours, theirs)
    if use == "branches.v1":  # others go through the shared one
        found = encoded(tmp_path / "kept", language="eng_Latn")
        np.testing.assert_allclose(found, encoded(base), atol=1e-5)
    with pytest.raises(ModelError, match="part 0 has no modules of fra_Latn"):
        keep_languages(tmp_path / "s", ["deu", "fra"], tmp_path / "no")
    with pytest.raises(ModelError, match="part 0 has no modules of no language"):
        keep_languages(tmp_path / "s", [], tmp_path / "no")
    student(base, reduction=2).save(tmp_path / "plain")
    with pytest.raises(ModelError, match="has no modules that are a language's own"):
        keep_languages(tmp_path / "plain", ["deu"], tmp_path / "no")


@pytest.mark.parametrize("use", ["per_language.v1", "lora_mixture.v1"])
def test_a_killed_run_ends_with_the_same_bits(use, base, tmp_path):
    def run(made, **more):
        trained = train(
            made, [Lesson(_made.Words(), [(1.0, Mlm())])],
            LoopSettings(steps=5, learning_rate=1e-2, threads=1, checkpoint_every=2), **more,
        )  # fmt: skip
        return trained.resumed_at

    def stop(step, loss):
        if step == 5:
            raise KeyboardInterrupt

    whole, again = (student(base, use, **POINTS[use]) for _ in range(2))
    run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(student(base, use, **POINTS[use]), checkpoint=tmp_path / "c", progress=stop)
    assert run(again, checkpoint=tmp_path / "c") == 4
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[name]), name


@pytest.mark.parametrize("use", ["per_language.v1", "hyper_adapters.v1", "branches.v1"])
def test_parts_of_a_batch_have_the_gradients_of_the_whole(use, base):
    from accelerate import Accelerator

    found = []
    for parts in (1, 3):
        made = student(base, use, **POINTS[use])
        torch.manual_seed(3)
        for weight in made.module.inserted.parameters():
            torch.nn.init.normal_(weight, std=0.05)
        passing = Pass(made.module.eval(), Accelerator(), parts, rough=False)
        passing.backward(_made.Words().batch(0, 1), [(1.0, Mlm())], 0)
        found.append([w.grad for w in made.module.inserted.parameters() if w.grad is not None])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("use", POINTS)
def test_products_of_bfloat16_are_nearly_those_of_float32(use, base):
    from accelerate import Accelerator

    made = student(base, use.removesuffix(".v1") + ".v1", **POINTS[use])
    torch.manual_seed(3)
    for weight in made.module.inserted.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    found = [
        Pass(made.module.eval(), Accelerator(), 1, rough=rough).backward(
            _made.Words().batch(0, 1), [(1.0, Mlm())], 0
        )["mlm"]
        for rough in (False, True)
    ]
    assert found[0] == pytest.approx(found[1], rel=5e-3) and found[0] != found[1]
