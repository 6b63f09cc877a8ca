"""`bench plot`: one figure of the report as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registries.errors import NotReadyError, unknown

KINDS = ("hours", "learning", "relaxation", "ranks", "cd", "wins")


def plot(
    *,
    kind: Annotated[str, typer.Argument(help=", ".join(KINDS))],
    runs: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/runs"),
    out: Annotated[
        Path | None, typer.Option(help="File; its suffix says what: .svg (default), .png, .pdf.")
    ] = None,
) -> None:
    """Draw a figure of the report from the records."""
    if kind not in KINDS:
        raise unknown("plot", kind, KINDS)
    if not runs.is_dir():
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")
    from benchmark.in_use import versions_in_use
    from benchmark.report import build_report
    from benchmark.report.draw import save
    from benchmark.report.figures import NEEDS
    from benchmark.results.store import RecordStore

    store = RecordStore(runs)
    current = versions_in_use(store.current())
    report = build_report(store, published=False, current=current, figures=True)
    figure = next((figure for figure in report.figures if figure.name == kind), None)
    if figure is None:
        raise NotReadyError(f"the records in {runs} have nothing to plot: {kind} {NEEDS[kind]}.")
    typer.echo(save(figure, out or Path(f"{kind}.svg")))
    if figure.note:
        typer.echo(figure.note, err=True)
