"""Cells side by side: processes that take one encoder, or one cell of a made encoder, at a time.

    parent                                    worker (spawned, one plan a unit)
    ready units  ── Unit ──────────────────>  prepare_encoder | run_cell
    progress     <── Said | Stepped | Ended ─  every record is written there

Cells whose encoder is made go before further encoders, so that what is begun is finished first. A
worker that dies costs the unit it held: a failure record, and a new worker for the rest. A stop is
passed on: every worker ends its step and writes its checkpoint before the parent ends.
"""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from benchmark import stopping
from benchmark.cells import prepare_encoder, run_cell
from benchmark.data import watch
from benchmark.data.container import MediaError
from benchmark.datasets import Known
from benchmark.failures import fail
from benchmark.plan import EvalCell, Plan
from benchmark.plan_request import RunRequest
from benchmark.planning import planned
from benchmark.progress import RunProgress
from benchmark.relay import Ended, Relay, Said, Stepped
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from registries import plugins
from registries.errors import BenchError

Cells = dict[str, tuple[EvalCell, Plan]]


@dataclass(frozen=True)
class Unit:
    """What a worker is given: an encoder to be made, or one cell of an encoder that is there.

    requests: narrowed to one objective and one seed each, of every plan that needs the encoder; of
    a cell its own alone. encoder, cell: keys.
    """

    requests: tuple[RunRequest, ...]
    encoder: str
    cell: str | None = None

    @property
    def request(self) -> RunRequest:
        """One of them, for what they share: the folder of records, plug-ins, what an error does."""
        return self.requests[0]


class WorkerDiedError(BenchError):
    """A process ended without a word: killed, most likely for want of memory."""


class Worker:
    """A process and the pipe to it; `unit`: what it is at."""

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, threads, watch.shared()))
        self.process.start()
        theirs.close()  # so that the death of the worker is the end of the pipe
        self.unit: Unit | None = None

    def give(self, unit: Unit) -> None:
        """Have it work."""
        self.unit = unit
        self.pipe.send(unit)

    def stop(self) -> None:
        """Tell the process to end; one that trains writes its checkpoint first."""
        self.process.terminate()

    def join(self) -> None:
        """Wait until it has ended."""
        self.process.join()
        self.pipe.close()


