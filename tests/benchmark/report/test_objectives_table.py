import pytest

from benchmark.report import Mark, build, incomplete
from benchmark.report.model import Flag
from benchmark.results.schema import (
    Checks,
    DataInfo,
    ObjectiveInfo,
    PretrainInfo,
    RecipeInfo,
    TaskInfo,
)
from benchmark.results.store import RecordStore


@pytest.fixture
def table_of(tmp_path):
    """table_of(record, ...) -> the objectives table of a store with these records only."""

    def make(*records, published=False, **options):
        store = RecordStore(tmp_path)
        for record in records:
            store.write(record)
        return build(store, published=published, **options)[0]

    return make


def heads(table):
    return [(*column.group[1:], column.label) for column in table.columns]


def cell(table, row, column):
    [line] = [line for line in table.rows if line.label == row]
    return line.cells[heads(table).index(column)]


MINI_LRW = ("miniature", "finetune", "LRW")


def test_mean_interval_and_runs_of_three_seeds(table_of, make_record):
    records = [make_record(value=value, seed=seed) for seed, value in enumerate((59, 61, 63))]
    found = cell(table_of(*records), "GLCM", MINI_LRW)
    assert (found.value, found.n) == (61, 3)
    assert found.half_width == pytest.approx(4.302653 * 2 / 3**0.5)  # t(.975, 2) s / sqrt(3)
    assert found.run_ids == ("run-0", "run-1", "run-2")


def test_data_kinds_and_protocols_never_share_a_column(table_of, make_record):
    table = table_of(
        make_record(value=1, kind="miniature"),
        make_record(value=2, kind="subset"),
        make_record(value=3, kind="full"),
        make_record(value=4, kind="full", protocol="linear"),
        make_record("glcm", "dfdc", 5, kind="full"),
        published=True,
    )
    assert heads(table)[3:] == [
        ("full", "finetune", "LRW"),
        ("full", "finetune", "DFDC"),
        ("full", "linear", "LRW"),
        ("subset", "finetune", "LRW"),
        ("miniature", "finetune", "LRW"),
    ]
    glcm = next(row for row in table.rows if row.label == "GLCM")
    assert [c.value for c in glcm.cells] == [47.8, 83.7, 90.1, 3, 5, 4, 2, 1]
    assert [column.origin for column in table.columns] == ["published"] * 3 + ["measured"] * 5
    assert [c.origin for c in glcm.cells] == [column.origin for column in table.columns]


def test_five_marks(table_of, make_record):
    reasons = {("cpc", "lrw", "finetune", "miniature"): (Mark.BLOCKED, "no data")}
    table = table_of(
        make_record("glcm", "dfdc", 60),
        make_record("glcm", "lrw", 60),
        make_record("moco", "dfdc", 60),  # and nothing on lrw
        make_record("dpc", "lrw", None),
        make_record("cpc", "dfdc", 60),
        make_record("avts", "lrw", 60, version=1),
        make_record("avts", "dfdc", 60, version=2),
        make_record("infomax", "lrw", None, status="not_applicable", failure=None),
        reasons=reasons,
    )
    names = ("GLCM", "MoCo", "DPC", "CPC", "AVTS", "InfoMax")
    marks = [cell(table, name, MINI_LRW).mark for name in names]
    assert marks == [None, Mark.MISSING, Mark.FAILED, Mark.BLOCKED, Mark.STALE, Mark.NOT_APPLICABLE]
    assert len({mark.text for mark in Mark}) == 5
    assert [sign for sign, _ in table.legend()] == ["—", "failed", "blocked", "stale", "n/a"]
    place = "measured, miniature, finetune"
    assert incomplete([table]) == [
        f"objectives: MoCo, {place}, LRW: missing",
        f"objectives: CPC, {place}, LRW: blocked",
        f"objectives: DPC, {place}, LRW: failed",
        f"objectives: DPC, {place}, DFDC: missing",
        f"objectives: InfoMax, {place}, DFDC: missing",
        f"objectives: AVTS, {place}, LRW: stale",
    ]


def test_a_failed_seed_marks_the_mean_as_partial(table_of, make_record):
    table = table_of(
        make_record(value=60, seed=0),
        make_record(value=62, seed=1),
        make_record(value=None, seed=2, pretrain=None),  # failed before it knew its encoder
        make_record("moco", value=50, seed=0),
        make_record("cpc", value=40, seed=0),
    )
    assert len(table.rows) == 3
    found = cell(table, "GLCM", MINI_LRW)
    assert (found.value, found.n, found.flags, found.best) == (61, 2, (Flag.PARTIAL,), False)
    assert found.note == "seed 2: RuntimeError: out of memory"
    assert cell(table, "MoCo", MINI_LRW).best  # the best of the complete ones
    assert any("seed 2" in note for note in table.notes)


