"""The report as one self-contained page: no network, no file beside it, everything escaped."""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmark.report.build import BEHIND, OWN, PAPERS, Report, kind_of_table
from benchmark.report.draw import svg
from benchmark.report.keys import row_key
from benchmark.report.layout import KINDS, MODALITIES, objective_title, task_title
from benchmark.report.model import Cell, Column, Row, Table, cell_text
from benchmark.results.schema import Record

PARTS = (  # heading, its tables, its figures
    ("Measured", OWN, ("ranks", "cd", "wins", "hours", "learning", "relaxation")),
    ("Behind the numbers", BEHIND, ()),
    ("The papers' tables", PAPERS, ()),
)
SHORT = 8  # chosen: words up to this length stand to the right, like numbers
ONE_LINE = 24  # chosen: details up to this length ("Kinetics-400 240,000") are not wrapped
VIDEO_NOTE = (
    "GLCM Fig. 3 (attention maps) and CrissCross Fig. 5 (retrieved clips) are drawn from encoders, "
    "not from records: bench viz attention, bench viz retrieval."
)


def render_html(report: Report, tables: Sequence[Table], *, out: Path, runs: Path) -> str:
    """The page. out: folder it will lie in; runs: folder of the records, for relative links."""
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    loader = PackageLoader("benchmark.report")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    script = loader.get_source(environment, "report.js")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = Page(report, out=out, runs=runs)
    drawn = {figure.name: figure for figure in report.figures}
    parts = [
        {
            "title": title,
            "tables": [page.table(t) for t in tables if kind_of_table(t.name) in names],
            "figures": [
                {
                    "name": name,
                    "title": drawn[name].title,
                    "note": drawn[name].note,
                    "svg": Markup(svg(drawn[name])),
                }
                for name in figures
                if name in drawn
            ],
        }
        for title, names, figures in PARTS
    ]
    return environment.get_template("report.html.j2").render(
        parts=[part for part in parts if part["tables"] or part["figures"]],
        summary=_summary(report.records),
        filters=_filters(tables),
        records=page.entries,
        script=Markup(script),
        style=Markup(loader.get_source(environment, "report.css")[0]),
        digest=digest,
        one_line=ONE_LINE,
        note=VIDEO_NOTE if report.records else "",
    )


class Page:
    """Turns tables into what the template prints; knows where each record lies."""

    def __init__(self, report: Report, *, out: Path, runs: Path) -> None:
        self.records = {record.run_id: record for record in report.records}
        self.places = {run_id: place for place, run_id in enumerate(self.records)}
        folder = Path(os.path.relpath(runs, out)).as_posix()
        self.entries = [_entry(record, folder) for record in report.records]

    def table(self, table: Table) -> dict[str, Any]:
        """Title, heads, rows and notes of one table."""
        groups = [
            {"text": " · ".join(group), "span": len(list(columns))}
            for group, columns in groupby(table.columns, key=lambda column: column.group)
        ]
        return {
            "name": table.name,
            "title": table.title,
            "heads": (table.label_head, *table.detail_heads),
            "groups": groups,
            "columns": table.columns,
            "rows": [self._row(table, row) for row in table.rows],
            "legend": _legend(table),
            "notes": table.notes,
        }

    def _row(self, table: Table, row: Row) -> dict[str, Any]:
        cells = zip(table.columns, row.cells, strict=True)
        return {
            "section": row.section,
            "texts": (row.label, *row.details),
            "cells": [self._cell(cell, column) for column, cell in cells],
        }

    def _cell(self, cell: Cell, column: Column) -> dict[str, Any]:
        runs = [run for run in cell.run_ids if run in self.places]
        kind = "best" if cell.best else "tied" if cell.tied else ""
        mark = cell.mark.name.lower().replace("_", "-") if cell.mark else ""
        return {
            "text": cell_text(cell, digits=column.digits),
            "class": " ".join(
                name for name in (kind, mark, "words" if len(cell.text) > SHORT else "") if name
            ),
            "order": "" if cell.value is None else repr(cell.value),
            "href": self.entries[self.places[runs[0]]]["path"] if runs else "",
            "runs": " ".join(str(self.places[run]) for run in runs),
            "tip": self._tip(cell, [self.records[run] for run in runs]),
        }

    def _tip(self, cell: Cell, records: list[Record]) -> str:
        """n, seeds, interval and provenance of a number, one fact a line."""
        lines = []
        if cell.n is not None:
            seeds = sorted({record.seed.init for record in records})
            lines.append(f"{cell.n} seed(s): {', '.join(map(str, seeds))}")
            lines.append(
                "one seed: no interval"
                if cell.half_width is None
                else f"95 % interval ±{cell.half_width:.2f} (Student t)"
            )
        if cell.tied:
            lines.append("not distinguishable from the best")
        if records:
            lines += _provenance(records)
        lines += [f"{flag.name.lower()}: {flag.value[1]}" for flag in cell.flags]
        lines += [cell.mark.value[1]] if cell.mark else []
        lines += [text for text in (cell.source if not records else "", cell.note) if text]
        return "\n".join(lines)


