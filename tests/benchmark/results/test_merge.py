"""Records of another machine's folder: checked, copied, never overwritten."""

import json

import numpy as np
import pytest

from benchmark.results.merge import merge
from benchmark.results.predictions import write_predictions
from benchmark.results.scores import recompute
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify
from registries.errors import NotReadyError, UsageError


@pytest.fixture
def stores(tmp_path):
    pair = RecordStore(tmp_path / "here"), RecordStore(tmp_path / "there")
    for store in pair:
        store.probe()
    return pair


@pytest.fixture
def put(make_record):
    """put(store, ...) -> a record with predictions that give its score, stored there."""

    def put_into(store, *, draw=0, **fields):
        rng = np.random.default_rng(draw)
        target = rng.integers(10, size=30)
        record = make_record(**fields)
        path = store.predictions_path(record.cell_key, record.run_id)
        predictions = write_predictions(
            path,
            sample_id=[f"clip-{index}" for index in range(30)],
            group_id=["one"] * 30,
            target=target,
            score=rng.normal(size=(30, 10)) + np.eye(10)[target],
        )
        scores = {"top1": recompute("top1", path)}
        record = record.model_copy(update={"predictions": predictions, "scores": scores})
        store.write(record)
        return record

    return put_into


def files(store):
    return {
        path.relative_to(store.root).as_posix(): path.read_bytes()
        for path in store.root.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_records_arrive_with_their_predictions_and_count(stores, put, make_record):
    here, there = stores
    mine, yours = put(here), put(there, seed=1)
    failed = make_record(value=None, seed=2)
    there.write(failed)
    found = merge(here, there)
    assert len(found.copied) == 2 and not found.conflicts and not found.refused
    assert here.read_all() == [mine, yours, failed]
    assert files(there).items() <= files(here).items()
    assert [p for p in verify(here) if p.level == "error"] == []


def test_a_second_time_nothing_happens(stores, put):
    here, there = stores
    put(there)
    merge(here, there)
    before = files(here)
    found = merge(here, there)
    assert (len(found.copied), len(found.known), found.conflicts) == (0, 1, [])
    assert files(here) == before


def test_a_cell_done_in_both_keeps_both_and_the_newest_counts(stores, put):
    here, there = stores
    old, new = put(here, draw=1), put(there, draw=2)
    assert old.cell_key == new.cell_key
    found = merge(here, there)
    assert found.shared == [old.cell_key]
    assert here.read_all() == [old, new] and here.current() == [new]


def test_the_older_one_arriving_later_does_not_win(stores, put):
    here, there = stores
    old, new = put(there, draw=1), put(here, draw=2)
    merge(here, there)
    assert here.current() == [new] and old in here.read_all()


def test_another_content_under_one_name_is_a_conflict_and_stays(stores, put):
    here, there = stores
    record = put(here)
    for place, content in files(here).items():
        (there.root / place).write_bytes(content)
    edit(there.path(record), lambda content: content.update(warnings=["edited"]))
    before = files(here)
    found = merge(here, there)
    assert files(here) == before
    [conflict] = found.conflicts
    assert there.path(record).name in conflict and "stays" in conflict


def test_predictions_that_differ_keep_the_record_away(stores, put):
    here, there = stores
    record = put(there)
    here.predictions_path(record.cell_key, record.run_id).write_bytes(b"of mine")
    found = merge(here, there)
    assert found.copied == [] and here.read_all() == []
    assert "its record stays away" in found.conflicts[0]


@pytest.mark.parametrize("withdrawn", [False, True])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_changed_or_missing_predictions_are_refused(stores, put, damage, withdrawn):
    here, there = stores
    record, sound = put(there), put(there, seed=1)
    path = there.find_predictions(record)
    if damage == "changed":
        path.write_bytes(path.read_bytes() + b" ")
    else:
        path.unlink()
    if withdrawn:
        there.invalidate(record.run_id, "damaged")
    found = merge(here, there)
    assert [problem.run_id for problem in found.refused] == [record.run_id]
    assert here.read_all(invalidated=True) == [sound]
    assert len(list((here.root / "predictions").iterdir())) == 1


def test_edited_and_torn_records_are_refused(stores, put):
    here, there = stores
    edited, torn, wrong = put(there), put(there, seed=1), put(there, seed=2)
    edit(there.path(edited), lambda content: content["scores"]["top1"].update(value=99.0))
    there.path(torn).write_text("{")
    edit(there.path(wrong), lambda content: content["key_fields"].update(seed=9))
    found = merge(here, there)
    assert sorted(problem.code for problem in found.refused) == ["key", "score", "unreadable"]
    assert here.read_all() == [] and found.copied == []


def test_tombstones_travel_with_and_without_their_record(stores, put):
    here, there = stores
    gone, common = put(there), put(there, seed=1)
    merge(here, there)
    there.invalidate(common.run_id, "wrong crop")
    late = put(there, seed=2)
    there.invalidate(late.run_id, "wrong seed")
    found = merge(here, there)
    assert sorted(found.withdrawn) == sorted([common.run_id, late.run_id])
    assert here.read_all() == [gone]
    assert here.read_all(invalidated=True) == [gone, common, late]
    assert here.tombstones()[late.run_id] == "wrong seed"


def test_two_reasons_for_one_withdrawal_are_told(stores, put):
    here, there = stores
    record = put(there)
    merge(here, there)
    here.invalidate(record.run_id, "mine")
    there.invalidate(record.run_id, "yours")
    [conflict] = merge(here, there).conflicts
    assert "mine" in conflict and here.tombstones() == {record.run_id: "mine"}


def test_a_run_id_of_another_cell_is_a_conflict(stores, put):
    """Tombstones and corrections name a run alone: two records of one name would both answer."""
    here, there = stores
    put(here, run_id="same")
    put(there, run_id="same", seed=1)
    found = merge(here, there)
    assert found.copied == [] and "run same is" in found.conflicts[0]


@pytest.mark.parametrize("path", ["../../outside.npz", "/outside.npz", "a\\..\\..\\b", "C:/x.npz"])
def test_predictions_outside_the_folder_are_refused(stores, put, path, tmp_path):
    here, there = stores
    record = put(there)
    (tmp_path / "outside.npz").write_bytes(there.find_predictions(record).read_bytes())
    edit(there.path(record), lambda content: content["predictions"].update(path=path))
    found = merge(here, there)
    assert [problem.code for problem in found.refused] == ["unreadable"]
    assert "leaves the folder" in found.refused[0].message
    assert here.read_all() == []


def test_a_folder_that_is_none(stores, tmp_path):
    with pytest.raises(NotReadyError, match="holds no records"):
        merge(stores[0], RecordStore(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="the folder to merge into"):
        merge(stores[0], RecordStore(stores[0].root / ".." / "here"))
