"""What is said before a run starts.

The plan, the data and its coverage, the machine, where results go.
"""

from __future__ import annotations

import platform
from typing import Any

import torch
from rich.console import Console

from benchmark import __version__
from benchmark.data.manifest import Manifest
from benchmark.plan import Plan
from benchmark.training import device_name


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
        "preset": plan.request.preset,
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
