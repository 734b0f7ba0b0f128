"""Recipes of published systems run as they are written, on less text; their maps do something."""

import pytest

from isogloss.space.map import Map

ROWS = {"train": 600, "held_out": 80}
TAGS = ("deu_Latn", "rus_Cyrl")


def value(run, measure, language, stage, through=None, **more):
    system = f"all-MiniLM-L6-v2 through {through}" if through else "all-MiniLM-L6-v2"
    found = run.scores.where(measure=measure, language=language, stage=stage, system=system, **more)
    return found[0].value


def test_language_neutrality(shorter):
    run = shorter("LangNeutrality", **ROWS)
    for tag in TAGS:
        change = run.scores.one(measure="language_probe_accuracy", language=tag, stage="change")
        assert change.high < -0.05 and change.settings["p_holm"] < 0.05
        where = {"stage": "change", "measure": "retrieval_p1", "language": tag}
        assert len(run.scores.where(**where)) == 2


def test_anisotropy_and_outliers(shorter):
    run = shorter("Anisotropy-Outliers", **ROWS)
    for tag in TAGS:
        before = value(run, "isotropy", tag, "before")
        for variant in ("clusters", "whitened"):
            assert value(run, "isotropy", tag, "after", variant) > before + 0.05
            assert abs(value(run, "cosine_random", tag, "after", variant)) < 0.05
        outliers = [
            value(run, "outlier_dimensions", tag, *at)
            for at in (("before",), ("after", "no_outliers"))
        ]
        [about] = Map.load(run.folder / f"maps/{tag}/no_outliers/layer-06").about["chain"]
        assert len(about["dropped"]) > 0 and outliers[1] < outliers[0]
    assert len({row.system for row in run.scores.where(stage="change")}) == 3


def test_linear_maps_of_sentences(shorter):
    run = shorter("LinearSentMap", **ROWS)
    for tag in TAGS:
        deviations = {
            row.settings["step"]: row.value
            for row in run.scores.where(measure="orthogonality_deviation", language=tag)
        }
        assert deviations["rotation"] == pytest.approx(0, abs=1e-4)
        assert 1 < deviations["linear"] < 5  # a few directions are stretched, none is alone
        for variant in ("linear", "rotation"):
            apart = [
                value(run, "cosine_matched", tag, *at) - value(run, "cosine_random", tag, *at)
                for at in (("before",), ("after", variant))
            ]
            assert apart[1] > apart[0] + 0.03
            assert value(run, "retrieval_p1", tag, "change", variant) > 0.03
        both = (value(run, "cosine_matched", tag, "after", v) for v in ("linear", "rotation"))
        assert next(both) != next(both)
