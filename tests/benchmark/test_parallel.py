"""Cells side by side leave what one process would leave, and outlive a worker that dies."""

from __future__ import annotations

import json
import os
import signal

import pytest

import benchmark.parallel
import benchmark.run
from benchmark.plan_request import RunRequest
from benchmark.results.store import RecordStore

SMALL = ("video.base_channels=4", "pretrain.epochs=1", "finetune.epochs=1")


def request(out, **changes) -> RunRequest:
    asked = {
        "objectives": ("avts", "moco"),
        "tasks": ("ucf101", "esc10"),
        "overrides": (*SMALL, "tasks.esc10.folds=(1,)"),
        "out": out,
    }
    return RunRequest(**{**asked, **changes})


def scores(out) -> dict:
    """Everything a reader compares: statuses and full-precision scores by objective and task."""
    return {
        (record.objective.name, record.task.name): (
            record.status,
            {name: score.value for name, score in record.scores.items()},
        )
        for record in RecordStore(out).current()
        if record.task
    }


@pytest.mark.slow
def test_two_processes_leave_the_records_of_one(tmp_path):
    assert benchmark.run.execute(request(tmp_path / "one")) == 0
    assert benchmark.run.execute(request(tmp_path / "two", jobs=2)) == 0
    found = scores(tmp_path / "two")
    assert found == scores(tmp_path / "one") and len(found) == 4
    # a task of sound has no answer for an objective that hears nothing: that is no failure
    assert found["moco", "esc10"] == ("not_applicable", {})
    (reason,) = {
        w
        for r in RecordStore(tmp_path / "two").current()
        for w in r.warnings
        if "sound" in w or "audio" in w
    }
    assert str(tmp_path) not in reason  # a record names no folder of the machine
    before = len(RecordStore(tmp_path / "two").read_all())
    assert benchmark.run.execute(request(tmp_path / "two", jobs=2)) == 0
    assert len(RecordStore(tmp_path / "two").read_all()) == before


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_cell_alone(tmp_path, monkeypatch, capsys):
    killed = []
    given = benchmark.parallel.Worker.give

    def give(worker, unit):
        given(worker, unit)
        if unit.cell and not killed:
            killed.append(unit.cell)
            os.kill(worker.process.pid, signal.SIGKILL)

    monkeypatch.setattr(benchmark.parallel.Worker, "give", give)
    asked = request(tmp_path, objectives=("scratch", "random"), jobs=2, json=True)
    assert benchmark.run.execute(asked) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 1
    (failed,) = [r for r in RecordStore(tmp_path).current() if r.status == "failed"]
    assert failed.cell_key == killed[0] and failed.failure.exception == "WorkerDiedError"
    assert "code -9" in failed.failure.message
    assert benchmark.run.execute(asked) == 0
    assert {status for status, _ in scores(tmp_path).values()} == {"done"}
