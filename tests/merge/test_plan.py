"""Models that do not fit together: what is refused, with which words, and what is counted."""

from __future__ import annotations

import pytest
import torch

from isogloss.errors import ModelError, SettingsError, UnknownName, UsageError
from isogloss.merge.family import read_point
from isogloss.merge.plan import Asked, make_plan

from .conftest import SHAPES, tensors

LINEAR = Asked(read_point("linear"))
SHARED = Asked(read_point("linear"), only_shared=True)


def changed(seed, **more):
    made = tensors(seed) | more
    return {name: x for name, x in made.items() if x is not None}


def test_a_missing_or_additional_tensor_is_named_with_the_model(save):
    base, less = save("base", changed(0)), save("less", changed(1, norm=None))
    with pytest.raises(ModelError, match="less lacks 1 tensors that base has: norm") as error:
        make_plan([base, less], base, LINEAR)
    assert error.value.file == less.path and "--only-shared" in str(error.value)
    with pytest.raises(ModelError, match="less lacks 1 tensors that base has: norm"):
        make_plan([base, less], less, LINEAR)
    plan = make_plan([base, less], base, SHARED)
    assert plan.counts == {"merged": 3, "as in base, since less has none": 1}
    assert make_plan([base], less, SHARED).counts["of base left out, as less has none"] == 1
    grafted = Asked(read_point("linear"), grafts=(("norm", base),))
    assert make_plan([less], base, grafted).counts == {"merged": 3, "grafted": 1}


def test_names_that_differ_at_the_beginning_are_seen(save):
    base = save("base", changed(0))
    other = save("other", {f"bert.{name}": x for name, x in tensors(1).items()})
    with pytest.raises(ModelError, match="shares no tensor with base") as error:
        make_plan([base, other], base, SHARED)
    assert "differ at the beginning" in str(error.value)


def test_another_shape_is_refused_or_counted(save):
    base, wide = save("base", changed(0)), save("wide", changed(1, norm=torch.zeros(66)))
    with pytest.raises(ModelError, match=r"norm is \[66\] in wide and \[65\] in base"):
        make_plan([base, wide], base, LINEAR)
    plan = make_plan([base, wide], base, SHARED)
    assert plan.counts["as in base, since wide has another shape"] == 1


def test_another_vocabulary_is_refused_unless_its_table_is_grafted(save):
    rows = {"embed.weight": torch.zeros(140, 70)}
    base, other = save("base", changed(0), 130), save("other", changed(1, **rows), 140)
    for asked in (LINEAR, SHARED):
        with pytest.raises(ModelError, match="140 rows in other and 130 in base") as error:
            make_plan([base, other], base, asked)
        assert "isogloss vocabulary replace or swap" in str(error.value)
    kept = Asked(read_point("linear"), grafts=(("embed", base),))
    assert make_plan([base, other], base, kept).counts == {"merged": 3, "grafted": 1}
    taken = Asked(read_point("linear"), grafts=(("embed", other),))
    with pytest.raises(ModelError, match="take other as --base"):
        make_plan([base, other], base, taken)


def test_types_are_counted_and_integers_among_floats_refused(save):
    base, half = save("base", changed(0)), save("half", tensors(1, "bfloat16"))
    counts = make_plan([base, half], base, LINEAR).counts
    assert counts["of half read as BF16 and saved as F32"] == len(SHAPES)
    whole = save("whole", changed(1, norm=torch.zeros(65, dtype=torch.int32)))
    with pytest.raises(ModelError, match="norm is I32 in whole and F32 in base"):
        make_plan([base, whole], base, LINEAR)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"weights": (1.0,)}, "1 weights for 2 models"),
        ({"weights": (1.0, -1.0)}, "sum over 0"),
        ({"weights": (1.0, float("nan"))}, "must be numbers"),
        ({"rules": (("embed", (1.0,)),)}, "embed: 1 weights"),
        ({"rules": (("nothing", (1.0, 1.0)),)}, "no tensor's name has 'nothing'"),
        ({"rules": (("(", (1.0, 1.0)),)}, "is not a pattern"),
        ({"groups": ("a",)}, "1 groups for 2 models"),
        ({"groups": ("a", "b"), "weights": (1.0, 0.0)}, "the sum 0"),
    ],
)
def test_numbers_and_patterns_that_cannot_work(save, more, said):
    base = save("base", changed(0))
    with pytest.raises(UsageError, match=said):
        make_plan([base, base], base, Asked(read_point("linear"), **more))


def test_an_arc_needs_weights_that_lie_on_it(save):
    base = save("base", changed(0))
    with pytest.raises(UsageError, match="ends at its models"):
        make_plan([base, base], base, Asked(read_point("slerp"), weights=(2.0, -1.0)))
    with pytest.raises(UsageError, match="no model"):
        make_plan([], base, LINEAR)


def test_points_and_their_settings_are_checked():
    assert read_point("ties", {"share": 0.5}).share == 0.5
    with pytest.raises(UnknownName, match="tees"):
        read_point("tees")
    with pytest.raises(SettingsError, match="share"):
        read_point("ties", {"share": 1.5})
    with pytest.raises(UsageError, match="no setting 'elect'"):
        read_point("sparse", {"elect": True})
    with pytest.raises(UsageError, match="linear has no settings"):
        read_point("linear", {"share": 0.5})


def test_whole_numbers_that_only_some_models_save_are_no_weights(save):
    places = torch.arange(4)[None]
    base, other = save("base", changed(0, places=places)), save("other", changed(1))
    plan = make_plan([base, other], base, LINEAR)
    assert plan.counts == {"merged": 4, "as in base, since other has none": 1}
    plan = make_plan([base, other], other, LINEAR)
    assert plan.counts == {"merged": 4, "of base left out, as other has none": 1}
