"""`bench results`: check stored records, withdraw one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registries.errors import NotReadyError, VerificationError

app = typer.Typer(help="Check and withdraw records.", no_args_is_help=True, add_completion=False)
Runs = Annotated[Path, typer.Option(help="Folder of the records.")]
DEFAULT_RUNS = Path("results/runs")


@app.command()
def verify(*, runs: Runs = DEFAULT_RUNS) -> None:
    """Recompute every score from the saved predictions. Exit 5 where one differs."""
    from benchmark.in_use import versions_in_use
    from benchmark.results.store import RecordStore
    from benchmark.results.verify import verify as check

    if not runs.is_dir():
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")
    store = RecordStore(runs)
    problems = check(store, current=versions_in_use(store.current()))
    for problem in problems:
        typer.echo(f"{problem.level}: {problem.path}: {problem.message}")
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        raise VerificationError(
            f"{len(errors)} record(s) in {runs} cannot be trusted; withdraw each with "
            "`bench results invalidate RUN_ID --reason ...` and run its cell again."
        )
    typer.echo(f"{runs}: {len(store.read_all())} record(s), all sound")


@app.command()
def invalidate(
    run_id: Annotated[str, typer.Argument(help="The run_id inside the record.", metavar="RUN_ID")],
    *,
    reason: Annotated[str, typer.Option(help="Why; stored with the record.")],
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Withdraw a record: it stays on disk, no report counts it, its cell runs again."""
    from benchmark.results.store import RecordStore

    typer.echo(RecordStore(runs).invalidate(run_id, reason))
