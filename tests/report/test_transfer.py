"""Runs whose scores name a strategy: a section, two charts, and a summary of their own."""

import json
import re

import pytest

from isogloss.report import write_report
from isogloss.report.page import charts, render
from isogloss.report.rows import comparisons
from isogloss.report.summary import summarise
from isogloss.report.transfer import (
    costs,
    forgotten,
    gaps,
    ranked,
    results,
    rules,
    transfer_table,
    worth,
)
from isogloss.score import Score, Scores

BAD = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
TAGS = ["hin_Deva", "hau_Latn", "amh_Ethi"]


def rule(tag, selected=False):
    if selected:
        return f"WARNING: the checkpoint was chosen on 99 labels of {tag} (target-selected)"
    return f"trained on 701 labels of eng_Latn; the last step was kept; no label of {tag} was seen"


def cost(tag, calls=0, selected=False):
    return {
        "rule": rule(tag, selected), "labels": {"train": {"eng_Latn": 701}}, "train_seconds": 30.0,
        "predict_ms": 2.5, "peak_memory": 2**30, "model_bytes": 2**20,
        "translations": {"texts": calls, "characters": 100 * calls, "calls": calls},
    }  # fmt: skip


def row(strategy, tag, value, *, seed=1, **more):
    return Score(**{
        "measure": "accuracy", "value": value, "n": 204, "language": tag, "strategy": strategy,
        "seed": seed, "low": value - 0.05, "high": value + 0.05, "task": "classify",
        "dataset": "sib200", "system": "MiniLM", "settings": cost(tag),
        "interval": "bootstrap over examples", **more,
    })  # fmt: skip


def run(tags=TAGS, names=("zero-shot", "few-shot"), seeds=(1, 2, 3), **more):
    rows = []
    for k, name in enumerate(names):
        for i, tag in enumerate(tags):
            for s in seeds:
                value = 0.5 + 0.1 * k + 0.05 * (i % 7) + 0.01 * s
                rows.append(row(name, tag, value, seed=s, **more))
                rows.append(row(name, tag, value - 0.1, seed=s, measure="macro_f1", **more))
    return Scores(rows)


def change(strategy, tag, value, p, **more):
    settings = {"against": "zero-shot", "p": p, "p_holm": p}
    return row(strategy, tag, value, stage="change", seed=None, settings=settings, **more)


def test_seeds_become_one_result_by_the_main_measure():
    found = results(run())
    assert len(found) == 6 and {one.group.measure for one in found} == {"accuracy"}
    first = found[0]
    assert first.value == pytest.approx(0.52) and first.values == pytest.approx((0.51, 0.52, 0.53))
    half = 4.302652729911275 * 0.01 / 3**0.5
    assert (first.low, first.high) == pytest.approx((0.52 - half, 0.52 + half))
    assert first.interval == "t interval of 3 seeds"
    assert ranked(found, first.group) == ["amh_Ethi", "hau_Latn", "hin_Deva"]


def test_a_row_of_all_seeds_is_taken_as_it_is():
    whole = row("zero-shot", "hin_Deva", 0.52, seed=None, low=0.4, high=0.6, interval="bootstrap")
    found = results(run() + Scores([whole]))[0]
    assert (found.low, found.high, found.interval) == (0.4, 0.6, "bootstrap")
    assert len(found.values) == 3
    (one,) = results(Scores([row("zero-shot", "hin_Deva", 0.5)]))
    assert (one.low, one.values) == (0.45, (0.5,))


