"""What pretraining itself achieved: each pretext's accuracy beside its chance level."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean

from benchmark.report.accounts import NOTHING, plain_column
from benchmark.report.keys import RowKey, row_key, row_labels
from benchmark.report.model import Cell, Row, Table
from benchmark.results.schema import Record
from benchmark.statistics import interval

ACCURACY, CHANCE = "accuracy", "chance"


def pretext_table(pretraining: Iterable[Record]) -> Table | None:
    """A row for each accuracy of each objective, over the seeds; None where no run logged one."""
    runs: dict[RowKey, list[Record]] = defaultdict(list)
    for record in pretraining:
        if record.status == "done" and record.pretrain and _pretexts(record):
            runs[row_key(record)].append(record)
    if not runs:
        return None
    labels = row_labels(runs)
    rows = []
    for row in sorted(runs, key=lambda row: row.order):
        names = dict.fromkeys(name for run in runs[row] for name in _pretexts(run))
        rows += [_row(labels[row], name, runs[row]) for name in names]
    return Table(
        name="pretexts",
        title="Pretext accuracies",
        columns=(plain_column("accuracy", "", 3), plain_column("chance", "", 3)),
        rows=tuple(rows),
        label_head="objective",
        detail_heads=("pretext",),
        notes=(
            "Share of right answers on the last batch of training, clips that were trained on: "
            "mean ± half width of the 95 % interval over seeds (Student t), (seeds).",
        ),
    )


def _row(label: str, name: str, runs: list[Record]) -> Row:
    found = {run.run_id: _pretexts(run)[name] for run in runs if name in _pretexts(run)}
    mean, half = interval([accuracy for accuracy, _ in found.values()])
    guesses = [chance for _, chance in found.values() if chance is not None]
    ids = tuple(found)
    accuracy = Cell(origin="measured", value=mean, half_width=half, n=len(found), run_ids=ids)
    chance = Cell(origin="measured", value=fmean(guesses), run_ids=ids) if guesses else NOTHING
    words = name.replace("_", " ") or "its own"
    return Row(label=label, details=(words,), cells=(accuracy, chance))


def _pretexts(run: Record) -> dict[str, tuple[float, float | None]]:
    """Name without its ending -> accuracy, chance."""
    final = run.pretrain.final if run.pretrain else {}
    return {
        name.removesuffix(ACCURACY).rstrip("_"): (value, final.get(_chance_of(name)))
        for name, value in final.items()
        if name.endswith(ACCURACY)
    }


def _chance_of(name: str) -> str:
    return name.removesuffix(ACCURACY) + CHANCE
