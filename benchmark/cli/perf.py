"""`bench perf objectives`: is an objective dear, or are its encoders?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import names
from benchmark.cli.output import show_json, show_paragraph, show_table
from registries import plugins

if TYPE_CHECKING:
    from benchmark.perf.objectives import Cost

app = typer.Typer(help="What things cost.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """What things cost, measured on this machine."""


@app.command()
def objectives(
    *,
    objective: Annotated[
        list[str] | None, typer.Option(help="Objectives, by comma or repeated; all.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Budget; `bench list presets`.")] = "demo",
    batch: Annotated[
        int | None, typer.Option(min=2, help="Samples a step; the preset's if not given.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Turns that are timed.")] = 9,
    option: Annotated[
        list[str] | None, typer.Option("-o", help="key=value over the recipe. Repeatable.")
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Time a training step against the passes of its own encoders, on noise of true shapes."""
    for path in plugin or ():
        plugins.add_file(path)
    chosen = names.resolve("objectives", objective or ("all",))
    from benchmark.perf.objectives import measure
    from benchmark.pretexts import pretexts
    from benchmark.settings import load_recipe

    overrides = names.assignments(option or ())
    recipe = load_recipe(preset, objectives=chosen, overrides=overrides)
    costs = [measure(name, recipe, batch=batch, repeats=repeats) for name in pretexts(chosen)]
    if json:
        show_json({"preset": preset, "objectives": [cost.facts() for cost in costs]})
        return
    show_table([_row(cost) for cost in costs])
    typer.echo("")
    show_paragraph(_legend(costs[0], preset))


def _row(cost: Cost) -> dict[str, str]:
    low, high = cost.quartiles
    return {
        "objective": cost.objective,
        "encoder passes": _passes(cost),
        "ratio": f"{cost.ratio:.2f}",
        "quartiles": f"{low:.2f}-{high:.2f}",
        "+ optimiser": f"{cost.with_optimiser:.2f}",
        "limit": "-" if cost.limit is None else f"{cost.limit:.2f}",
        "": "ABOVE" if cost.above else "",
    }


def _passes(cost: Cost) -> str:
    """How often encoders run, and over how many clips in all: "2 video (32), 1 audio (16)"."""
    runs: Counter[str] = Counter(found.modality for found in cost.passes)
    clips: Counter[str] = Counter()
    for found in cost.passes:
        clips[found.modality] += found.shape[0]
    words = [f"{runs[modality]} {modality} ({clips[modality]})" for modality in runs]
    silent = sum(not found.grad for found in cost.passes)
    return ", ".join(words) + (f"; {silent} without gradient" if silent else "")


def _legend(cost: Cost, preset: str) -> str:
    return (
        f"ratio: a training step over its encoder passes alone (runs, clips in them), forward and "
        f"backward, median of {cost.repeats} turns. Preset {preset}, batch {cost.batch}, "
        f"{cost.precision} on {cost.device}."
    )
