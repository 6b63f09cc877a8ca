"""What is said before a run starts and when it is over.

Before: the plan, the data and its coverage, the machine, where results go. After: the score table,
what failed, and the command that retries it.
"""

from __future__ import annotations

import json
import platform
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmark import __version__
from benchmark.data.manifest import Manifest
from benchmark.in_use import versions_in_use
from benchmark.plan import EvalCell, Plan
from benchmark.plan_request import RunRequest
from benchmark.progress import clock
from benchmark.report import build_objectives, render_terminal
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from benchmark.training import device_name

SETTLED = ("done", "not_applicable")  # answers; all else is asked again


def print_plan(plan: Plan, console: Console) -> None:
    """A few plain lines; nothing that needs colour or width."""

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    request = plan.request
    device = device_name()
    cores = f" ({torch.get_num_threads()} threads)" if device == "cpu" else ""
    say(
        f"bench {__version__} · torch {torch.__version__.split('+')[0]} · {device}{cores} · "
        f"{plan.precision} · "
        f"Python {platform.python_version()} · records {request.out} (write probe ok)"
    )
    names = ", ".join(dict.fromkeys(cell.encoder.objective for cell in plan.cells))
    protocols = ", ".join(dict.fromkeys(cell.protocol for cell in plan.cells))
    tasks = list(dict.fromkeys(cell.task.card.name for cell in plan.cells))
    say(
        f"Plan: {names} x {', '.join(tasks)} x {len(request.seeds)} seed(s), {protocols}, "
        f"preset {request.preset}"
    )
    sets = {
        cell.encoder.manifest.name: cell.encoder.manifest
        for cell in plan.cells
        if cell.encoder.manifest
    }
    for manifest in sets.values():
        say(f"  pretraining on {describe(manifest)}")
    for name in tasks:
        cell = next(cell for cell in plan.cells if cell.task.card.name == name)
        say(f"  {name}: {describe(cell.manifest)}")
    run = len(plan.to_run)
    say(f"  {run} cells to run, {len(plan.cells) - run} answered from the records")


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as data: one entry a cell, with its key and whether its record is there."""
    return {
        "preset": str(plan.request.preset),
        "precision": plan.precision,
        "cells": [
            {
                "label": cell.label,
                "key": cell.key,
                "pretrain_key": cell.encoder.key,
                "data": cell.manifest.name,
                "kind": cell.manifest.kind,
                "state": "to run" if cell.done is None else "done",
            }
            for cell in plan.cells
        ],
    }


def print_end(
    plan: Plan,
    records: Mapping[str, Record],
    *,
    store: RecordStore,
    console: Console,
    seconds: float,
) -> int:
    """Scores on stdout, what failed and how to retry it on stderr; the exit code.

    records: by cell key; cells that were not attempted have none.
    """

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    found = [(cell, records[cell.key]) for cell in plan.cells if cell.key in records]
    failed = [(cell, record) for cell, record in found if record.status not in SETTLED]
    done, wanted = len(found) - len(failed), len(plan.cells)
    cached = sum(cell.done is not None for cell in plan.cells)
    code = 1 if done < wanted else 0
    counts = {"done": done, "failed": len(failed), "cached": cached, "exit": code}
    if plan.request.json:
        cells = {cell.label: json.loads(record.to_json()) for cell, record in found}
        retry = {"retry": retry_command(plan.request)} if code else {}
        sys.stdout.write(json.dumps({"cells": cells, **counts, **retry}, indent=1) + "\n")
    else:
        # `bench report` prints the others
        render_terminal([build_objectives(store, current=versions_in_use(store.read_all()))])
    for cell, record in failed:
        say(_failure(cell, record))
    from_records = f", {cached} answered from the records" if cached else ""
    untried = f", {wanted - len(found)} not attempted" if len(found) < wanted else ""
    say(
        f"{done} of {wanted} cells done{from_records}, {len(failed)} failed{untried} · "
        f"{clock(seconds)} · exit {code} · records in {store.root}"
    )
    if code:
        say("Run the same command again: only what is missing runs.")
        say(f"  {retry_command(plan.request)}")
    return code


def _failure(cell: EvalCell, record: Record) -> str:
    failure = record.failure
    if failure is None:  # blocked, or not applicable
        return f"{record.status} {cell.label}: {'; '.join(record.warnings)}"
    first = failure.message.partition("\n")[0]
    step = "" if failure.step is None else f" at step {failure.step}"
    return f"failed {cell.label}: {failure.exception}: {first}{step} (attempt {failure.attempt})"


def retry_command(request: RunRequest) -> str:
    """The command of a request, without --force: what is done is answered from the records."""
    usual = RunRequest(objectives=(), tasks=())
    options: list[tuple[str, Any]] = [
        ("--objective", ",".join(request.objectives)),
        ("--encoders", request.encoders),
        ("--tasks", ",".join(request.tasks)),
        ("--protocol", request.protocol),
        *(("--data", f"{name}={root}" if name else root) for name, root in request.data.items()),
        ("--data", "miniature" if request.miniature else None),
        ("--pretrain-data", request.pretrain_data),
        (
            "--config" if isinstance(request.preset, Path) else "--preset",
            request.preset if request.preset != usual.preset else None,
        ),
        ("--backbone", ",".join(request.backbones)),
        ("--seeds", _seeds(request.seeds) if request.seeds != usual.seeds else None),
        *(("-o", override) for override in request.overrides),
        ("--out", request.out if request.out != usual.out else None),
        ("--jobs", request.jobs),
        ("--on-error", request.on_error if request.on_error != usual.on_error else None),
        *(("--plugin", path) for path in request.plugins),
    ]
    words = [word for flag, value in options if value for word in (flag, str(value))]
    flags = {"--follow-links": request.follow_links, "--json": request.json}
    return shlex.join(["bench", "run", *words, *(flag for flag, on in flags.items() if on)])


def _seeds(seeds: tuple[int, ...]) -> str:
    """As --seeds reads it: a count where they start at 0, else a list (`7,` for 7 alone)."""
    if seeds == tuple(range(len(seeds))):
        return str(len(seeds))
    return ",".join(map(str, seeds)) + ("," if len(seeds) == 1 else "")


def describe(manifest: Manifest) -> str:
    """`mini-lrw (miniature) 100 clips: 60 train, 20 val, 20 test, manifest 9f3c...`."""
    parts = manifest.rows["split"].value_counts()
    counts = ", ".join(
        f"{parts[split]} {split}" for split in ("train", "val", "test") if split in parts
    )
    missing = f", {len(manifest.missing)} missing" if manifest.missing else ""
    return (
        f"{manifest.name} ({manifest.kind}) {len(manifest)} clips: {counts}{missing}, "
        f"manifest {manifest.hash[:8]}"
    )
