import pytest

from benchmark.report import build_report
from benchmark.report.model import Flag
from benchmark.results.schema import (
    BackboneInfo,
    Cost,
    DataInfo,
    Failure,
    PretrainInfo,
    RecipeInfo,
)
from benchmark.results.store import RecordStore


@pytest.fixture
def tables_of(tmp_path):
    def make(*records):
        store = RecordStore(tmp_path)
        for record in records:
            store.write(record)
        return {table.name: table for table in build_report(store, published=False).tables}

    return make


def line(table, row=0):
    heads = [column.label for column in table.columns]
    cells = table.rows[row].cells
    return {head: cell.text or cell.value for head, cell in zip(heads, cells, strict=True)}


def pretraining(make_record, **fields):
    """A pretraining run and the record of one evaluation of it."""
    run = make_record("glcm", "lrw", 1, seed=3, **fields)
    run = run.model_copy(update={"kind": "pretrain", "task": None, "scores": {}})
    made = run.pretrain.model_copy(update={"run_id": run.run_id})
    return run, make_record("glcm", "lrw", 60, pretrain=made)


def test_cost_of_a_row(tables_of, make_record):
    run, done = pretraining(
        make_record, cost=Cost(wall_s=7200, gpu_hours=1.5, clips_per_s=120, data_wait_share=0.25)
    )
    size = BackboneInfo(name="r3d18", params_total=33_000_000, flops=4.1e10)
    again = done.model_copy(update={"backbone": size, "cost": Cost(wall_s=360, peak_mem_gb=12.0)})
    frozen = make_record("glcm", "lrw", 50, protocol="linear", pretrain=done.pretrain)
    frozen = frozen.model_copy(update={"backbone": size, "cost": Cost(wall_s=20)})
    found = line(tables_of(run, again, frozen)["cost"])
    assert found == {
        "pretraining": 7200.0,
        "finetuning": 360.0,
        "frozen": 20.0,
        "GPU": 1.5,
        "parameters": 33.0,
        "FLOPs": 41.0,
        "speed": 120.0,
        "memory": 12.0,
        "data wait": 25.0,
    }


def test_a_resumed_pretraining_costs_what_it_trained(tables_of, make_record):
    run, done = pretraining(make_record, cost=Cost(wall_s=30, phases={"train": 280}))
    assert line(tables_of(run, done)["cost"])["pretraining"] == 280.0


def test_no_cost_no_table(tables_of, make_record):
    assert "cost" not in tables_of(make_record())


def test_collapse_is_flagged_by_the_run_that_warned(tables_of, make_record):
    numbers = {"video_std": 0.05, "video_rank": 1.2, "video_uniformity": -0.1}
    made = PretrainInfo(dataset="mini-kav", clips=240, steps=9, diagnostics=numbers)
    run, done = pretraining(make_record, pretrain=made, warnings=["collapse in glcm at epoch 1"])
    table = tables_of(run, done)["collapse"]
    assert line(table) == {"video std": 0.05, "video rank": 1.2}
    assert all(cell.flags == (Flag.COLLAPSED,) for cell in table.rows[0].cells)
    assert table.rows[0].details == ("mini-kav 240", "3")


def test_coverage_of_the_data(tables_of, make_record):
    data = DataInfo(
        dataset="lrw",
        kind="subset",
        manifest_sha256="a" * 64,
        expected=200,
        used=150,
        audio_coverage=0.5,
        licence="BBC",
    )
    table = tables_of(make_record(data=data))["coverage"]
    assert table.rows[0].details == ("subset", "0", "aaaaaaaa")
    assert line(table) == {
        "expected": 200,
        "used": 150,
        "coverage": 75,
        "with sound": 50,
        "seen in pretraining": None,
        "licence": "BBC",
    }


def test_failures_say_why_when_and_how_to_retry(tables_of, make_record):
    failure = Failure(exception="ValueError", message="bad\nmore", step=210, attempt=2)
    table = tables_of(make_record("glcm", "lrw", None, seed=4, failure=failure))["failed"]
    assert line(table) == {
        "why": "ValueError: bad",
        "when": "step 210",
        "attempts": "2",
        "again with": "bench run --objective glcm --tasks lrw --protocol finetune --seeds 4,",
    }


def test_a_hostile_name_is_one_word_of_the_command(tables_of, make_record):
    table = tables_of(make_record("a; rm -rf b", "lrw", None))["failed"]
    assert "--objective 'a; rm -rf b' --tasks" in line(table)["again with"]


def test_recipes_by_their_digest(tables_of, make_record):
    config = {"pretrain": {"epochs": 30, "lr": 0.002}, "finetune": {"epochs": 24}}
    recipe = RecipeInfo(config=config, sha256="b" * 64, tuning="grid of 3")
    table = tables_of(make_record(recipe=recipe), make_record("moco", recipe=recipe))["recipes"]
    [row] = table.rows
    assert (row.label, row.details) == ("bbbbbb", ("GLCM, MoCo",))
    heads = [(*column.group[1:], column.label) for column in table.columns]
    words = dict(zip(heads, (cell.text for cell in row.cells), strict=True))
    assert words["pretrain", "epochs"] == "30"
    assert words["pretrain", "lr"] == "0.002"
    assert words["finetune", "epochs"] == "24"
    assert words["rule", "tuning"] == "grid of 3"
