"""Wherever cells run, the records are the same; a killed worker costs its own cells alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import benchmark.run
from benchmark.plan_request import RunRequest
from benchmark.results.running import running
from benchmark.results.store import RecordStore

SMALL = ("video.base_channels=4", "pretrain.epochs=1", "finetune.epochs=1")
FARMS = {"slurm": {"cluster": "local", "time": "30"}, "ray": {"cpus": "1"}}
PACKAGES = {"slurm": "submitit", "ray": "ray"}
ROOT = Path(benchmark.run.__file__).resolve().parents[1]


def request(out: Path, **changes) -> RunRequest:
    asked = {
        "objectives": ("scratch", "random"),
        "tasks": ("ucf101", "esc10"),
        "overrides": (*SMALL, "tasks.esc10.folds=(1,)"),
        "out": out,
        "jobs": 2,
    }
    return RunRequest(**{**asked, **changes})


def scores(out: Path) -> dict:
    """Status and full-precision scores by cell key."""
    return {
        record.cell_key: (record.status, {name: s.value for name, s in record.scores.items()})
        for record in RecordStore(out).current()
        if record.task
    }


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> dict:
    """What `--launcher local` leaves."""
    out = tmp_path_factory.mktemp("local")
    assert benchmark.run.execute(request(out)) == 0
    return scores(out)


@pytest.fixture(params=sorted(FARMS))
def farm(request) -> dict:
    """Launcher and its options; the cluster of Ray ends with the test."""
    package = pytest.importorskip(
        PACKAGES[request.param],
        reason=f"{PACKAGES[request.param]} is not installed: pip install 'avssl-bench"
        f"[{request.param}]'",
    )
    yield {"launcher": request.param, "launch": FARMS[request.param]}
    if request.param == "ray":
        package.shutdown()


class Killer(threading.Thread):
    """Kills the first process that is seen to evaluate a cell; `killed`: the key of the cell."""

    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self.root, self.killed, self.ended = root, "", False

    def run(self) -> None:
        while not self.killed and not self.ended:
            for work in running(self.root):
                if work.kind == "eval" and work.pid != os.getpid():
                    os.kill(work.pid, signal.SIGKILL)
                    self.killed = work.cell_key
                    return
            time.sleep(0.02)


@pytest.mark.slow
def test_a_farm_leaves_the_records_of_one_machine(tmp_path, local, farm):
    asked = request(tmp_path, **farm)
    assert benchmark.run.execute(asked) == 0
    assert scores(tmp_path) == local and len(local) == 4
    before = {record.run_id for record in RecordStore(tmp_path).read_all()}
    assert benchmark.run.execute(asked) == 0
    assert {record.run_id for record in RecordStore(tmp_path).read_all()} == before


@pytest.mark.slow
def test_a_killed_worker_is_a_failure_record_and_the_rest_is_done(tmp_path, local, farm):
    asked, killer = request(tmp_path, **farm), Killer(tmp_path)
    killer.start()
    try:
        assert benchmark.run.execute(asked) == 1
    finally:
        killer.ended = True
    found = RecordStore(tmp_path).current()
    failed = {r.cell_key: r.failure for r in found if r.status == "failed"}
    assert killer.killed in failed
    assert {failure.exception for failure in failed.values()} == {"WorkerDiedError"}
    # what the same worker would have done next is lost with it, the other encoder's cells are not
    lost = {r.objective.name for r in found if r.status == "failed"}
    assert len(lost) == 1
    kept = {key: score for key, score in scores(tmp_path).items() if key not in failed}
    assert kept == {key: local[key] for key in kept} and len(kept) >= 2
    assert benchmark.run.execute(asked) == 0
    assert scores(tmp_path) == local


@pytest.mark.slow
def test_two_launchers_on_one_folder_do_no_cell_twice(tmp_path, local, farm):
    command = [
        *(sys.executable, "-m", "benchmark.cli.main", "run", "--objective", "scratch,random"),
        *("--tasks", "ucf101,esc10", "--out", str(tmp_path), "--jobs", "2"),
        *(word for text in (*SMALL, "tasks.esc10.folds=(1,)") for word in ("-o", text)),
    ]
    other = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert benchmark.run.execute(request(tmp_path, **farm)) == 0
        assert other.wait(timeout=300) == 0, other.stderr.read()
    finally:
        other.kill()
        other.communicate()
    keys = [record.cell_key for record in RecordStore(tmp_path).read_all() if record.task]
    assert sorted(keys) == sorted(local)
    assert scores(tmp_path) == local


@pytest.mark.slow
def test_torchrun_tests_every_sample_once_and_has_one_writer(tmp_path):
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
        *("-m", "benchmark.cli.main", "run", "--objective", "infomax", "--tasks", "ucf101"),
        *("--out", str(tmp_path / "two")),
        *(word for text in SMALL for word in ("-o", text)),
    ]
    subprocess.run(command, check=True, cwd=ROOT, timeout=300, capture_output=True)
    one = request(tmp_path / "one", objectives=("infomax",), tasks=("ucf101",), overrides=SMALL)
    assert benchmark.run.execute(one) == 0
    stores = [RecordStore(tmp_path / name) for name in ("one", "two")]
    (alone,), (shared,) = ([r for r in s.read_all() if r.task] for s in stores)
    assert shared.cell_key == alone.cell_key  # how many take part is no part of a cell
    assert (alone.world_size, shared.world_size) == (1, 2)
    mine, theirs = (
        np.load(store.find_predictions(record))
        for store, record in zip(stores, (alone, shared), strict=True)
    )
    assert mine["sample_id"].tolist() == theirs["sample_id"].tolist()
    assert len(set(mine["sample_id"])) == len(mine["sample_id"])
    assert (mine["target"] == theirs["target"]).all()
    np.testing.assert_allclose(mine["score"], theirs["score"], atol=0.05)
    written = {p.parent.name for p in (tmp_path / "two").rglob("*.json")}
    assert written == {"eval", "pretrain"}
    assert len(stores[1].read_all()) == 2  # a pretraining and a cell
