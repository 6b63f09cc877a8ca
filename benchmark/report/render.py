"""Draws tables: terminal (fits 80 columns), Markdown, CSV in long form, JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from tabulate import tabulate

from benchmark.report.model import Cell, Column, Mark, Row, Table
from registries.errors import unknown

FORMATS = {"term": "report.txt", "md": "report.md", "csv": "report.csv", "json": "report.json"}
CSV_HEAD = ["table", "row", "column", "kind", "origin", "value", "interval", "n"]
CSV_HEAD += ["run_ids", "note", "source"]
LABEL_WIDTH, DETAIL_WIDTH, GAP = 30, 22, 2  # chosen: leave room for two columns of numbers in 80
Charset = dict[int, str]  # for str.translate
ASCII: Charset = str.maketrans({"↑": "up", "↓": "down", "±": "+-", "—": "-", "…": "..."})


def cell_text(cell: Cell) -> str:
    """Number, interval, seeds, or the mark: "61.2 ±1.3 (3)", "61.2 (1)", "40.4?", "failed"."""
    if cell.value is None:
        return cell.mark.text if cell.mark else ""
    flags = "".join(flag.text for flag in cell.flags)
    half = "" if cell.half_width is None else f" ±{cell.half_width:.1f}"
    count = "" if cell.n is None else f" ({cell.n})"
    return f"{cell.value:.1f}{half}{flags}{count}"


def render_terminal(
    tables: Iterable[Table], *, file: TextIO | None = None, width: int | None = None
) -> None:
    """Write the tables to `file` (standard output); width: default the terminal's, else 80.

    Tables that are too wide are cut into stacked ones by column group, and within a group if need
    be.
    """
    file = file or sys.stdout
    console = Console(file=file, width=width, highlight=False, emoji=False, markup=False)
    unicode = "utf" in (getattr(file, "encoding", None) or "utf-8").lower()
    charset = {} if unicode else ASCII
    for table in tables:
        for part in _terminal_parts(table, width=console.width, charset=charset):
            console.print(part)


def render_markdown(tables: Iterable[Table]) -> str:
    """One section per table; the best of a column in bold."""
    parts = []
    for table in tables:
        details = any(row.detail for row in table.rows)
        head = ["method", *(["pretraining"] if details else [])]
        head += [f"{', '.join(column.group)}: {column.head}" for column in table.columns]
        body = []
        for row in table.rows:
            cells = [f"**{cell_text(c)}**" if c.best else cell_text(c) for c in row.cells]
            texts = [row.label, *([row.detail] if details else []), *cells]
            body.append([text.replace("|", "\\|") for text in texts])
        align = ["left"] * (len(head) - len(table.columns)) + ["right"] * len(table.columns)
        drawn = tabulate(body, head, tablefmt="pipe", colalign=align, disable_numparse=True)
        # without its padding, a changed number changes one line of the file
        drawn = re.sub(r" {2,}", " ", re.sub(r"-{2,}", "--", drawn))
        lines = [f"## {table.title}", "", drawn, ""]
        lines += [f"- {note}" for note in (*_legend(table, best="**bold**"), *table.notes)]
        parts.append("\n".join(lines).rstrip() + "\n")
    return "\n".join(parts)


def render_csv(tables: Iterable[Table]) -> str:
    """One line per cell, full precision. interval: half width. note: mark and flags first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for table in tables:
        for row in table.rows:
            name = f"{row.label} [{row.detail}]" if row.detail else row.label
            for column, cell in zip(table.columns, row.cells, strict=True):
                words = [cell.mark.name] if cell.mark else []
                words += [flag.name for flag in cell.flags]
                note = ": ".join(part for part in (" ".join(words), cell.note) if part)
                head = f"{', '.join(column.group)}: {column.label} {column.metric}"
                numbers = (_number(cell.value), _number(cell.half_width), cell.n or "")
                place = (table.name, name, head, column.kind, cell.origin)
                writer.writerow([*place, *numbers, " ".join(cell.run_ids), note, cell.source])
    return out.getvalue()


