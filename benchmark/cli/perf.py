"""`bench perf`: what an objective costs beyond its encoders, and a run beyond its objective."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import names
from benchmark.cli.output import show_json, show_paragraph, show_table
from benchmark.cli.perf_data import data
from benchmark.cli.perf_index import index
from benchmark.plan_request import RunRequest
from registries import plugins
from registries.errors import VerificationError

if TYPE_CHECKING:
    from benchmark.perf.baseline import Compared
    from benchmark.perf.objectives import Cost
    from benchmark.perf.run import RunCost

BASELINE = Path("results/perf/baseline-cpu.json")
CHECKED = "glcm,moco"  # one with nothing but encoders and losses, one with a twin and a queue

app = typer.Typer(help="What things cost.", no_args_is_help=True)
app.command()(data)
app.command()(index)

Objectives = Annotated[
    list[str] | None, typer.Option("--objective", help="Objectives, by comma or repeated.")
]
Preset = Annotated[str, typer.Option(help="Budget; `bench list presets`.")]
Options = Annotated[
    list[str] | None, typer.Option("-o", help="key=value over the recipe. Repeatable.")
]
PluginFiles = Annotated[
    list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.callback()
def _root() -> None:
    """What things cost, measured on this machine."""


@app.command()
def objectives(
    *,
    objective: Objectives = None,
    preset: Preset = "demo",
    batch: Annotated[
        int | None, typer.Option(min=2, help="Samples a step; the preset's if not given.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Turns that are timed.")] = 9,
    option: Options = None,
    plugin: PluginFiles = None,
    json: Json = False,
) -> None:
    """Time a training step against the passes of its own encoders, on noise of true shapes."""
    request = _request(objective or ("all",), preset, option, plugin)
    costs = _objective_costs(request, batch=batch, repeats=repeats)
    if json:
        show_json({"preset": preset, "objectives": [cost.facts() for cost in costs]})
        return
    show_table([_row(cost) for cost in costs])
    typer.echo("")
    show_paragraph(_legend(costs[0], preset))


@app.command()
def run(
    *,
    objective: Objectives = None,
    preset: Preset = "demo",
    steps: Annotated[int, typer.Option(min=1, help="Training steps that are timed.")] = 30,
    option: Options = None,
    plugin: PluginFiles = None,
    json: Json = False,
) -> None:
    """Train for some steps: waiting for data, and the framework's part, in one run."""
    request = _request(objective or (CHECKED,), preset, option, plugin)
    costs = _run_costs(request, steps=steps)
    if json:
        show_json({"preset": preset, "objectives": [cost.facts() for cost in costs]})
        return
    show_table([_run_row(cost) for cost in costs])
    typer.echo("\nOf a step, in ms:")
    show_table(_hook_rows(costs))
    typer.echo("")
    show_paragraph(_run_legend(costs[0], preset))


@app.command()
def check(
    *,
    objective: Objectives = None,
    preset: Preset = "demo",
    baseline: Annotated[Path, typer.Option(help="The ratios as they were.")] = BASELINE,
    update: Annotated[
        bool, typer.Option("--update", help="Write what is measured as the new baseline.")
    ] = False,
    steps: Annotated[int, typer.Option(min=1, help="Training steps that are timed.")] = 30,
    option: Options = None,
    plugin: PluginFiles = None,
    json: Json = False,
) -> None:
    """Measure again and compare with the baseline; exit code 5 where a ratio got worse."""
    from benchmark.perf.baseline import Baseline, compare
    from benchmark.perf.check import measured_ratios, setting
    from benchmark.perf.data import measure_drawn

    request = _request(objective or (CHECKED,), preset, option, plugin)
    known = Baseline({}, {}) if update and not baseline.exists() else Baseline.read(baseline)
    costs = _objective_costs(request, batch=None, repeats=9)
    runs = _run_costs(request, steps=steps)
    found = measured_ratios(costs, runs, measure_drawn())
    asked = [f"{part}.{cost.objective}." for part in ("objectives", "run") for cost in costs]
    asked.append("data.")
    rows = compare(found, known, asked=asked)
    if json:
        show_json({"baseline": str(baseline), "ratios": [vars(row) for row in rows]})
    else:
        show_table([_compared_row(row) for row in rows])
    if update:
        known.renewed(found, setting(runs[0], preset)).write(baseline)
        typer.echo(f"written to {baseline}", err=True)
    elif failed := [row.name for row in rows if row.fails]:
        raise VerificationError(
            f"worse than {baseline} allows, or no longer measured: {', '.join(failed)}. Mend it, "
            "or say that it shall be so: `bench perf check --update`."
        )


