import pytest

from benchmark.report import build_report
from benchmark.results.schema import Score, TaskInfo
from benchmark.results.store import RecordStore


@pytest.fixture
def tables_of(tmp_path):
    def make(*records):
        store = RecordStore(tmp_path)
        for record in records:
            store.write(record)
        return {table.name: table for table in build_report(store, published=False).tables}

    return make


def test_protocols_of_one_task_stand_together(tables_of, make_record):
    table = tables_of(
        make_record("glcm", "ucf101", 60),
        make_record("glcm", "ucf101", 40, protocol="linear"),
        make_record("glcm", "ucf101", 30, protocol="knn"),
        make_record("glcm", "hmdb51", 20, protocol="knn"),  # one protocol: nothing beside it
        make_record("moco", "ucf101", 35, protocol="linear", kind="full"),
    )["protocols"]
    assert [(column.group, column.label) for column in table.columns] == [
        (("measured", "miniature", "UCF101"), "finetune"),
        (("measured", "miniature", "UCF101"), "linear"),
        (("measured", "miniature", "UCF101"), "knn"),
    ]
    assert [(row.label, [cell.value for cell in row.cells]) for row in table.rows] == [
        ("GLCM", [60, 40, 30])
    ]


def searched(record, **scores):
    task = TaskInfo(name="ucf101", protocol="retrieval", primary_metric="r1", chance=1.0)
    found = {name: Score(value=value, n=40, unit="%") for name, value in scores.items()}
    return record.model_copy(update={"task": task, "scores": found})


def test_retrieval_shows_every_recall_with_its_own_direction(tables_of, make_record):
    tables = tables_of(
        searched(make_record("glcm", "ucf101", 1), r1=30.0, r5=50.0, median_rank=4.0),
        searched(make_record("moco", "ucf101", 1), r1=20.0, r5=55.0, median_rank=6.0),
    )
    table = tables["retrieval"]
    assert [(c.label, c.higher_is_better) for c in table.columns] == [
        ("R@1", True),
        ("R@5", True),
        ("median rank", False),
    ]
    best = {c.label: row.label for row, c, cell in table.cells if cell.best}
    assert best == {"R@1": "GLCM", "R@5": "MoCo", "median rank": "GLCM"}


def test_only_the_primary_score_is_held_against_chance(tables_of, make_record):
    task = TaskInfo(name="ucf101", protocol="retrieval", primary_metric="r1", chance=35.0)
    record = searched(make_record("glcm", "ucf101", 1), r1=30.0, r5=50.0)
    record = record.model_copy(
        update={"task": task, "checks": record.checks.model_copy(update={"above_chance": False})}
    )
    flags = {c.label: cell.flags for _, c, cell in tables_of(record)["retrieval"].cells}
    assert len(flags["R@1"]) == 1
    assert flags["R@5"] == ()


def test_localisation_by_tag(tables_of, make_record):
    task = TaskInfo(name="localise", protocol="localise", primary_metric="pointing", modality="av")
    scores = {
        name: Score(value=value, n=40)
        for name, value in (("pointing", 50.0), ("ciou", 20.0), ("pointing:sync", 40.0))
    }
    record = make_record("glcm", "localise", 1).model_copy(update={"task": task, "scores": scores})
    table = tables_of(record)["localisation"]
    assert {c.label: cell.value for _, c, cell in table.cells} == {
        "pointing": 50.0,
        "cIoU@0.5": 20.0,
        "pointing sync": 40.0,
    }


def test_nothing_searched_no_table(tables_of, make_record):
    assert not {"retrieval", "localisation", "protocols"} & set(tables_of(make_record()))
