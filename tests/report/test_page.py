"""The page holds what the numbers say, escapes everything, and loads nothing."""

import json
import re
import time
from html.parser import HTMLParser

import pytest

from isogloss.report import write_report
from isogloss.report.page import charts, render
from isogloss.score import Scores

BAD = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
VOID = {"meta", "link", "input", "br", "img"}


class Outline(HTMLParser):
    """Tags that open and close in order; headings, identifiers and addresses on the way."""

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.ids, self.addresses = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.addresses += [found[k] for k in ("src", "href", "action", "data") if k in found]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def outline(page):
    found = Outline()
    found.feed(page)
    assert found.open == []
    return found


def embedded(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_the_order_of_the_page(make, provenance):
    found = outline(render(make.extended(), provenance))
    assert found.headings == [
        "In words", "Translations found", "What the tokenizer costs", "Language by language",
        "Every score", "Where this comes from",
    ]  # fmt: skip
    assert len(found.ids) == len(set(found.ids))


def test_it_is_the_same_every_time(make, provenance):
    assert render(make.extended(), provenance) == render(make.extended(), provenance)


def test_captions_say_n_and_the_interval(make, provenance):
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", render(make.extended(), provenance))
    assert len(captions) == 2
    for caption in captions:
        assert "n = 400 sentences" in caption and "95%" in caption


def test_provenance_is_all_there(make, provenance):
    page = render(make.extended(), provenance)
    for text in ("f00", "ba5", "CC0", "not stated", "isogloss extend m --languages mri", "6,193",
                 "measure.v1", "from the cache", "a note"):  # fmt: skip
        assert text in page


def test_names_carry_their_language_and_direction(make, provenance):
    page = render(make.extended(), provenance)
    assert re.search(r'<bdi lang="ks" dir="rtl">[^<]+</bdi>', page)


def test_nothing_has_to_be_there(make):
    assert outline(render(make.extended(), {})).headings[0] == "In words"
    assert "There are no scores to show" in render(Scores(), {})
    outline(render(Scores(), {}))


def test_everything_is_escaped(make, provenance):
    hostile = make.extended(tags=["mri_Latn", BAD]).having(
        dataset=BAD, system=BAD, interval=BAD, dropped={BAD: 3}
    )
    told = {**provenance, "title": BAD, "notes": [BAD, f"WARNING: {BAD}"], "command": BAD,
            "protocol": BAD, "recipe": {BAD: BAD}, "cpu": BAD, "dependencies": {BAD: BAD},
            "training": {"parameters": BAD, "objectives": {BAD: 1.0}},
            "inputs": {BAD: {"kind": BAD, "name": BAD, "licence": BAD, "fingerprint": BAD}},
            "steps": [{"name": BAD, "use": BAD, "seconds": 1.0}]}  # fmt: skip
    page = render(hostile, told)
    plain = render(make.extended(), provenance)
    assert "<script>alert" not in page and "<img" not in page.partition("<script")[0]
    assert page.count("<script") == plain.count("<script")
    assert page.count("</script") == plain.count("</script") == 3
    data = embedded(page)
    assert ["system", BAD] in data["table"]["constant"]
    assert any(BAD in c.get("words", []) for c in data["table"]["columns"])


def test_nothing_is_loaded_from_elsewhere(make, provenance):
    page = render(make.extended(), provenance)
    assert outline(page).addresses == ["data:,"]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy
    style = page.partition("</style>")[0]
    assert "@import" not in style and "url(" not in style


def test_the_javascript_of_the_charts_is_there_once_or_not_at_all(make, provenance):
    assert 800_000 < len(render(make.extended(), provenance)) < 1_300_000
    without = Scores([make.score("isotropy", "deu_Latn", 0.4)])
    assert len(render(without, provenance)) < 40_000


def test_a_large_run_renders_in_seconds_and_stays_small(make, provenance):
    """131 languages, 7 layers, 20 measures."""
    tags = [f"q{a}{b}_Latn" for a in "abcdefghijk" for b in "abcdefghijkl"][:131]
    one = make.measured(dict.fromkeys(tags, 0.5), layers=range(7))
    rows = Scores(
        row for index in range(20)
        for row in one.having(measure=f"measure_{index}" if index else "retrieval_p1")
    )  # fmt: skip
    assert len(rows) == 131 * 7 * 20
    started = time.process_time()
    page = render(rows, provenance)
    assert time.process_time() - started < 30  # 3 on a quick machine; not minutes
    assert len(page) < 3_500_000


@pytest.mark.parametrize("stage", [None, "before"])
def test_charts_appear_where_they_have_something_to_show(make, stage):
    assert set(charts(make.extended())) == {"before_after.v1", "premium.v1"}
    layered = make.measured({"deu_Latn": 0.5}, layers=(0, 3, 6)).having(stage=stage)
    assert set(charts(layered)) == {"before_after.v1", "layers.v1"}
    assert charts(Scores()) == {}


def test_bars_hold_the_scores(make):
    spec = charts(make.extended())["before_after.v1"]
    assert spec["data"]["values"][0] == {
        "language": "Māori (mri_Latn)", "autonym": "", "stage": "before",
        "value": 0.2, "low": pytest.approx(0.17), "high": pytest.approx(0.23), "n": 400,
    }  # fmt: skip
    assert {r["stage"] for r in spec["data"]["values"]} == {"before", "after"}
    assert spec["encoding"]["y"]["sort"][0] == "Central Atlas Tamazight (tzm_Tfng)"


def test_the_heat_map_holds_every_layer_and_writes_few(make):
    few = charts(make.measured({"deu_Latn": 0.5}, layers=(0, 3, 6)))["layers.v1"]
    many = charts(make.measured({"deu_Latn": 0.5}, layers=range(13)))["layers.v1"]
    assert [r["layer"] for r in few["data"]["values"]] == [0, 3, 6]
    assert (len(few["layer"]), len(many["layer"])) == (2, 1)


def test_the_premium_chart_tells_fertility(make):
    rows = Scores([make.score("premium", "deu_Latn", 1.5), make.score("fertility", "deu_Latn", 2)])
    (dot,) = charts(rows)["premium.v1"]["data"]["values"]
    assert (dot["value"], dot["fertility"], dot["unknown_share"]) == (1.5, 2, None)


def test_charts_grow_with_the_languages(make):
    short = charts(make.measured({"deu_Latn": 0.5}))["before_after.v1"]["height"]
    tall = charts(make.measured(dict.fromkeys(make.tags, 0.5)))["before_after.v1"]["height"]
    assert tall > 3 * short


def test_figures_are_written(make, provenance, tmp_path):
    path = write_report(tmp_path, make.extended(), provenance)
    assert path == tmp_path / "report.html"
    names = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    figures = {
        f"figures/{n}.{kind}" for n in ("before_after", "premium") for kind in ("svg", "png")
    }
    assert names == {"report.html", *figures}
    assert (tmp_path / "figures" / "before_after.svg").read_text().startswith("<svg")
    assert (tmp_path / "figures" / "premium.png").read_bytes()[:4] == b"\x89PNG"


def test_figures_can_be_left_out(make, provenance, tmp_path):
    write_report(tmp_path, make.extended(), provenance, figures=False)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
