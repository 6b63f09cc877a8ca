"""`bench perf index`: does a manifest of ten million rows keep a training waiting?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.output import show_json, show_paragraph, show_table

if TYPE_CHECKING:
    from benchmark.perf.index import IndexCost

ROWS = 10_000_000


def index(
    *,
    rows: Annotated[int, typer.Option(min=32, help="Rows of the manifest.")] = ROWS,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Open a synthetic manifest in a fresh process, and go on to the first batch; Linux."""
    from benchmark.perf.index import measure

    cost = measure(rows)
    if json:
        show_json(cost.facts())
        return
    show_table(_table(cost))
    typer.echo("")
    show_paragraph(_legend(cost))


def _table(cost: IndexCost) -> list[dict[str, str]]:
    from benchmark.perf.index import LIMITS

    figures = {
        "opened_s": ("the manifest opens", "s", ".2f"),
        "first_batch_s": ("first batch, from the start of the process", "s", ".2f"),
        "cpu_s": ("  processor time up to there", "s", ".2f"),
        "imports_s": ("  of that, imports", "s", ".2f"),
        "peak_mb": ("memory, most that was resident", "MB", ",.0f"),
        "anonymous_mb": ("memory at the end, without mapped files", "MB", ",.0f"),
        "bare_mb": ("  of that, after imports", "MB", ",.0f"),
    }
    return [
        {
            "what": what,
            "measured": f"{getattr(cost, name):{form}} {unit}",
            "limit": f"{LIMITS[name]:{form}} {unit}" if name in LIMITS else "-",
            "": "ABOVE" if name in cost.above else "",
        }
        for name, (what, unit, form) in figures.items()
    ]


def _legend(cost: IndexCost) -> str:
    return (
        f"{cost.rows:,} rows of one split, unhashed, in an Arrow file of {cost.file_mb:,.0f} MB, "
        f"written in {cost.written_s:.0f} s; they share the files of a generated set. First batch: "
        "32 clips with the views of glcm, preset demo, decoded. The file's pages are in the "
        "system's cache."
    )
