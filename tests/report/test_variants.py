"""A run that tried several things shows each beside the same start, and says what holds for it."""

from dataclasses import replace

import pytest

from isogloss.cli.tables import summary
from isogloss.report.charts.before_after import before_after
from isogloss.report.languages import key_table
from isogloss.report.rows import compared, system_names, variants
from isogloss.report.summary import summarise
from isogloss.score import Score, Scores


@pytest.fixture
def tried(make):
    """The teacher at 0.2, through `up` at 0.6 and through `down` at 0.1."""
    later = ("after", "change")
    up, down = (
        Scores(r for r in make.extended(0.2, value) if r.stage in later).having(system=name)
        for name, value in (("up", 0.6), ("down", 0.1))
    )
    return make.extended().where(stage="before") + up + down


def test_one_system_is_no_variant(make):
    scores = make.extended()
    assert list(variants(scores)) == [""] and variants(scores)[""] is scores
    assert "system" not in key_table(scores)["columns"]


def test_two_texts_of_a_run_stay_apart(make):
    both = make.extended(0.2, 0.6).having(dataset="a") + make.extended(0.1, 0.3).having(dataset="b")
    for change in both.where(stage="change"):
        before, after = compared(both, change)
        assert before.dataset == after.dataset == change.dataset
        assert after.value - before.value == pytest.approx(change.value)


def test_each_is_read_alone(tried, make):
    parts = variants(tried)
    assert list(parts) == ["up", "down"]
    assert {r.system for r in parts["down"]} == {"teacher", "down"}
    for change in tried.where(stage="change"):
        before, after = compared(tried, change)
        assert (before.stage, after.system) == ("before", change.system)
        assert after.value - before.value == pytest.approx(change.value)
    said = summarise(tried, ["WARNING: hot"])
    assert "up: 5 of 5 languages rose, none fell" in said.verdict
    assert "down: None of 5 languages rose, 5 fell" in said.verdict
    assert [text for text, _ in said.figures] == ["5 of 5", "0 of 5"]
    assert any(s.startswith("up: Better") for s in said.happened)
    assert any(s.startswith("down: Worse") for s in said.happened)
    assert said.happened.count("hot") == 1


def test_two_things_that_were_tried_are_shown_beside_each_other(tried, make):
    down = tried.where(system="down", stage="after")
    change = Scores(
        replace(row, value=0.5, settings={**row.settings, "against": "down"})
        for row in tried.where(system="up", stage="change")
    )
    for scores, names in (
        (tried + change, ["up", "down", "up against down"]),
        (Scores(r for r in tried if r.stage != "change") + change, [""]),
    ):
        for row in change:
            before, after = compared(scores, row)
            assert (before.system, after.system) == ("down", "up")
            assert after.value - before.value == pytest.approx(0.5)
        parts = variants(scores)
        assert list(parts) == names
        part = parts[names[-1]]
        assert part.where(stage="before").to_rows() == down.having(stage="before").to_rows()
        assert {r.system for r in part.where(stage="after")} == {"up"}
        key, first = key_table(scores), len(names) > 1
        rows = [row["cells"][first:] for row in key["rows"]
                if not first or row["cells"][0]["text"] == names[-1]]  # fmt: skip
        outward = [r for r in down if r.direction == f"{r.language}>{r.pivot}"]
        assert sorted(cells[0]["text"] for cells in rows) == sorted(
            f"{r.value:.3f}" for r in outward if r.measure == "retrieval_p1"
        )
        assert {cells[2]["text"] for cells in rows} == {"+0.500"}
        [table] = summary(scores)
        assert table.row_count == (3 if first else 1) * len(make.tags)


def test_tables_and_the_chart_name_the_system(tried, make):
    key = key_table(tried)
    assert key["columns"][0] == "system" and len(key["rows"]) == 2 * len(make.tags)
    assert {row["cells"][0]["text"] for row in key["rows"]} == {"up", "down"}
    assert all(len(row["cells"]) == len(key["columns"]) for row in key["rows"])
    bars = before_after(tried)["data"]["values"]
    labels = {bar["language"] for bar in bars}
    assert len(labels) == 2 * len(make.tags)
    for label in labels:  # no two bars of a stage lie on each other
        assert sorted(b["stage"] for b in bars if b["language"] == label) == ["after", "before"]
    [table] = summary(tried)
    assert table.columns[0].header == "system" and table.row_count == 2 * len(make.tags)


def test_methods_of_a_run_have_rows_and_sentences_of_their_own(make):
    rows = Scores(
        make.score("matching_p1", tag, value, system=system, settings={"method": method})
        for tag in ("deu_Latn", "rus_Cyrl")
        for system, method, value in (("a", "x", 0.1), ("a", "y", 0.2), ("b", "x", 0.4))
    )
    [table] = summary(rows)
    assert [c.header for c in table.columns] == ["language", "system", "method", "matching_p1", "n"]
    shown = list(zip(*(list(column.cells) for column in table.columns), strict=True))
    assert [x[1:3] for x in shown] == [("a", "x"), ("a", "y"), ("b", "x")] * 2
    assert [x[3][:5] for x in shown] == ["0.100", "0.200", "0.400"] * 2
    happened = " ".join(summarise(rows).happened)
    for said in ("by x in a: 0.10", "by y in a: 0.20", "by x in b: 0.40"):
        assert said in happened
    alone = Scores(row for row in rows if row.system == "a" and row.settings["method"] == "x")
    assert "system" not in [c.header for c in summary(alone)[0].columns]
    assert "by x: 0.10" in " ".join(summarise(alone).happened)


def test_names_lose_what_all_begin_with(make):
    row = make.extended().where(stage="change")[:1]
    systems = ["m through ab", "m through ac"]
    scores = Scores(r for name in systems for r in row.having(system=name))
    assert list(system_names(scores).values()) == ["ab", "ac"]
    assert system_names(row.having(system="m through ab")) == {"m through ab": "m through ab"}


def test_things_that_have_no_figure_do_not_stop_the_summary(tried):
    plain = tried.having(measure="masked_loss")
    assert len(variants(plain)) == 2
    assert summarise(plain).figures == []


def cells(tables):
    """Titles of tables, and the cells of their first row."""
    return [(one.title, [next(iter(column.cells)) for column in one.columns]) for one in tables]


def transferred(task, system, value, language="hau_Latn"):
    return Score(
        measure="f1", value=value, n=9, language=language, strategy="zero_shot", dataset="a",
        task=task, system=system, settings={"values": [value], "seeds": [0]},
    )  # fmt: skip


def test_tasks_and_models_of_a_run_have_a_table_each():
    one, other = transferred("names", "m", 0.25), transferred("topics", "m", 0.5)
    [first, second] = cells(summary(Scores([one, other])))
    assert first[0].startswith("names: f1, one seed") and "0.250" in first[1][1]
    assert second[0].startswith("topics: f1") and "0.500" in second[1][1]
    again = cells(summary(Scores([one, transferred("names", "n", 0.75)])))
    assert [title.rpartition("; ")[2] for title, _ in again] == ["m", "n"]
    assert ["0.250" in again[0][1][1], "0.750" in again[1][1][1]] == [True, True]


def test_a_direction_is_shown_by_both_names():
    [(_, row)] = cells(summary(Scores([transferred("words", "m", 1, "deu_Latn-spa_Latn")])))
    assert row[0] == "German to Spanish (deu_Latn-spa_Latn)"
