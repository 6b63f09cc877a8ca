"""kill -9 at random moments of whole runs, as a script: each run is a fork of what is imported.

    python killed_runs.py ROOT KILLS SEED

One run is never disturbed; the others are killed and started again, with the same command, until
one comes to its end; then the next begins in a folder of its own, until the kills are used up.
Prints one JSON object.
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


def start(out: Path) -> int:
    """The run and its report in a fork; its process."""
    child = os.fork()
    if child:
        return child
    log = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1), os.dup2(log, 2)
    code = cli.execute(arguments(out))
    code = code or cli.execute(["report", "--runs", str(out), "--format", "json"])
    os._exit(code)


def undisturbed(out: Path) -> dict:
    """What is left."""
    code = os.waitstatus_to_exitcode(os.waitpid(start(out), 0)[1])
    assert code == 0, out.with_suffix(".log").read_text()
    return left_by(out)


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
    began = time.perf_counter()
    want = undisturbed(root / "whole")
    usual = time.perf_counter() - began
    found: dict = {"kills": 0, "runs": 0, "faults": [], "met": {}, "cells": len(want)}
    while found["kills"] < kills:
        out = root / f"cut{found['runs']}"
        seen: set[str] = set()
        while killed(
            start(out), random.uniform(0.0, 0.8 * usual) if found["kills"] < kills else 600.0
        ):
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
    sys.stdout.write(json.dumps(campaign(Path(place), int(count))))
