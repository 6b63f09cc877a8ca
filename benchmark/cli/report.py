"""`bench report`: tables from records, measured beside published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import names
from benchmark.cli.plot import KINDS
from registries.errors import NotReadyError, UsageError, unknown

if TYPE_CHECKING:
    from benchmark.report import Report, Table
    from benchmark.results.store import RecordStore

FORMATS = ("term", "md", "csv", "tex", "html", "json")
INCOMPLETE = 4  # exit code of --strict
SHOWN = 20  # chosen: incomplete cells that are named one by one


def report(
    *,
    runs: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/runs"),
    out: Annotated[Path, typer.Option(help="Folder of the written tables.")] = Path(
        "results/tables"
    ),
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="By comma: term, md, csv, tex, html, json.")
    ] = None,
    tables: Annotated[
        list[str] | None,
        typer.Option(help="By comma, or all. The terminal shows what was measured, files all."),
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option(help=f"On the page, by comma: {', '.join(KINDS)}, none. Default: all."),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Show the papers' numbers beside.")
    ] = True,
    suite: Annotated[
        str | None, typer.Option(help="Also show what this suite asks for and is not there.")
    ] = None,
    block: Annotated[list[str] | None, typer.Option(help="Of the suite, only these.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 4 where cells are missing, failed or stale.")
    ] = False,
) -> None:
    """Print and write the comparison tables; published numbers stand beside the measured ones."""
    wanted = names.split(formats or ["term"])
    drawn = _drawn(figures) if "html" in wanted else ()
    _check(wanted, anything=published or runs.is_dir(), runs=runs, whole=bool(suite or not block))
    from benchmark.report import write
    from benchmark.results.store import RecordStore

    if not runs.is_dir():
        typer.echo(f"no records in {runs}: only published numbers are shown", err=True)
    store = RecordStore(runs)
    part = (suite, names.split(block or [])) if suite else None
    found = _built(store, published=published, figures=drawn, asked=part)
    _tell_problems(store)
    chosen = found.only(names.split(tables)) if tables else None
    if "term" in wanted:
        _print(found, chosen)
    if files := [name for name in wanted if name != "term"]:
        told = found.tables if chosen is None else chosen
        for path in write(found, out, formats=files, tables=told, runs=runs):
            typer.echo(path)
    if strict:
        _insist(found.open_cells(missing=not block), unreadable=len(store.problems))


def _check(formats: list[str], *, anything: bool, runs: Path, whole: bool) -> None:
    """Raise for what cannot be shown, before anything is read."""
    if not whole:
        raise UsageError("--block names a part of a suite; give --suite NAME too.")
    for name in formats:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    if not anything:
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")


def _tell_problems(store: RecordStore) -> None:
    for problem in store.problems:
        typer.echo(f"left out: {problem.path}: {problem.message}", err=True)


def _drawn(asked: list[str] | None) -> tuple[str, ...]:
    """The names of figures to draw."""
    wanted = names.split(asked) if asked else KINDS
    for name in wanted:
        if name not in (*KINDS, "none"):
            raise unknown("figure", name, (*KINDS, "none"))
    return tuple(name for name in wanted if name in KINDS)


def _print(found: Report, chosen: Sequence[Table] | None) -> None:
    """The chosen tables, or those that tell most and how many there are besides."""
    from benchmark.report import render_terminal

    render_terminal(found.telling if chosen is None else chosen)
    if chosen is None and (rest := len(found.tables) - len(found.telling)):
        typer.echo(f"{rest} more tables: bench report --tables all, or --format html")


def _built(
    store: RecordStore,
    *,
    published: bool,
    figures: tuple[str, ...],
    asked: tuple[str, list[str]] | None,
) -> Report:
    """The report under what is installed, with these figures. asked: suite, its blocks."""
    from benchmark.in_use import scopes_in_use, versions_in_use
    from benchmark.report import build_report

    records = store.current()
    part: list[Table] = []
    if asked:
        from benchmark.report.asked import asked_tables
        from benchmark.suite import load_suite

        part = asked_tables(asked[0], load_suite(asked[0]), records, only=asked[1])
    found = build_report(
        store,
        published=published,
        current=versions_in_use(records),
        scopes=scopes_in_use(records),
        figures=bool(figures),
        asked=part,
    )
    kept = tuple(figure for figure in found.figures if figure.name in figures)
    return replace(found, figures=kept)


def _insist(cells: list[str], *, unreadable: int) -> None:
    """Name what is incomplete on stderr and exit 4; nothing where all is there."""
    lines = [*cells[:SHOWN], *([f"and {len(cells) - SHOWN} more"] if len(cells) > SHOWN else [])]
    lines += [f"{unreadable} unreadable record(s)"] if unreadable else []
    for line in lines:
        typer.echo(f"incomplete: {line}", err=True)
    if lines:
        raise typer.Exit(INCOMPLETE)
