import numpy as np
import pytest
from answers import answers
from scipy import stats

from benchmark.results.predictions import PredictionTable
from benchmark.statistics import mcnemar, paired_difference, seed_difference
from benchmark.statistics.resampling import SAMPLE_MEANS, group_draws


def test_seeds_alone_are_the_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(60, 3, 5), rng.normal(58, 3, 5)
    found, expected = seed_difference(a, b), stats.ttest_rel(a, b)
    assert found.p == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval(0.95)
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx(
        (low, high)
    )
    assert (found.seeds, found.groups, found.degrees) == (5, None, 4)


def test_one_pair_of_seeds_alone_tells_nothing():
    found = seed_difference([60.0], [50.0])
    assert (found.mean, found.half_width, found.p) == (10.0, None, None)


def test_seeds_that_agree_exactly_are_no_proof():
    """A variance of zero over two trainings is a coincidence: no p of zero."""
    found = seed_difference([60.0, 62.0], [50.0, 52.0])
    assert (found.mean, found.p) == (10.0, None)


def test_one_seed_of_independent_samples_is_the_paired_t_test_over_samples():
    rng = np.random.default_rng(1)
    a, b = rng.random(400) < 0.7, rng.random(400) < 0.6
    found = paired_difference([[answers(a)]], [[answers(b)]], "top1", rounds=20_000)
    expected = stats.ttest_rel(a.astype(float), b.astype(float))
    assert found.mean == pytest.approx(100 * (a.mean() - b.mean()))
    assert found.standard_error == pytest.approx(
        100 * stats.sem(a.astype(float) - b.astype(float)), rel=0.02
    )
    assert found.p == pytest.approx(expected.pvalue, abs=0.005)
    assert (found.seeds, found.groups, found.degrees) == (1, 400, 399)


def test_pairing_takes_out_what_both_share():
    """Right on the same samples but for ten of 400: unpaired, 2.5 points would be noise."""
    hard = np.random.default_rng(2).random(400) < 0.5
    better = hard.copy()
    better[np.flatnonzero(~hard)[:10]] = True
    found = paired_difference([[answers(better)]], [[answers(hard)]], "top1")
    assert found.mean == pytest.approx(2.5)
    assert found.p < 0.01
    assert stats.ttest_ind(better.astype(float), hard.astype(float)).pvalue > 0.4


def test_whole_groups_are_drawn():
    """Ten groups of 40 that are right or wrong together: ten observations, not 400."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(10), 40)
    a, b = (np.repeat(rng.random(10) < share, 40) for share in (0.8, 0.4))
    found = paired_difference([[answers(a, groups)]], [[answers(b, groups)]], "top1", rounds=20_000)
    gaps = 100 * (a[::40].astype(float) - b[::40])
    assert found.standard_error == pytest.approx(stats.sem(gaps), rel=0.02)
    assert (found.groups, found.degrees) == (10, 9)


def test_seeds_and_groups_add_up():
    """Variance over seeds from the seeds, over groups from the bootstrap less the interaction."""
    rng = np.random.default_rng(4)
    right = rng.random((2, 3, 300)) < np.array([0.6, 0.5])[:, None, None]
    a, b = ([[answers(seed)] for seed in side] for side in right)
    gap = right[0].astype(float) - right[1]
    found = paired_difference(a, b, "top1", rounds=20_000)
    seeds = gap.mean(axis=1).var(ddof=1) / 3
    groups = gap.mean(axis=0).var(ddof=1) / 300
    own = gap.var(axis=1, ddof=1).mean() / 300
    groups = max(groups - (own - groups) / 2, 0)
    assert found.standard_error == pytest.approx(100 * (seeds + groups) ** 0.5, rel=0.02)
    assert 2 <= found.degrees < 300


def test_a_seed_is_the_mean_over_its_folds():
    """Folds of unequal size: 50 % and 100 % are 75 %, not the share of all samples."""
    small, large = answers([True, False]), answers([True] * 8, np.arange(10, 18))
    none = (answers([False, False]), answers([False] * 8, np.arange(10, 18)))
    found = paired_difference([[small, large]], [list(none)], "top1")
    assert found.mean == pytest.approx(75.0)
    assert found.groups == 10


def test_the_same_predictions_do_not_differ():
    table = answers([True, False, True, True])
    found = paired_difference([[table]] * 3, [[table]] * 3, "top1")
    assert (found.mean, found.half_width, found.p) == (0.0, 0.0, 1.0)


def test_other_samples_seeds_or_folds_are_refused():
    table, other = answers([True, False]), answers([True, False, True])
    with pytest.raises(ValueError, match="same test samples"):
        paired_difference([[table]], [[other]], "top1")
    with pytest.raises(ValueError, match="same seeds and folds"):
        paired_difference([[table], [table]], [[table]], "top1")
    with pytest.raises(ValueError, match="same seeds"):
        seed_difference([1.0, 2.0], [1.0])


def random_scores(count=60, classes=7):
    rng = np.random.default_rng(5)
    return PredictionTable(
        sample_id=np.array([f"{index:03d}" for index in range(count)]),
        group_id=np.array([f"g{index % 9}" for index in range(count)]),
        target=rng.integers(classes, size=count),
        score=rng.normal(size=(count, classes)).astype(np.float32),
    )


@pytest.mark.parametrize("metric", sorted(SAMPLE_MEANS))
def test_the_short_way_is_the_metric_of_the_drawn_table(metric, monkeypatch):
    quick = group_draws([[random_scores()]], metric, rounds=50, seed=0)
    monkeypatch.setattr("benchmark.statistics.resampling.SAMPLE_MEANS", {})
    slow = group_draws([[random_scores()]], metric, rounds=50, seed=0)
    assert quick.draws == pytest.approx(slow.draws)
    assert quick.draws.std() > 1


def test_draws_without_a_metric_are_left_out():
    """An AUC needs both classes: four groups of one class each, drawn with one class in 2 of 16."""
    table = PredictionTable(
        sample_id=np.array(list("abcd")),
        group_id=np.array(list("abcd")),
        target=np.array([0, 0, 1, 1]),
        score=np.array([[0.1], [0.6], [0.5], [0.9]], dtype=np.float32),
    )
    drawn = group_draws([[table]], "auc", rounds=400, seed=0).draws
    assert np.isnan(drawn).mean() == pytest.approx(0.125, abs=0.05)
    found = paired_difference([[table]], [[table]], "auc", rounds=400)
    assert (found.mean, found.p) == (0.0, 1.0)


def test_mcnemar_by_the_binomial_over_folds():
    """Eight samples only a gets right, one only b: p = 2 (C(9,0) + C(9,1)) / 2^9."""
    a, b = [True] * 8 + [False] + [True] * 5, [False] * 8 + [True] + [True] * 5
    found = mcnemar([answers(a[:6]), answers(a[6:])], [answers(b[:6]), answers(b[6:])])
    assert (found.only_a, found.only_b) == (8, 1)
    assert found.p == pytest.approx(2 * 10 / 512)
    assert mcnemar([answers(a)], [answers(a)]).p == 1.0