def test_the_table_averages_over_the_same_languages_only():
    scores = run() + run(tags=["tel_Telu"], names=["zero-shot"])
    made = transfer_table(scores)
    assert made["columns"] == ["zero-shot", "few-shot"]
    assert [r["language"].tag for r in made["rows"]] == [
        "amh_Ethi", "hau_Latn", "hin_Deva", "tel_Telu"
    ]  # fmt: skip
    assert made["rows"][-1]["cells"][1] == {"text": "", "interval": ""}
    (mean,) = made["means"]
    assert mean["over"] == "mean over 3 languages" and "without Telugu" in mean["without"]
    assert mean["cells"] == ["0.570", "0.670"]
    assert made["rows"][0]["cells"][0]["interval"].endswith(", ±0.010") and made["spread"]
    alone = transfer_table(run(seeds=(1,)))
    assert "±" not in alone["rows"][0]["cells"][0]["interval"] and not alone["spread"]
    assert transfer_table(Scores())["rows"] == [] == transfer_table(Scores())["rules"]


def test_what_the_paired_test_holds_is_coloured_and_told():
    changes = {"hin_Deva": (0.1, 0.001), "hau_Latn": (-0.1, 0.01), "amh_Ethi": (0.1, 0.3)}
    scores = run() + Scores(change("few-shot", tag, *told) for tag, told in changes.items())
    kinds = {r["language"].tag: r["cells"][1].get("kind") for r in transfer_table(scores)["rows"]}
    assert kinds == {"hin_Deva": "up", "hau_Latn": "down", "amh_Ethi": None}
    assert any(
        line.startswith("few-shot against zero-shot: better in 1 (Hindi), worse in 1 (Hausa) of 3")
        for line in summarise(scores).happened
    )
    assert comparisons(scores) == {}


def test_equal_values_are_the_highest_of_neither():
    scores = Scores(row(name, tag, value) for tag, values in (("hin_Deva", (0.5, 0.5)),
                    ("hau_Latn", (0.4, 0.5))) for name, value in zip(("a", "b"), values,
                    strict=True))  # fmt: skip
    [line] = [line for line in summarise(scores).happened if line.startswith("Highest")]
    assert "b in 1" in line and "several alike in 1" in line


def test_rules_are_said_once_and_warnings_first():
    scores = run()
    assert rules(scores) == [(name, rule("the target")) for name in ("zero-shot", "few-shot")]
    planted = row("few-shot", "tel_Telu", 0.9, settings=cost("tel_Telu", selected=True))
    told = rules(scores + Scores([planted]))
    assert told[1][1] == (
        "WARNING: the checkpoint was chosen on 99 labels of the target (target-selected) (Telugu)"
    )
    summary = summarise(scores + Scores([planted]))
    assert summary.happened[0].startswith("few-shot: the checkpoint was chosen on 99 labels")
    assert summary.advice[0].startswith("Read the scores of few-shot as upper bounds")
    many = [
        row("few-shot", tag, 0.5, settings={"rule": f"WARNING: {i}" if i < 6 else f"rule {i}"})
        for i, tag in enumerate("abcdefghijkl")
    ]
    told = [sentence for _, sentence in rules(Scores(many))]
    assert len(told) == 7 and told[-1].startswith("and 6 more like these")


def test_costs_stand_beside_the_score():
    calls = Scores(
        row("translate-train", tag, 0.8, settings=cost(tag, calls=8)) for tag in TAGS
    )  # fmt: skip
    over = row("zero-shot", TAGS[0], 0.9, seed=None, settings={**cost("x"), "train_seconds": 9e9})
    [made] = costs(run() + calls + [over])  # the mean of attempts is no attempt
    table = [dict(zip(made["columns"], line, strict=True)) for line in made["rows"]]
    assert [line["strategy"] for line in table] == ["zero-shot", "few-shot", "translate-train"]
    assert table[2]["translator's calls"] == "8" and table[0]["translator's calls"] == "0"
    assert table[0]["training"] == "30.0 s" and table[0]["score"] == "0.570"
    assert costs(run(settings={})) == []
    spec = charts(run() + calls)["transfer_costs.v1"]
    bars = {(b["language"], b["kind"]): b for b in spec["data"]["values"]}
    assert bars["translate-train", "translator's calls"]["share"] == 1
    assert bars["zero-shot", "translator's calls"]["share"] == 0
    assert bars["zero-shot", "an example"]["amount"] == "2.5 ms"
    assert "transfer_costs.v1" not in charts(run(settings={}))
    assert "transfer_costs.v1" not in charts(run(names=["zero-shot"]))