def _provenance(records: list[Record]) -> list[str]:
    first = records[0]
    data = first.data
    lines = [row_key(first).conditions.text()]
    items = sorted({score.n for record in records if (score := record.primary)})
    count = f", {items[-1]} items" if items else ""
    lines.append(f"{data.dataset} ({data.kind}){count}")
    newest = max(record.finished for record in records)
    software = first.env.versions.get("avssl-bench", "")
    made = (f"bench {software}" if software else "", first.env.device, f"{newest:%Y-%m-%d}")
    return [*lines, ", ".join(part for part in made if part)]


def _entry(record: Record, folder: str) -> dict[str, Any]:
    """What the list of records behind a number shows of one."""
    task, score = record.task, record.primary
    what = (
        f"{task_title(task.name)} {MODALITIES[task.modality]}, {task.protocol}, fold {task.fold}"
        if task
        else "pretraining"
    )
    return {
        "path": f"{folder}/{record.kind}/{record.cell_key}-{record.run_id}.json",
        "id": record.run_id,
        "what": f"{objective_title(record.objective.name)}: {what}",
        "seed": record.seed.init,
        "score": f"{score.value:.2f} {score.unit} (n={score.n})" if score else record.status,
        "data": f"{record.data.dataset} ({record.data.kind})",
        "date": f"{record.finished:%Y-%m-%d %H:%M}",
    }


def _legend(table: Table) -> list[tuple[str, str]]:
    where = "row" if table.along_rows else "column"
    cells = [cell for _, _, cell in table.cells]
    lines = [("bold", f"best of the {where}")] * any(cell.best for cell in cells)
    return [*lines, *table.legend()]


def _summary(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Figures for the head of the page: (number, what it counts)."""
    evaluations = [record for record in records if record.task]
    if not evaluations:
        return []
    kinds: Counter[str] = Counter(record.data.kind for record in evaluations)
    said = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    failed = sum(record.status != "done" for record in evaluations)
    newest = max(record.finished for record in records)
    return [
        (f"{len(evaluations):,}", f"evaluations: {said}"),
        (str(len({record.objective.name for record in evaluations})), "objectives"),
        (str(len({record.task.name for record in evaluations if record.task})), "tasks"),
        (str(len({record.seed.init for record in evaluations})), "seeds"),
        (str(failed), "without a score"),
        (f"{newest:%Y-%m-%d}", "newest record"),
    ]


def _filters(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """What columns can be hidden by, where there is a choice."""
    columns = [column for table in tables for column in table.columns if column.kind]
    origins = dict.fromkeys(column.origin for column in columns)
    measured = [column for column in columns if column.origin == "measured"]
    choices: dict[str, list[str]] = {
        "origin": list(origins),
        "kind": [kind for kind in KINDS if any(kind == column.kind for column in measured)],
        "protocol": sorted({column.protocol for column in measured if column.protocol}),
        "modality": [name for name in MODALITIES if any(name == c.modality for c in measured)],
    }
    return [
        {"name": name, "values": [(value, MODALITIES.get(value, value)) for value in values]}
        for name, values in choices.items()
        if len(values) > 1
    ]
