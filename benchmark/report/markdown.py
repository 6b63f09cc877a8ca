"""Tables as Markdown: one section each."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tabulate import tabulate

from benchmark.report.model import Cell, Column, Table, cell_text


def render_markdown(tables: Iterable[Table]) -> str:
    """The best of a column in bold, what is not distinguishable from it underlined."""
    return "\n".join(_section(table) for table in tables)


def _section(table: Table) -> str:
    sections = any(row.section for row in table.rows)
    head = [*([""] if sections else []), table.label_head, *table.detail_heads]
    left = len(head)
    head += [_head(column) for column in table.columns]
    body, section = [], ""
    for row in table.rows:
        first = [row.section if row.section != section else ""] * sections
        section = row.section
        cells = [_cell(c, column) for c, column in zip(row.cells, table.columns, strict=True)]
        body.append([*map(escape, (*first, row.label, *row.details)), *cells])
    align = ["left"] * left + ["right"] * len(table.columns)
    drawn = tabulate(body, [*head], tablefmt="pipe", colalign=align, disable_numparse=True)
    # without its padding, a changed number changes one line of the file
    drawn = re.sub(r" {2,}", " ", re.sub(r"-{2,}", "--", drawn))
    lines = [f"## {escape(table.title)}", "", drawn, ""]
    lines += [f"- {note}" for note in (*_legend(table), *map(escape, table.notes))]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Text of others as text: no table cell, emphasis, link, tag or line begins in it."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", flat)


def _head(column: Column) -> str:
    group = ", ".join(column.group)
    return escape(f"{group}: {column.head}" if column.head else group)


def _cell(cell: Cell, column: Column) -> str:
    text = escape(cell_text(cell, digits=column.digits))
    if cell.best:
        return f"**{text}**"
    return f"<u>{text}</u>" if cell.tied else text


def _legend(table: Table) -> list[str]:
    starred = any(cell.best for _, _, cell in table.cells)
    where = "row" if table.along_rows else "column"
    lines = [f"**bold**  best of the {where}"] * starred
    return lines + [f"{escape(sign)}  {meaning}" for sign, meaning in table.legend()]
