"""Normalised gain: numbers against the formula worked out by hand."""

import pytest
from scipy.stats import t

from benchmark.report import build_report
from benchmark.results.store import RecordStore

SCORES = {  # objective -> task -> score of seeds 0, 1, 2
    "scratch": {"lrw": (40, 42, 44), "lrs2": (90, 88, 86)},
    "glcm": {"lrw": (55, 62, 64), "lrs2": (75, 68, 56)},
    "moco": {"lrw": (40, 47, 39), "lrs2": (95, 88, 81)},
    "supervised": {"lrw": (60, 67, 69), "lrs2": (60, 48, 46)},
}
# by hand: lrw of GLCM (55 - 40) / (60 - 40), (62 - 42) / (67 - 42), (64 - 44) / (69 - 44), and for
# the error rate (75 - 90) / (60 - 90), (68 - 88) / (48 - 88), (56 - 86) / (46 - 86)
GAINS = {
    "GLCM": {"LRW": (0.75, 0.8, 0.8), "LRS2": (0.5, 0.5, 0.75)},
    "MoCo": {"LRW": (0.0, 0.2, -0.2), "LRS2": (-1 / 6, 0.0, 0.125)},
}


@pytest.fixture
def gain_of(tmp_path, make_record):
    """gain_of(scores, **options of build_report) -> the table of gains or None."""

    def make(scores, *, without=(), **options):
        store = RecordStore(tmp_path)
        for name, tasks in scores.items():
            for task, values in tasks.items():
                for seed, value in enumerate(values):
                    fields = {"pretrain": None} if name == "scratch" else {}
                    if (name, task, seed) not in without:
                        store.write(make_record(name, task, value, seed=seed, **fields))
        report = build_report(store, published=False, **options)
        found = report.only(["gain"])
        assert all(table in report.telling for table in found)
        return next(iter(found), None)

    return make


def changed(objective, task, values):
    return {**SCORES, objective: {**SCORES[objective], task: values}}


def cells_of(table):
    return {(row.label, column.label): cell for row, column, cell in table.cells}


def mean_and_half(values):
    mean = sum(values) / len(values)
    spread = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    return mean, t.ppf(0.975, len(values) - 1) * spread / len(values) ** 0.5


def test_gains_by_hand_within_each_seed(gain_of):
    cells = cells_of(gain_of(SCORES))
    assert {label for label, _ in cells} == {"GLCM", "MoCo"}  # the ends of the scale are no rows
    for label, tasks in GAINS.items():
        means = [sum(pair) / 2 for pair in zip(*tasks.values(), strict=True)]
        for column, by_seed in {**tasks, "mean": means}.items():
            cell = cells[label, column]
            assert (cell.value, cell.half_width) == pytest.approx(mean_and_half(by_seed))
            assert cell.n == 3


def test_every_gain_names_the_records_it_was_computed_from(gain_of):
    cells = cells_of(gain_of(SCORES))
    assert len(cells["GLCM", "LRW"].run_ids) == 9  # three methods, three seeds
    assert len(cells["GLCM", "mean"].run_ids) == 18


def test_one_seed_has_no_interval(gain_of):
    first = {name: {task: v[:1] for task, v in tasks.items()} for name, tasks in SCORES.items()}
    cell = cells_of(gain_of(first))["GLCM", "LRW"]
    assert (cell.value, cell.half_width, cell.n) == (0.75, None, 1)


@pytest.mark.parametrize("labels", [(39, 41, 43), (40, 42, 44), (60, 67, 44)])
def test_without_room_between_the_anchors_there_is_no_gain_and_no_mean(gain_of, labels):
    """Worse than scratch, equal to it, or no better in one seed of three: a dash that says why."""
    table = gain_of(changed("supervised", "lrw", labels))
    cells = cells_of(table)
    assert cells["GLCM", "LRS2"].value is not None
    for column in ("LRW", "mean"):
        cell = cells["GLCM", column]
        assert (cell.value, cell.text) == (None, "—")
        assert "supervised is not better than scratch" in cell.note
    assert any("on LRW (finetune), Supervised is not better" in note for note in table.notes)


@pytest.mark.parametrize("anchor", ["scratch", "supervised"])
def test_without_an_anchor_there_is_no_table(gain_of, anchor):
    assert gain_of({name: row for name, row in SCORES.items() if name != anchor}) is None


def test_a_task_that_an_anchor_lacks_is_left_out_and_named(gain_of):
    """The largest block would drop the anchor; that of the gains holds both."""
    table = gain_of(SCORES, without=[("supervised", "lrs2", seed) for seed in range(3)])
    assert [column.label for column in table.columns] == ["LRW"]
    assert cells_of(table)["GLCM", "LRW"].value == pytest.approx((0.75 + 0.8 + 0.8) / 3)
    assert any("Left out" in note and "LRS2 (finetune)" in note for note in table.notes)


def test_only_seeds_that_all_share_are_paired(gain_of):
    """GLCM was never run with seed 0 on LRW: the mean is over the other two."""
    cell = cells_of(gain_of(SCORES, without=[("glcm", "lrw", 0)]))["MoCo", "LRW"]
    assert (cell.value, cell.n) == (pytest.approx(0.0), 2)


def test_anchors_pretrained_otherwise_are_no_scale(tmp_path, make_record):
    store = RecordStore(tmp_path)
    for name in ("scratch", "glcm", "moco", "supervised"):
        steps = 900 if name == "supervised" else 100
        fields = {"pretrain": None} if name == "scratch" else {}
        store.write(make_record(name, "lrw", 50.0, steps=steps, **fields))
    assert not build_report(store, published=False).only(["gain"])
