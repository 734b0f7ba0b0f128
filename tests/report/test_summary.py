"""Each sentence appears when its rule holds and is silent when it does not."""

import pytest

from isogloss.report.summary import summarise, verdict
from isogloss.score import Score, Scores


def happened(scores):
    return " ".join(summarise(scores).happened)


def advice(scores):
    return " ".join(summarise(scores).advice)


def test_the_verdict_counts_by_the_test(make):
    assert verdict(make.extended()) == (
        "5 of 5 languages rose, none fell: mean P@1 0.22 before, 0.62 after."
    )
    assert "None of 5 languages rose, 5 fell" in verdict(make.extended(before=0.6, after=0.2))
    assert "None of 5 languages rose, none fell" in verdict(make.extended(p=0.4))
    assert "1 of 1 language rose" in verdict(make.extended(tags=["mri_Latn"]))


def test_the_verdict_of_a_measure_run(make):
    found = verdict(make.measured({"deu_Latn": 0.7, "mri_Latn": 0.2}))
    assert found == "1 of 2 languages find at least half of the translations."
    assert verdict(Scores()) == "There are no scores to show."
    assert verdict(Scores([make.score("isotropy", "deu_Latn", 0.4)])) == "Scores: 1."


def test_the_test_decides_what_is_better_worse_or_unclear(make):
    up = happened(make.extended())
    down = happened(make.extended(0.6, 0.2))
    same = happened(make.extended(p=0.05))
    assert "Better (paired sign-flip test, Holm over 5 languages, p < 0.05): " in up
    assert "n = 400 sentences each" in up and "Worse" not in up and "No change" not in up
    assert "Worse by the same test" in down and "Better" not in down
    assert "No change that 400 sentences can show" in same and "Better" not in same


def test_a_gain_carries_its_interval(make):
    assert "Māori +0.40 [+0.37, +0.43]" in happened(make.extended(tags=["mri_Latn"]))


def test_many_languages_are_counted_not_listed(make):
    tags = [f"q{a}z_Latn" for a in "abcdefghijklmn"]
    assert "and 6 more" in happened(make.extended(tags=tags))
    assert "more." not in happened(make.extended(tags=tags[:8]))


def test_languages_that_worked_and_fell_are_a_warning_of_their_own(make):
    assert "worked before and fell: keep the old model" in advice(make.extended(0.7, 0.6))
    assert "fell from a low start" in advice(make.extended(0.3, 0.1))
    assert "fell" not in advice(make.extended())


@pytest.mark.parametrize(("found", "kept"), [(0.5, False), (0.95, True)])
def test_a_pivot_that_moved_is_said(make, found, kept):
    rows = Scores(
        make.score(measure, "eng_Latn", value, stage="after", system="s")
        for measure, value in (("pivot_cosine_to_teacher", 0.4), ("pivot_retrieval_p1", found))
    )
    assert "mean cosine to the teacher's vectors 0.40 [0.37, 0.43]" in happened(rows)
    assert ("the pivot, is kept" in happened(rows)) is kept
    assert ("Keep the teacher" in advice(rows)) is not kept


def test_the_vocabulary_is_judged_by_the_newest_stage(make):
    assert "twice the pivot's tokens" not in advice(make.extended())
    assert "twice the pivot's tokens" in advice(make.extended().where(stage="before"))
    assert "now spends 1.1 times the pivot's tokens" in happened(make.extended())
    assert "before, 4.5 times" in happened(make.extended())
    dear = Scores([make.score("premium", "tam_Taml", 2.7), make.score("premium", "fra_Latn", 1.3)])
    assert "twice the pivot's tokens on Tamil 2.7×:" in advice(dear)


