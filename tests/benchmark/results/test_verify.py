import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmark.results import versions
from benchmark.results.keys import cell_key, file_sha256
from benchmark.results.predictions import read_predictions, write_predictions
from benchmark.results.scores import recompute
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify
from registries.errors import VerificationError


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path)


@pytest.fixture
def stored(store, make_record):
    """Path of a record whose scores come from its saved predictions."""
    rng = np.random.default_rng(0)
    target = rng.integers(10, size=50)
    record = make_record()
    path = store.predictions_path(record.cell_key, record.run_id)
    predictions = write_predictions(
        path,
        sample_id=[f"clip-{index}" for index in range(50)],
        group_id=[f"speaker-{index % 5}" for index in range(50)],
        target=target,
        score=rng.normal(size=(50, 10)) + np.eye(10)[target],
    )
    scores = {name: recompute(name, path) for name in ("top1", "top5")}
    return store.write(record.model_copy(update={"predictions": predictions, "scores": scores}))


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def codes(store, **options):
    return [(problem.code, problem.level) for problem in verify(store, **options)]


def test_an_untouched_store_has_no_problem(store, stored):
    assert verify(store) == []


def test_an_edited_score_is_found(store, stored):
    def raise_by_a_hundredth(content):
        content["scores"]["top1"]["value"] += 0.01

    edit(stored, raise_by_a_hundredth)
    [problem] = verify(store)
    assert (problem.code, problem.level) == ("score", "error")
    assert "top1 is recorded as" in problem.message
    assert problem.run_id in problem.path


def test_an_edited_count_is_found(store, stored):
    edit(stored, lambda content: content["scores"]["top5"].update(n=49))
    assert codes(store) == [("score", "error")]


def test_changed_and_missing_predictions_are_found(store, stored):
    [path] = (store.root / "predictions").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert codes(store) == [("predictions", "error")]
    path.unlink()
    assert codes(store) == [("predictions", "error")]


def test_a_wrong_key_is_found(store, stored):
    edit(stored, lambda content: content["key_fields"].update(seed=1))
    assert codes(store) == [("key", "error")]


def test_a_renamed_file_is_found(store, stored):
    stored.rename(stored.with_name(f"{cell_key({})}-other.json"))
    assert codes(store) == [("key", "error")]


def test_an_unreadable_file_is_found(store, stored):
    stored.write_text("{")
    assert codes(store) == [("unreadable", "error")]


def test_an_older_version_is_a_warning(store, stored, make_record):
    assert codes(store, current={"objective:glcm": 2}) == [("stale", "warning")]
    assert codes(store, current={"task:lrw": 3}) == [("stale", "warning")]
    assert codes(store, current={"objective:moco": 2, "task:dfdc": 3}) == []
    newer = make_record(value=None, version=2)  # without `current`, the newest record decides
    store.write(newer)
    assert codes(store) == [("stale", "warning")]


@pytest.mark.parametrize("part", ["objective", "task", "data"])
def test_every_kind_of_version_makes_stale(store, stored, make_record, part):
    record = make_record(value=None)
    newer = getattr(record, part).model_copy(update={"version": 2})
    store.write(record.model_copy(update={part: newer}))
    [problem] = verify(store)
    assert (problem.code, problem.level) == ("stale", "warning")
    assert part in problem.message and problem.message.endswith("at version 2, the record at 1")


def test_a_newer_metric_makes_stale(store, stored, monkeypatch):
    monkeypatch.setattr(versions, "METRIC_VERSION", 2)
    found = verify(store)
    assert [problem.code for problem in found] == ["stale"]
    assert "metric top" in found[0].message


def test_data_of_the_same_content_is_of_the_same_version(store, make_record):
    """Early records say version 1 of all data: the manifest tells which are the newest."""

    def on(version, manifest, **fields):
        record = make_record(value=None, **fields)
        data = record.data.model_copy(update={"version": version, "manifest_sha256": manifest * 64})
        return record.model_copy(update={"data": data})

    records = [on(1, "a"), on(1, "b", seed=1), on(3, "b", seed=2)]
    current = versions.newest(records)
    assert [bool(versions.stale_reason(record, current)) for record in records] == [
        True,
        False,
        False,
    ]


def test_a_pickle_among_the_predictions_is_refused_and_not_run(store, stored, tmp_path):
    """What np.load would run if it were let: both as the file itself and inside an archive."""

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "it ran",))

    [path] = (store.root / "predictions").iterdir()
    bare = pickle.dumps(Trap())
    inside = io.BytesIO()
    columns = {"sample_id": ["a"], "group_id": ["a"], "target": [0]}
    np.savez(inside, score=np.array([[Trap()]], dtype=object), **columns)
    for content in (bare, inside.getvalue()):
        path.write_bytes(content)
        sha256 = file_sha256(path)
        edit(stored, lambda record, new=sha256: record["predictions"].update(sha256=new))
        [problem] = verify(store)
        assert (problem.code, problem.level) == ("predictions", "error")
        assert "is no prediction file" in problem.message and "pickle" in problem.message
        with pytest.raises(VerificationError, match="run the cell again"):
            read_predictions(path)
    assert not (tmp_path / "it ran").exists()
    pickle.loads(bare)
    assert (tmp_path / "it ran").exists()  # the trap works


def test_scores_without_predictions_are_a_warning(store, make_record):
    store.write(make_record())
    assert codes(store) == [("predictions", "warning")]
