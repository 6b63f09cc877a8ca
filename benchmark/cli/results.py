"""`bench results`: check stored records, withdraw one, merge folders, speed up reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registries.errors import NotReadyError, VerificationError

if TYPE_CHECKING:
    from benchmark.results.merge import Merged

app = typer.Typer(
    help="Check, withdraw, merge and index records.", no_args_is_help=True, add_completion=False
)
Runs = Annotated[Path, typer.Option(help="Folder of the records.")]
DEFAULT_RUNS = Path("results/runs")


@app.command()
def verify(*, runs: Runs = DEFAULT_RUNS) -> None:
    """Recompute every score from the saved predictions. Exit 5 where one differs."""
    from benchmark.in_use import versions_in_use
    from benchmark.results.store import RecordStore
    from benchmark.results.verify import verify as check

    _need(runs)
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


@app.command()
def reindex(*, runs: Runs = DEFAULT_RUNS) -> None:
    """Gather all records in one file that speeds up reading; also sweep up after killed runs.

    The index is derived: it may be deleted at any time, and is never trusted over the records.
    """
    from benchmark.results.store import RecordStore

    _need(runs)
    typer.echo(f"{runs}: {RecordStore(runs).reindex()} record(s) indexed")


@app.command()
def compact(*, runs: Runs = DEFAULT_RUNS) -> None:
    """Store predictions in fewer bytes: as few bits as change no score and no sample's answer.

    Each record has a successor with a new run_id that says which one it supersedes; the old files
    are removed.
    """
    from benchmark.results.compact import compact as shrink
    from benchmark.results.store import RecordStore

    _need(runs)
    found = shrink(RecordStore(runs))
    typer.echo(
        f"{runs}: {found.rewritten} rewritten, {found.before / 1e6:.1f} to "
        f"{found.after / 1e6:.1f} MB; {found.kept} stay as they are"
    )


@app.command()
def merge(
    others: Annotated[
        list[Path], typer.Argument(help="Folders of records to take over.", metavar="OTHER...")
    ],
    *,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Copy the records of other folders into this one, with predictions and withdrawals.

    Each is checked first; nothing is overwritten. Of a cell that is done in both, the newest counts
    and both stay. Exit 5 where something could not be taken over.
    """
    from benchmark.results.merge import merge as bring
    from benchmark.results.store import RecordStore

    store = RecordStore(runs)
    store.probe()
    left = 0
    for other in others:
        found = bring(store, RecordStore(other))
        _say_merged(found)
        left += len(found.conflicts) + len(found.refused)
    if left:
        raise VerificationError(
            f"{left} thing(s) listed above stayed behind; what was sound and new is in {runs}. "
            "Withdraw what is wrong with `bench results invalidate RUN_ID --reason ...`."
        )


def _say_merged(found: Merged) -> None:
    for problem in found.refused:
        typer.echo(f"refused: {found.source / problem.path}: {problem.message}")
    for conflict in found.conflicts:
        typer.echo(f"conflict: {conflict}")
    for cell_key in found.shared:
        typer.echo(f"done more than once, the newest counts: cell {cell_key}")
    typer.echo(
        f"{found.source}: {len(found.copied)} copied, {len(found.known)} known already, "
        f"{len(found.withdrawn)} withdrawal(s), {len(found.conflicts)} conflict(s), "
        f"{len(found.refused)} refused"
    )


def _need(runs: Path) -> None:
    if not runs.is_dir():
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")
