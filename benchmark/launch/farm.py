"""Many cells on many machines: one job an encoder, its cells with it, one folder for all.

    here                                  a job, wherever it runs
    one Unit per encoder  ── submit ───>  worker.work: train, evaluate, write every record
    wait, count, report   <── records ──  the shared folder; locks keep a cell from running twice

A job that is lost (killed, out of memory, its machine gone) costs the cells that it has left no
record of: each becomes a failure record, and the same command runs them again. A stop ends the jobs
that are under way; they write their checkpoints first.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from benchmark.failures import fail
from benchmark.launch.on_ray import RayFarm
from benchmark.launch.on_slurm import SlurmFarm
from benchmark.parallel import Unit, WorkerDiedError, cells_to_run, encoder_units
from benchmark.paths import cache_dir
from benchmark.plan import Plan
from benchmark.plan_request import RunRequest
from benchmark.progress import Progress
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore

POLL = 0.5  # seconds between looks at the jobs; chosen


class Job(Protocol):
    """One encoder's work, submitted."""

    name: str  # as its owner knows it

    def over(self) -> bool:
        """Whether it has ended, one way or another."""

    def lost(self) -> str | None:
        """Of one that is over: why it has no result, None where it has one."""

    def cancel(self) -> None:
        """Have it stop at its next step."""


class Farm(Protocol):
    """Where jobs run."""

    def submit(self, unit: Unit, cache: str) -> Job:
        """Have `worker.work(unit, cache)` run; returns at once."""


FARMS: Mapping[str, Callable[[Path, Mapping[str, str]], Farm]] = {
    "slurm": SlurmFarm,
    "ray": RayFarm,
}


def farm_out(plans: Sequence[Plan], *, store: RecordStore, progress: Progress) -> dict[str, Record]:
    """Run every cell that is to run in jobs; the records that there are then.

    At most `jobs` of the request at a time, all at once where it says nothing. Raises UsageError
    for an option that the launcher does not know, NotReadyError where its package is missing.
    """
    request = plans[0].request
    farm = FARMS[request.launcher](store.root.resolve() / "jobs", request.launch)
    return _Shift(plans, farm, store=store, progress=progress).run()


class _Shift:
    """Submits units and sees to what becomes of them."""

    def __init__(
        self, plans: Sequence[Plan], farm: Farm, *, store: RecordStore, progress: Progress
    ) -> None:
        self.farm, self.store, self.progress = farm, store, progress
        self.cells = cells_to_run(plans)
        self.waiting = deque(
            replace(unit, requests=tuple(map(_anywhere, unit.requests)))
            for unit in encoder_units(self.cells)
        )
        request = plans[0].request
        self.limit = request.jobs or len(self.waiting)
        self.stops = request.on_error == "stop"
        self.before = {record.run_id for record in store.read_all()}
        self.jobs: list[tuple[Unit, Job]] = []

    def run(self) -> dict[str, Record]:
        """Until every unit is over."""
        try:
            while self.waiting or self.jobs:
                while self.waiting and len(self.jobs) < self.limit:
                    self._submit(self.waiting.popleft())
                time.sleep(POLL)
                for unit, job in [pair for pair in self.jobs if pair[1].over()]:
                    self.jobs.remove((unit, job))
                    self._settle(unit, job)
        finally:
            self._recall()
        return self._found()

    def _submit(self, unit: Unit) -> None:
        job = self.farm.submit(unit, str(cache_dir().resolve()))
        self.jobs.append((unit, job))
        what = ", ".join(unit.request.objectives) or "encoders"
        seeds = dict.fromkeys(f"s{seed}" for request in unit.requests for seed in request.seeds)
        self.progress.say(f"submitted {what} {' '.join(seeds)} as {job.name}")

    def _settle(self, unit: Unit, job: Job) -> None:
        """Say what came of a job; cells that it owes a record get one of its failure."""
        reason, found = job.lost(), self._found()
        cells = {key: at for key, at in self.cells.items() if at[0].encoder.key == unit.encoder}
        for key in cells:
            self.progress.close(key)
        self.progress.close(unit.encoder)
        if reason is not None:
            error = WorkerDiedError(
                f"{job.name} was lost: {reason}. Run the same command again; what is finished is "
                "kept, and a training goes on from its last checkpoint"
            )
            for cell, plan in (at for key, at in cells.items() if key not in found):
                fail(cell, plan, error, store=self.store, progress=self.progress)
        done = sum(found[key].status != "failed" for key in cells if key in found)
        self.progress.say(f"{job.name}: {done} of {len(cells)} cells done")
        if self.stops and done < len(cells):
            self.waiting.clear()

    def _recall(self) -> None:
        """Nothing goes on that nobody waits for."""
        for _, job in self.jobs:
            job.cancel()
        while any(not job.over() for _, job in self.jobs):
            time.sleep(POLL)

    def _found(self) -> dict[str, Record]:
        """Records that have come to be, the newest of each cell."""
        return {
            record.cell_key: record
            for record in self.store.read_all()  # oldest first
            if record.cell_key in self.cells and record.run_id not in self.before
        }


def _anywhere(request: RunRequest) -> RunRequest:
    """The same with whole paths: a job may start in another folder."""
    return replace(
        request,
        out=request.out.resolve(),
        data={name: root.resolve() for name, root in request.data.items()},
        encoders=request.encoders and request.encoders.resolve(),
        preset=request.preset.resolve() if isinstance(request.preset, Path) else request.preset,
        plugins=tuple(path.resolve() for path in request.plugins),
    )
