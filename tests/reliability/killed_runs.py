"""kill -9 at random moments of whole runs, as a script: runs are forks of one that came to its end.

    python killed_runs.py ROOT KILLS SEED

The first run imports all there is and is not disturbed; nor is the second. The others are killed
and started again, with the same command, until one comes to its end; then the next begins in a
folder of its own, until the kills are used up. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from tiny_run import arguments, left_by, wrong

import objectives.glcm  # noqa: F401 - all that is slow to import
from benchmark.cli import main as cli
from benchmark.results.store import RecordStore


def cycle(out: Path) -> int:
    """Pretraining, finetuning and report; the exit code."""
    log = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1), os.dup2(log, 2)
    report = ["report", "--runs", str(out), "--format", "json", "--out", str(out)]
    return cli.execute(arguments(out)) or cli.execute(report)


def start(out: Path) -> int:
    """A cycle in a process of its own: its number."""
    child = os.fork()
    if child == 0:
        os._exit(cycle(out))
    return child


def killed(child: int, after: float) -> bool:
    """Whether it was still at work then, and is killed now; else it must have ended well."""
    end = time.monotonic() + after
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0, "a run that was not killed failed"
            return False
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def campaign(root: Path, kills: int) -> dict:
    """Kill until `kills` are used up and the last run has come to its end."""
    assert cycle(root / "first") == 0
    want, began = left_by(root / "first"), time.perf_counter()
    assert not killed(start(root / "second"), 600.0)
    usual = time.perf_counter() - began
    assert left_by(root / "second") == want
    found: dict = {"kills": 0, "runs": 0, "faults": [], "met": {}, "cells": len(want)}
    while found["kills"] < kills:
        out = root / f"cut{found['runs']}"
        seen: set[str] = set()
        while killed(start(out), patience(usual, found["kills"] < kills)):
            found["kills"] += 1
            met = phase(out)
            found["met"][met] = found["met"].get(met, 0) + 1
            there = {record.run_id for record in RecordStore(out).read_all()}
            found["faults"] += [f"lost {name}" for name in seen - there] + wrong(out)
            seen = there
        found["runs"] += 1
        found["faults"] += wrong(out)
        if left_by(out) != want:
            found["faults"].append(f"{out} differs from the undisturbed run")
        shutil.rmtree(out)
    return found


def patience(usual: float, impatient: bool) -> float:
    """Seconds that a run is left alone: most are killed at work, few come to their end."""
    return random.uniform(0.0, 0.8 * usual) if impatient else 600.0


def phase(out: Path) -> str:
    """How far a killed run had come."""
    kinds = {record.kind for record in RecordStore(out).read_all()}
    training = any(out.rglob("checkpoint.pth"))
    if "eval" in kinds:
        return "report"
    if "pretrain" in kinds:
        return "finetune" if training else "between"
    return "pretrain" if training else "begin"


if __name__ == "__main__":
    place, count, seed = sys.argv[1:]
    random.seed(int(seed))
    answer = os.fdopen(os.dup(1), "w")
    with answer:
        answer.write(json.dumps(campaign(Path(place), int(count))))
