"""Stored predictions as evidence: where one seed is all there is, test samples can still tell."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.report.best import over_seeds
from benchmark.report.grid import fold_of, seed_of
from benchmark.report.model import Cell
from benchmark.results.predictions import PredictionTable, read_predictions
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from benchmark.statistics import Difference, paired_difference
from registries.errors import BenchError


class Evidence:
    """Compares two measured cells: over seeds, or over the test samples of the only one shared."""

    def __init__(self, store: RecordStore, records: Iterable[Record]) -> None:
        self.store = store
        self.records = {record.run_id: record for record in records}

    def compare(self, cell: Cell, best: Cell) -> Difference:
        """The paired difference of the two; its p is None where nothing can be tested."""
        over = over_seeds(cell, best)
        shared = _trainings(cell) & _trainings(best)
        if over.p is not None or len(shared) != 1:
            return over
        (seed,) = shared
        ours, theirs = self._tables(cell, seed), self._tables(best, seed)
        if ours is None or theirs is None:
            return over
        try:
            return paired_difference([ours], [theirs], "top1")
        except ValueError:  # other samples: nothing is paired
            return over

    def _tables(self, cell: Cell, seed: int | None) -> list[PredictionTable] | None:
        """Predictions of one seed of a cell by fold; None without, or where it is no accuracy.

        Other metrics take seconds a comparison to resample.
        """
        known = [self.records[run_id] for run_id in cell.run_ids if run_id in self.records]
        records = sorted((r for r in known if seed_of(r)[0] == seed), key=fold_of)
        if len({seed_of(record) for record in records}) != 1:
            return None
        tables = []
        for record in records:
            path = self.store.find_predictions(record)
            if path is None or record.task is None or record.task.primary_metric != "top1":
                return None
            try:
                tables.append(read_predictions(path))
            except (OSError, BenchError):  # `bench results verify` names it
                return None
        return tables


def _trainings(cell: Cell) -> set[int | None]:
    """Seeds of the evaluations behind a cell."""
    return {seeds[0] for seeds, _ in cell.by_seed}
