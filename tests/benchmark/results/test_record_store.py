import os
import time

import pytest

from benchmark.results.store import RecordStore
from registries.errors import NotReadyError, UsageError, VerificationError


@pytest.fixture
def store(tmp_path):
    store = RecordStore(tmp_path / "runs")
    store.probe()
    return store


def test_probe_leaves_nothing_behind(store):
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_an_unwritable_place_is_found_before_any_training(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(NotReadyError, match=r"cannot write records below .*--out") as caught:
        RecordStore(blocker / "runs").probe()
    assert caught.value.exit_code == 3


def test_a_record_is_written_once(store, make_record):
    record = make_record()
    path = store.write(record)
    assert path == store.root / "eval" / f"{record.cell_key}-{record.run_id}.json"
    with pytest.raises(VerificationError, match="never edited"):
        store.write(record.model_copy(update={"warnings": ["edited"]}))
    assert store.read_all() == [record]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_newest_done_record_counts(store, make_record):
    failed, old, new, late = (
        make_record(value=None),
        make_record(),
        make_record(),
        make_record(value=None),
    )
    for record in (new, late, failed, old):
        store.write(record)
    assert store.done(old.cell_key) == new
    assert store.failures(old.cell_key) == [failed, late]
    assert store.current() == [new]
    assert store.done(make_record(seed=1).cell_key) is None


def test_failures_are_current_until_something_is_done(store, make_record):
    first, second = make_record(value=None), make_record(value=None)
    store.write(first)
    store.write(second)
    assert store.current() == [second]
    assert store.done(first.cell_key) is None


def test_a_withdrawn_record_does_not_count_but_stays(store, make_record):
    old, new = make_record(), make_record()
    store.write(old)
    path = store.write(new)
    store.invalidate(new.run_id, "wrong crop")
    assert store.done(old.cell_key) == old
    assert store.read_all() == [old]
    assert store.read_all(invalidated=True) == [old, new]
    assert store.tombstones() == {new.run_id: "wrong crop"}
    assert path.exists()


def test_withdrawing_needs_a_record_and_a_reason(store, make_record):
    store.write(make_record(run_id="a-b"))
    with pytest.raises(UsageError, match="no record with run_id 'b'"):
        store.invalidate("b", "typo")
    with pytest.raises(UsageError, match="needs a reason"):
        store.invalidate("a-b", " ")


def test_a_correction_supersedes(store, make_record):
    wrong = make_record(task="lrw")
    right = make_record(task="lrw", seed=7, supersedes=wrong.run_id)
    store.write(wrong)
    store.write(right)
    assert store.current() == [right]


def test_damaged_files_cost_no_other_record(store, make_record):
    good = make_record()
    whole = store.write(good).read_text()
    folder = store.root / "eval"
    (folder / "0123456789abcdef-torn.json").write_text(whole[: len(whole) // 2])
    (folder / "0123456789abcdef-empty.json").write_text("")
    (folder / "0123456789abcdef-extra.json").write_text(whole.replace("{", '{"surprise": 1,', 1))
    (folder / "0123456789abcdef-bytes.json").write_bytes(b"\xff\xfe\x00")
    assert store.read_all() == [good]
    assert sorted(problem.path for problem in store.problems) == [
        f"eval/0123456789abcdef-{name}.json" for name in ("bytes", "empty", "extra", "torn")
    ]
    assert store.done("0123456789abcdef") is None


def test_what_killed_writers_left_is_swept_once_none_can_be_alive(store, make_record):
    path = store.write(make_record())
    fresh = path.with_name(f".{path.name}.123.0a1b2c3d")
    old = store.root / "predictions" / ".x.npz.99999.0a1b2c3d"
    other = store.root / "eval" / ".notes.json"
    for each in (fresh, old, other):
        each.write_text("{")
    for each in (old, other):
        os.utime(each, (time.time() - 7200,) * 2)
    store.probe()
    assert fresh.exists() and other.exists() and not old.exists()
    store.sweep(older_than=0.0)
    assert not fresh.exists() and path.exists()
    assert len(store.read_all()) == 1 and store.problems == []


def test_a_failure_has_a_log_to_read(store, make_record):
    record = make_record(value=None)
    failure = record.failure.model_copy(
        update={"traceback": "Traceback: in line 3", "step": 12, "attempt": 2}
    )
    record = record.model_copy(update={"failure": failure})
    text = store.write_log(record).read_text()
    assert "lrw glcm seed 0, attempt 2, step 12" in text and text.endswith("in line 3")
    assert store.path(record).name in text
