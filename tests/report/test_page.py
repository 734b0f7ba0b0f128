"""The page says what the numbers say, escapes everything, and works offline in a browser."""

import shutil

import numpy as np
import pytest

from isogloss.report.page import charts, render, write
from isogloss.report.summary import sentences, verdict
from isogloss.score import Score, Scores

TAGS = ["mri_Latn", "bam_Latn", "hne_Deva", "kas_Arab", "tzm_Tfng"]


def results(before=0.2, after=0.6, p=0.001, **more):
    rows = []
    for index, tag in enumerate(TAGS):
        at = {"language": tag, "pivot": "eng_Latn", "layer": 6, "n": 400, "dataset": "sib200"}
        for stage, value, settings in (
            ("before", before, {}),
            ("after", after, {}),
            ("change", after - before, {"p": p, "p_holm": p}),
        ):
            value = value + 0.01 * index
            rows.append(
                Score(measure="retrieval_p1", value=value, low=value - 0.05, high=value + 0.05,
                      stage=stage, direction=f"{tag}>eng_Latn", settings=settings,
                      system="m", **at)
            )  # fmt: skip
        rows.append(
            Score(measure="premium", value=2.5 + index, low=2.4, high=9, stage="before", **at)
        )
    return Scores(rows)


PROVENANCE = {
    "title": "A test",
    "command": "isogloss extend m",
    "notes": ["a note"],
    "inputs": {"teacher": {"name": "m", "fingerprint": "f", "licence": None}},
}


def test_the_verdict_counts_by_the_test():
    assert "5 of 5 languages rose, none fell" in verdict(results())
    assert "None of 5 languages rose, 5 fell" in verdict(results(before=0.6, after=0.2))
    assert "None of 5 languages rose, none fell" in verdict(results(p=0.4))


def test_each_sentence_appears_when_its_rule_holds_and_not_otherwise():
    said = " ".join(sentences(results(), []))
    assert "Better" in said and "Māori" in said.replace("Maori", "Māori") and "Worse" not in said
    assert "twice the pivot's tokens" in said
    assert "Still under 0.3" not in said
    assert "Worse" in " ".join(sentences(results(before=0.6, after=0.2), []))
    assert "Still under 0.3" in " ".join(sentences(results(after=0.25), []))
    assert "No change that 400 sentences can show" in " ".join(sentences(results(p=0.5), []))
    assert sentences(Scores(), ["WARNING: odd", "quiet"]) == ["WARNING: odd"]


def test_a_pivot_that_was_lost_is_said():
    kept = [
        Score(
            measure=m, value=v, low=v, high=v, n=9, language="eng_Latn", system="s", stage="after"
        )
        for m, v in (("pivot_cosine_to_teacher", 0.4), ("pivot_retrieval_p1", 0.5))
    ]
    said = " ".join(sentences(Scores(kept), []))
    assert "mean cosine of 0.40" in said and "Keep the teacher" in said


def test_everything_is_escaped():
    bad = "</script><script>alert(1)</script>"
    page = render(
        results().having(dataset=bad, system=bad), {**PROVENANCE, "title": bad, "notes": [bad]}
    )
    assert "<script>alert(1)" not in page
    assert page.count("<script") == page.count("</script>") == 3


def test_nothing_is_loaded_from_elsewhere():
    page = render(results(), PROVENANCE)
    head = page[: page.index('<script type="application/json"')]
    assert "default-src 'none'" in head and "src=" not in head.replace("img-src", "").replace(
        "-src", ""
    )
    assert "https://" not in head


def test_charts_appear_where_they_have_something_to_show():
    assert set(charts(results())) == {"before_after.v1", "premium.v1"}
    one = results().where(stage="before").having(stage=None)
    layered = one + one.having(layer=3)
    assert "layers.v1" in charts(layered)
    assert charts(Scores()) == {}


def test_figures_are_written(tmp_path):
    write(tmp_path, results(), PROVENANCE, figures=True)
    assert (tmp_path / "figures" / "before_after.svg").read_text().startswith("<svg")
    assert (tmp_path / "figures" / "premium.png").read_bytes()[:4] == b"\x89PNG"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs the system's Chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield made
        made.close()


@pytest.mark.parametrize("width", [1200, 390])
def test_in_a_browser(browser, tmp_path, width):
    path = write(tmp_path, results(), PROVENANCE, figures=False)
    page = browser.new_page(viewport={"width": width, "height": 900})
    problems, requests = [], []
    page.on(
        "console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on("request", lambda r: requests.append(r.url))
    page.goto(path.as_uri())
    page.wait_for_selector(".chart svg")
    marks = page.locator(".chart svg path[aria-roledescription=bar]")
    assert marks.count() == 2 * len(TAGS)
    column = page.locator("#scores th").all_inner_texts().index("value") + 1
    cells = page.locator(f"#scores tbody td:nth-child({column})")
    unsorted = [float(t) for t in cells.all_inner_texts()]
    header = page.locator(f"#scores th:nth-child({column})")
    header.locator("button").click()
    assert [float(t) for t in cells.all_inner_texts()] == sorted(unsorted) != unsorted
    assert header.get_attribute("aria-sort") == "ascending"
    header.locator("button").press("Enter")
    assert [float(t) for t in cells.all_inner_texts()] == sorted(unsorted, reverse=True)
    page.locator("#filter").fill("tzm premium")
    assert page.locator("#scores tbody tr").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("bdi[dir=rtl]").count() == 1
    assert len(np.unique(np.frombuffer(page.screenshot(), np.uint8))) > 50
    assert problems == []
    assert {u.split(":")[0] for u in requests} <= {"file", "data"} and requests[0] == path.as_uri()
    assert sum(u.startswith("file:") for u in requests) == 1
    page.close()
