"""Forks writers and kills them, as a script of its own: without torch a fork takes a millisecond.

    python killed_writers.py random ROOT COUNT     killed after a random time
    python killed_writers.py ACTION ROOT STRIDE    killed at every STRIDEth line of an action
    python killed_writers.py crowd ROOT COUNT      COUNT writers at once, none killed

Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from benchmark.results.atomic import TEMPORARY
from benchmark.results.keys import cell_key
from benchmark.results.merge import merge
from benchmark.results.predictions import write_predictions
from benchmark.results.schema import (
    BackboneInfo,
    DataInfo,
    ObjectiveInfo,
    Record,
    TaskInfo,
)
from benchmark.results.scores import recompute
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify
from registries.errors import VerificationError

PADDING = {"padding": "x" * 30_000}  # several pages: a write in place would be caught half way


def leave(store: RecordStore, run_id: str, *, cell: int = 0) -> Record:
    """What a run leaves of a cell: its predictions, then its record."""
    fields = {"cell": cell}
    path = store.predictions_path(cell_key(fields), run_id)
    names = [f"clip-{index}" for index in range(200)]
    predictions = write_predictions(
        path, sample_id=names, group_id=names, target=[0, 1] * 100, score=[[0.1, 0.9]] * 200
    )
    record = Record(
        run_id=run_id,
        cell_key=cell_key(fields),
        key_fields=fields,
        kind="eval",
        status="done",
        objective=ObjectiveInfo(name="glcm", params=PADDING),
        backbone=BackboneInfo(name="r3d18"),
        task=TaskInfo(name="lrw", protocol="finetune", primary_metric="top1"),
        data=DataInfo(dataset="mini-lrw", kind="miniature"),
        scores={"top1": recompute("top1", path)},
        predictions=predictions,
    )
    store.write(record)
    return record


def wrong(store: RecordStore) -> list[str]:
    """Torn or contradicting files: there must be none."""
    return [problem.message for problem in verify(store) if problem.level == "error"]


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.rglob(".*") if TEMPORARY.fullmatch(path.name)]


def killed_at_random(root: Path, count: int) -> dict:
    store, told, seen = RecordStore(root), set(), 0
    store.probe()
    began = time.perf_counter()
    for step in range(10):
        leave(store, f"first-{step}")
    usual = (time.perf_counter() - began) / 10
    listen, tell = os.pipe()
    os.set_blocking(listen, False)
    for round_ in range(count):
        child = os.fork()
        if child == 0:
            for step in range(10_000):
                leave(store, f"kill-{round_}-{step}", cell=step)
                os.write(tell, f"kill-{round_}-{step}\n".encode())
            os._exit(0)
        time.sleep(random.uniform(0.0, 0.01 + 4.0 * usual))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if round_ % 10 == 0:
            seen += len(store.read_all()) >= 10 and not store.problems
        try:
            told |= set(os.read(listen, 1 << 20).decode().split())
        except BlockingIOError:
            continue
    there = {record.run_id for record in store.read_all()}
    left = leftovers(root)
    leave(store, "last")  # the dead hold no lock
    store.sweep(older_than=0.0)
    return {"lost": sorted(told - there), "told": len(told), "wrong": wrong(store),
            "left": len(left), "swept": leftovers(root), "clean_reads": seen}  # fmt: skip


def killed_at_lines(root: Path, action: str, stride: int) -> dict:
    """In a folder of its own each time, until the action ends before its line comes."""
    other = RecordStore(root / "other")
    other.probe()
    leave(other, "withdrawn", cell=1)
    leave(other, "arriving", cell=2)
    other.invalidate("withdrawn", "wrong crop")
    faults, left, number, status = [], 0, 1 - stride, 1
    while status:
        number += stride
        store = RecordStore(root / str(number))
        store.probe()
        leave(store, "sound")
        child = os.fork()
        if child == 0:
            act = {
                "write": lambda store=store: leave(store, "new"),
                "invalidate": lambda store=store: store.invalidate("sound", "wrong crop"),
                "reindex": store.reindex,
                "merge": lambda store=store: merge(store, other),
            }[action]
            sys.settrace(_death(number))
            act()
            sys.settrace(None)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        left += len(leftovers(store.root))
        faults += [f"line {number}: {fault}" for fault in _faults(store)]
    return {"lines": number, "wrong": faults, "left": left}


def _faults(store: RecordStore) -> list[str]:
    """What must not be after a kill; among it, that the action fails when it is done again."""
    found = wrong(store)
    names = {record.run_id for record in store.read_all(invalidated=True)}
    found += [] if "sound" in names else ["a record is lost"]
    found += ["a withdrawn record counts"] if "withdrawn" in _counting(store) else []
    store.sweep(older_than=0.0)
    store.invalidate("sound", "again")
    store.reindex()
    leave(store, "later")
    found += [] if _counting(store) - {"new", "arriving"} == {"later"} else ["it does not go on"]
    return found + leftovers(store.root)


def _counting(store: RecordStore) -> set[str]:
    return {record.run_id for record in store.read_all()}


def _death(number: int):
    """A trace that kills the process at the nth line of the code of records."""
    count = 0

    def at_line(frame, event, argument):
        nonlocal count
        count += event == "line"
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return at_line

    def at_call(frame, event, argument):
        name = frame.f_code.co_filename
        return at_line if name.endswith(("atomic.py", "store.py", "merge.py", "index.py")) else None

    return at_call


def crowd(root: Path, count: int) -> dict:
    """Every writer leaves 12 records of its own and wants 12 names that all others want too."""
    store = RecordStore(root)
    store.probe()
    wanted = [leave(RecordStore(root / "wanted"), f"race-{step}") for step in range(12)]
    wanted = [record.model_copy(update={"predictions": None}) for record in wanted]
    listen, tell = os.pipe()
    children = set()
    for number in range(count):
        child = os.fork()
        if child == 0:
            for step, record in enumerate(wanted):
                leave(store, f"own-{number}-{step}", cell=step % 3)
                try:
                    store.write(record.model_copy(update={"warnings": [str(number)]}))
                    os.write(tell, f"race-{step}:{number}\n".encode())
                except VerificationError:
                    continue
            os._exit(0)
        children.add(child)
    reads, faults = 0, []
    while children:
        store.read_all()
        faults += [problem.message for problem in store.problems]
        reads += 1
        children = {child for child in children if os.waitpid(child, os.WNOHANG)[0] == 0}
    os.close(tell)
    with os.fdopen(listen) as said:
        won = dict(line.split(":") for line in said.read().split())
    races = {r.run_id: r.warnings[0] for r in store.read_all() if r.run_id.startswith("race")}
    own = sum(record.run_id.startswith("own") for record in store.read_all())
    return {"own": own, "won": won, "races": races, "wrong": faults, "reads": reads}


if __name__ == "__main__":
    random.seed(0)
    mode, place, last = sys.argv[1:]
    found = (
        {"random": killed_at_random, "crowd": crowd}[mode](Path(place), int(last))
        if mode in ("random", "crowd")
        else killed_at_lines(Path(place), mode, int(last))
    )
    sys.stdout.write(json.dumps(found))
