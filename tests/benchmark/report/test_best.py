import numpy as np
import pytest
from scipy.stats import ttest_rel

from benchmark.report import build
from benchmark.report.best import with_best
from benchmark.report.model import Cell, Column, Row, Table
from benchmark.results.predictions import write_predictions
from benchmark.results.store import RecordStore

COLUMN = Column(
    group=("measured",), label="x", metric="m", higher_is_better=True, origin="measured"
)
NOISE = (50.0, 53.0, 47.0, 51.0, 49.0)


def table(*columns, **options):
    """A table of columns of cells."""
    lines = zip(*columns, strict=True)
    rows = tuple(Row(label=str(i), cells=line) for i, line in enumerate(lines))
    drawn = (COLUMN,) * len(columns)
    return Table(name="t", title="t", columns=drawn, rows=rows, **options)


def scored(*values, **options):
    seeds = tuple(((seed,), value) for seed, value in enumerate(values))
    return Cell(
        origin="measured", value=float(np.mean(values)), n=len(values), by_seed=seeds, **options
    )


def marks(found):
    return [("best" if c.best else "tied" if c.tied else "") for _, _, c in found.cells]


def test_noise_is_not_distinguishable_and_a_real_difference_is():
    first = scored(*NOISE)
    noise = scored(49.0, 51.5, 48.0, 51.2, 49.5)
    worse = scored(40.1, 42.7, 37.5, 41.2, 38.9)
    assert ttest_rel(NOISE, [49.0, 51.5, 48.0, 51.2, 49.5]).pvalue > 0.5
    assert ttest_rel(NOISE, [40.1, 42.7, 37.5, 41.2, 38.9]).pvalue < 1e-4
    found = with_best(table([first, noise, worse]))
    assert marks(found) == ["best", "tied", ""]
    assert any("not distinguishable" in note for note in found.notes)


def test_many_comparisons_are_corrected():
    """p = 0.03 alone tells two apart; as the smallest of four it does not."""
    first = scored(*NOISE)
    other = scored(*(n - gap for n, gap in zip(NOISE, (1.0, 2.4, 0.6, 2.0, 0.4), strict=True)))
    p = ttest_rel([v for _, v in first.by_seed], [v for _, v in other.by_seed]).pvalue
    assert 0.05 / 4 < p < 0.05
    assert marks(with_best(table([first, other]))) == ["best", ""]
    noise = [scored(*(n - 0.1 * (-1) ** i - 0.01 for i, n in enumerate(NOISE)))] * 3
    assert marks(with_best(table([first, other, *noise]))) == ["best"] + ["tied"] * 4


def test_a_single_seed_tells_nothing_apart():
    assert marks(with_best(table([scored(90.0), scored(10.0)]))) == ["best", "tied"]


def test_seeds_that_only_one_has_are_no_pairs():
    one = Cell(origin="measured", value=90.0, by_seed=(((0,), 90.0), ((1,), 90.1)))
    other = Cell(origin="measured", value=10.0, by_seed=(((2,), 10.0), ((3,), 10.1)))
    assert marks(with_best(table([one, other]))) == ["best", "tied"]


def test_an_encoder_without_a_pretraining_seed_is_paired_by_the_evaluations(tmp_path, make_record):
    """A gap of twenty points in three seeds: not called alike because one has no pretraining."""
    store = RecordStore(tmp_path)
    for seed, noise in enumerate((0.0, 1.0, -1.0)):
        store.write(make_record("glcm", "lrw", 60 + noise, seed=seed))
        store.write(make_record("scratch", "lrw", 40 - noise, seed=seed, pretrain=None))
    cells = {row.label: row.cells[0] for row in build(store, published=False)[0].rows}
    assert cells["GLCM"].best
    assert not cells["Scratch"].tied


def test_a_lone_number_is_not_the_best():
    lone = [Cell(origin="measured", value=1.0), Cell(origin="measured")]
    assert marks(with_best(table(lone))) == ["", ""]


def test_published_numbers_are_never_called_tied():
    cells = [Cell(origin="published", value=value) for value in (1.0, 2.0)]
    assert marks(with_best(table(cells))) == ["", "best"]


def test_along_rows_each_row_and_group_has_its_own_best():
    cells = [[Cell(origin="published", value=v) for v in pair] for pair in ((1.0, 5.0), (2.0, 4.0))]
    found = table(*cells, along_rows=True)
    rows = tuple(
        Row(label=row.label, cells=row.cells, higher_is_better=up)
        for row, up in zip(found.rows, (True, False), strict=True)
    )
    sideways = Table(name="t", title="t", columns=found.columns, rows=rows, along_rows=True)
    assert marks(with_best(sideways)) == ["", "best", "", "best"]


@pytest.mark.parametrize("more", [(), (1,)])  # seeds that only the best has
@pytest.mark.parametrize(("wrong", "tied"), [(2, True), (30, False)])
def test_one_shared_seed_is_tested_on_its_test_samples(tmp_path, make_record, wrong, tied, more):
    """Of 60 test samples the other objective gets 2, or 30, more wrong."""
    store = RecordStore(tmp_path)
    for name, misses, seeds in (("glcm", 0, (0, *more)), ("moco", wrong, (0,))):
        for seed in seeds:
            record = make_record(name, value=100.0 - 100 * misses / 60, seed=seed)
            right = np.arange(60) >= misses
            predictions = write_predictions(
                store.predictions_path(record.cell_key, record.run_id),
                sample_id=[f"s{i:02}" for i in range(60)],
                group_id=[f"s{i:02}" for i in range(60)],
                target=np.zeros(60, dtype=int),
                score=np.stack([right, ~right], axis=1).astype(float),
                root=tmp_path,
            )
            store.write(record.model_copy(update={"predictions": predictions}))
    cells = {row.label: row.cells[0] for row in build(store, published=False)[0].rows}
    assert cells["GLCM"].best
    assert cells["MoCo"].tied is tied
