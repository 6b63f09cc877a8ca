"""What an option of an objective does, seed by seed, and whether local tasks feel it more."""

from __future__ import annotations

import pytest

from benchmark.report import build
from benchmark.report.model import Mark
from benchmark.results.keys import cell_key
from benchmark.results.schema import ObjectiveInfo
from benchmark.results.store import RecordStore

PLAIN = (40.0, 42.0, 44.0)
SCOPES = {"lrw": "local", "dfdc": "local", "lrs2": "local", "ucf101": "global"}


@pytest.fixture
def variants(tmp_path, make_record):
    """The table of GLCM on all `tasks` and a variant of it: task -> what it adds by seed."""
    store = RecordStore(tmp_path / "runs")
    info = ObjectiveInfo(name="glcm", version=1, params={"pooling": "average"})

    def table(tasks, added):
        for task in tasks:
            for seed, value in enumerate(PLAIN):
                store.write(make_record("glcm", task, value, seed=seed))
        for task, values in added.items():
            for seed, more in enumerate(values):
                record = make_record("glcm", task, PLAIN[seed] + more, seed=seed)
                own = {"objective": info, "cell_key": record.cell_key[::-1]}
                store.write(record.model_copy(update=own))
        return {table.name: table for table in build(store, scopes=SCOPES)}.get("variants")

    return table


def test_variants_stand_against_their_own_objective(variants):
    table = variants(("lrw", "dfdc"), {"lrw": (-3.0, -3.0, -3.0)})
    (row,) = table.rows
    assert row.label == "GLCM: pooling=average"
    assert [column.label for column in table.columns] == ["LRW"]
    assert (row.cells[0].value, row.cells[0].half_width, row.cells[0].n) == (-3.0, 0.0, 3)
    assert "that of GLCM" in table.notes[0]


def test_a_variant_says_how_else_it_was_evaluated(tmp_path, make_record):
    store = RecordStore(tmp_path / "runs")
    info = ObjectiveInfo(name="glcm", version=1, params={"local_contrast": False})
    for task, name, features in (
        ("dfdc", None, "local"),
        ("lrw", None, "local"),
        ("lrw", info, "all"),
    ):
        record = make_record("glcm", task, 40.0)
        fields = record.key_fields | {"recipe": {"features": features, "epochs": 9}}
        own = {"key_fields": fields, "cell_key": cell_key(fields | {"variant": bool(name)})}
        own |= {"objective": info} if name else {}
        store.write(record.model_copy(update=own))
    table = {table.name: table for table in build(store)}["variants"]
    assert [row.label for row in table.rows] == ["GLCM: local_contrast=False, features=all"]


def test_without_variants_there_is_no_such_table(variants):
    assert variants(("lrw",), {}) is None


def test_local_tasks_are_set_against_global_ones_within_a_seed(variants):
    added = {"lrw": (-4.0, -6.0, -8.0), "dfdc": (-2.0, -2.0, -2.0), "ucf101": (1.0, 0.0, -1.0)}
    table = variants(("lrw", "dfdc", "ucf101"), added)
    assert [column.label for column in table.columns][-1] == "local - global"
    (row,) = table.rows
    lean = row.cells[-1]  # -3 - 1, -4 - 0, -5 + 1
    assert (lean.value, lean.half_width, lean.n) == (-4.0, 0.0, 3)
    assert len(lean.run_ids) == 18


def test_only_seeds_that_all_tasks_have_are_set_against_each_other(variants):
    table = variants(("lrw", "ucf101"), {"lrw": (-4.0, -6.0), "ucf101": (2.0,)})
    (row,) = table.rows
    assert (row.cells[-1].value, row.cells[-1].n) == (-6.0, 1)


def test_where_less_is_better_the_sign_is_turned(variants):
    table = variants(("lrs2", "ucf101"), {"lrs2": (5.0, 5.0, 5.0), "ucf101": (1.0, 1.0, 1.0)})
    (row,) = table.rows
    assert row.cells[-1].value == -6.0  # 5 points more errors, 1 point more hits


def test_tasks_of_one_scope_have_no_such_column(variants):
    table = variants(("lrw", "dfdc"), {"lrw": (1.0,), "dfdc": (2.0,)})
    assert [column.label for column in table.columns] == ["LRW", "DFDC"]


def test_a_variant_without_global_tasks_has_no_lean(variants, tmp_path, make_record):
    store = RecordStore(tmp_path / "runs")
    other = ObjectiveInfo(name="glcm", version=1, params={"local_mil": False})
    record = make_record("glcm", "lrw", 41.0)
    store.write(record.model_copy(update={"objective": other, "cell_key": "0123456789abcdef"}))
    table = variants(("lrw", "ucf101"), {"lrw": (1.0,), "ucf101": (2.0,)})
    leans = {row.label: row.cells[-1] for row in table.rows}
    assert leans["GLCM: local_mil=False"].mark is Mark.MISSING
    assert leans["GLCM: pooling=average"].value == -1.0
