"""`bench run --suite NAME`: the sweep first, then block after block, all of it resumable."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console

from benchmark.datasets import Known
from benchmark.plan_request import RunRequest
from benchmark.planning import planned
from benchmark.progress import clock
from benchmark.results.store import RecordStore
from benchmark.run import carry_out
from benchmark.suite import Suite, block_requests, choose, load_suite, sweep_requests
from benchmark.summary import SETTLED


def execute_suite(
    name: str,
    base: RunRequest,
    *,
    blocks: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
) -> int:
    """Run a suite, or the named blocks of it; 0 where every cell is done, else 1.

    base: folder of records, data, jobs and overrides of the call. seeds: instead of the blocks' own
    numbers of them. Raises UsageError for an unknown suite or block, NotReadyError where the sweep
    leaves an objective without a value.
    """
    console, known = Console(stderr=True), Known()
    suite = load_suite(name)
    wanted = tuple(blocks) or tuple(suite.blocks)
    for block in wanted:  # an unknown name is said before anything is run
        block_requests(suite, block, base, chosen={}, seeds=seeds)
    lacking = 0
    if suite.sweep is not None:
        lacking += _run("sweep", sweep_requests(suite, base), known, console)
        if base.dry_run:
            console.print("  the blocks are planned once the sweep has chosen", highlight=False)
            return 0
    chosen = _choose(suite, base, console)
    for block in wanted:
        requests = block_requests(suite, block, base, chosen=chosen, seeds=seeds)
        lacking += _run(f"block {block}", requests, known, console)
    console.print(
        f"suite {name}: {lacking} cell(s) lacking · bench report --runs {base.out}",
        highlight=False,
        soft_wrap=True,
    )
    return 1 if lacking else 0


def _choose(suite: Suite, base: RunRequest, console: Console) -> dict[str, float]:
    """What the sweep chose, said on a line."""
    if suite.sweep is None:
        return {}
    first = sweep_requests(suite, base)[0]
    chosen = choose(suite, RecordStore(first.out).current())
    told = ", ".join(f"{name} {value:g}" for name, value in chosen.items())
    console.print(f"{suite.sweep.option}: {told}", highlight=False, soft_wrap=True)
    return chosen


def _run(title: str, requests: Sequence[RunRequest], known: Known, console: Console) -> int:
    """Plan and run requests that share a folder; the number of cells without a score."""
    began = time.monotonic()
    store = RecordStore(requests[0].out)
    store.probe()
    plans = [planned(request, known) for request in requests]
    cells = {cell.key: cell for plan in plans for cell in plan.cells}
    due = sum(cell.done is None for cell in cells.values())
    console.print(
        f"{title}: {len(cells)} cells, {due} to run, records in {store.root}",
        highlight=False,
        soft_wrap=True,
    )
    if requests[0].dry_run:
        return due
    records = carry_out(plans, store=store, console=console)
    done = sum(records[key].status in SETTLED for key in cells if key in records)
    console.print(
        f"{title}: {done} of {len(cells)} cells done · {clock(time.monotonic() - began)}",
        highlight=False,
    )
    return len(cells) - done
