import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

from benchmark.report import build_report
from benchmark.report.model import Mark
from benchmark.results.schema import ObjectiveInfo
from benchmark.results.store import RecordStore

SCORES = {  # objective -> task -> score of seed 0
    "glcm": {"lrw": 60.0, "dfdc": 70.0, "lrs2": 40.0, "ucf101": 55.0},
    "moco": {"lrw": 50.0, "dfdc": 75.0, "lrs2": 60.0, "ucf101": 45.0},
    "cpc": {"lrw": 40.0, "dfdc": 65.0, "lrs2": 80.0, "ucf101": 45.0},
}


@pytest.fixture
def report_of(tmp_path):
    def make(*records):
        store = RecordStore(tmp_path)
        for record in records:
            store.write(record)
        return build_report(store, published=False, figures=True)

    return make


@pytest.fixture
def grid(make_record):
    """Three objectives on four tasks, two seeds that differ by one point everywhere."""
    return [
        make_record(name, task, value + seed, seed=seed)
        for name, row in SCORES.items()
        for task, value in row.items()
        for seed in (0, 1)
    ]


def named(report, name):
    return next((table for table in report.tables if table.name == name), None)


def ranks_of(table):
    return {row.label: row.cells[0].value for row in table.rows}


def test_average_ranks_agree_with_scipy(report_of, grid):
    table = named(report_of(*grid), "ranks")
    columns = np.array([list(row.values()) for row in SCORES.values()], dtype=float)
    columns[:, 2] *= -1  # an error rate: lower is better
    expected = rankdata(-columns, axis=0).mean(axis=1)
    names = ("GLCM", "MoCo", "CPC")
    assert ranks_of(table) == pytest.approx(dict(zip(names, expected, strict=True)))
    statistic = friedmanchisquare(*columns).statistic
    assert f"chi2 = {statistic:.2f}" in " ".join(table.notes)
    assert any("3 methods, 4 tasks, 2 seed(s)" in note for note in table.notes)


def test_a_task_counts_once_however_many_protocols_it_has(report_of, grid, make_record):
    plain = ranks_of(named(report_of(*grid), "ranks"))
    frozen = [
        make_record(name, "ucf101", value, seed=seed, protocol="linear")
        for name, value in (("glcm", 10.0), ("moco", 20.0), ("cpc", 30.0))
        for seed in (0, 1)
    ]
    table = named(report_of(*frozen), "ranks")
    assert ranks_of(table) == plain
    assert "Left out, as a task counts once: UCF101 (linear)." in table.notes


def test_the_protocol_that_most_have_counts(report_of, grid, make_record):
    frozen = [
        make_record(name, "ucf101", 50.0, seed=seed, protocol="linear")
        for name in (*SCORES, "avts")
        for seed in (0, 1)
    ]
    table = named(report_of(*grid, *frozen), "ranks")
    assert any("as a task counts once: UCF101 (finetune)." in note for note in table.notes)


def test_wins_are_counted_and_ties_are_none(report_of, grid):
    table = named(report_of(*grid), "wins")
    wins = {row.label: [cell.value for cell in row.cells] for row in table.rows}
    assert [column.label for column in table.columns] == ["MoCo", "CPC", "GLCM"]
    assert wins == {"MoCo": [None, 3, 1], "CPC": [0, None, 0], "GLCM": [3, 4, None]}


@pytest.mark.parametrize("lost", ["missing", "failed", "partial"])
def test_an_incomplete_task_is_left_out_and_named(report_of, grid, make_record, lost):
    """CPC has no whole score on DFDC: no rank rests on it, for no method."""
    dropped = [
        record
        for record in grid
        if (record.objective.name, record.task.name) == ("cpc", "dfdc")
        and (lost != "partial" or record.seed.init == 1)
    ]
    kept = [record for record in grid if record not in dropped]
    if lost != "missing":
        kept += [make_record("cpc", "dfdc", None, seed=record.seed.init) for record in dropped]
    table = named(report_of(*kept), "ranks")
    assert [column.label for column in table.columns] == ["average rank", "LRS2", "LRW", "UCF101"]
    assert any("Left out" in note and "DFDC" in note for note in table.notes)