def test_a_retried_failure_is_forgotten(table_of, make_record):
    found = cell(table_of(make_record(value=None), make_record(value=60)), "GLCM", MINI_LRW)
    assert (found.value, found.flags) == (60, ())


def test_chance_is_flagged_and_not_ranked(table_of, make_record):
    task = TaskInfo(name="lrw", protocol="finetune", primary_metric="top1", chance=10.0)
    table = table_of(
        make_record("glcm", value=10.0, checks=Checks()).model_copy(update={"task": task}),
        make_record("moco", value=9.0, checks=Checks(above_chance=False)),
        make_record("cpc", value=8.0),
        make_record("dpc", value=7.0),
    )
    flags = [cell(table, name, MINI_LRW).flags for name in ("GLCM", "MoCo", "CPC")]
    assert flags == [(Flag.CHANCE,), (Flag.CHANCE,), ()]
    assert [row.label for row in table.rows if row.cells[0].best] == ["CPC"]


def test_best_follows_the_direction_and_ties(table_of, make_record):
    table = table_of(
        make_record("glcm", "lrs2", 47.8),
        make_record("moco", "lrs2", 71.5),
        make_record("cpc", "lrs2", 47.8),
    )
    assert table.columns[0].arrow == "↓"
    assert [row.label for row in table.rows if row.cells[0].best] == ["CPC", "GLCM"]


def test_unequal_pretraining_has_no_best(table_of, make_record):
    table = table_of(
        make_record("glcm", value=60, steps=1000),
        make_record("moco", value=50, steps=100),
        make_record("scratch", value=40, pretrain=None),
    )
    assert not any(c.best for row in table.rows for c in row.cells)
    assert any("different conditions" in note for note in table.notes)


def test_scratch_compares_with_equal_pretraining(table_of, make_record):
    table = table_of(make_record("glcm", value=60), make_record("scratch", value=70, pretrain=None))
    assert [row.label for row in table.rows if row.cells[0].best] == ["Scratch"]


def test_variants_of_an_objective_are_never_averaged(table_of, make_record):
    table = table_of(
        make_record(value=60, steps=100),
        make_record(value=80, steps=1000),
        make_record("moco", value=50),
        published=True,
    )
    rows = {row.label: [c.value for c in row.cells] for row in table.rows}
    assert rows["GLCM"] == [47.8, 83.7, 90.1, None]
    assert rows["GLCM: 100 steps"] == [None, None, None, 60]
    assert rows["GLCM: 1,000 steps"] == [None, None, None, 80]
    assert rows["MoCo"] == [71.5, 61.2, 60.2, 50]


@pytest.mark.parametrize(
    ("field", "values", "label"),
    [
        ("recipe", [RecipeInfo(sha256="a" * 64), RecipeInfo(sha256="b" * 64)], "recipe aaaaaa"),
        (
            "objective",
            [ObjectiveInfo(name="glcm"), ObjectiveInfo(name="glcm", params={"k": 1})],
            "k=1",
        ),
        (
            "pretrain",
            [PretrainInfo(dataset="mini-kav", manifest_sha256=c * 64) for c in "ab"],
            "data aaaaaa",
        ),
    ],
)
def test_what_sets_variants_apart(table_of, make_record, field, values, label):
    records = [make_record(seed=i).model_copy(update={field: v}) for i, v in enumerate(values)]
    table = table_of(*records)
    assert [row.cells[0].n for row in table.rows] == [1, 1]
    assert any(label in row.label for row in table.rows)


def asked(epochs):
    return {"recipe": {"epochs": epochs}}


def test_an_unusual_recipe_stands_in_a_row_of_its_own(table_of, make_record):
    table = table_of(
        make_record("moco", value=50, key_fields=asked(8)),
        make_record("glcm", value=60, key_fields=asked(8)),
        make_record("glcm", value=70, seed=1, key_fields=asked(9), recipe={"sha256": "a" * 64}),
    )
    rows = {row.label: [c.value for c in row.cells] for row in table.rows}
    assert rows == {"MoCo": [50], "GLCM": [60], "GLCM: epochs=9": [70]}
    assert not any(c.best for row in table.rows for c in row.cells)  # 8 epochs against 9


def test_rows_that_were_evaluated_differently_have_no_best(table_of, make_record):
    table = table_of(
        make_record("moco", value=50, key_fields=asked(8)),
        make_record("glcm", value=60, key_fields=asked(9)),
    )
    assert not any(c.best for row in table.rows for c in row.cells)
    assert any("different conditions" in note for note in table.notes)


