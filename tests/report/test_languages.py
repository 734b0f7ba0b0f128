"""The key table says per language what the rows say."""

from isogloss.report.languages import key_table
from isogloss.score import Scores


def test_one_row_a_language_best_first(make):
    key = key_table(make.extended())
    assert key["columns"] == ["P@1 before", "P@1 after", "change", "by the test", "premium"]
    assert [r["language"].tag for r in key["rows"]] == make.tags[::-1]
    before, after, change, test, premium = key["rows"][-1]["cells"]
    assert (before["text"], before["interval"]) == ("0.200", "0.17 to 0.23")
    assert (after["text"], change["text"], premium["text"]) == ("0.600", "+0.400", "1.10×")
    assert (test["text"], test["interval"], test["kind"]) == ("better", "p = 0.001", "up")


def test_worse_and_unclear_are_said(make):
    def word(scores):
        return key_table(scores)["rows"][0]["cells"][3]["text"]

    assert word(make.extended(0.6, 0.2)) == "worse"
    assert word(make.extended(p=0.2)) == "no clear change"


def test_a_measure_run_has_one_column(make):
    assert key_table(make.measured({"deu_Latn": 0.5}))["columns"] == ["P@1"]
    assert key_table(Scores()) == {"columns": [], "rows": []}