def spending(tag, *, used=0, **more):
    """Costs with all that the front looks at."""
    return {
        **cost(tag, calls=8), "align_seconds": 0.0, "latency_ms": 5.0, "translate_ms": 0.0,
        "target_labels": 0, "in_use": {"texts": used, "characters": 100 * used, "calls": used,
                                       "seconds": 0.0, "examples": 204},
        "translations": {"texts": 8 + used, "characters": 800 + 100 * used, "calls": 8 + used,
                         "seconds": 4.0}, **more,
    }  # fmt: skip


def test_the_front_is_told_and_who_beats_the_rest(provenance):
    def of(name, value, **more):
        return [row(name, tag, value, seed=s, settings=spending(tag, **more))
                for tag in TAGS for s in (1, 2)]  # fmt: skip

    scores = Scores([*of("zero-shot", 0.6), *of("translate-test", 0.5, used=8, translate_ms=40.0),
                     *of("few-shot", 0.7, target_labels=10)])  # fmt: skip
    [made] = worth(scores)
    assert made["front"] == ["zero-shot", "few-shot"]
    table = [dict(zip(made["columns"], line, strict=True)) for line in made["rows"]]
    assert [line["beaten by"] for line in table] == ["", "zero-shot", ""]
    assert [line["labels of the target"] for line in table] == ["0", "0", "10"]
    assert table[1]["answer to one example"] == "45 ms"
    page = render(scores, provenance)
    assert "<p>No other strategy beats zero-shot, few-shot.</p>" in page
    assert '<th scope="row"><b>few-shot</b></th>' in page
    assert '<th scope="row">translate-test</th>' in page
    [costs_shown] = [one["columns"] for one in costs(scores)]
    assert {"translating", "one alone", "translating one"} <= set(costs_shown)
    assert "aligning" not in costs_shown and "labels to choose" not in costs_shown
    unused = Scores(one for one in scores if one.strategy != "few-shot")
    assert "labels of the target" not in worth(unused)[0]["columns"]  # of which nobody used one


def test_one_strategy_and_none_with_costs_have_no_front(provenance):
    assert worth(run(names=["zero-shot"])) == []
    assert worth(run(settings={})) == [] == worth(Scores())
    assert "Score beside cost" not in render(run(names=["zero-shot"]), provenance)


def test_tasks_of_a_run_are_told_apart_and_have_no_mean(provenance):
    """Parts of speech and trees of one data set: a mean of their measures is no figure."""
    about = {"dataset": "pud", "system": None}
    words = [row(name, tag, value, task="upos", settings=spending(tag), **about)
             for name, value in (("zero-shot", 0.9), ("few-shot", 0.95))
             for tag in TAGS]  # fmt: skip
    trees = [row(name, tag, value, task="trees", measure="las", **about,
                 settings=spending(tag, train_seconds=90.0))
             for name, value in (("zero-shot", 0.5), ("few-shot", 0.3))
             for tag in TAGS]  # fmt: skip
    paired = [change("few-shot", tag, sign * 0.1, 0.001, task=task, measure=measure, **about)
              for sign, task, measure in ((1, "upos", "accuracy"), (-1, "trees", "las"))
              for tag in TAGS]  # fmt: skip
    scores = Scores(words + trees + paired)
    first, second = costs(scores)
    assert (first["data"], second["data"]) == ("upos of pud", "trees of pud")
    at = first["columns"].index
    assert [line[at("score")] for line in first["rows"]] == ["0.900", "0.950"]
    assert [line[at("score")] for line in second["rows"]] == ["0.500", "0.300"]
    assert {line[at("training")] for line in first["rows"]} == {"30.0 s"}
    assert [one["front"] for one in worth(scores)] == [["few-shot"], ["zero-shot"]]
    bars = charts(scores)["transfer_costs.v1"]["data"]["values"]
    shares = {one["language"]: one["share"] for one in bars if one["kind"] == "training"}
    assert shares["zero-shot, upos of pud"] == pytest.approx(1 / 3)
    assert shares["zero-shot, trees of pud"] == 1
    order = charts(scores)["transfer.v1"]["encoding"]["y"]["sort"]
    assert len(set(order)) == 6 and "Hindi (hin_Deva) trees of pud" in order
    made = transfer_table(scores)
    assert {one["data"] for one in made["rows"]} == {"upos of pud", "trees of pud"}
    told = summarise(scores)
    assert "few-shot reaches accuracy 0.950 on average over 3 languages of upos of pud" in (
        told.verdict
    )
    assert any(line.startswith("few-shot against zero-shot on trees of pud: better in none, worse "
                               "in 3 ") for line in told.happened)  # fmt: skip
    page = render(scores, provenance)
    assert "<p>trees of pud: no other strategy beats zero-shot.</p>" in page


