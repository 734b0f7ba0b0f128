"""A collapse is seen, told, and stops training if asked; healthy training is left alone."""

import numpy as np
import pytest
import torch

import small
from isogloss.errors import TrainingError
from isogloss.train.contracts import Lesson
from isogloss.train.spread import Collapse, Spread


def values_of(*parts):
    spread = Spread()
    for part in parts:
        spread.add({"vectors": part})
    return spread.values()


def test_values_are_those_of_all_pairs():
    x = torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0)) + 0.5
    cosines = [
        np.mean([
            float(torch.cosine_similarity(view[i], view[j], dim=0))
            for i in range(9) for j in range(9) if i != j
        ])
        for view in x
    ]  # fmt: skip
    found = values_of(x)
    assert found["random_cosine"] == pytest.approx(np.mean(cosines), rel=1e-6)
    assert found["variance"] == pytest.approx(float(x.var(1, correction=0).mean()), rel=1e-5)
    assert values_of(x[:, :4], x[:, 4:]) == pytest.approx(found)


def test_what_cannot_be_measured_has_no_values():
    assert values_of() == values_of(torch.ones(2, 1, 3)) == {}
    assert values_of(torch.full((1, 4, 3), torch.nan)) == {}
    spread = Spread()
    spread.add({"logits": torch.ones(4, 3)})
    assert spread.values() == {}


def seen(*batches):
    collapse = Collapse()
    for step, batch in enumerate(batches, 1):
        spread = Spread()
        spread.add({"vectors": batch})
        collapse.see(spread, step)
    return collapse


def near(likeness, shift=1.0, rows=10):
    noise = torch.randn(1, rows, 8, generator=torch.Generator().manual_seed(0))
    return shift + noise * likeness


def test_models_that_begin_alike_and_stay_so_have_not_collapsed():
    assert not seen(*[near(0.05)] * 5).certain  # as XLM-R does
    assert not seen(near(0.05), *[near(0.045)] * 5).certain
    found = seen(near(0.05), near(0.05), *[near(0.02)] * 3)
    assert found.certain and found.since == 3
    assert not seen(near(1.0), *[near(0.02)] * 2).certain
    assert not seen(near(1.0), *[near(0.02)] * 2, near(1.0), near(0.02)).certain
    assert not seen(near(1.0), *[near(0.02, rows=4)] * 5).certain


def test_vectors_that_become_nothing_have_collapsed():
    assert seen(near(1.0, 0.0), *[near(1e-3, 0.0)] * 3).certain
    assert not seen(near(1.0, 0.0), *[near(0.1, 0.0)] * 3).certain


def collapsing(**options):
    student = small.Student(drop=0.0)
    lessons = [Lesson(small.Mix(), [(1.0, small.Alike())])]
    options = {"learning_rate": 0.2, "steps": 60, "floor": 1.0, **options}
    return small.small_run(student=student, lessons=lessons, **options)


def test_a_planted_collapse_is_told_and_changes_nothing():
    student, trained = collapsing()
    (note,) = trained.notes
    assert note.startswith("WARNING: the vectors of unrelated rows became alike from step ")
    first, last = trained.rows[0]["vectors"], trained.rows[-1]["vectors"]
    assert last["random_cosine"] > 0.98 and last["variance"] < 0.1 * first["variance"]
    _, healthy = small.small_run(steps=60)
    assert healthy.notes == []
    other, _ = collapsing(watch_every=60)
    assert torch.equal(small.weights_of(student), small.weights_of(other))


def test_a_collapse_stops_training_before_it_is_saved(tmp_path):
    stopping = {"collapse": "stop", "checkpoint": tmp_path, "checkpoint_every": 1}
    with pytest.raises(TrainingError, match="became alike from step") as error:
        collapsing(**stopping)
    since = int(str(error.value).split("from step ")[1].split(" ")[0])
    kept = sorted(int(path.name.removeprefix("step-")) for path in tmp_path.glob("step-*"))
    assert kept[-1] == since - 1
    with pytest.raises(TrainingError, match=f"became alike from step {since} on"):
        collapsing(**stopping)  # goes on from the last good one, to the same end


def test_a_collapse_that_is_only_told_is_saved_as_any_other_training(tmp_path):
    _, trained = collapsing(checkpoint=tmp_path, checkpoint_every=7)
    kept = sorted(int(path.name.removeprefix("step-")) for path in tmp_path.glob("step-*"))
    assert kept == [49, 56] and trained.notes[0].startswith("WARNING")
