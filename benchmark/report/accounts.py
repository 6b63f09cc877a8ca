"""What stands behind the numbers: collapse, data coverage, failures, recipes."""

from __future__ import annotations

import shlex
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping

from benchmark.report.grid import fold_of
from benchmark.report.keys import row_key
from benchmark.report.layout import objective_title, task_title
from benchmark.report.measured import failure_text
from benchmark.report.model import Cell, Column, Flag, Mark, Row, Table
from benchmark.results.schema import Record

COVERAGE = (  # label, unit, decimals
    ("expected", "clips", 0),
    ("used", "clips", 0),
    ("coverage", "%", 1),
    ("with sound", "%", 1),
    ("seen in pretraining", "clips", 0),
    ("licence", "", 0),
)
NOTHING = Cell(origin="measured", mark=Mark.MISSING)
SETTINGS = ("epochs", "batch_size", "optimizer", "lr", "weight_decay")  # of pretrain, finetune


def collapse(pretraining: Iterable[Record]) -> Table | None:
    """Spread and effective rank of the embeddings after pretraining, by run."""
    runs = [r for r in pretraining if r.pretrain and r.pretrain.diagnostics]
    if not runs:
        return None
    names = sorted({name for run in runs for name in _diagnostics(run)}, key=_diagnostic_order)
    rows = []
    for run in sorted(runs, key=lambda run: (row_key(run).order, run.seed.init)):
        warned = any("collapse" in warning for warning in run.warnings)
        found = _diagnostics(run)
        rows.append(
            Row(
                label=objective_title(run.objective.name),
                details=(row_key(run).conditions.pretraining, str(run.seed.init)),
                cells=tuple(
                    Cell(
                        origin="measured",
                        value=found[name],
                        flags=(Flag.COLLAPSED,) if warned else (),
                        run_ids=(run.run_id,),
                    )
                    if name in found
                    else NOTHING
                    for name in names
                ),
            )
        )
    columns = tuple(
        plain_column(name.replace("_", " "), "", 2, group="embeddings") for name in names
    )
    return Table(
        name="collapse",
        title="Collapse monitors",
        columns=columns,
        rows=tuple(rows),
        label_head="objective",
        detail_heads=("pretraining", "seed"),
        notes=(
            "std: spread of unit vectors, 1 where directions fill the sphere, 0 where all samples "
            "look alike. rank: effective number of directions (RankMe, Garrido et al. 2023).",
        ),
    )


def coverage(records: Iterable[Record]) -> Table | None:
    """How much of each evaluated data set was there."""
    found: dict[tuple[str, str, int, str], Record] = {}
    for record in records:
        data, fold = record.data, fold_of(record)
        found[data.kind, data.dataset, fold, (data.manifest_sha256 or "")[:8]] = record
    if not found:
        return None
    rows = []
    for (kind, dataset, fold, manifest), record in sorted(found.items()):
        data = record.data
        share = 100 * data.used / data.expected if data.used is not None and data.expected else None
        audio = None if data.audio_coverage is None else 100 * data.audio_coverage
        numbers = (data.expected, data.used, share, audio, data.overlap_with_pretraining)
        cells = [_number(value, record) for value in numbers]
        licence = _words(data.licence or "unknown")
        rows.append(
            Row(label=dataset, details=(kind, str(fold), manifest), cells=(*cells, licence))
        )
    return Table(
        name="coverage",
        title="Data coverage",
        columns=tuple(plain_column(label, unit, digits) for label, unit, digits in COVERAGE),
        rows=tuple(rows),
        label_head="data set",
        detail_heads=("kind", "fold", "manifest"),
    )


def failures(records: Iterable[Record]) -> Table | None:
    """Cells without a score and why, with the command that tries again."""
    failed = [record for record in records if record.failure and record.task]
    if not failed:
        return None
    rows = []
    for record in sorted(failed, key=lambda r: (r.objective.name, r.task.name if r.task else "")):
        task, failure = record.task, record.failure
        assert task is not None
        assert failure is not None
        place = (task_title(task.name), task.protocol, str(record.seed.init), str(task.fold))
        step = "" if failure.step is None else f"step {failure.step}"
        words = (failure_text(record), step, str(failure.attempt), _retry(record))
        cells = tuple(
            Cell(origin="measured", text=word, run_ids=(record.run_id,)) for word in words
        )
        rows.append(Row(label=objective_title(record.objective.name), details=place, cells=cells))
    heads = ("why", "when", "attempts", "again with")
    return Table(
        name="failed",
        title="Failed cells",
        columns=tuple(plain_column(head, "", 0) for head in heads),
        rows=tuple(rows),
        label_head="objective",
        detail_heads=("task", "protocol", "seed", "fold"),
    )


def recipes(records: Iterable[Record]) -> Table | None:
    """The settings that made the numbers, one row a recipe; a record holds all of them."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.recipe.config:
            found[record.recipe.sha256 or ""].append(record)
    if not found:
        return None
    heads = [(part, name) for part in ("pretrain", "finetune") for name in SETTINGS]
    rows = []
    for sha, using in sorted(found.items()):
        config = using[0].recipe.config
        words = [_setting(config, part, name) for part, name in heads]
        objectives = sorted({objective_title(record.objective.name) for record in using})
        tuning = textwrap.shorten(using[0].recipe.tuning or "none stated", 90, placeholder=" …")
        cells = [_words(word, using[0]) for word in (*words, tuning)]
        rows.append(Row(label=sha[:6], details=(", ".join(objectives),), cells=tuple(cells)))
    columns = [plain_column(name.replace("_", " "), "", 0, group=part) for part, name in heads]
    return Table(
        name="recipes",
        title="Recipes",
        columns=(*columns, plain_column("tuning", "", 0, group="rule")),
        rows=tuple(rows),
        label_head="recipe",
        detail_heads=("objectives",),
        notes=("Options of one task, and the tuning rule whole, stand in the records.",),
    )


def plain_column(label: str, unit: str, digits: int, *, group: str = "") -> Column:
    """A measured column that is neither good nor bad."""
    return Column(
        group=("measured", *([group] if group else [])),
        label=label,
        metric=unit,
        higher_is_better=None,
        origin="measured",
        digits=digits,
    )


def _number(value: float | None, record: Record) -> Cell:
    if value is None:
        return NOTHING
    return Cell(origin="measured", value=float(value), run_ids=(record.run_id,))


def _words(text: str, record: Record | None = None) -> Cell:
    return Cell(origin="measured", text=text, run_ids=(record.run_id,) if record else ())


def _setting(config: Mapping[str, object], part: str, name: str) -> str:
    found = config.get(part)
    return str(found.get(name, "")) if isinstance(found, Mapping) else ""


def _retry(record: Record) -> str:
    assert record.task is not None
    words = ["bench", "run", "--objective", record.objective.name, "--tasks", record.task.name]
    words += ["--protocol", record.task.protocol, "--seeds", f"{record.seed.init},"]
    return shlex.join(words)


def _diagnostics(run: Record) -> dict[str, float]:
    found = run.pretrain.diagnostics if run.pretrain else {}
    return {name: value for name, value in found.items() if name.endswith(("_std", "_rank"))}


def _diagnostic_order(name: str) -> tuple[bool, str]:
    return name.endswith("_rank"), name