def test_unknown_tokens_come_before_everything_else_about_a_language(make):
    tokens = [make.score(m, "tzm_Tfng", v) for m, v in (("unknown_share", 0.6), ("premium", 3.0))]
    said = advice(Scores([*make.measured({"tzm_Tfng": 0.1}), *tokens]))
    assert "Central Atlas Tamazight 60%" in said
    assert "twice the pivot's" not in said and "Under 0.3" not in said
    assert advice(Scores([make.score("unknown_share", "deu_Latn", 0.01)])) == ""


def test_weak_languages_that_the_tokenizer_reads_want_text(make):
    assert "Extending the model" in advice(make.measured({"swh_Latn": 0.2}))
    assert "More parallel text" in advice(make.extended(after=0.2, before=0.1))
    assert advice(make.measured({"swh_Latn": 0.4})) == ""


def test_centring_is_advised_where_intervals_part_and_the_probe_sees_the_language(make):
    def said(centred, probe):
        seen = make.score("language_probe_accuracy", "deu_Latn", probe, layer=6)
        moved = make.retrieval("deu_Latn", centred, measure="retrieval_p1_centred", layer=6)
        return advice(Scores([*make.measured({"deu_Latn": 0.4}), moved, seen]))

    assert "mean vector would raise P@1 at no cost: German 0.40 to 0.55" in said(0.55, 0.99)
    assert "mean vector" not in said(0.42, 0.99)
    assert "mean vector" not in said(0.55, 0.6)


def test_an_earlier_layer_that_is_clearly_better_is_named(make):
    rows = Scores(
        make.retrieval("deu_Latn", value, layer=layer) for layer, value in ((4, 0.8), (6, 0.6))
    )
    assert "German layer 4, P@1 0.80 against 0.60" in advice(rows)
    assert "earlier layer" not in advice(make.measured({"deu_Latn": 0.6}, layers=(4, 6)))


def test_long_texts_and_crowded_spaces(make):
    assert "Burmese 5%" in advice(Scores([make.score("over_window_share", "mya_Mymr", 0.05)]))
    assert advice(Scores([make.score("over_window_share", "mya_Mymr", 0.005)])) == ""
    assert "ratio margin" in advice(Scores([make.score("cosine_random", "deu_Latn", 0.8)]))
    assert advice(Scores([make.score("cosine_random", "deu_Latn", 0.2)])) == ""


def test_what_was_cut_dropped_or_few_is_said(make):
    cut = make.extended(tags=["mri_Latn"]).having(truncated=3)
    assert "cut to the model's window, before: Māori 3 of 400" in happened(cut)
    assert "cut to the model's window" not in happened(make.extended())
    dropped = make.extended(tags=["mri_Latn"]).having(dropped={"no translation": 7})
    assert "(no translation): up to 7 items in 1 language" in happened(dropped)
    few = make.measured({"deu_Latn": 0.6}).having(n=40)
    assert "Only 40 sentences in German" in happened(few)
    assert "Only" not in happened(make.measured({"deu_Latn": 0.6}))


def test_loud_notes_are_repeated_and_quiet_ones_are_not():
    assert summarise(Scores(), ["WARNING: odd", "quiet"]).happened == ["odd"]


def test_undefined_values_do_not_stop_the_summary(make):
    rows = make.extended().having(value=None, low=None, high=None)
    assert summarise(rows).verdict == "Scores: 25."


def test_a_run_without_retrieval_says_what_each_measure_found():
    def row(language, value, method):
        return Score(measure="alignment_score", value=value, n=9, language=language, layer=4,
                     pivot="eng_Latn", settings={"method": method})  # fmt: skip

    said = summarise(
        Scores([row("deu_Latn", 0.5, "mwmf"), row("tur_Latn", 0.3, "mwmf"),
                row("deu_Latn", 0.25, "itermax")])
    ).happened  # fmt: skip
    assert any(
        s.startswith("links' score by mwmf: 0.40 on average, from 0.30 (Turkish") for s in said
    )
    assert any(s.startswith("links' score by itermax: 0.25 on average; ") for s in said)
