"""Writes a report to files, one for each format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.report.build import Report
from benchmark.report.data_files import render_csv, render_json
from benchmark.report.html import render_html
from benchmark.report.latex import render_latex
from benchmark.report.markdown import render_markdown
from benchmark.report.model import Table
from benchmark.report.terminal import render_text
from registries.errors import NotReadyError, unknown

Draw = Callable[[Sequence[Table]], str]
DRAW: dict[str, Draw] = {
    "term": render_text,
    "md": render_markdown,
    "csv": render_csv,
    "tex": render_latex,
    "json": render_json,
}
SUFFIXES = {"term": "txt"}
FORMATS = (*DRAW, "html")


def write(
    report: Report, out: Path, *, formats: Sequence[str], tables: Sequence[Table], runs: Path
) -> list[Path]:
    """Write `report.<ext>` below `out` for each format; return the paths.

    tables: those to write. runs: folder of the records, which the page links to.
    Raises UsageError for an unknown format, NotReadyError where `out` cannot be written.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown("report format", name, FORMATS)
    paths = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in formats:
            path = out / f"report.{SUFFIXES.get(name, name)}"
            draw = DRAW.get(name)
            text = draw(tables) if draw else render_html(report, tables, out=out, runs=runs)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    except OSError as error:
        raise NotReadyError(
            f"cannot write the report below {out}: {error.strerror or error}. "
            "Give another folder with --out."
        ) from error
    return paths
