"""A small report with everything a table can hold."""

from __future__ import annotations

import pytest

from benchmark.report import build, build_report
from benchmark.results.schema import Failure
from benchmark.results.store import RecordStore

HOSTILE = (
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{7*7}} $x_1$ \\input|&%#"
)


@pytest.fixture
def store(tmp_path, make_record):
    """Three seeds of two objectives, one lone seed, one failure; in `tmp_path/runs`."""
    store = RecordStore(tmp_path / "runs")
    for seed, (value, gap) in enumerate(((59.0, 10.0), (61.0, 10.5), (63.0, 9.5))):
        store.write(make_record("glcm", "lrw", value, seed=seed))
        store.write(make_record("moco", "lrw", value - gap, seed=seed))
    store.write(make_record("glcm", "dfdc", 70.25))
    store.write(make_record("moco", "dfdc", None))
    return store


@pytest.fixture
def tables(store):
    return build(store)


@pytest.fixture
def hostile(tmp_path, make_record):
    """A report whose names, notes, paths and errors try to be more than text."""
    store = RecordStore(tmp_path / "hostile")
    for seed in range(2):
        store.write(make_record(HOSTILE, "lrw", 60.0 + seed, seed=seed))
        store.write(make_record("moco", HOSTILE, 50.0 + seed, seed=seed, protocol=HOSTILE))
    error = Failure(exception="ValueError", message=HOSTILE)
    store.write(make_record(HOSTILE, "dfdc", None, failure=error))
    for task in ("lrw", "ucf101", "hmdb51"):
        for name in (HOSTILE, "moco", "cpc"):
            store.write(make_record(name, task, 55.0 + len(name) % 7, seed=5))
    return build_report(store, figures=True)
