"""`bench status`: which cells are done, running, failed, stale, missing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import names
from benchmark.cli.output import show_json, width
from registries import plugins
from registries.errors import NotReadyError, UsageError

if TYPE_CHECKING:
    from benchmark.status import Place, State, Survey

EVERY, PLAIN_EVERY = 2.0, 30.0  # seconds between looks: on a terminal, elsewhere; chosen
SHOWN = 10  # failed and stale cells that are named; chosen
LETTERS = {"running": "r", "failed": "f", "blocked": "b", "stale": "s", "missing": "m"}
SAID = {"not_applicable": "not applicable"}


def status(
    *,
    objective: Annotated[
        list[str] | None, typer.Option(help="Objectives, by comma or repeated; all.")
    ] = None,
    tasks: Annotated[list[str] | None, typer.Option(help="Tasks; all, @local, @global.")] = None,
    seeds: Annotated[
        str | None, typer.Option(help="A count (3 means 0,1,2) or a list (0,1,2).")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/runs"),
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
    ] = None,
) -> None:
    """Count the cells of objectives x tasks x seeds: done, running, failed, stale, missing.

    Without names the grid is what the records have; names limit it, and say what must be there.
    """
    if watch and json:
        raise UsageError("--watch shows a table that changes; leave out --watch or --json.")
    for path in plugin or ():
        plugins.add_file(path)
    objectives = names.resolve("objectives", objective or ())
    chosen = (objectives, names.resolve("tasks", tasks or ()), names.seeds(seeds) if seeds else ())
    if not runs.is_dir():
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")
    from benchmark.in_use import versions_in_use
    from benchmark.results.store import RecordStore
    from benchmark.status import Wanted, look

    store = RecordStore(runs)
    current, wanted = versions_in_use(store.current()), Wanted(*chosen)

    def draw() -> str:
        return text(look(store, current=current, wanted=wanted), runs)

    if json:
        show_json({"runs": str(runs), **look(store, current=current, wanted=wanted).as_json()})
    elif watch:
        _watch(draw)
    else:
        typer.echo(draw())
    for problem in store.problems:
        typer.echo(f"left out: {problem.path}: {problem.message}", err=True)


def text(survey: Survey, runs: Path) -> str:
    """The survey as plain text for the width of the terminal."""
    counts = survey.counts()
    parts = [f"{n} {SAID.get(name, name)}" for name, n in counts.items() if n or name == "done"]
    lines = [" · ".join([f"{sum(counts.values())} cells", *parts, f"in {runs}"])]
    for group in dict.fromkeys(place.group for place in survey.cells):
        found = {place: state for place, state in survey.cells.items() if place.group == group}
        seeds = sorted({place.seed for place in found})
        kind = f"{group.data}, {group.protocol}" if group.protocol else "not begun"
        lines += ["", f"{kind}, seeds {','.join(map(str, seeds))}", *_table(found)]
    if marks := [f"{LETTERS[name]} {name}" for name in LETTERS if counts[name]]:
        lines += ["", f"done/cells, then {', '.join(marks)}"]
    lines += _named("running", [_working(work.model_dump()) for work in survey.work])
    for name in ("failed", "stale"):
        found = survey.cells.items()
        lines += _named(name, [_cell(p, s) for p, s in found if s.name == name])
    return "\n".join(line[: width()].rstrip() for line in lines)


def _table(found: dict[Place, State]) -> list[str]:
    """Objectives down, tasks across, in as many blocks as the width needs."""
    objectives = list(dict.fromkeys(place.objective for place in found))
    columns = sorted({place.column for place in found})
    cells = {
        (name, column): _mark(
            state.name
            for place, state in found.items()
            if (place.objective, place.column) == (name, column)
        )
        for name in objectives
        for column in columns
    }
    head = max(len("objective"), *map(len, objectives))
    sizes = {c: max(len(c), *(len(cells[name, c]) for name in objectives)) for c in columns}
    lines: list[str] = []
    for block in _blocks(columns, sizes, room=width() - head):
        lines += [f"{'objective':<{head}}" + "".join(f"  {c:>{sizes[c]}}" for c in block)]
        for name in objectives:
            row = "".join(f"  {cells[name, c]:>{sizes[c]}}" for c in block)
            lines.append(f"{name:<{head}}{row}")
        lines.append("")
    return lines[:-1]


def _mark(states: Iterable[str]) -> str:
    """`2/3 1f`; what is wholly missing is `0/3`, what does not apply `n/a`."""
    counts = Counter(states)
    wanted = counts.total() - counts["not_applicable"]
    if not wanted:
        return "n/a"
    marks = [f"{counts[name]}{letter}" for name, letter in LETTERS.items() if counts[name]]
    rest = "" if counts["missing"] == wanted else " " + " ".join(marks)
    return f"{counts['done']}/{wanted}{rest}".rstrip()


def _blocks(columns: list[str], sizes: dict[str, int], *, room: int) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for column in columns:
        taken = sum(sizes[c] + 2 for c in blocks[-1])
        if blocks[-1] and taken + sizes[column] + 2 > room:
            blocks.append([])
        blocks[-1].append(column)
    return blocks


def _working(work: dict) -> str:
    from benchmark.progress import clock
    from benchmark.results.schema import now

    since = clock((now() - work["started"]).total_seconds())
    what = work["task"] or "pretrain"
    return f"{what} {work['objective']} s{work['seed']} {work['protocol']}".rstrip() + f", {since}"


def _cell(place: Place, state: State) -> str:
    fold = f" fold {place.fold}" if place.fold > 1 else ""
    return f"{place.column} {place.objective} s{place.seed}{fold}: {state.note}"


def _named(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"  and {len(lines) - SHOWN} more: --json has all"] if len(lines) > SHOWN else []
    return ["", title, *(f"  {line}" for line in lines[:SHOWN]), *more]


def _watch(draw: Callable[[], str]) -> None:
    """Redraw in place on a terminal; elsewhere print what has changed, twice a minute."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console()
    try:
        if console.is_terminal and not console.no_color and not console.is_dumb_terminal:
            with Live(Text(draw()), console=console, auto_refresh=False) as live:
                while True:
                    time.sleep(EVERY)
                    live.update(Text(draw()), refresh=True)
        shown = ""
        while True:
            if (found := draw()) != shown:
                shown = found
                typer.echo(found)
            time.sleep(PLAIN_EVERY)
    except KeyboardInterrupt:  # the way to end it
        return
