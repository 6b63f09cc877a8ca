"""`bench perf check`: are the ratios of `bench perf objectives`, `run`, `data` worse than before?

Tolerances: chosen, from what repeated measurements on one busy machine differed by.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from benchmark.perf.baseline import Ratio
from benchmark.perf.data import Way
from benchmark.perf.objectives import Cost
from benchmark.perf.run import RunCost

STEP, SMALL_STEP, DATA_WAIT = 0.15, 0.05, 0.03  # of ratios near 1, and of a share
READING = 0.25  # share of how many clips are read while mmaction2 reads one


def measured_ratios(
    costs: Iterable[Cost], runs: Iterable[RunCost], ways: Iterable[Way]
) -> list[Ratio]:
    """What is kept of the three measurements.

    objectives.NAME.step: a step over the passes of its own encoders. run.NAME.small_step: the
    Runner's over a bare one. run.NAME.data_wait: share of the time, 0.01 is 1 %. data.WAY: clips
    read while mmaction2 reads one with the same output; more is better.
    """
    steps = [Ratio(f"objectives.{cost.objective}.step", cost.ratio, STEP) for cost in costs]
    shares = [
        ratio
        for run in runs
        for ratio in (
            Ratio(f"run.{run.objective}.small_step", run.small_step, SMALL_STEP),
            Ratio(f"run.{run.objective}.data_wait", run.data_wait, DATA_WAIT),
        )
    ]
    reading = [
        Ratio(f"data.{way.name}", way.alike, round(READING * way.alike, 2), better="higher")
        for way in ways
        if way.limit is not None
    ]
    return steps + shares + reading


def setting(run: RunCost, preset: str) -> dict[str, Any]:
    """How they were measured, for whoever compares."""
    return {
        "preset": preset,
        "device": run.device,
        "cores": os.cpu_count(),
        "batch": run.batch,
        "workers": run.workers,
        "steps": run.steps,
        "precision": run.precision,
        "torch": version("torch"),
    }
