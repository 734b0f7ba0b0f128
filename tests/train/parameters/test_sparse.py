"""Chosen places change and nothing else does, bit for bit; they are those that changed most."""

import numpy as np
import pytest
import torch

from isogloss.errors import ModelError, TrainingError, UsageError
from isogloss.train.contracts import Lesson
from isogloss.train.delta import load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.parallel import ParallelViews
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.parameters.sparse import at_random, eligible, most_changed, only_at
from isogloss.train.student import student_of


@pytest.fixture(scope="module")
def parts(model_folder):
    from tokenizers import Tokenizer

    folder = model_folder("bert")
    return folder, Tokenizer.from_file(str(folder / "tokenizer.json"))


def mixture():
    rng = np.random.default_rng(1)
    tokens = {
        lang: [rng.integers(5, 200, rng.integers(3, 9)) for _ in range(40)]
        for lang in ("eng_Latn", "rus_Cyrl")
    }
    return ParallelViews(tokens, np.zeros((40, 1), np.float32), "eng_Latn", size=8, views=2)


def taught(student, *, steps=4, accumulate=1, **more):
    settings = LoopSettings(
        steps=steps, learning_rate=1e-3, threads=1, checkpoint_every=2, accumulate=accumulate,
        clip=1.0,
    )  # fmt: skip
    train(student, [Lesson(mixture(), [(1.0, ContrastViews())])], settings, **more)
    return student


def weights(student):
    return {name: w.detach().clone() for name, w in student.module.named_parameters()}


@pytest.mark.parametrize("accumulate", [1, 2])
def test_chosen_places_change_and_no_others(parts, accumulate):
    student = student_of("sparse.v1", *parts, share=0.1, seed=3)
    before, places = weights(student), student.change.places
    total = sum(w.numel() for w in before.values())
    assert sum(map(len, places.values())) == round(0.1 * total)
    after = weights(taught(student, accumulate=accumulate))
    moved = 0
    for name, weight in before.items():
        outside = torch.ones(weight.numel(), dtype=torch.bool)
        outside[places.get(name, torch.empty(0, dtype=torch.long))] = False
        same = weight.view(-1) == after[name].view(-1)
        assert same[outside].all(), name
        moved += int((~same).sum())
    # Rows of tokens that no batch held, and the pooler, have no gradient.
    assert moved > 0.2 * sum(map(len, places.values()))


def test_chosen_weights_have_the_gradient_that_they_have_when_all_train(parts):
    batch, found = mixture().batch(0, 0), []
    for point in ("full.v1", "sparse.v1"):
        student = student_of(point, *parts)
        ContrastViews()(student.module.eval()(batch), batch).total.backward()
        found.append((student, {n: w.grad for n, w in student.module.named_parameters()}))
    (_, whole), (student, few) = found
    for name, at in student.change.places.items():
        if whole[name] is None:
            continue
        wanted = torch.zeros_like(whole[name]).view(-1)
        wanted[at] = whole[name].reshape(-1)[at]
        assert torch.equal(few[name].reshape(-1), wanted), name


def test_the_most_changed_are_those_of_a_plain_sort():
    rng = np.random.default_rng(0)
    shapes = {"a": (5, 7), "b": (4,), "c": (2, 3, 3)}
    before = {n: torch.from_numpy(rng.normal(size=s)).float() for n, s in shapes.items()}
    after = {n: w + torch.from_numpy(rng.integers(-3, 4, w.shape)) for n, w in before.items()}
    changes = [
        (-float((after[n] - w).view(-1)[i].abs()), order, i, n)
        for order, (n, w) in enumerate(before.items())
        for i in range(w.numel())
    ]
    changed = sum(c[0] < 0 for c in changes)
    for count in (1, 9, 30, changed, 10_000):
        wanted = {(n, i) for _, _, i, n in sorted(changes)[: min(count, changed)]}
        found = most_changed(before, after, count)
        assert {(n, int(i)) for n, at in found.items() for i in at} == wanted
        assert all((torch.diff(at) > 0).all() for at in found.values())
    with pytest.raises(TrainingError, match="no weight changed"):
        most_changed(before, before, 3)


def test_random_places_are_drawn_evenly():
    sizes = {"a": 900, "b": 1, "c": 99}
    found = [at_random(sizes, 100, seed) for seed in range(30)]
    assert all(sum(map(len, one.values())) == 100 for one in found)
    assert 85 < np.mean([len(one["a"]) for one in found]) < 95
    assert at_random(sizes, 1000, 0)["c"].tolist() == list(range(99))


def test_a_delta_is_the_places_and_brings_the_model_back_to_the_bit(parts, tmp_path):
    from safetensors.torch import load_file, save_file

    student = taught(student_of("sparse.v1", *parts, share=0.02))
    student.save_delta(tmp_path / "d", "print", {"use": "sparse.v1"})
    kept = load_file(tmp_path / "d" / "delta.safetensors")
    count = sum(map(len, student.change.places.values()))
    assert sum(v.numel() for v in kept.values()) == 2 * count
    for point in ("sparse.v1", "full.v1"):
        again = student_of(point, *parts)
        load_delta(tmp_path / "d", again.module, "print")
        for name, weight in weights(student).items():
            assert torch.equal(weight, again.module.state_dict()[name]), name
    name = next(iter(student.change.places))
    kept[f"{name}.index"] = kept[f"{name}.index"] + 10**6
    save_file(kept, tmp_path / "d" / "delta.safetensors")
    with pytest.raises(ModelError, match="has other weights than"):
        load_delta(tmp_path / "d", student.module, "print")


def test_a_killed_run_ends_with_the_same_bits(parts, tmp_path):
    def stop(step, loss):
        if step == 3:
            raise KeyboardInterrupt

    whole = taught(student_of("sparse.v1", *parts))
    with pytest.raises(KeyboardInterrupt):
        taught(student_of("sparse.v1", *parts), checkpoint=tmp_path / "c", progress=stop)
    resumed = taught(student_of("sparse.v1", *parts), checkpoint=tmp_path / "c")
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name


def test_names_that_stay_and_factors_that_are_kept(parts):
    student = student_of("sparse.v1", *parts, share=0.5, stay=("embeddings", "LayerNorm"))
    assert not any("embeddings" in n or "LayerNorm" in n for n in student.change.places)
    other = student_of("full.v1", *parts, fast=10.0)
    table = "body.embeddings.word_embeddings.weight"
    rest = next(n for n in eligible(other.module, (table,)))
    change = only_at(other.module, {table: torch.tensor([3]), rest: torch.tensor([0])},
                     other.groups())  # fmt: skip
    assert [group["factor"] for group in change.groups] == [10.0, 1.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"places": {"body.other": [1]}}, r"no weight body\.other"),
     ({"places": {"body.pooler.dense.bias": [1, 32]}}, "has 32 values, and places up to 32"),
     ({"share": 0.0}, "a share of 0.0"), ({"stay": ("",)}, "no weight may change")],
)  # fmt: skip
def test_what_cannot_be_is_refused(parts, options, said):
    with pytest.raises(UsageError, match=said):
        student_of("sparse.v1", *parts, **options)
