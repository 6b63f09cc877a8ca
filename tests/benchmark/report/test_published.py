import csv
from collections import Counter

import pytest

from benchmark.paths import packaged
from benchmark.report import build
from benchmark.report.layout import OBJECTIVES, TABLE_4_ROWS, TASKS
from benchmark.report.model import Flag
from benchmark.report.published import load_published
from registries.errors import NotReadyError

ROWS = load_published()


def found(paper, table, method, task):
    [row] = [
        row
        for row in ROWS
        if (row.paper, row.table, row.name, row.task) == (paper, table, method, task)
    ]
    return row


def test_every_published_number_is_loaded_once():
    with (packaged("results/published") / "all_seeds.csv").open(newline="") as file:
        expected = Counter(
            (row["table"], row["method"], row["task"], row["metric"], row["value"] or None)
            for row in csv.DictReader(file)
        )
    values = Counter(
        (row.table, row.method, row.task, row.metric, row.value)
        for row in ROWS
        if row.paper != "READMEs"
    )
    assert sum(values.values()) == 247
    as_numbers = Counter()
    for (*place, value), count in expected.items():
        as_numbers[(*place, None if value is None else float(value))] += count
    assert values == as_numbers
    assert sum(row.paper == "READMEs" for row in ROWS) == 38


def test_flags_and_types():
    suspect = found("GLCM", "Table 6", "GLCM w/o MIL in local contrast", "LRS2")
    assert (suspect.value, suspect.flags) == (40.4, (Flag.SUSPECT,))
    assert suspect.higher_is_better is False
    rebuilt = found("GLCM", "Table 6", "GLCM w/o MIL in local contrast", "LRW")
    assert (rebuilt.value, rebuilt.flags) == (79.2, (Flag.RECONSTRUCTED,))
    restored = found("GLCM", "Table 3", "RotNet3D", "UCF101")
    assert (restored.value, restored.flags, restored.pretrain_size) == (
        62.9,
        (Flag.RESTORED,),
        240_000,
    )
    absent = found("GLCM", "Table 1", "WAS", "LRS2")
    assert (absent.pretraining, absent.flags) == ("", ())
    flags = Counter(flag for row in ROWS for flag in row.flags)
    assert flags == {Flag.SUSPECT: 3, Flag.RECONSTRUCTED: 1, Flag.RESTORED: 4}


@pytest.mark.parametrize("objective", TABLE_4_ROWS)
def test_the_names_of_table_4_exist(objective):
    names = {row.name for row in ROWS if (row.paper, row.table) == ("GLCM", "Table 4")}
    assert OBJECTIVES[objective] in names
    assert len(names) == len(TABLE_4_ROWS)


@pytest.mark.parametrize("task", TASKS)
def test_the_names_of_tasks_and_metrics_exist(task):
    assert TASKS[task] in {(row.task, row.metric) for row in ROWS}


def test_every_number_is_shown_once_and_unchanged():
    """No two rows of a paper fall on one cell of a table."""
    tables = build(None)
    shown = sorted(
        cell.value
        for table in tables
        for row in table.rows
        for cell in row.cells
        if cell.value is not None
    )
    assert shown == sorted(row.value for row in ROWS if row.value is not None)
    assert len({table.name for table in tables}) == len(tables) == 12


def test_a_damaged_file_is_named(tmp_path):
    whole = (packaged("results/published") / "seed001_table6_mil.csv").read_text()
    (tmp_path / "seed001_x.csv").write_text(whole.replace(",88.9,", ",88.9%,"))
    with pytest.raises(NotReadyError, match=r"seed001_x\.csv line 4 is damaged"):
        load_published(tmp_path)
    (tmp_path / "seed001_x.csv").unlink()
    with pytest.raises(NotReadyError, match="no published numbers"):
        load_published(tmp_path)
