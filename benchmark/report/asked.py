"""What a suite asks for beside what the records hold: what was not run shows as missing.

Imports torch, for the defaults of recipes: only what shows a suite imports this module.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark import config
from benchmark.report.grid import fold_of
from benchmark.report.keys import ROW_ORDER
from benchmark.report.layout import objective_title, rank, task_title
from benchmark.report.model import SUITE, Cell, Column, Mark, Row, Table
from benchmark.results.schema import Record
from benchmark.settings import load_recipe
from benchmark.suite import Block, Suite, option_of
from registries.errors import unknown

ABSENT = "(default)"  # of an option that a recipe leaves to its objective


@dataclass(frozen=True, order=True, kw_only=True)
class Place:
    """One cell of a suite: what its records have in common, seeds and folds aside."""

    objective: str
    variant: str
    block: str
    task: str


def asked_tables(
    name: str, suite: Suite, records: Iterable[Record], *, only: Sequence[str] = ()
) -> list[Table]:
    """A table a block, methods x tasks: seeds done of those asked for.

    only: names of blocks, default all. Raises UsageError for one that the suite does not have.
    """
    for block in only:
        if block not in suite.blocks:
            raise unknown("block", block, suite.blocks)
    blocks = {key: block for key, block in suite.blocks.items() if not only or key in only}
    found = _sorted_out(suite, blocks, records)
    return [_table(name, key, block, found) for key, block in blocks.items()]


def _table(name: str, key: str, block: Block, found: Mapping[Place, list[Record]]) -> Table:
    own = {place: records for place, records in found.items() if place.block == key}
    methods = dict.fromkeys((place.objective, place.variant) for place in own)
    rows = [
        Row(
            label=f"{objective_title(objective)}{f', {variant}' if variant else ''}",
            cells=tuple(
                _cell(Place(objective=objective, variant=variant, block=key, task=task), own, block)
                for task in block.tasks
            ),
        )
        for objective, variant in sorted(methods, key=lambda m: (rank(m[0], ROW_ORDER), m[1]))
    ]
    return Table(
        name=f"{SUITE}-{key}",
        title=f"Suite {name}, {key}: seeds done of those asked for",
        columns=tuple(_column(key, task) for task in block.tasks),
        rows=tuple(rows),
        notes=("A seed counts where all folds and modalities of the task are done.",),
    )


def _sorted_out(
    suite: Suite, blocks: Mapping[str, Block], records: Iterable[Record]
) -> dict[Place, list[Record]]:
    """Every place that is asked for, with the records that belong there."""
    by_task: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.kind == "eval" and record.task:
            by_task[record.objective.name, record.task.name].append(record)
    named = {block.protocol for block in suite.blocks.values()} - {None}
    found = {}
    for place, block, options in _places(suite, blocks):
        found[place] = [
            record
            for record in by_task[place.objective, place.task]
            if record.task
            and (
                record.task.protocol == block.protocol
                if block.protocol
                else record.task.protocol not in named
            )
            and all(_lookup(record.recipe.config, key) == value for key, value in options.items())
        ]
    return found


def _places(
    suite: Suite, blocks: Mapping[str, Block]
) -> Iterator[tuple[Place, Block, dict[str, Any]]]:
    """Every place, its block, and the value of each option that the suite varies anywhere."""
    varied = {
        option
        for block in suite.blocks.values()
        for overrides in (block.overrides, *block.variants.values())
        for option in _values(overrides)
    }
    for key, block in blocks.items():
        for objective in block.objectives or (*suite.objectives, *suite.anchors):
            plain = load_recipe(suite.preset, objectives=(objective,)).model_dump()
            usual = {option: _lookup(plain, option) for option in varied}
            for variant, overrides in block.variants.items():
                options = usual | _values((*block.overrides, *overrides))
                for task in block.tasks:
                    place = Place(objective=objective, variant=variant, block=key, task=task)
                    yield place, block, options


def _cell(place: Place, own: Mapping[Place, list[Record]], block: Block) -> Cell:
    """Seeds whose every fold and modality is settled, of those asked for."""
    beside = [record for other, held in own.items() if other.task == place.task for record in held]
    needed = {_part(record) for record in beside}
    seeds: dict[int | None, set[tuple[str, int]]] = defaultdict(set)
    settled = [record for record in own[place] if record.status in ("done", "not_applicable")]
    for record in settled:
        seeds[record.seed.init].add(_part(record))
    done = sum(bool(needed) and seeds[seed] >= needed for seed in range(block.seeds))
    runs = tuple(record.run_id for record in settled)
    if not done:
        return Cell(origin="measured", mark=Mark.MISSING, run_ids=runs)
    if all(record.status == "not_applicable" for record in settled):
        return Cell(origin="measured", mark=Mark.NOT_APPLICABLE, run_ids=runs)
    said = f"{done}/{block.seeds}"
    note = "" if done == block.seeds else f"{said} seeds"
    return Cell(origin="measured", text=said, note=note, run_ids=runs)


def _part(record: Record) -> tuple[str, int]:
    return (record.task.modality if record.task else "", fold_of(record))


def _column(block: str, task: str) -> Column:
    return Column(
        group=("measured", block),
        label=task_title(task),
        metric="",
        higher_is_better=None,
        origin="measured",
    )


def _values(overrides: Iterable[str]) -> dict[str, Any]:
    """Dotted option -> value, as a record holds it."""
    found = {}
    for override in overrides:
        option = override.partition("=")[0].strip()
        found[option] = _lookup(config.override({}, (override,)), option)
    return found


def _lookup(recipe: Mapping[str, Any], option: str) -> Any:  # noqa: ANN401 - any literal
    """The value of a dotted option; lists for tuples, as JSON has them."""
    try:
        return json.loads(json.dumps(option_of(recipe, option)))
    except (KeyError, TypeError):  # no such option, or a part of its name holds no options
        return ABSENT
