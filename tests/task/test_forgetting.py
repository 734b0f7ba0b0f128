"""Forgetting is the paired change on the source language's own test."""

import numpy as np
import pytest

from isogloss.score import Scores
from isogloss.task.compare import compare
from isogloss.task.contracts import Tally
from isogloss.task.forgetting import forgetting


def test_three_rows_say_what_was_lost(tmp_path):
    rng = np.random.default_rng(0)
    hits = (rng.random((200, 1)) < 0.9).astype(float)
    lost = hits * (rng.random((200, 1)) < 0.8)
    before, after = (Tally(side, lambda s: s[0]) for side in (hits, lost))
    rows = forgetting(before, after, measure="accuracy", language="eng_Latn",
                      target="hin_Deva", strategy="few-shot", dataset="sib200", seed=3)  # fmt: skip
    found = compare(before, after)
    assert [row.stage for row in rows] == ["before", "after", "change"]
    assert [row.value for row in rows] == pytest.approx(
        [found.before, found.after, found.difference]
    )
    change = rows.one(stage="change", strategy="few-shot", seed=3)
    assert change.low < change.value < change.high < 0 and change.settings["p"] < 0.001
    assert all(
        row.settings["forgetting"] and row.settings["target"] == "hin_Deva" and row.n == 200
        for row in rows
    )
    rows.to_json(tmp_path / "results.json")
    assert Scores.read(tmp_path / "results.json") == rows