def render_json(tables: Iterable[Table]) -> str:
    """The tables as they are in memory; marks and flags by name."""

    def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, Enum):
            return value.name
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    found = [plain(dataclasses.asdict(table)) for table in tables]
    return json.dumps(found, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def render_text(tables: Iterable[Table], *, width: int = 80) -> str:
    """The terminal form as plain text."""
    out = io.StringIO()
    render_terminal(tables, file=out, width=width)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def write(tables: Sequence[Table], out: Path, formats: Sequence[str] = ("md", "csv")) -> list[Path]:
    """Write `report.<ext>` below `out` for each format (term, md, csv, json); return the paths."""
    draw = {"term": render_text, "md": render_markdown, "csv": render_csv, "json": render_json}
    for name in formats:
        if name not in draw:
            raise unknown("report format", name, draw)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in formats:
        path = out / FORMATS[name]
        path.write_text(draw[name](tables), encoding="utf-8")
        paths.append(path)
    return paths


def _terminal_parts(table: Table, *, width: int, charset: Charset) -> list[Text | RichTable]:
    parts: list[Text | RichTable] = [Text(table.title, style="bold")]
    for columns in _stacks(table, width=width):
        drawn = [table.columns[index] for index in columns]
        groups = {column.group for column in drawn}
        if columns[0] > 0:
            parts.append(Text(""))
        if len(groups) == 1:
            parts.append(Text(", ".join(drawn[0].group), style="italic"))
        # a stack of part of the columns leaves out the rows that say nothing in it
        rows = [row for row in table.rows if any(_says(row.cells[index]) for index in columns)]
        parts.append(_rich_table(rows or list(table.rows), drawn, columns, charset=charset))
    lines = (*_legend(table, best="*"), *table.notes)
    parts += [Text(line.translate(charset), style="dim") for line in lines]
    return [*parts, Text("")]


def _rich_table(
    rows: list[Row], drawn: list[Column], columns: list[int], *, charset: Charset
) -> RichTable:
    table = RichTable(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("method", max_width=LABEL_WIDTH, overflow="fold")
    details = any(row.detail for row in rows)
    groups = len({column.group for column in drawn}) > 1
    if details:
        table.add_column("pretraining", max_width=DETAIL_WIDTH, overflow="fold")
    for column in drawn:
        head = "\n".join(_head_lines(column, groups=groups)).translate(charset)
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in rows:
        cells = [row.cells[index] for index in columns]
        texts = [
            Text(_starred(cell).translate(charset), style="bold" if cell.best else "")
            for cell in cells
        ]
        table.add_row(Text(row.label), *([Text(row.detail)] if details else []), *texts)
    return table


def _stacks(table: Table, *, width: int) -> list[list[int]]:
    """Column indices of each stacked table: all at once if they fit, else group by group."""
    everything = list(range(len(table.columns)))
    if _width(table, everything, groups=len({c.group for c in table.columns}) > 1) <= width:
        return [everything]
    stacks: list[list[int]] = []
    for index in everything:
        held = stacks[-1] if stacks else []
        same = bool(held) and table.columns[held[-1]].group == table.columns[index].group
        if same and _width(table, [*held, index], groups=False) <= width:
            held.append(index)
        else:
            stacks.append([index])
    return stacks


def _width(table: Table, columns: list[int], *, groups: bool) -> int:
    label = min(LABEL_WIDTH, max((len(row.label) for row in table.rows), default=6))
    detail = min(DETAIL_WIDTH, max((len(row.detail) for row in table.rows), default=0))
    total = max(label, len("method")) + (GAP + max(detail, len("pretraining")) if detail else 0)
    for index in columns:
        texts = [_starred(row.cells[index]) for row in table.rows]
        texts += _head_lines(table.columns[index], groups=groups)
        total += GAP + max(len(text) for text in texts)
    return total + GAP  # rich pads the last column too


def _head_lines(column: Column, *, groups: bool) -> list[str]:
    return [*(column.group if groups else ()), column.label, f"{column.metric} {column.arrow}"]


def _starred(cell: Cell) -> str:
    return f"*{cell_text(cell)}" if cell.best else cell_text(cell)


def _says(cell: Cell) -> bool:
    if cell.origin == "published":
        return cell.value is not None
    return cell.mark is not Mark.MISSING


def _legend(table: Table, *, best: str) -> list[str]:
    starred = any(cell.best for row in table.rows for cell in row.cells)
    return [*([f"{best}  best of the column"] if starred else []), *table.legend()]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
