"""`bench check NAME`: does a plug-in keep its contract, and does the harness get through it?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.output import show_json, show_table
from registries import plugins
from registries.errors import unknown

if TYPE_CHECKING:
    from registries.check_base import Outcome

WORDS = {"ok": "ok", "failed": "FAILED", "expected": "expected", "stale": "NOT NEEDED"}


def check(
    name: Annotated[str, typer.Argument(help="An objective or a task.", metavar="NAME")],
    *,
    preset: Annotated[
        str, typer.Option(help="Recipe whose options and backbones are used.")
    ] = "demo",
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file that registers more names; executed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Run the contract checks and a mock run on synthetic clips: what a test suite would ask.

    Exit code 0 where every check holds or fails as declared, 1 otherwise.
    """
    for path in plugin or ():
        plugins.add_file(path)
    kind = _kind_of(name)
    run = _objective if kind == "objective" else _task
    rows, before = [], time.perf_counter()
    for outcome in run(name, preset):
        now = time.perf_counter()
        rows.append((outcome, now - before))
        before = now
    good = all(outcome.good for outcome, _ in rows)
    if json:
        checks = [_facts(outcome, seconds) for outcome, seconds in rows]
        show_json({"name": name, "kind": kind, "ok": good, "checks": checks})
    else:
        show_table([_row(outcome) for outcome, _ in rows])
        failed = [outcome.check for outcome, _ in rows if not outcome.good]
        verdict = f"to mend: {', '.join(failed)}" if failed else "keeps its contract"
        typer.echo(f"\n{kind} {name}: {verdict}")
    return 0 if good else 1


def _kind_of(name: str) -> str:
    known = {"objective": plugins.available("objectives"), "task": plugins.available("tasks")}
    for kind, entries in known.items():
        if name in entries:
            return kind
    raise unknown(
        "objective or task", name, {entry for entries in known.values() for entry in entries}
    )


def _objective(name: str, preset: str) -> Iterator[Outcome]:
    """The contract suite with the preset's options, and a mock run with its backbones too."""
    import torch

    from benchmark.mock import mock_pretrain
    from benchmark.settings import load_recipe
    from registries.check_base import Subject, judge
    from registries.checks import run_checks

    torch.set_num_threads(1)  # tensors this small only wait for more
    recipe = load_recipe(preset, objectives=(name,))
    subject = Subject.of(name)
    options = {**recipe.objectives.get(name, {}), **subject.options}
    yield from run_checks(Subject(subject.cls, options))
    cls = subject.cls
    reason = cls.expected_failures.get("check_runner", "") if cls.pretrains else ""
    with tempfile.TemporaryDirectory() as folder:
        yield judge(
            "mock_run",
            reason,
            _told(lambda: mock_pretrain(name, recipe=recipe, out=Path(folder))),
        )


def _task(name: str, preset: str) -> Iterator[Outcome]:
    """Card, views, metrics and head, on a mock dataset."""
    plugins.load("tasks", name)
    from benchmark.mock import task_checks
    from benchmark.settings import load_recipe
    from registries.check_base import judge

    recipe = load_recipe(preset, tasks=(name,))
    for check_name, run in task_checks(name, recipe=recipe).items():
        yield judge(check_name, "", _told(run))


def _told(run: Callable[[], Any]) -> Callable[[], None]:
    """Any error as a failed check tells it."""

    def told() -> None:
        try:
            run()
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}") from error

    return told


def _facts(outcome: Outcome, seconds: float) -> dict[str, Any]:
    return {
        "check": outcome.check,
        "state": outcome.state,
        "message": outcome.message,
        "seconds": round(seconds, 2),
    }


def _row(outcome: Outcome) -> dict[str, str]:
    return {"check": outcome.check, "result": WORDS[outcome.state], "message": outcome.message}
