"""`bench list KIND`: names and one line each, read from source text; nothing is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmark import config
from benchmark.cli import names
from benchmark.cli.output import show_json, show_markdown, show_table
from registries import plugins
from registries.errors import unknown
from registries.source_text import card, constants

Row = dict[str, str]


class Format(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    MD = "md"


def list_names(
    kind: Annotated[
        str,
        typer.Argument(
            help="objectives, tasks, backbones, protocols, datasets, presets, suites or runs."
        ),
    ],
    *,
    runs: Annotated[Path, typer.Option(help="Folder of the records, for `list runs`.")] = Path(
        "results/runs"
    ),
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="md: Markdown, as the README has it.")
    ] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")] = False,
) -> None:
    """List the names that the other commands take."""
    kinds: Mapping[str, Callable[[], list[Row]]] = {
        "objectives": _objectives,
        "tasks": _tasks,
        "backbones": lambda: _plugins("backbones"),
        "protocols": lambda: [
            {"name": n, "summary": text} for n, text in names.protocols().items()
        ],
        "datasets": _datasets,
        "presets": lambda: _configs("presets"),
        "suites": lambda: _configs("suites"),
        "runs": lambda: _runs(runs),
    }
    if kind not in kinds:
        raise unknown("kind", kind, kinds)
    for path in plugin or ():
        plugins.add_file(path)
    rows = kinds[kind]()
    if json:
        show_json(rows)
    elif rows and form is Format.MD:
        show_markdown(_without(rows, "source"))
    elif rows:
        show_table(_without(rows, "paper"))
    else:
        typer.echo(f"no {kind}" + (f" in {runs}" if kind == "runs" else ""))


def _plugins(kind: plugins.Kind) -> list[Row]:
    return [
        {"name": p.name, "source": p.source, "summary": p.summary}
        for p in plugins.available(kind).values()
    ]


def _objectives() -> list[Row]:
    """Objectives with what they are and the paper they are from."""
    known = plugins.available("objectives").values()
    papers = [str(constants(plugin).get("paper", "")) for plugin in known]
    return [{**r, "paper": p} for r, p in zip(_plugins("objectives"), papers, strict=True)]


def _without(rows: list[Row], column: str) -> list[Row]:
    return [{key: text for key, text in row.items() if key != column} for row in rows]


def _tasks() -> list[Row]:
    """Tasks with the facts of their cards that fit on a line."""
    rows = []
    for plugin in plugins.available("tasks").values():
        facts = card(plugin)
        metric = (
            f"{facts.get('main_metric', '?')} {'up' if facts.get('higher_is_better') else 'down'}"
        )
        rows.append(
            {
                "name": plugin.name,
                "metric": metric if facts else "?",
                "scope": str(facts.get("scope", "?")),
                "dataset": str(facts.get("dataset", "?")),
                "summary": str(facts.get("title", plugin.summary)),
            }
        )
    return rows


def _datasets() -> list[Row]:
    """Every dataset a task reads, its generated stand-in, and under which terms it can be had."""
    rows: dict[str, Row] = {}
    for plugin in plugins.available("tasks").values():
        facts = card(plugin)
        if not facts:
            continue
        row = rows.setdefault(
            str(facts["dataset"]),
            {
                "name": str(facts["dataset"]),
                "tasks": "",
                "miniature": str(facts.get("miniature", "")),
                "licence": str(facts.get("licence", "")),
            },
        )
        row["tasks"] = ",".join(filter(None, [row["tasks"], plugin.name]))
    return sorted(rows.values(), key=lambda row: row["name"])


def _configs(folder: str) -> list[Row]:
    return [{"name": name, "summary": line} for name, line in config.names(folder).items()]


def _runs(root: Path) -> list[Row]:
    """Records by file name: reading their numbers is `bench report`'s work."""
    rows = []
    for kind in ("eval", "pretrain"):
        for path in sorted((root / kind).glob("*.json")):
            rows.append({"name": path.stem, "kind": kind, "path": str(path)})
    return rows
