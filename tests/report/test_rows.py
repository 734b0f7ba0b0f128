"""Which rows stand for a model, and how a language is shown."""

from isogloss.report.rows import final, last_layers, main_rows, shown
from isogloss.score import Scores


def test_a_language_is_shown_with_its_own_name_and_direction():
    kashmiri = shown("kas_Arab")
    assert kashmiri.label == "Kashmiri (kas_Arab)"
    assert kashmiri.direction == "rtl" and kashmiri.autonym and kashmiri.bcp47 == "ks"
    assert shown("mri_Latn").autonym == ""  # its English name is its own


def test_what_is_no_tag_stands_for_itself():
    odd = shown("<b>odd</b>")
    assert odd.label == odd.name == "<b>odd</b>" and odd.autonym == ""


def test_the_last_layer_is_of_each_stage(make):
    rows = make.extended(tags=["mri_Latn"]) + make.measured({"deu_Latn": 0.5}, layers=(0, 3, 6))
    assert {(r.stage, r.layer) for r in main_rows(rows, "retrieval_p1")} == {
        ("before", 6), ("after", 0), ("change", None), (None, 6),
    }  # fmt: skip
    assert last_layers(Scores()) == Scores()


def test_the_way_back_from_the_pivot_is_left_to_the_table(make):
    back = make.retrieval("deu_Latn", 0.9, layer=6, direction="eng_Latn>deu_Latn")
    rows = Scores([*make.measured({"deu_Latn": 0.5}), back])
    assert [r.value for r in main_rows(rows, "retrieval_p1")] == [0.5]


def test_how_things_are_now(make):
    assert {r.stage for r in final(make.extended(), "premium")} == {"after"}
    assert {r.stage for r in final(make.extended().where(stage="before"), "premium")} == {"before"}
    assert final(Scores(), "premium") == Scores()


def test_a_direction_is_shown_by_both_languages():
    assert shown("deu_Latn-spa_Latn").label == "German to Spanish (deu_Latn-spa_Latn)"
    assert shown("spa_Latn-MX-eng_Latn").name == "Spanish (MX) to English"
