"""In a real browser the page draws, sorts and filters, without an error or a request."""

import shutil

import numpy as np
import pytest

from isogloss.report import write_report

WIDTHS = {"desktop": 1280, "phone": 390}
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs the system's Chromium")
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def path(make, provenance, tmp_path_factory):
    layered = make.measured({"deu_Latn": 0.9, "amh_Ethi": 0.3}, layers=range(7))
    scores = make.extended() + layered.having(stage="before")
    folder = tmp_path_factory.mktemp("run")
    return write_report(folder, scores, provenance, figures=False)


@pytest.fixture
def opened(browser, path):
    """Opens the page at a width; at the end nothing may have gone wrong or been asked for."""
    problems, requests, contexts = [], [], []

    def open_page(width, **settings):
        context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda m: problems.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.on("request", lambda r: requests.append(r.url))
        page.goto(path.as_uri())
        page.wait_for_function(
            "document.querySelectorAll('.chart svg').length"
            " === document.querySelectorAll('.chart').length"
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
    elsewhere = [u for u in requests if u != path.as_uri() and not u.startswith("data:")]
    assert requests and elsewhere == []


def column(page, name):
    names = page.locator("#scores th button").all_inner_texts()
    return names.index(name) + 1


def texts(page, name):
    return page.locator(f"#scores tbody td:nth-child({column(page, name)})").all_inner_texts()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_charts_are_drawn_and_nothing_overflows(opened, make, width):
    page = opened(width)
    bars = page.locator(".chart svg path[aria-roledescription=bar]")
    assert bars.count() == 2 * len(make.tags) + 2
    cells = page.locator("[data-chart='1'] .mark-rect.role-mark path")
    assert cells.count() == 2 * 7 + len(make.tags)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for chart in page.locator(".chart svg").all():
        assert chart.bounding_box()["width"] <= width
    assert len(np.unique(np.frombuffer(page.screenshot(), np.uint8))) > 50


def test_the_table_sorts_by_mouse_and_by_keyboard(opened):
    page = opened(1280)
    before = [float(t) for t in texts(page, "value")]
    header = page.locator(f"#scores th:nth-child({column(page, 'value')})")
    assert header.get_attribute("aria-sort") == "none"
    header.locator("button").click()
    assert [float(t) for t in texts(page, "value")] == sorted(before) != before
    assert header.get_attribute("aria-sort") == "ascending"
    header.locator("button").press("Enter")
    assert [float(t) for t in texts(page, "value")] == sorted(before, reverse=True)
    assert header.get_attribute("aria-sort") == "descending"


def test_words_sort_and_empty_cells_go_last(opened):
    page = opened(1280)
    page.locator(f"#scores th:nth-child({column(page, 'language')}) button").click()
    languages = texts(page, "language")
    assert languages == sorted(languages)
    page.locator(f"#scores th:nth-child({column(page, 'layer')}) button").click()
    filled = [t != "" for t in texts(page, "layer")]
    assert filled == sorted(filled, reverse=True) and not all(filled)


def test_the_filter_keeps_rows_with_every_word_and_the_order(opened):
    page = opened(1280)
    page.locator(f"#scores th:nth-child({column(page, 'value')}) button").click()
    page.locator("#filter").fill("TZM premium")
    assert set(texts(page, "measure")) == {"premium"}
    values = [float(t) for t in texts(page, "value")]
    assert len(values) == 2 and values == sorted(values)
    assert page.locator("#count").inner_text() == "2 of 2 rows shown"
    page.locator("#filter").fill("nothing like this")
    assert page.locator("#scores tbody tr").count() == 0
    page.locator("#filter").fill("")
    assert page.locator("#scores tbody tr").count() > 2


def test_other_scripts_keep_their_direction(opened):
    page = opened(1280)
    name = page.locator("bdi[lang=ks]")
    assert name.evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_a_tooltip_tells_the_interval(opened):
    page = opened(1280)
    page.locator(".chart svg path[aria-roledescription=bar]").first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "95% low" in page.locator("#vg-tooltip-element").inner_text()


def test_a_dark_screen_has_light_letters_in_charts_too(opened):
    page = opened(1280, color_scheme="dark")
    fill = page.locator(".role-axis-label text").first.evaluate("e => getComputedStyle(e).fill")
    assert min(int(part) for part in fill[4:-1].split(",")) > 180


def test_on_paper_it_is_light_and_without_controls(opened):
    page = opened(1280, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    fill = page.locator(".role-axis-label text").first.evaluate("e => getComputedStyle(e).fill")
    assert max(int(part) for part in fill[4:-1].split(",")) < 80
    assert not page.locator("#filter").is_visible()
    assert page.locator(".onpaper").is_visible()