def gap(name, tag, source, target, of="accuracy", **more):
    settings = {"of": of, "source": source, "target": target}
    return row(name, tag, source - target, measure="transfer_gap", settings=settings, seed=None,
               pivot="eng_Latn", **more)  # fmt: skip


def test_gaps_name_the_measure_that_they_are_of(provenance):
    scores = run() + [gap("zero-shot", tag, 0.9, value, of="macro_f1")
                      for tag, value in zip(TAGS, (0.7, 0.4, 0.7), strict=True)]  # fmt: skip
    scores += [gap("few-shot", "hin_Deva", 0.8, 0.7)]
    told = [one.told for one in gaps(scores)]
    assert told == [
        "zero-shot: macro F1 0.900 in English, the source, and 0.600 on average over 3 targets, a "
        "gap of +0.300, most in Hausa: +0.500 [+0.450, +0.550].",
        "few-shot: accuracy 0.800 in English, the source, and 0.700 in Hindi, a gap of +0.100 "
        "[+0.050, +0.150].",
    ]
    page = render(scores, provenance)
    assert all(sentence in page for sentence in told)
    assert results(scores) == results(run())  # a gap is no result of a strategy
    again = gap("few-shot", "hin_Deva", 0.5, 0.1, dataset="other")
    [one, other] = gaps(scores + Scores([again]))[1:]
    assert (one.strategy, other.strategy) == ("few-shot on sib200", "few-shot on other")
    [one, other] = gaps(Scores([*scores, gap("few-shot", "hin_Deva", 0.5, 0.1, task="tag")]))[1:]
    assert (one.source, other.source) == (0.8, 0.5)
    assert other.strategy == "few-shot on tag of sib200"
    assert gaps(run()) == [] and "less than the source" not in render(run(), provenance)


def test_forgetting_is_told_and_is_no_result():
    rows = [
        row("few-shot", "eng_Latn", value, stage=stage, settings={"forgetting": True})
        for stage, value in (("before", 0.9), ("after", 0.85), ("change", -0.05))
    ]
    scores = run() + rows
    assert forgotten(scores) == [
        "few-shot: accuracy of English, the source, 0.900 before and 0.850 after, -0.050 "
        "[-0.100, +0.000]."
    ]
    assert {one.language for one in results(scores)} == set(TAGS)
    assert forgotten(scores)[0] in summarise(scores).happened
    more = Scores(rows).having(seed=2)
    assert forgotten(scores + more)[0].endswith("-0.050 on average over 2 models, from -0.050 to "
                                                "-0.050.")  # fmt: skip
    assert forgotten(scores + more.having(measure="macro_f1")) == forgotten(scores)


