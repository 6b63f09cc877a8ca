"""The page in a real browser, without network. Skipped where no Chromium is installed."""

import json

import chromium
import pytest

from benchmark.report import build_report, write

pytestmark = pytest.mark.skipif(
    chromium.find() is None, reason="no Chromium on this machine (apt-get install chromium)"
)
SORT = """
(() => {
  const table = document.querySelector("#objectives table");
  const heads = [...table.tHead.rows[1].cells];
  const place = heads.findIndex((head) => head.textContent.startsWith("LRS2"));
  const column = () => [...table.tBodies[0].rows].map((row) => row.cells[place].textContent.trim());
  const button = heads[place].querySelector("button");
  const seen = [column()];
  for (let click = 0; click < 3; click++) { button.click(); seen.push(column()); }
  return JSON.stringify(seen);
})()
"""


@pytest.fixture
def browser():
    with chromium.Chromium() as found:
        yield found


@pytest.fixture
def path(store, tmp_path):
    report = build_report(store, figures=True)
    [path] = write(
        report, tmp_path / "out", formats=["html"], tables=report.tables, runs=store.root
    )
    return path


def complaints(browser):
    unwanted = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
    return [event for event in browser.events if event.get("method") in unwanted]


def requested(browser):
    sent = [event for event in browser.events if event.get("method") == "Network.requestWillBeSent"]
    return [event["params"]["request"]["url"] for event in sent]


def test_no_error_and_no_request_but_for_the_page(browser, path):
    browser.open(path)
    assert browser.evaluate("document.querySelectorAll('table').length") > 10
    assert complaints(browser) == []
    assert requested(browser) == [path.resolve().as_uri()]


def test_tables_sort_and_come_back(browser, path):
    browser.open(path)
    start, down, up, again = json.loads(browser.evaluate(SORT))
    numbers = [text for text in start if text[:1].isdigit()]
    assert down[: len(numbers)] == sorted(numbers, key=float, reverse=True)
    assert up[: len(numbers)] == sorted(numbers, key=float)
    assert again == start
    assert complaints(browser) == []


def test_a_filter_hides_columns_and_their_group(browser, path):
    browser.open(path)
    shown = (
        "JSON.stringify([...document.querySelectorAll('#objectives thead th')]"
        ".filter((head) => head.offsetParent).map((head) => head.textContent.trim()))"
    )
    before = json.loads(browser.evaluate(shown))
    browser.evaluate("document.querySelector('[data-filter=origin][value=published]').click()")
    after = json.loads(browser.evaluate(shown))
    assert any(head.startswith("published") for head in before)
    assert not any(head.startswith("published") for head in after)
    assert any(head.startswith("measured") for head in after)
    browser.evaluate("document.querySelector('[data-filter=origin][value=published]').click()")
    assert json.loads(browser.evaluate(shown)) == before


def test_a_number_opens_its_records(browser, path):
    browser.open(path)
    browser.evaluate("document.querySelector('#objectives a[data-runs*=\" \"]').click()")
    links = json.loads(
        browser.evaluate(
            "JSON.stringify([...document.querySelectorAll('#records[open] li a')]"
            ".map((link) => link.href))"
        )
    )
    assert len(links) == 3
    assert all(link.startswith("file:") and link.endswith(".json") for link in links)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_nothing_sticks_out_at_either_width(browser, path, width, dark):
    browser.resize(width, 900, dark=dark)
    browser.open(path)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(part) for part in ground.strip("rgb()").split(",")]
    assert (max(channels) < 60) is dark


def test_hostile_names_do_nothing(browser, hostile, tmp_path):
    out = tmp_path / "out"
    [path] = write(hostile, out, formats=["html"], tables=hostile.tables, runs=tmp_path / "hostile")
    browser.open(path)
    browser.evaluate("document.querySelectorAll('thead button').forEach((b) => b.click())")
    browser.evaluate("document.querySelector('a[data-runs]').click()")
    dialogs = [e for e in browser.events if e.get("method") == "Page.javascriptDialogOpening"]
    assert dialogs == []
    assert complaints(browser) == []
    assert requested(browser) == [path.resolve().as_uri()]
    assert browser.evaluate("document.querySelectorAll('img, script').length") == 2
