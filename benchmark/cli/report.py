"""`bench report`: tables from records, measured beside published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import names
from registries.errors import NotReadyError, unknown

FORMATS = ("term", "md", "csv", "json")


def report(
    *,
    runs: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/runs"),
    out: Annotated[Path, typer.Option(help="Folder of the written tables.")] = Path(
        "results/tables"
    ),
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="By comma: term, md, csv, json.")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Show the papers' numbers beside.")
    ] = True,
) -> None:
    """Print and write the comparison tables; published numbers stand beside the measured ones."""
    wanted = names.split(formats or ["term"])
    for name in wanted:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    if not runs.is_dir() and not published:
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")
    from benchmark.in_use import versions_in_use
    from benchmark.report import build, render_terminal, write
    from benchmark.results.store import RecordStore

    if not runs.is_dir():
        typer.echo(f"no records in {runs}: only published numbers are shown", err=True)
    store = RecordStore(runs)
    tables = build(store, published=published, current=versions_in_use(store.current()))
    for problem in store.problems:
        typer.echo(f"left out: {problem.path}: {problem.message}", err=True)
    if "term" in wanted:
        render_terminal(tables)
    if files := [name for name in wanted if name != "term"]:
        for path in write(tables, out, formats=files):
            typer.echo(path)
