"""`bench compare`: paired tests between two objectives, from their records."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import names, output
from registries import plugins
from registries.errors import NotReadyError, UsageError, unknown

if TYPE_CHECKING:
    from benchmark.compare import Comparison, LeftOut, Side
    from benchmark.results.schema import Record

LABEL = 30  # columns of a row's name; a longer one has a line of its own


def compare(
    a: Annotated[str, typer.Argument(help="An objective, or NAME:OPTION=VALUE.", metavar="A")],
    b: Annotated[str, typer.Argument(help="Another, or another variant.", metavar="B")],
    *,
    task: Annotated[
        list[str] | None, typer.Option(help="Only these, by comma or repeated. Default: all.")
    ] = None,
    may_differ: Annotated[
        list[str] | None,
        typer.Option(
            help="Settings that each may have its own value of, as where a sweep chose it.",
            metavar="SETTING",
        ),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/runs"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Test two objectives against each other on what both were measured on alike.

    Variants of one objective are alike in all options but those that are named.
    """
    if not runs.is_dir():
        raise NotReadyError(f"{runs} does not exist: no run has left a record there. See --runs.")
    if a == b:
        raise UsageError(f"{a!r} twice: name two objectives to compare.")
    from benchmark.compare import Side, pair_records
    from benchmark.compare import compare as test
    from benchmark.in_use import versions_in_use
    from benchmark.results.store import RecordStore

    store = RecordStore(runs)
    records = [record for record in store.current() if record.kind == "eval"]
    sides = (Side.parse(a), Side.parse(b))
    _check_objectives(sides, records, runs)
    wanted = _tasks(task, {record.task.name for record in records if record.task})
    records = [record for record in records if record.task and record.task.name in wanted]
    own, current = _settings(may_differ, records), versions_in_use(records)
    blocks, left_out = pair_records(records, *sides, current=current, may_differ=own)
    found = test(blocks, store)
    if as_json:
        output.show_json(_as_json(a, b, found, left_out))
    else:
        _show(a, b, found, left_out)
    if not found:
        raise NotReadyError(
            f"{a} and {b} have no record under equal conditions in {runs}; run both alike: "
            f"bench run --objective {a},{b} --tasks {','.join(task or ['...'])}, or name the "
            "settings that each may have its own value of: --may-differ"
        )


def _check_objectives(sides: Iterable[Side], records: Sequence[Record], runs: Path) -> None:
    """Names of objectives or of records ("imported" is no objective), and of their options."""
    measured = {record.objective.name for record in records}
    known = {*plugins.available("objectives"), *measured}
    for side in sides:
        name = side.objective
        if name not in known:
            raise unknown("objective", name, known)
        if name not in measured:
            raise NotReadyError(
                f"no record of {name} in {runs}; make one: bench run --objective {name} --tasks ..."
            )
        params = [record.objective.params for record in records if record.objective.name == name]
        options = {option for found in params for option in found}
        for option in side.options:
            if option not in options:
                raise unknown("option", option, options)


def _settings(asked: list[str] | None, records: Iterable[Record]) -> tuple[str, ...]:
    """Settings that records have, dotted as in a recipe ("pretrain.lr")."""
    from benchmark.compare import settings

    wanted = names.split(asked or [])
    known = {name for record in records for name in settings(record)} if wanted else set()
    for name in wanted:
        if name not in known:
            raise unknown("setting", name, known)
    return wanted


def _tasks(asked: list[str] | None, measured: set[str]) -> set[str]:
    """The tasks to compare on; groups such as @local too."""
    if not asked:
        return measured
    parts = names.split(asked)
    return {part for part in parts if part in measured} | set(
        names.resolve("tasks", [part for part in parts if part not in measured])
    )


def _show(a: str, b: str, found: list[Comparison], left_out: list[LeftOut]) -> None:
    typer.echo(f"A = {a}, B = {b}")
    for kind in dict.fromkeys(entry.column.kind for entry in found):
        rows = [entry for entry in found if entry.column.kind == kind]
        head = f"{kind} data"
        typer.echo(f"\n{head:<{LABEL}}  n       A       B     A - B ± 95 %      p   MDE")
        for entry in rows:
            several = sum(other.column == entry.column for other in rows) > 1
            _show_row(entry, several=several)
    if found:
        typer.echo("")
        output.show_paragraph(_legend(found))
    if left_out:
        _show_left_out(left_out)


def _show_row(entry: Comparison, *, several: bool) -> None:
    test = entry.difference
    half = "    -" if test.half_width is None else f"{test.half_width:5.2f}"
    label = f"{entry.column.text}{'' if entry.column.higher_is_better else ' (less is better)'}"
    if len(label) > LABEL:
        typer.echo(label)
        label = ""
    detectable = "-" if entry.detectable is None else f"{entry.detectable:.1f}"
    typer.echo(
        f"{label:<{LABEL}} {test.seeds:>2} {entry.a:7.2f} {entry.b:7.2f} "
        f"{test.mean:+7.2f} ± {half} {_p(entry.p_holm):>6} {detectable:>5}"
    )
    groups = f" in {test.groups} groups" if (test.groups or 0) > 1 else ""
    folds = f", {entry.folds} folds" if entry.folds > 1 else ""
    parts = [entry.verdict, f"{entry.samples} samples{groups}{folds}"]
    if entry.mcnemar:
        parts.append(f"McNemar p {', '.join(_p(found.p) for found in entry.mcnemar)}")
    parts += [*entry.notes, *([entry.detail] if several else [])]
    _wrap(" · ".join(parts), "    ")


def _show_left_out(left_out: list[LeftOut]) -> None:
    """By objective and reason, with the number of records of each column."""
    typer.echo("Left out:")
    places: dict[tuple[str, str], list[str]] = {}
    for entry in left_out:
        count = f" x {entry.records}" if entry.records > 1 else ""
        places.setdefault((entry.objective, entry.reason), []).append(f"{entry.where}{count}")
    for (objective, reason), found in places.items():
        _wrap(f"{objective}, {reason}: {', '.join(found)}", "  ")


def _legend(found: list[Comparison]) -> str:
    from benchmark.statistics import signed_rank_floor

    pairs = max(entry.difference.seeds for entry in found)
    floor = f"{signed_rank_floor(pairs):.4g}"
    return (
        "n: pairs of seeds. p: of the paired difference over seeds and test groups, Holm-corrected "
        "within a task. MDE: the true difference that this test finds in four of five repetitions; "
        "a smaller one may be there unseen. McNemar, per seed: a cross-check that takes samples "
        "for independent.\n\n"
        f"Power: a signed-rank test of {pairs} seed pair(s) cannot give less than p = {floor} "
        "(five: .0625, six: .031), so none is used; more seeds lower the MDE."
    )


def _as_json(a: str, b: str, found: list[Comparison], left_out: list[LeftOut]) -> dict[str, object]:
    return {
        "a": a,
        "b": b,
        "comparisons": [{**asdict(entry), "verdict": entry.verdict} for entry in found],
        "left_out": [asdict(entry) for entry in left_out],
    }


def _p(value: float | None) -> str:
    """`.031`; `<.001` where three digits would be zeros."""
    if value is None:
        return "-"
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _wrap(text: str, indent: str) -> None:
    typer.echo(
        textwrap.fill(
            text,
            output.width(),
            initial_indent=indent,
            subsequent_indent=indent + "  ",
            break_on_hyphens=False,
        )
    )
