"""How the command line prints: errors, aligned tables, JSON; plain text, readable in 80 columns."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import typer

WIDTH = 80  # columns where the terminal does not say


def width() -> int:
    """Columns to print to; never fewer than 40, where wrapping stops making sense."""
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, 40)


def fail(message: str, *, code: int) -> int:
    """Print one wrapped paragraph on stderr, "error:" red on a terminal; returns the code."""
    tty = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    prefix = "error: "
    text = " ".join(message.split())
    lines = textwrap.wrap(
        prefix + text, width(), break_long_words=False, break_on_hyphens=False
    ) or [prefix]
    if tty:
        lines[0] = typer.style(prefix, fg="red", bold=True) + lines[0][len(prefix) :]
    typer.echo("\n".join(lines), err=True)
    return code


def show_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """One JSON value on stdout."""
    typer.echo(json.dumps(value, indent=2, default=str))


def show_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Rows under one another, columns aligned, the last one wrapped to the terminal."""
    if not rows:
        return
    columns = list(rows[0])
    *heads, last = columns
    sizes = {name: max(len(name), *(len(row[name]) for row in rows)) for name in heads}
    indent = sum(sizes.values()) + 2 * len(heads)
    room = max(width() - indent, 24)
    for row in [{name: name for name in columns}, *rows]:
        left = "".join(f"{row[name]:<{sizes[name]}}  " for name in heads)
        wrapped = textwrap.wrap(row[last], room, break_long_words=False) or [""]
        lines = [left + wrapped[0], *(" " * indent + line for line in wrapped[1:])]
        typer.echo("\n".join(line.rstrip() for line in lines))


def show_markdown(rows: Sequence[Mapping[str, str]]) -> None:
    """Rows as a Markdown table; the first column is code."""
    first, *others = rows[0]
    typer.echo(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        cells = [f"`{row[first]}`", *(row[name].replace("|", "\\|") for name in others)]
        typer.echo(f"| {' | '.join(cells)} |")


def show_paragraph(text: str, *, indent: str = "") -> None:
    """A docstring or sentence, wrapped by paragraph; indented blocks are kept as they are."""
    for block in text.split("\n\n"):
        if any(line.startswith("  ") for line in block.splitlines()):
            typer.echo(textwrap.indent(block, indent))
        else:
            joined = " ".join(block.split())
            typer.echo(
                textwrap.fill(
                    joined,
                    width(),
                    initial_indent=indent,
                    subsequent_indent=indent,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
        typer.echo("")
