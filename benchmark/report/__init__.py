"""Tables from records and published numbers: build them, then draw or write them."""

from benchmark.report.model import Mark, Table, incomplete
from benchmark.report.render import (
    FORMATS,
    render_markdown,
    render_terminal,
    render_text,
    write,
)
from benchmark.report.tables import build

__all__ = [
    "FORMATS",
    "Mark",
    "Table",
    "build",
    "incomplete",
    "render_markdown",
    "render_terminal",
    "render_text",
    "write",
]
