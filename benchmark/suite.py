"""Suites: a whole comparison as data, and the requests it comes to.

    sweep    each objective at each value of one option, with the same budget; the value that is
             best on the validation part of one task, named in advance, is taken everywhere else
    blocks   objectives x tasks x seeds, seed by seed, so that what is cut short is still balanced

A suite is a config like any other (configs/suites/NAME.py): literals, parsed and never executed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from pydantic import Field

from benchmark import config
from benchmark.plan_request import RunRequest
from benchmark.results.schema import Record
from benchmark.settings import Strict
from benchmark.validation import validate
from registries.errors import NotReadyError, unknown

SWEEP = "sweep"  # folder of its records, beside those of the blocks


class Sweep(Strict):
    """One option that every objective may choose for itself, from the same values.

    seed: one that no block uses, so that what was chosen on it says nothing about the others.
    """

    option: str
    values: tuple[float, ...] = Field(min_length=1)
    task: str
    protocol: str | None = None
    seed: int = 100
    overrides: tuple[str, ...] = ()


class Block(Strict):
    """Cells that are shown together.

    objectives: those of the suite, with its anchors, where none is named. variants: name ->
    overrides, one run of the whole block each; the plain one is `{"": ()}`.
    """

    objectives: tuple[str, ...] = ()
    tasks: tuple[str, ...]
    protocol: str | None = None
    seeds: int = Field(1, ge=1)
    overrides: tuple[str, ...] = ()
    variants: dict[str, tuple[str, ...]] = Field({"": ()}, min_length=1)


class Suite(Strict):
    """A comparison. hypotheses: what was expected before anything was run, by a letter."""

    preset: str
    objectives: tuple[str, ...]
    anchors: tuple[str, ...] = ()
    sweep: Sweep | None = None
    blocks: dict[str, Block]
    hypotheses: dict[str, str] = Field(default_factory=dict)


def load_suite(name: str) -> Suite:
    """Read `configs/suites/<name>.py`. Raises UsageError for an unknown name or key."""
    known = config.names("suites")
    if name not in known:
        raise unknown("suite", name, known, hint="`bench list suites` shows them all.")
    return validate(Suite, config.load_packaged("suites", name), where=f"suite {name}")


def sweep_requests(suite: Suite, base: RunRequest) -> list[RunRequest]:
    """Every objective at every value; the records lie in a folder of their own."""
    if suite.sweep is None:
        return []
    sweep = suite.sweep
    return [
        replace(
            base,
            objectives=suite.objectives,
            tasks=(sweep.task,),
            protocol=sweep.protocol,
            preset=suite.preset,
            seeds=(sweep.seed,),
            overrides=(*base.overrides, *sweep.overrides, f"{sweep.option}={value!r}"),
            out=base.out / SWEEP,
        )
        for value in sweep.values
    ]


def choose(suite: Suite, records: Sequence[Record]) -> dict[str, float]:
    """The value with the best validation score for each objective, the smaller of equals.

    Raises NotReadyError for an objective of which no value has a score.
    """
    if suite.sweep is None:
        return {}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in suite.objectives}
    for record in records:
        if record.status == "done" and record.task is not None and record.selection is not None:
            value = option_of(record.recipe.config, suite.sweep.option)
            score = record.selection.value
            if value in suite.sweep.values and score is not None:
                sign = 1.0 if record.task.higher_is_better else -1.0
                found.setdefault(record.objective.name, []).append((sign * score, -float(value)))
    lacking = [name for name in suite.objectives if not found[name]]
    if lacking:
        raise NotReadyError(
            f"no value of {suite.sweep.option} has a validation score for {', '.join(lacking)}; "
            "see what failed above, mend it, and run the same command again"
        )
    return {name: -max(found[name])[1] for name in suite.objectives}


def option_of(recipe: Mapping[str, Any], option: str) -> Any:  # noqa: ANN401 - any literal
    """The value of a dotted option in a resolved recipe."""
    for part in option.split("."):
        recipe = recipe[part]
    return recipe


def block_requests(
    suite: Suite,
    name: str,
    base: RunRequest,
    *,
    chosen: Mapping[str, float],
    seeds: Sequence[int] | None = None,
) -> list[RunRequest]:
    """The requests of one block, seed by seed; objectives of one chosen value go together."""
    if name not in suite.blocks:
        raise unknown(
            "block", name, suite.blocks, hint=f"of suite blocks {', '.join(suite.blocks)}"
        )
    block = suite.blocks[name]
    objectives = block.objectives or (*suite.objectives, *suite.anchors)
    requests = []
    for seed in range(block.seeds) if seeds is None else seeds:
        for overrides in block.variants.values():
            for value, together in groupby(
                sorted(objectives, key=lambda name: chosen.get(name, 0.0)), key=chosen.get
            ):
                own = () if value is None else (f"{_option(suite)}={value!r}",)
                requests.append(
                    replace(
                        base,
                        objectives=tuple(together),
                        tasks=block.tasks,
                        protocol=block.protocol,
                        preset=suite.preset,
                        seeds=(seed,),
                        overrides=(*base.overrides, *own, *block.overrides, *overrides),
                    )
                )
    return requests


def _option(suite: Suite) -> str:
    assert suite.sweep is not None  # nothing is chosen without one
    return suite.sweep.option
