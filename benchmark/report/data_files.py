"""Tables as data: CSV in long form, one line per cell; JSON as they are in memory."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable
from enum import Enum
from typing import Any

from benchmark.report.model import Cell, Table

CSV_HEAD = ["table", "section", "row", "details", "group", "column", "metric", "kind", "origin"]
CSV_HEAD += ["value", "interval", "n", "mark", "flags", "best", "tied", "text", "run_ids"]
CSV_HEAD += ["note", "source"]


def render_csv(tables: Iterable[Table]) -> str:
    """One line per cell, full precision. interval: half width; lists joined by " | "."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for table in tables:
        for row, column, cell in table.cells:
            place = [table.name, row.section, row.label, " | ".join(row.details)]
            place += [" | ".join(column.group), column.label, column.metric]
            writer.writerow([*place, column.kind, cell.origin, *_content(cell)])
    return out.getvalue()


def render_json(tables: Iterable[Table]) -> str:
    """The tables as they are in memory; marks and flags by name."""
    found = [_plain(dataclasses.asdict(table)) for table in tables]
    return json.dumps(found, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _content(cell: Cell) -> list[str]:
    return [
        _number(cell.value),
        _number(cell.half_width),
        "" if cell.n is None else str(cell.n),
        cell.mark.name if cell.mark else "",
        " ".join(flag.name for flag in cell.flags),
        "best" if cell.best else "",
        "tied" if cell.tied else "",
        cell.text or cell.aside,
        " ".join(cell.run_ids),
        cell.note,
        cell.source,
    ]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