def _request(
    objective: Sequence[str],
    preset: str,
    option: list[str] | None,
    plugin: list[Path] | None,
) -> RunRequest:
    """The names and options of a call, checked; anchors are left out."""
    for path in plugin or ():
        plugins.add_file(path)
    chosen, overrides = names.resolve("objectives", objective), names.assignments(option or ())
    from benchmark.pretexts import pretexts  # torch: only once every name is right

    return RunRequest(objectives=pretexts(chosen), tasks=(), preset=preset, overrides=overrides)


def _objective_costs(request: RunRequest, *, batch: int | None, repeats: int) -> list[Cost]:
    from benchmark.perf.objectives import measure
    from benchmark.settings import load_recipe

    recipe = load_recipe(request.preset, objectives=request.objectives, overrides=request.overrides)
    return [measure(name, recipe, batch=batch, repeats=repeats) for name in request.objectives]


def _run_costs(request: RunRequest, *, steps: int) -> list[RunCost]:
    from benchmark.perf.run import Bench, measure

    bench = Bench.prepare(request)
    return [measure(name, bench, steps=steps) for name in request.objectives]


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


def _run_row(cost: RunCost) -> dict[str, str]:
    low, high = cost.small_step_quartiles
    memory = cost.peak_memory_gb
    return {
        "objective": cost.objective,
        "data wait": f"{100 * cost.data_wait:.1f} %",
        "step": f"{cost.step_ms:.0f} ms",
        "steps/s": f"{cost.steps_per_second:.2f}",
        "clips/s": f"{cost.clips_per_second:.1f}",
        "memory": "-" if memory is None else f"{memory:.1f} GB",
        "overhead": f"{cost.overhead_ms:.2f} ms",
        "of a step": f"{100 * cost.overhead:.1f} %",
        "small step": f"{cost.small_step:.3f} ({low:.3f}-{high:.3f})",
        "": " ".join(["ABOVE", *cost.above]) if cost.above else "",
    }


def _hook_rows(costs: Sequence[RunCost]) -> list[dict[str, str]]:
    """Hooks by what they take, and what is left of the overhead: loop, optimiser's wrapper."""
    rows = [
        {"hook": name, **{cost.objective: f"{cost.hooks_ms[name]:.3f}" for cost in costs}}
        for name in costs[0].hooks_ms
    ]
    rest = {c.objective: f"{c.overhead_ms - sum(c.hooks_ms.values()):.3f}" for c in costs}
    return [*rows, {"hook": "rest of the overhead", **rest}]


def _run_legend(cost: RunCost, preset: str) -> str:
    from benchmark.perf.run import OVERHEAD_LIMIT_MS, WAIT_LIMIT

    return (
        f"data wait: share of the time of {cost.steps} training steps, limit "
        f"{100 * WAIT_LIMIT:.0f} %. overhead: of a step of the Runner over one of a bare loop, "
        f"limit {OVERHEAD_LIMIT_MS:.0f} ms; small step: their ratio on batches of two samples, "
        f"median (quartiles) of {cost.turns} turns. Preset {preset}, {cost.data}, batch "
        f"{cost.batch}, {cost.workers} workers, {cost.precision} on {cost.device}."
    )


def _compared_row(row: Compared) -> dict[str, str]:
    def text(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    told = {"ok": "", "new": "not in the baseline", "gone": "NOT MEASURED", "worse": "WORSE"}
    return {
        "ratio": row.name,
        "now": text(row.now),
        "baseline": text(row.baseline),
        "allowed": text(row.allowed),
        "": told[row.verdict],
    }
