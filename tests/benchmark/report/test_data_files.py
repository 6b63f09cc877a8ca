import csv
import io
import json

import pytest

from benchmark.report import build
from benchmark.report.data_files import render_csv, render_json
from benchmark.report.model import Flag, Mark


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_round_trips(tables, hostile):
    """Every cell comes back as it was: numbers to the last bit, marks, flags, words."""
    tables = [*tables, *hostile.tables]
    rows = iter(read(render_csv(tables)))
    for table in tables:
        for row, column, cell in table.cells:
            found = next(rows)
            assert (found["table"], found["section"], found["row"]) == (
                table.name,
                row.section,
                row.label,
            )
            assert found["details"] == " | ".join(row.details)
            assert found["group"] == " | ".join(column.group)
            assert (found["column"], found["kind"]) == (column.label, column.kind)
            assert (float(found["value"]) if found["value"] else None) == cell.value
            assert (float(found["interval"]) if found["interval"] else None) == cell.half_width
            assert (int(found["n"]) if found["n"] else None) == cell.n
            assert (Mark[found["mark"]] if found["mark"] else None) == cell.mark
            assert tuple(Flag[name] for name in found["flags"].split()) == cell.flags
            assert (found["best"] == "best", found["tied"] == "tied") == (cell.best, cell.tied)
            assert tuple(found["run_ids"].split()) == cell.run_ids
            assert (found["note"], found["source"]) == (cell.note, cell.source)
    assert next(rows, None) is None


def test_csv_of_a_measured_cell(tables):
    [found] = [
        row
        for row in read(render_csv(tables))
        if (row["table"], row["row"], row["column"], row["origin"])
        == ("objectives", "GLCM", "LRW", "measured")
    ]
    assert float(found["interval"]) == pytest.approx(4.302653 * 2 / 3**0.5)
    assert (found["group"], found["metric"]) == ("measured | miniature | finetune", "top-1 %")
    assert (found["value"], found["n"], found["run_ids"]) == ("61.0", "3", "run-0 run-2 run-4")


def test_published_and_measured_are_told_apart():
    rows = read(render_csv(build(None)))
    suspect = [row for row in rows if row["flags"] == "SUSPECT"]
    assert [(row["value"], row["source"]) for row in suspect] == [
        ("71.6", "GLCM Table 1"),
        ("40.4", "GLCM Table 6"),
    ]
    assert {row["origin"] for row in rows} == {"published"}


def test_json_holds_every_cell(tables):
    [first, *_] = json.loads(render_json(tables))
    glcm = next(row for row in first["rows"] if row["label"] == "GLCM")
    assert [cell["value"] for cell in glcm["cells"]] == [47.8, 83.7, 90.1, 61.0, 70.25]