class Pool:
    """Shares units out to workers until none is left."""

    def __init__(
        self, plans: Sequence[Plan], *, store: RecordStore, progress: RunProgress, jobs: int
    ) -> None:
        self.store, self.progress = store, progress
        self.cells = cells_to_run(plans)
        self.encoders = deque(encoder_units(self.cells))
        self.ready: deque[Unit] = deque()
        self.count = min(jobs, len(self.cells))
        self.threads = max(1, torch.get_num_threads() // self.count)
        self.workers: list[Worker] = []
        self.stopped = False  # by the first failure, where that was asked for

    def run(self) -> None:
        """Until every unit is over."""
        try:
            self.workers += [Worker(self.threads) for _ in range(self.count)]
            while self._share_out():
                for pipe in wait([w.pipe for w in self.workers if w.unit is not None]):
                    self._listen(next(w for w in self.workers if w.pipe is pipe))
        finally:
            for worker in self.workers:
                worker.stop()
            for worker in self.workers:
                worker.join()

    def _share_out(self) -> bool:
        """Give idle workers what is ready; whether anything is being done."""
        for worker in self.workers:
            if worker.unit is None and not self.stopped and (self.ready or self.encoders):
                worker.give(self.ready.popleft() if self.ready else self.encoders.popleft())
        return any(worker.unit is not None for worker in self.workers)

    def _listen(self, worker: Worker) -> None:
        assert worker.unit is not None
        try:
            message = worker.pipe.recv()
        except (EOFError, ConnectionError):
            self._bury(worker)
            return
        if isinstance(message, Said):
            self.progress.say(message.text)
        elif isinstance(message, Stepped):
            self._step(message)
        else:
            self._end(worker, message.failed)

    def _step(self, message: Stepped) -> None:
        if message.event is None:
            self.progress.begin(message.phase, message.title)
            return
        self.progress.phase, self.progress.title = message.phase, message.title
        self.progress.report(message.event)

    def _end(self, worker: Worker, failed: Sequence[str], error: BenchError | None = None) -> None:
        """The unit of a worker is over; its encoder is there, or failed for all that need it."""
        unit, worker.unit = worker.unit, None
        assert unit is not None
        phase = unit.cell or unit.encoder
        self.progress.close(phase)
        waiting = [] if unit.cell else self._cells_of(unit.encoder)
        if not failed:
            self.ready.extend(waiting)
            return
        self.stopped |= unit.request.on_error == "stop"
        error = error or BenchError("its encoder failed in another part of this run; see there")
        for key in {unit.cell for unit in waiting} - set(failed):
            self._fail(key, error)

    def _fail(self, key: str | None, error: BenchError) -> None:
        assert key is not None
        cell, plan = self.cells[key]
        fail(cell, plan, error, store=self.store, progress=self.progress)

    def _cells_of(self, encoder: str) -> list[Unit]:
        """What can be asked of an encoder that has been made."""
        return [
            Unit((replace(narrow(cell, plan), tasks=(cell.task.card.name,)),), encoder, key)
            for key, (cell, plan) in self.cells.items()
            if cell.encoder.key == encoder
        ]

    def _bury(self, worker: Worker) -> None:
        """Record what a dead worker leaves behind, and put another in its place."""
        worker.process.join()
        unit, error = worker.unit, _death(worker.process.exitcode)
        assert unit is not None
        if unit.cell:
            self._fail(unit.cell, error)
        self._end(worker, (unit.cell or "",), error)
        self.workers[self.workers.index(worker)] = Worker(self.threads)


def side_by_side(
    plans: Sequence[Plan], *, store: RecordStore, progress: RunProgress, jobs: int
) -> dict[str, Record]:
    """Run every cell that is to run in `jobs` processes; the records that there are then."""
    pool = Pool(plans, store=store, progress=progress, jobs=jobs)
    pool.run()
    newest: dict[str, Record] = {}
    for record in store.read_all():  # oldest first
        if record.cell_key in pool.cells:
            newest[record.cell_key] = record
    return newest


def cells_to_run(plans: Sequence[Plan]) -> Cells:
    """Cells without an answer, each once, with a plan that they are of; by their keys."""
    return {cell.key: (cell, plan) for plan in plans for cell in plan.to_run}


def encoder_units(cells: Cells) -> list[Unit]:
    """The encoders that cells need, each once, with the requests of all plans that need it."""
    asked: dict[str, list[RunRequest]] = {}
    for cell, plan in cells.values():
        requests = asked.setdefault(cell.encoder.key, [])
        if (request := narrow(cell, plan)) not in requests:
            requests.append(request)
    return [Unit(tuple(requests), encoder) for encoder, requests in asked.items()]


def _death(code: int | None) -> BenchError:
    """Why a process ended without a word."""
    if said := watch.taken():
        return MediaError(said)
    return WorkerDiedError(
        f"its process ended with code {code} (-9: killed, often for want of memory). Run the same "
        "command again, with fewer --jobs if memory is short"
    )


def narrow(cell: EvalCell, plan: Plan) -> RunRequest:
    """The request that a worker plans again for one encoder; all tasks, as they may all fail."""
    request = plan.request
    objectives = (cell.encoder.objective,) if request.objectives else ()
    return replace(request, objectives=objectives, seeds=(cell.seed,), jobs=1, launcher="local")


def _serve(parent: Connection, threads: int, said: Any) -> None:  # noqa: ANN401 - see `watch`
    """A worker's life: units until the parent closes the pipe, or says stop."""
    torch.set_num_threads(threads)
    watch.share(said)
    try:
        with stopping.heeded():
            _units(parent)
    except stopping.StopRequested as stop:
        sys.exit(stop.exit_code)


def _units(parent: Connection) -> None:
    known: Known = {}
    added: set[Path] = set()
    while True:
        try:
            unit: Unit = parent.recv()
        except EOFError:
            return
        relay = Relay(parent)
        try:
            for path in set(unit.request.plugins) - added:
                plugins.add_file(path)
                added.add(path)
            parent.send(_do(unit, relay, known))
        except Exception:  # planning failed: nothing is known to be recorded
            relay.say(traceback.format_exc())
            raise


def _do(unit: Unit, relay: Relay, known: Known) -> Ended:
    store, plan = RecordStore(unit.request.out), planned(unit.request, known)
    cells = [cell for cell in plan.to_run if cell.encoder.key == unit.encoder]
    failed: list[str] = []
    if unit.cell is None and cells:
        failed += prepare_encoder(cells[0].encoder, cells, plan=plan, store=store, progress=relay)
    for cell in cells:  # none where another process has been quicker
        if cell.key == unit.cell:
            record = run_cell(cell, plan=plan, store=store, progress=relay)
            failed += [cell.key] if record.status == "failed" else []
    return Ended(unit.cell or unit.encoder, tuple(failed))
