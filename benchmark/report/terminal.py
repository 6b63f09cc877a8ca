"""Draws tables for the terminal: whatever is too wide is cut into stacked tables."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from benchmark.report.model import Cell, Column, Mark, Row, Table, cell_text

LABEL_WIDTH, DETAIL_WIDTH, LEAST_WIDTH = 30, 22, 8  # chosen: leave room for two columns in 80
GAP = 2
BEST, TIED = "*", "="
Charset = dict[int, str]  # for str.translate
ASCII: Charset = str.maketrans(
    {"↑": "up", "↓": "down", "±": "+-", "—": "-", "…": "...", "·": "-", "‡": "#"}
)


def render_terminal(
    tables: Iterable[Table], *, file: TextIO | None = None, width: int | None = None
) -> None:
    """Write the tables to `file` (standard output); width: default the terminal's, else 80.

    Tables that are too wide are cut by column group, and within a group if need be.
    """
    file = file or sys.stdout
    console = Console(file=file, width=width, highlight=False, emoji=False, markup=False)
    unicode = "utf" in (getattr(file, "encoding", None) or "utf-8").lower()
    charset = {} if unicode else ASCII
    for table in tables:
        for part in _parts(table, width=console.width, charset=charset):
            console.print(part)


def render_text(tables: Iterable[Table], *, width: int = 80) -> str:
    """The terminal form as plain text."""
    out = io.StringIO()
    render_terminal(tables, file=out, width=width)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _parts(table: Table, *, width: int, charset: Charset) -> list[Text | RichTable]:
    parts: list[Text | RichTable] = [Text(table.title.translate(charset), style="bold")]
    heads = _head_widths(table, width)
    for columns in _stacks(table, heads, width=width):
        drawn = [table.columns[index] for index in columns]
        if columns[0] > 0:
            parts.append(Text(""))
        if len({column.group for column in drawn}) == 1:
            parts.append(Text(", ".join(drawn[0].group), style="italic"))
        # a stack of part of the columns leaves out the rows that say nothing in it
        rows = [row for row in table.rows if any(_says(row.cells[index]) for index in columns)]
        parts.append(_drawn(table, rows or list(table.rows), columns, heads, charset=charset))
    lines = (*_legend(table), *table.notes)
    parts += [Text(line.translate(charset), style="dim") for line in lines]
    return [*parts, Text("")]


def _drawn(
    table: Table, rows: list[Row], columns: list[int], heads: list[int], *, charset: Charset
) -> RichTable:
    grid = RichTable(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    titles = (table.label_head, *table.detail_heads)
    for title, size in zip(titles, heads, strict=True):
        grid.add_column(title, max_width=size, overflow="fold")
    drawn = [table.columns[index] for index in columns]
    groups = len({column.group for column in drawn}) > 1
    for column in drawn:
        head = "\n".join(_head_lines(column, groups=groups)).translate(charset)
        grid.add_column(Text(head), justify="right", overflow="fold")
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            grid.add_row(Text(section, style="italic"))
        texts = [
            Text(_signed(row.cells[index], table.columns[index]).translate(charset))
            for index in columns
        ]
        for text, index in zip(texts, columns, strict=True):
            cell = row.cells[index]
            text.stylize("bold" if cell.best else "underline" if cell.tied else "")
        labels = (Text(text.translate(charset)) for text in (row.label, *row.details))
        grid.add_row(*labels, *texts)
    return grid


def _head_widths(table: Table, width: int) -> list[int]:
    """Widths of the label and the details, folded until a column has room: between words first."""
    titles = (table.label_head, *table.detail_heads)
    texts = [[title] for title in titles]
    for row in table.rows:
        for found, text in zip(texts, (row.label, *row.details), strict=True):
            found.append(text)
    sizes = [max(map(len, found)) for found in texts]
    limits = [LABEL_WIDTH] + [DETAIL_WIDTH] * len(table.detail_heads)
    sizes = [min(size, limit) for size, limit in zip(sizes, limits, strict=True)]
    columns = range(len(table.columns))
    room = width - GAP - max(_column_width(table, index, groups=False) for index in columns)
    words = [max(map(len, " ".join(found).split())) for found in texts]
    for least in (words, [LEAST_WIDTH] * len(sizes)):
        while sum(sizes) + GAP * len(sizes) > room:
            spare = [size if size > low else 0 for size, low in zip(sizes, least, strict=True)]
            if not any(spare):
                break
            sizes[spare.index(max(spare))] -= 1
    return sizes


def _stacks(table: Table, heads: list[int], *, width: int) -> list[list[int]]:
    """Column indices of each stacked table: all at once if they fit, else group by group."""
    left = sum(heads) + GAP * len(heads)

    def fits(columns: list[int], *, groups: bool) -> bool:
        sizes = (GAP + _column_width(table, index, groups=groups) for index in columns)
        return left + sum(sizes) <= width

    everything = list(range(len(table.columns)))
    if fits(everything, groups=len({column.group for column in table.columns}) > 1):
        return [everything]
    stacks: list[list[int]] = []
    for index in everything:
        held = stacks[-1] if stacks else []
        same = bool(held) and table.columns[held[-1]].group == table.columns[index].group
        if same and fits([*held, index], groups=False):
            held.append(index)
        else:
            stacks.append([index])
    return stacks


def _column_width(table: Table, index: int, *, groups: bool) -> int:
    column = table.columns[index]
    texts = [_signed(row.cells[index], column) for row in table.rows]
    longest = max(map(len, [*texts, *_head_lines(column, groups=groups)]))
    return min(longest, LABEL_WIDTH)


def _head_lines(column: Column, *, groups: bool) -> list[str]:
    metric = f"{column.metric} {column.arrow}".strip()
    return [*(column.group if groups else ()), column.label, *([metric] if metric else [])]


def _signed(cell: Cell, column: Column) -> str:
    sign = BEST if cell.best else TIED if cell.tied else ""
    return sign + cell_text(cell, digits=column.digits)


def _says(cell: Cell) -> bool:
    if cell.origin == "published":
        return cell.value is not None
    return cell.mark is not Mark.MISSING


def _legend(table: Table) -> list[str]:
    starred = any(cell.best for _, _, cell in table.cells)
    where = "row" if table.along_rows else "column"
    lines = [f"{BEST}  best of the {where}"] * starred
    return lines + [f"{sign}  {meaning}" for sign, meaning in table.legend()]
