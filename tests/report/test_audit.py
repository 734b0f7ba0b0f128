"""A run that audited tokenizers and measured nothing else."""

import re

import pytest

from isogloss.report.page import charts, render
from isogloss.report.rows import audited_systems
from isogloss.report.summary import summarise
from isogloss.score import Scores


@pytest.fixture
def rows(make):
    def built(**premiums):
        return [
            make.score(measure, tag, value, system=system)
            for system, (low, high, unknown) in premiums.items()
            for tag, measure, value in (
                ("deu_Latn", "premium", low), ("tam_Taml", "premium", high),
                ("deu_Latn", "unknown_share", unknown), ("tam_Taml", "unknown_share", unknown),
            )
        ]  # fmt: skip

    return built


def test_one_tokenizer_is_told_by_its_worst_language(rows):
    scores = Scores(rows(mine=(1.5, 4.0, 0.0)))
    made = summarise(scores, ["WARNING: look here"])
    assert made.verdict == "Tamil needs 4.0 times the tokens of English, the most of 2 languages."
    assert made.happened[0].startswith("Tamil needs 4.0 times") and made.happened[-1] == "look here"
    assert any("extending the vocabulary" in line for line in made.advice)
    assert "tokenizers.v1" not in charts(scores) and "premium.v1" in charts(scores)


def test_several_are_told_apart(rows):
    scores = Scores(rows(first=(1.5, 4.0, 0.0), second=(1.2, 2.0, 0.0), blind=(0.2, 0.3, 0.6)))
    made = summarise(scores)
    assert made.verdict == (
        "second asks least over English, on average 1.60 times its tokens; first most, 2.75 times."
    )
    assert "first: Tamil needs 4.0 times the tokens of English" in made.happened[0]
    assert any("tokens of blind are unknown" in line for line in made.happened)
    assert made.advice == [] and made.figures[0][1].startswith("blind:")
    drawn = charts(scores)
    assert "premium.v1" not in drawn
    spec = drawn["tokenizers.v1"]
    assert spec["encoding"]["y"]["sort"][0] == "Tamil (tam_Taml)"
    assert spec["encoding"]["x"]["sort"] == ["first", "second", "blind"]
    cells = {(c["tokenizer"], c["language"]): c for c in spec["data"]["values"]}
    assert len(cells) == 6 and cells["blind", "Tamil (tam_Taml)"]["unknown"] == 0.6


def test_names_of_tokenizers_are_escaped(rows):
    page = render(Scores(rows(**{"<script>x": (1.5, 4.0, 0.0), "b": (1, 2, 0)})), {"title": "t"})
    assert "<script>x" not in page
    assert re.search(r"What each tokenizer costs", page)


def test_runs_that_measure_vectors_are_no_audits(make):
    assert audited_systems(make.extended()) == []
    premium = make.score("premium", "deu_Latn", 1.5)
    assert audited_systems(Scores([premium, make.retrieval("deu_Latn", 0.5, layer=3)])) == []
    assert audited_systems(Scores([premium])) == []  # rows of nobody in particular
    assert audited_systems(Scores([premium]).having(system="mine")) == ["mine"]