def test_methods_that_the_largest_block_leaves_out_are_ranked_in_a_second_one(
    report_of, grid, make_record
):
    """Three methods on four tasks are more numbers than five on the two that all of them have."""
    some = [
        make_record(name, task, 30 + seed, seed=seed)
        for name in ("dpc", "infomax")
        for task in ("lrw", "dfdc")
        for seed in (0, 1)
    ]
    report = report_of(*grid, *some)
    large, wide = named(report, "ranks-1"), named(report, "ranks-2")
    assert large.title.endswith("3 methods on 4 tasks")
    assert wide.title.endswith("5 methods on 2 tasks")
    assert [column.label for column in wide.columns] == ["average rank", "LRW", "DFDC"]
    assert {"DPC", "InfoMax"} <= ranks_of(wide).keys() > ranks_of(large).keys()
    assert any("Left out" in note and "DPC, InfoMax" in note for note in large.notes)


def test_a_task_of_one_seed_does_not_cost_the_others_theirs(report_of, grid, make_record):
    more = [make_record(name, "hmdb51", 40) for name in SCORES]
    table = named(report_of(*grid, *more), "ranks")
    assert "HMDB51" not in [column.label for column in table.columns]
    assert any(note.startswith("3 methods, 4 tasks, 2 seed(s)") for note in table.notes)
    assert any("Left out" in note and "HMDB51 (finetune)" in note for note in table.notes)


def test_data_kinds_and_pretraining_are_ranked_apart(report_of, grid, make_record):
    other = [
        make_record(name, task, value, kind="full", steps=900)
        for name, row in SCORES.items()
        for task, value in row.items()
    ]
    report = report_of(*grid, *other)
    titles = [table.title for table in report.tables if table.name.startswith("ranks")]
    assert {title.split(": ")[1].split(",")[0] for title in titles} == {"full", "miniature"}
    assert len(report.only(["ranks"])) == 2


def test_two_methods_or_no_common_seed_are_not_ranked(report_of, grid, make_record):
    apart = [
        make_record(name, task, value, seed=seed)
        for seed, (name, row) in enumerate(SCORES.items())
        for task, value in row.items()
    ]
    assert named(report_of(*apart), "ranks") is None


def test_stale_cells_take_no_part(report_of, grid, make_record):
    newer = make_record("cpc", "k400", 10.0, version=2)  # makes every other record of cpc stale
    report = report_of(*grid, newer)
    assert named(report, "ranks") is None
    cells = {
        cell.mark
        for row, _, cell in named(report, "objectives").cells
        if row.label == "CPC" and cell.value is None
    }
    assert cells == {Mark.STALE}


def test_a_variant_measured_on_fewer_tasks_takes_no_part(report_of, grid, make_record):
    info = ObjectiveInfo(name="glcm", version=1, params={"local_mil": False})
    variant = [
        record.model_copy(update={"objective": info, "cell_key": record.cell_key[::-1]})
        for record in (make_record("glcm", "lrw", 99.0, seed=seed) for seed in (0, 1))
    ]
    plain, table = named(report_of(*grid), "ranks"), named(report_of(*variant), "ranks")
    ours = {label.partition(":")[0]: rank for label, rank in ranks_of(table).items()}
    assert ours == ranks_of(plain)
    assert any("GLCM: local_mil=False" in note for note in table.notes)


def test_a_failed_cell_stays_open_where_missing_ones_do_not_count(report_of, grid, make_record):
    lonely = make_record("avts", "lrw", 50.0)
    found = report_of(*grid, lonely, make_record("avts", "dfdc", None))
    words = [cell.rpartition(": ")[2] for cell in found.open_cells()]
    assert sorted(set(words)) == ["failed", "missing"]
    assert [cell.rpartition(": ")[2] for cell in found.open_cells(missing=False)] == ["failed"]
