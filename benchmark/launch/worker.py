"""What a job on another machine does: one encoder and all its cells, into the shared folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmark import stopping
from benchmark.cells import run_encoder
from benchmark.datasets import Known
from benchmark.parallel import Unit
from benchmark.plan_request import RunRequest
from benchmark.planning import planned
from benchmark.progress import RunProgress
from benchmark.results.store import RecordStore
from registries import plugins


def work(unit: Unit, cache: str) -> bool:
    """Run what is still to be run of an encoder; False where it was told to stop before the end.

    Every result is a record when this returns. cache: BENCH_CACHE of the machine that asks. Raises
    where not even a plan can be made.
    """
    os.environ["BENCH_CACHE"] = cache
    for path in unit.request.plugins:
        plugins.add_file(path)
    known = Known()
    try:
        with stopping.heeded():
            for request in unit.requests:
                if not _all_well(request, unit.encoder, known) and request.on_error == "stop":
                    break
    except stopping.StopRequested:
        return False
    return True


def _all_well(request: RunRequest, encoder: str, known: Known) -> bool:
    """Run what a request still needs of an encoder; whether nothing failed."""
    plan = planned(request, known)
    cells = [cell for cell in plan.to_run if cell.encoder.key == encoder]
    if not cells:  # another machine has been quicker
        return True
    store, progress = RecordStore(request.out), RunProgress({})
    records = run_encoder(cells[0].encoder, cells, plan=plan, store=store, progress=progress)
    return all(record.status != "failed" for record in records.values())


class Requeued:
    """`work` as submitit calls it: a job at its time limit, or preempted, is put in line again."""

    def __call__(self, unit: Unit, cache: str) -> bool:
        """As `work`."""
        return work(unit, cache)

    def checkpoint(self, unit: Unit, cache: str) -> Any:  # noqa: ANN401 - submitit has no types
        """The job that goes on from the last checkpoints; finished cells have their records."""
        from submitit.helpers import DelayedSubmission

        again: Callable[..., Any] = DelayedSubmission
        return again(self, unit, cache)
