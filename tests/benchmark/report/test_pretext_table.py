"""Accuracies of the pretexts beside their chance levels."""

from __future__ import annotations

import pytest

from benchmark.report import build
from benchmark.results.schema import PretrainInfo
from benchmark.results.store import RecordStore


@pytest.fixture
def pretexts(tmp_path, make_record):
    def table(*finals):
        store = RecordStore(tmp_path / "runs")
        for seed, final in enumerate(finals):
            made = PretrainInfo(dataset="mini-kav", clips=96, steps=9, seed=seed, final=final)
            run = make_record("glcm", "lrw", 1, seed=seed, pretrain=made)
            store.write(run.model_copy(update={"kind": "pretrain", "task": None, "scores": {}}))
        return {table.name: table for table in build(store)}.get("pretexts")

    return table


def test_accuracy_over_seeds_beside_its_chance(pretexts):
    table = pretexts(
        {"loss": 3.0, "local_accuracy": 0.25, "local_chance": 0.0625},
        {"loss": 2.0, "local_accuracy": 0.75, "local_chance": 0.0625},
    )
    (row,) = table.rows
    accuracy, chance = row.cells
    assert (row.label, row.details) == ("GLCM", ("local",))
    assert (accuracy.value, accuracy.n, chance.value) == (0.5, 2, 0.0625)
    assert accuracy.half_width == pytest.approx(12.706 * 0.25, rel=1e-3)


def test_each_pretext_has_a_row_and_none_needs_a_chance(pretexts):
    table = pretexts({"speed_accuracy": 0.5, "accuracy": 0.25})
    assert [row.details for row in table.rows] == [("its own",), ("speed",)]
    assert all(row.cells[1].value is None for row in table.rows)


def test_losses_alone_make_no_table(pretexts):
    assert pretexts({"loss": 3.0}) is None
