import re
from xml.etree import ElementTree

import pytest

from benchmark.report import build_report
from benchmark.report.draw import INK, save, svg
from benchmark.report.figures import KINDS_OF_FIGURES, NEEDS, MatrixPanel, Panel, RankPanel
from benchmark.results.schema import Cost, ObjectiveInfo, PretrainInfo
from benchmark.results.store import RecordStore
from registries.errors import UsageError


@pytest.fixture
def figures_of(tmp_path):
    def make(*records):
        store = RecordStore(tmp_path / "runs")
        for record in records:
            store.write(record)
        report = build_report(store, published=False, figures=True)
        return {figure.name: figure for figure in report.figures}

    return make


def trained(make_record, objective, value, *, hours):
    run = make_record(objective, "lrw", 1, seed=9, cost=Cost(wall_s=3600 * hours))
    run = run.model_copy(update={"kind": "pretrain", "task": None, "scores": {}})
    made = run.pretrain.model_copy(update={"run_id": run.run_id})
    return run, make_record(objective, "lrw", value, pretrain=made)


def test_score_against_hours(figures_of, make_record):
    figures = figures_of(
        *trained(make_record, "glcm", 60, hours=3), *trained(make_record, "moco", 50, hours=1)
    )
    [panel] = figures["hours"].panels
    points = {series.label: (series.x, series.y) for series in panel.series}
    assert points == {"GLCM": ((3,), (60,)), "MoCo": ((1,), (50,))}
    assert panel.y_label == "top-1 %"


def test_a_learning_curve_has_a_band_over_seeds(figures_of, make_record):
    records = [
        make_record("glcm", "lrw", value + seed, steps=steps, seed=seed)
        for steps, value in ((100, 40.0), (200, 50.0), (400, 55.0))
        for seed in (0, 1, 2)
    ]
    [panel] = figures_of(*records)["learning"].panels
    [curve] = panel.series
    assert (curve.x, curve.y) == ((100, 200, 400), (41, 51, 56))
    assert curve.half == pytest.approx((4.302653 / 3**0.5,) * 3)  # t(.975, 2) s / sqrt(3), s = 1


def test_relaxation_in_the_order_of_the_paper(figures_of, make_record):
    records = []
    found = (("extreme", 30.0), ("none", 40.0), ("mild", 45.0))
    for place, (name, value) in enumerate(found):
        info = ObjectiveInfo(name="crisscross", params={"relaxation": name})
        record = make_record("crisscross", "ucf101", value, protocol="linear", steps=place)
        same = PretrainInfo(dataset="mini-kav", clips=240, steps=100)
        records.append(record.model_copy(update={"objective": info, "pretrain": same}))
    [panel] = figures_of(*records)["relaxation"].panels
    assert panel.ticks == ("none", "mild", "medium", "mixed", "extreme")
    assert (panel.series[0].x, panel.series[0].y) == ((0, 1, 4), (40, 45, 30))


@pytest.fixture
def drawn(figures_of, make_record):
    return figures_of(
        *[
            make_record(name, task, 40.0 + 3 * place - 5 * (task == "lrw") + seed, seed=seed)
            for place, name in enumerate(("glcm", "moco", "a $x_1$ <b>&", "cpc"))
            for task in ("lrw", "ucf101", "hmdb51")
            for seed in (0, 1)
        ],
        *[make_record("dpc", "lrw", 40.0, steps=steps) for steps in (10, 20)],
    )


def test_ranks_and_what_is_not_told_apart(drawn):
    [panel] = drawn["ranks"].panels
    assert isinstance(panel, RankPanel)
    assert panel.methods == ("CPC", "a $x_1$ <b>&", "MoCo", "GLCM")
    assert panel.mean == (1, 2, 3, 4)
    assert all(low <= mean <= high for low, mean, high in zip(
        panel.low, panel.mean, panel.high, strict=True))  # fmt: skip
    [critical] = drawn["cd"].panels
    assert critical.difference == pytest.approx(2.569 * (4 * 5 / (6 * 3)) ** 0.5, abs=2e-3)
    assert critical.bars == ((0, 1, 2), (1, 2, 3))  # Demsar 2006, table 5: q = 2.569 for four
    [wins] = drawn["wins"].panels
    assert isinstance(wins, MatrixPanel)
    assert wins.top == 3


def test_every_kind_says_what_it_needs():
    assert set(NEEDS) == set(KINDS_OF_FIGURES)


def test_svg_is_sound_and_takes_the_colours_of_the_page(drawn):
    for figure in drawn.values():
        text = svg(figure)
        ElementTree.fromstring(text)
        assert INK not in text
        assert "currentColor" in text
        assert "<script" not in text
        assert text == svg(figure)  # the same bytes again
        if isinstance(figure.panels[0], Panel | RankPanel):
            used = set(re.findall(r'(?:href="#|url\(#)([\w-]+)', text))
            assert used <= set(re.findall(r'id="([\w-]+)"', text))
    assert "a $x_1$ &lt;b&gt;&amp;" in svg(drawn["ranks"])


def test_figures_of_one_page_share_no_names(drawn):
    names = [re.findall(r'id="([\w.-]+)"', svg(figure)) for figure in drawn.values()]
    clips = [{name for name in found if name.startswith("p")} for found in names]
    assert sum(map(len, clips)) == len(set().union(*clips))


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_files(drawn, tmp_path, suffix, start):
    path = save(drawn["cd"], tmp_path / "deep" / f"x.{suffix}")
    assert path.read_bytes().startswith(start)


def test_another_suffix_is_refused(drawn, tmp_path):
    with pytest.raises(UsageError, match=r"unknown format of a plot 'jpg'.*pdf, png, svg"):
        save(drawn["cd"], tmp_path / "x.jpg")
