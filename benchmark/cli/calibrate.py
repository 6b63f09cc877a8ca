"""`bench data calibrate`: is each miniature neither too hard nor too easy to rank objectives?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import names
from benchmark.cli.output import show_json, show_paragraph, show_table
from benchmark.data.miniature.windows import GAP, WINDOWS, Window
from benchmark.plan_request import RunRequest
from registries.errors import VerificationError, unknown

if TYPE_CHECKING:
    from benchmark.calibrate import Calibration, Reached

MISSING = "missing"


def calibrate(
    name: Annotated[
        list[str] | None, typer.Argument(help="Miniatures (mini-lrw, ...); all if left out.")
    ] = None,
    *,
    preset: Annotated[str, typer.Option(help="Budget; `bench list presets`.")] = "mini",
    seeds: Annotated[str, typer.Option(help="A count (3 means 0,1,2) or a list (0,1,2).")] = "1",
    option: Annotated[
        list[str] | None, typer.Option("-o", help="key=value over the recipe. Repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/runs"),
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that generate or decode data.")
    ] = None,
    only_records: Annotated[
        bool, typer.Option("--only-records", help="Run nothing; show what the records hold.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Run the anchors scratch and supervised on each miniature and print its window beside them.

    Cells that have records are not run again. Exit 5 where scratch is outside its window or
    supervised less than 20 points better, 1 where a cell failed.
    """
    windows = _windows(name or ())
    request = RunRequest(
        objectives=(),
        tasks=(),
        preset=preset,
        seeds=names.seeds(seeds),
        overrides=names.assignments(option or ()),
        out=out,
        jobs=jobs,
    )
    from benchmark import calibrate as harness  # torch, mmengine: only once every name is right

    rows, code = harness.calibrate(windows, request, only_records=only_records)
    wrong = [row for row in rows if row.wrong]
    if json:
        told = code or (VerificationError.exit_code if wrong else 0)
        facts = {"preset": preset, "seeds": list(request.seeds), "gap": GAP}
        show_json({**facts, "windows": [row.facts() for row in rows], "exit": told})
    else:
        show_table([_shown(row) for row in rows])
        typer.echo("")
        show_paragraph(_legend(request))
    if wrong and not code:
        raise VerificationError(_complaint(wrong, len(rows)))
    return code


def _complaint(wrong: list[Calibration], count: int) -> str:
    return (
        f"{len(wrong)} of {count} settings would not rank objectives "
        f"({', '.join(row.window.setting for row in wrong)}). Change the difficulty of the set or "
        "the budget, by these two anchors alone, never by the order of real objectives."
    )


def _windows(values: list[str] | tuple[str, ...]) -> list[Window]:
    """The rows of the named miniatures, in the order of the table."""
    known = list(dict.fromkeys(window.miniature for window in WINDOWS))
    chosen = names.split(values) or ("all",)
    for value in chosen:
        if value not in (*known, "all"):
            raise unknown(
                "miniature with a window", value, [*known, "all"],
                hint="`bench data audit` measures what needs no network.",
            )  # fmt: skip
    return [window for window in WINDOWS if "all" in chosen or window.miniature in chosen]


def _verdict(row: Calibration) -> str:
    """What is wrong with a row, or that nothing is, or that it is not known yet."""
    found = []
    if row.inside is False and row.scratch is not None and row.window.low is not None:
        found.append("below" if row.scratch.value < row.window.low else "above")
    if row.wide is False:
        found.append(f"gap < {GAP:g}")
    if found:
        return "no: " + ", ".join(found)
    return MISSING if row.scratch is None or row.supervised is None else "yes"


def _shown(row: Calibration) -> dict[str, str]:
    return {
        "set": row.window.miniature,
        "task": row.window.setting,
        "protocol": row.protocol,
        "window": f"{row.window.text} {row.metric}",
        "scratch": _score(row.scratch),
        "supervised": _score(row.supervised),
        "gap": "-" if row.gap is None else f"{row.gap:+.1f}",
        "inside": _verdict(row),
    }


def _score(reached: Reached | None) -> str:
    """`56.4`, or `56.4 (n=2)` over several seeds."""
    if reached is None:
        return MISSING
    return f"{reached.value:.1f}" + (f" (n={reached.seeds})" if reached.seeds > 1 else "")


def _legend(request: RunRequest) -> str:
    return (
        "window: where scratch has to land, in the unit of the metric. gap: points "
        f"by which supervised is better (of wer: lower), {GAP:g} and more wanted. "
        "On frozen features (svm, linear) scratch is an encoder that was never trained. "
        f"Preset {request.preset}, {len(request.seeds)} seed(s), mean over folds; records in "
        f"{request.out}."
    )