def test_other_data_is_another_column(table_of, make_record):
    data = [DataInfo(dataset="lrw", kind="full", manifest_sha256=c * 64) for c in "ab"]
    table = table_of(
        make_record("glcm", value=60, data=data[0]), make_record("moco", value=50, data=data[1])
    )
    assert [column.label for column in table.columns] == ["LRW [aaaaaa]", "LRW [bbbbbb]"]


def test_folds_are_averaged_within_a_seed_and_must_be_complete(table_of, make_record):
    table = table_of(
        *[make_record("glcm", "ucf101", 50 + 10 * fold, fold=fold) for fold in (1, 2, 3)],
        *[make_record("moco", "ucf101", 90, fold=fold) for fold in (1, 2)],
    )
    place = ("miniature", "finetune", "UCF101")
    assert (cell(table, "GLCM", place).value, cell(table, "GLCM", place).n) == (70, 1)
    lacking = cell(table, "MoCo", place)
    assert lacking.mark is Mark.MISSING
    assert lacking.note == "folds [1, 2, 3] are not complete"


def test_a_further_task_brings_its_published_number(table_of, make_record):
    table = table_of(make_record("glcm", "ucf101", 30), published=True)
    assert heads(table)[3:] == [
        ("GLCM Table 6", "K-AV 15,000", "UCF101"),
        ("miniature", "finetune", "UCF101"),
    ]
    glcm = next(row for row in table.rows if row.label == "GLCM")
    assert [c.value for c in glcm.cells[3:]] == [88.1, 30]


def test_other_versions_are_stale_and_not_mixed_in(table_of, make_record):
    old, new = make_record(value=10, version=1), make_record(value=60, version=2)
    found = cell(table_of(old, new), "GLCM", MINI_LRW)
    assert (found.value, found.n, found.flags) == (60, 1, ())
    table = table_of(current={"objective:glcm": 3})
    assert cell(table, "GLCM", MINI_LRW).mark is Mark.STALE
    assert "glcm is at version 3, the record at 2" in cell(table, "GLCM", MINI_LRW).note


def test_without_records_and_published_there_is_no_table(tmp_path):
    assert build(RecordStore(tmp_path), published=False) == []
    assert build(None, published=False) == []


def test_an_error_rate_says_how_it_was_decoded(table_of, make_record):
    warnings = ["decoder=ctc_beam", "wer 100.00 is not better than chance 100.00"]
    table = table_of(make_record("glcm", "lrs2", 47.8, warnings=warnings))
    found = cell(table, "GLCM", ("miniature", "finetune", "LRS2"))
    assert found.note == "decoder=ctc_beam"
    assert "GLCM, miniature, finetune, LRS2: decoder=ctc_beam" in table.notes


def test_a_map_that_heard_nothing_is_marked(table_of, make_record):
    told = ["loc=fallback: no linear maps", "ciou 0.00 is not better than chance 34.00"]
    records = [
        make_record("glcm", "localise", 20.0, protocol="localise", warnings=["loc=aligned"]),
        make_record("crisscross", "localise", 15.0, protocol="localise", warnings=told),
    ]
    table = table_of(*records)
    column = ("miniature", "localise", "localise")
    assert cell(table, "GLCM", column).note == ""
    assert cell(table, "CrissCross", column).note == told[0]


def test_what_is_said_of_several_rows_is_said_once(table_of, make_record):
    why = {"status": "not_applicable", "scores": {}, "warnings": ["the task needs sound"]}
    table = table_of(
        make_record("moco", **why), make_record("cpc", **why), make_record("glcm", value=60)
    )
    said = [note for note in table.notes if "needs sound" in note]
    assert said == ["MoCo, CPC, miniature, finetune, LRW: the task needs sound"]


def test_what_is_said_of_several_columns_is_said_once(table_of, make_record):
    why = {"status": "not_applicable", "scores": {}, "warnings": ["the task needs sound"]}
    tasks = ("lrw", "dfdc")
    table = table_of(
        *(make_record("moco", task, **why) for task in tasks),
        *(make_record("glcm", task, value=60) for task in (*tasks, "ucf101")),
    )
    said = [note for note in table.notes if "needs sound" in note]
    assert said == ["MoCo, miniature, finetune, LRW, DFDC: the task needs sound"]


def test_who_was_not_asked_stands_in_the_column_of_those_who_were(table_of, make_record):
    card = make_record("moco", "localise").task  # of the official data: its metric is another one
    deaf = make_record("moco", "localise", status="not_applicable", scores={})
    deaf = deaf.model_copy(update={"task": card.model_copy(update={"primary_metric": "ciou"})})
    table = table_of(deaf, make_record("glcm", "localise", value=60))
    assert [column.label for column in table.columns if column.origin == "measured"] == ["localise"]
    assert cell(table, "MoCo", ("miniature", "finetune", "localise")).mark is Mark.NOT_APPLICABLE
