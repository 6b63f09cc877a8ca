"""Tables and figures from records and published numbers: build them, then draw or write them."""

from benchmark.report.build import TABLES, Report, build, build_objectives, build_report
from benchmark.report.markdown import render_markdown
from benchmark.report.model import Mark, Table, incomplete
from benchmark.report.terminal import render_terminal, render_text
from benchmark.report.write import FORMATS, write

__all__ = [
    "FORMATS",
    "TABLES",
    "Mark",
    "Report",
    "Table",
    "build",
    "build_objectives",
    "build_report",
    "incomplete",
    "render_markdown",
    "render_terminal",
    "render_text",
    "write",
]
