"""The embedded table holds every cell of the scores, small."""

import json

from isogloss.report.table import table
from isogloss.score import Scores


def cells(made, name):
    (column,) = [c for c in made["columns"] if c["name"] == name]
    if "numbers" in column:
        return column["numbers"]
    return [None if i < 0 else column["words"][i] for i in column["index"]]


def test_every_cell_reads_back(make):
    scores = make.extended()
    made = table(scores)
    assert made["rows"] == len(scores)
    assert cells(made, "measure") == [r.measure for r in scores]
    assert cells(made, "direction") == [r.direction for r in scores]
    assert cells(made, "layer") == [r.layer for r in scores]
    assert all(abs(a - r.value) < 1e-4 for a, r in zip(cells(made, "value"), scores, strict=True))
    assert cells(made, "language")[0] == "Māori (mri_Latn)"
    assert "p_holm: 0.001" in cells(made, "settings")[2]


def test_words_are_in_order_so_that_their_places_compare(make):
    columns = [c for c in table(make.extended())["columns"] if "words" in c]
    assert columns and all(c["words"] == sorted(c["words"]) for c in columns)


def test_what_never_varies_is_said_once(make):
    made = table(make.extended())
    assert ["dataset", "sib200"] in made["constant"]
    assert "dataset" not in [c["name"] for c in made["columns"]]
    assert "task" not in json.dumps(made)


def test_nothing_to_show():
    assert table(Scores()) == {"columns": [], "constant": [], "rows": 0}


def test_twenty_thousand_rows_stay_small(make):
    rows = make.extended(tags=make.tags * 160)
    many = rows + rows + rows + rows + rows
    assert len(many) == 20_000
    assert len(json.dumps(table(many), separators=(",", ":"))) < 1_500_000