def test_the_summary_says_who_is_best_over_what():
    made = summarise(run(), ["WARNING: look here"])
    assert made.verdict == (
        "few-shot reaches accuracy 0.670 on average over 3 languages of sib200, zero-shot 0.570."
    )
    assert made.figures[0] == ("0.670", "few-shot: mean accuracy")
    assert made.happened == [
        "Highest of 3 languages of sib200, by value alone: few-shot in 3.", "look here"
    ]  # fmt: skip
    assert made.advice == []
    apart = run(names=["a"]) + run(tags=["tel_Telu"], names=["b"])
    assert summarise(apart).verdict == "The strategies on sib200 share no language."


def test_dropped_examples_and_other_measures_are_still_told(make):
    scores = run(dropped={"no words": 4}) + make.extended()
    made = summarise(scores)
    assert any("no words" in line for line in made.happened)
    assert any(line.startswith("Better (paired sign-flip test") for line in made.happened)
    assert set(charts(scores)) == {
        "before_after.v1", "premium.v1", "transfer.v1", "transfer_costs.v1"
    }  # fmt: skip


def test_the_chart_holds_every_language_and_grows():
    few, many = run(), run(tags=[f"q{a}{b}_Latn" for a in "abcdef" for b in "abcdef"][:35])
    spec, tall = (charts(scores)["transfer.v1"] for scores in (few, many))
    assert spec["encoding"]["y"]["sort"][0] == "Amharic (amh_Ethi)"
    assert len(tall["data"]["values"]) == 70 and 800 < tall["height"] < 1100
    dot = spec["data"]["values"][0]
    assert (dot["strategy"], dot["seeds"]) == ("zero-shot", "0.510, 0.520, 0.530")
    colours = spec["layer"][1]["encoding"]["color"]["scale"]
    assert colours["domain"] == ["zero-shot", "few-shot"] and len(set(colours["range"])) == 2


def test_systems_and_data_sets_are_told_apart():
    scores = run() + run(system="student") + run(dataset="nusax", task="sentiment")
    made = transfer_table(scores)
    assert made["columns"][:2] == ["MiniLM, zero-shot", "MiniLM, few-shot"]
    assert len(made["columns"]) == 4 and len(made["rows"]) == 6
    assert {r["data"] for r in made["rows"]} == {"sib200", "nusax"}
    assert "Amharic (amh_Ethi) nusax" in charts(scores)["transfer.v1"]["encoding"]["y"]["sort"]
    assert len(made["means"]) == 2 and made["means"][1]["over"] == "nusax mean over 3 languages"


def test_the_section_is_on_the_page_and_escaped(provenance):
    page = render(run(), provenance)
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert headings[:4] == [
        "In words", "Strategies, language by language", "What each strategy costs",
        "Strategies and languages",
    ]  # fmt: skip
    assert "What was seen of labels" in page and "no label of the target was seen" in page
    assert "n = 204 examples a language" in page and "Language by language" not in headings
    hostile = run(tags=["hin_Deva", BAD], names=["zero-shot", BAD], dataset=BAD, system=BAD,
                  interval=BAD, settings={**cost("x"), "rule": BAD})  # fmt: skip
    bad = render(hostile, provenance)
    assert "Score beside cost" in bad
    assert "<script>alert" not in bad and bad.count("<script") == page.count("<script")
    json.loads(re.search(r'id="data">(.*?)</script>', bad, re.DOTALL)[1])


def test_runs_without_strategies_have_no_section(make, provenance):
    page = render(make.extended(), provenance)
    assert "Strategies and languages" not in page and "transfer.v1" not in charts(make.extended())


def test_figures_are_drawn(provenance, tmp_path):
    write_report(tmp_path, run(), provenance)
    for name in ("transfer", "transfer_costs"):
        assert (tmp_path / "figures" / f"{name}.svg").read_text().startswith("<svg")
