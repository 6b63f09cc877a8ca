import os
import random
import signal
import subprocess
import sys
import time

import pytest

from benchmark.results.schema import ObjectiveInfo
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


def test_fifty_kills_leave_no_torn_record(store, make_record):
    """Processes are killed while they write large records; all that is there is whole."""
    random.seed(0)
    padding = {"padding": "x" * 200_000}  # many pages: a write in place would be caught half way
    glcm = ObjectiveInfo(name="glcm", params=padding)
    record = make_record().model_copy(update={"objective": glcm})
    for round_ in range(50):
        listen, tell = os.pipe()
        child = os.fork()
        if child == 0:
            for step in range(10_000):
                store.write(record.model_copy(update={"run_id": f"kill-{round_}-{step}"}))
                os.write(tell, b".")
            os._exit(0)
        os.read(listen, 1)  # one record is whole; the kill meets one of the next
        os.close(listen)
        os.close(tell)
        time.sleep(random.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    found = store.read_all()
    assert store.problems == []
    assert len(found) >= 50
    assert list(store.root.rglob(".*json.*")), (
        "no kill met a write half way; the test shows nothing"
    )
    assert {len(each.objective.params["padding"]) for each in found} == {200_000}
    store.write(make_record())  # the dead processes hold no lock


WRITER = """
import sys
from pathlib import Path
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from registries.errors import VerificationError

record = Record.model_validate_json(sys.stdin.read())
store, won = RecordStore(Path(sys.argv[1])), 0
for step in range(40):
    try:
        store.write(record.model_copy(update={"run_id": f"race-{step}", "warnings": [sys.argv[2]]}))
        won += 1
    except VerificationError:
        pass
print(won)
"""


def test_two_processes_never_overwrite_each_other(store, make_record):
    text = make_record().to_json()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.root), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
        for name in ("left", "right")
    ]
    for writer in writers:
        writer.stdin.write(text)
        writer.stdin.close()
    won = {name: int(w.stdout.read()) for name, w in zip(("left", "right"), writers, strict=True)}
    assert [writer.wait() for writer in writers] == [0, 0]
    records = store.read_all()
    assert store.problems == []
    assert len(records) == 40 == sum(won.values())  # each name was given exactly once
    for name, count in won.items():
        assert sum(record.warnings == [name] for record in records) == count
