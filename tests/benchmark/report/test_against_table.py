"""What pretraining adds to scratch, seed by seed."""

from __future__ import annotations

import pytest

from benchmark.report import build
from benchmark.report.model import Mark
from benchmark.results.store import RecordStore

SCRATCH = (40.0, 42.0, 44.0)


@pytest.fixture
def against(tmp_path, make_record):
    """The table of records, made from (objective, task, scores by seed)."""

    def table(*rows):
        store = RecordStore(tmp_path / "runs")
        for objective, task, values in rows:
            for seed, value in enumerate(values):
                store.write(make_record(objective, task, value, seed=seed))
        return {table.name: table for table in build(store)}.get("against")

    return table


def cell_of(table, label):
    return next(row.cells[0] for row in table.rows if row.label == label)


def test_differences_are_taken_within_a_seed(against):
    table = against(("scratch", "lrw", SCRATCH), ("glcm", "lrw", (45.0, 47.0, 49.0)))
    cell = cell_of(table, "GLCM")
    assert (cell.value, cell.half_width, cell.n) == (5.0, 0.0, 3)
    assert not any("not better" in note for note in table.notes)


def test_whoever_is_not_better_is_named(against):
    table = against(
        ("scratch", "lrw", SCRATCH),
        ("glcm", "lrw", (41.0, 41.0, 47.0)),  # +1, -1, +3: mean 1, half width 5
        ("moco", "lrw", (30.0, 32.0, 34.0)),
        ("cpc", "lrw", (50.0, 52.0, 54.0)),
    )
    cell = cell_of(table, "GLCM")
    assert cell.value == pytest.approx(1.0)
    assert cell.half_width == pytest.approx(4.303 * 2 / 3**0.5, rel=1e-3)
    (said,) = [note for note in table.notes if "not better" in note]
    assert said.startswith("LRW (finetune)")
    assert said.endswith(": MoCo, GLCM.")


def test_one_seed_has_no_interval_and_is_not_judged(against):
    table = against(("scratch", "lrw", (40.0,)), ("glcm", "lrw", (30.0,)))
    assert cell_of(table, "GLCM").half_width is None
    assert not any("not better" in note for note in table.notes)


def test_seeds_that_scratch_lacks_do_not_count(against):
    table = against(("scratch", "lrw", SCRATCH[:2]), ("glcm", "lrw", (45.0, 47.0, 99.0)))
    assert (cell_of(table, "GLCM").value, cell_of(table, "GLCM").n) == (5.0, 2)


def test_a_task_that_scratch_lacks_has_no_column(against):
    rows = (("scratch", "lrw", SCRATCH), ("glcm", "lrw", SCRATCH), ("glcm", "dfdc", SCRATCH))
    assert [column.label for column in against(*rows).columns] == ["LRW"]


def test_a_method_without_the_task_is_missing_there(against):
    table = against(
        ("scratch", "lrw", SCRATCH),
        ("scratch", "dfdc", SCRATCH),
        ("glcm", "lrw", SCRATCH),
        ("moco", "dfdc", SCRATCH),
    )
    assert cell_of(table, "MoCo").mark is Mark.MISSING


def test_without_scratch_there_is_no_table(against):
    assert against(("glcm", "lrw", SCRATCH)) is None
