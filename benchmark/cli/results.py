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
    from benchmark.results.verify import verify as check

    if not runs.is_dir():
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")
    problems = list(check(runs))
    for problem in problems:
        typer.echo(f"{problem.level}: {problem.path}: {problem.message}")
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        raise VerificationError(
            f"{len(errors)} record(s) in {runs} cannot be trusted; withdraw each with "
            "`bench results invalidate RUN_ID --reason ...` and run its cell again."
        )
    typer.echo(f"{runs}: every record is sound")


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
