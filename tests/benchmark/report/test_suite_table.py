"""What a suite asks for beside what the records hold."""

from __future__ import annotations

import pytest

from benchmark.cli.main import execute
from benchmark.report.asked import asked_tables
from benchmark.report.model import Mark, lacking
from benchmark.results.schema import RecipeInfo
from benchmark.results.store import RecordStore
from benchmark.settings import load_recipe
from benchmark.suite import Suite
from registries.errors import UsageError

MIL = "objectives.glcm.local_mil=False"


@pytest.fixture
def suite():
    return Suite(
        preset="demo",
        objectives=("glcm", "moco"),
        blocks={
            "core": {"tasks": ("lrw", "esc50"), "seeds": 2},
            "linear": {"tasks": ("lrw",), "protocol": "linear"},
            "parts": {"objectives": ("glcm",), "tasks": ("lrw",), "variants": {"no MIL": (MIL,)}},
        },
    )


@pytest.fixture
def made(make_record):
    """A record with the recipe that `overrides` come to."""

    def make(objective, task, value=50.0, *, overrides=(), **fields):
        recipe = load_recipe("demo", objectives=(objective,), overrides=overrides)
        config = recipe.model_dump(mode="json")
        return make_record(objective, task, value, recipe=RecipeInfo(config=config), **fields)

    return make


def texts(tables, name):
    """Row label -> what stands in its cells."""
    (table,) = [table for table in tables if table.name == name]
    return {
        row.label: [cell.mark.text if cell.mark else cell.text for cell in row.cells]
        for row in table.rows
    }


def test_seeds_done_of_those_asked_for(suite, made):
    records = [made("glcm", "lrw", seed=0), made("glcm", "lrw", seed=1), made("moco", "lrw")]
    tables = asked_tables("mine", suite, records)
    assert texts(tables, "suite-core") == {"MoCo": ["1/2", "—"], "GLCM": ["2/2", "—"]}
    assert lacking(tables)[:2] == [
        "suite-core: MoCo, LRW: 1/2 seeds",
        "suite-core: MoCo, ESC50: missing",
    ]


def test_failed_cells_and_other_seeds_do_not_count(suite, made):
    records = [made("glcm", "lrw", None), made("glcm", "lrw", seed=7)]
    assert texts(asked_tables("mine", suite, records), "suite-core")["GLCM"] == ["—", "—"]


def test_protocols_are_told_apart(suite, made):
    records = [made("glcm", "lrw", protocol="linear")]
    tables = asked_tables("mine", suite, records)
    assert texts(tables, "suite-core")["GLCM"] == ["—", "—"]
    assert texts(tables, "suite-linear")["GLCM"] == ["1/1"]


def test_a_variant_is_told_from_the_plain_objective_by_its_options(suite, made):
    plain, changed = made("glcm", "lrw"), made("glcm", "lrw", overrides=(MIL,))
    tables = asked_tables("mine", suite, [plain])
    assert texts(tables, "suite-parts") == {"GLCM, no MIL": ["—"]}
    tables = asked_tables("mine", suite, [changed])
    assert texts(tables, "suite-parts") == {"GLCM, no MIL": ["1/1"]}
    assert texts(tables, "suite-core")["GLCM"] == ["—", "—"]


def test_a_seed_needs_every_fold_that_another_method_has(suite, made):
    records = [made("glcm", "esc50", fold=fold) for fold in (1, 2)] + [
        made("moco", "esc50", fold=1)
    ]
    found = texts(asked_tables("mine", suite, records), "suite-core")
    assert (found["GLCM"][1], found["MoCo"][1]) == ("1/2", "—")


def test_what_is_not_applicable_is_not_lacking(suite, made):
    record = made("moco", "esc50", fold=1, status="not_applicable", scores={})
    tables = asked_tables("mine", suite, [record], only=["core"])
    (row,) = [row for row in tables[0].rows if row.label == "MoCo"]
    assert row.cells[1].mark is Mark.NOT_APPLICABLE
    assert not any("MoCo, ESC50" in said for said in lacking(tables))


def test_an_unknown_block_is_named(suite):
    with pytest.raises(UsageError, match="core, linear, parts"):
        asked_tables("mine", suite, [], only=["cor"])


def test_strict_names_what_the_suite_lacks(tmp_path, made, capsys):
    RecordStore(tmp_path).write(made("glcm", "lrw"))
    words = ["report", "--runs", str(tmp_path), "--tables", "suite", "--strict"]
    assert execute([*words, "--suite", "leaderboard", "--block", "core"]) == 4
    shown = capsys.readouterr()
    assert "Suite leaderboard, core:" in shown.out
    assert "leaderboard, linear" not in shown.out
    assert "suite-core: Scratch, LRW: missing" in shown.err


def test_a_block_alone_is_refused(tmp_path, capsys):
    assert execute(["report", "--runs", str(tmp_path), "--block", "core"]) == 2
    assert "--suite" in capsys.readouterr().err
