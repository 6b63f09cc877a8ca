import base64
import hashlib
import json
import re
import time
from html.parser import HTMLParser

import pytest

from benchmark.report import build_report, write
from benchmark.report.html import render_html
from benchmark.results.store import RecordStore


class Reader(HTMLParser):
    """What a browser would make of the page: tags with attributes, and the text between."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def having(self, name):
        return [(tag, attrs) for tag, attrs in self.tags if name in attrs]


@pytest.fixture
def page(store, tmp_path):
    report = build_report(store, figures=True)
    return render_html(report, report.tables, out=tmp_path / "out", runs=store.root)


def test_nothing_is_loaded_from_elsewhere(page):
    reader = Reader(page)
    assert "default-src 'none'" in page
    for tag, attrs in reader.tags:
        for name in ("src", "srcset", "action", "xlink:href"):
            assert attrs.get(name, "#").startswith("#"), (tag, attrs)
        if tag == "link":
            assert attrs["href"] == "data:,"
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
    assert not re.search(r"@import|url\((?!#)", page)


def test_every_measured_number_links_to_its_records(page, store, tmp_path):
    links = [attrs for tag, attrs in Reader(page).having("data-runs") if tag == "a"]
    entries = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert len(links) > 5
    for attrs in links:
        assert (tmp_path / "out" / attrs["href"]).resolve().is_file()
        for place in attrs["data-runs"].split():
            assert (tmp_path / "out" / entries[int(place)]["path"]).resolve().is_file()
    assert {entry["id"] for entry in entries} == {r.run_id for r in store.current()}


def test_a_tooltip_tells_seeds_interval_and_provenance(page):
    [tip, *_] = [
        attrs["data-tip"] for _, attrs in Reader(page).having("data-runs")
        if attrs["data-tip"].startswith("3 seed(s): 0, 1, 2")
    ]  # fmt: skip
    assert "95 % interval ±5.69 (Student t)" in tip
    assert "r3d18, pretrained on mini-kav, 240 clips, 100 steps" in tip
    assert "miniature-lrw (miniature), 40 items" in tip
    assert "2030-01-01" in tip
    published = [
        attrs["data-tip"] for tag, attrs in Reader(page).having("data-tip") if tag == "span"
    ]
    assert any('GLCM Table 6\nfinetune; printed "-40.4"; K-AV-15K' in tip for tip in published)


def test_all_numbers_of_the_tables_are_there(page, store):
    orders = [float(attrs["data-order"]) for _, attrs in Reader(page).having("data-order")]
    cells = [cell for table in build_report(store).tables for _, _, cell in table.cells]
    assert sorted(orders) == sorted(cell.value for cell in cells if cell.value is not None)


def test_hostile_names_are_only_text(hostile, tmp_path):
    page = render_html(hostile, hostile.tables, out=tmp_path, runs=tmp_path / "hostile")
    reader = Reader(page)
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("script") == 2  # the data and the program
    assert "img" not in tags
    assert not [attrs for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    escaped = page.count("&gt;alert(1)&lt;") + page.count("\\u003ealert(1)\\u003c")
    assert page.count("alert(1)") == escaped > 10
    assert "{{7*7}}" in "".join(reader.texts)  # printed, not computed
    json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_the_policy_knows_the_script(page):
    """The hash of the policy is that of the program, or the browser would refuse it."""
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.replace("&#39;", "'")


def test_filters_offer_what_there_is(tmp_path, make_record):
    store = RecordStore(tmp_path)
    store.write(make_record("glcm", "lrw", 60))
    store.write(make_record("glcm", "lrw", 70, kind="full", protocol="linear"))
    report = build_report(store)
    page = render_html(report, report.tables, out=tmp_path, runs=tmp_path)
    offered = [(a["data-filter"], a["value"]) for _, a in Reader(page).having("data-filter")]
    assert offered == [
        ("origin", "published"),
        ("origin", "measured"),
        ("kind", "full"),
        ("kind", "miniature"),
        ("protocol", "finetune"),
        ("protocol", "linear"),
    ]
    heads = {(a["data-kind"], a["data-protocol"]) for _, a in Reader(page).having("data-protocol")}
    assert {("full", "linear"), ("miniature", "finetune")} <= heads


def test_without_records_the_page_says_so(tmp_path):
    report = build_report(None)
    page = render_html(report, report.tables, out=tmp_path, runs=tmp_path)
    assert "only published numbers are shown" in page
    assert "data-runs=" not in page


@pytest.mark.slow
def test_five_thousand_records_are_quick_and_small(tmp_path, make_record):
    names = ("moco", "cpc", "dpc", "infomax", "avts", "avslowfast", "glcm", "crisscross", "a", "b")
    tasks = ("lrs2", "lrw", "dfdc", "ucf101", "hmdb51", "esc50", "dcase", "k400", "c", "d")
    folder = tmp_path / "runs" / "eval"
    folder.mkdir(parents=True)
    for index in range(5000):
        record = make_record(
            names[index % 10],
            tasks[index // 10 % 10],
            50 + (index * 7919 % 1000) / 100,
            protocol=("finetune", "linear", "svm", "knn", "retrieval")[index // 100 % 5],
            seed=index // 500,
        )
        (folder / f"{record.cell_key}-{record.run_id}.json").write_text(record.to_json())
    start = time.process_time()  # not the clock on the wall: others may be at work
    store = RecordStore(tmp_path / "runs")
    report = build_report(store, figures=True)
    [path] = write(
        report, tmp_path / "out", formats=["html"], tables=report.tables, runs=store.root
    )
    assert time.process_time() - start < 10
    assert path.stat().st_size < 5_000_000
    assert len(report.records) == 5000
