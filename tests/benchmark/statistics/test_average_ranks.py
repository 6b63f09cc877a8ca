import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import (
    average_ranks,
    complete_blocks,
    critical_difference,
    friedman,
    nemenyi,
    not_separated,
    win_matrix,
)

SCORES = np.array([[70.0, 60.0, 50.0], [30.0, 40.0, 35.0], [80.0, 80.0, 10.0]])
UP = [True, False, True]  # the second is an error rate


def test_ranks_by_hand():
    found = average_ranks(SCORES, UP)
    assert found.per_task.tolist() == [[1, 2, 3], [1, 3, 2], [1.5, 1.5, 3]]
    assert found.mean == pytest.approx([3.5 / 3, 6.5 / 3, 8 / 3])
    assert (found.low >= 1).all()
    assert (found.high <= 3).all()
    assert (found.low < found.mean).all()


def test_a_task_is_ranked_by_the_mean_of_its_seeds():
    seeds = np.array([[[10.0, 30.0], [18.0, 18.0]]] * 2)  # means 20 and 18; one seed of two says so
    found = average_ranks(seeds, [True, True])
    assert found.mean.tolist() == [1, 2]
    assert average_ranks(seeds[..., :1], [True, True]).mean.tolist() == [2, 1]


def test_one_task_has_no_interval():
    found = average_ranks(SCORES[:1], UP[:1])
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize("function", [lambda x: average_ranks(x, UP), lambda x: win_matrix(x, UP)])
def test_incomplete_blocks_are_refused(function):
    holed = SCORES.copy()
    holed[1, 2] = np.nan
    with pytest.raises(ValueError, match="task 1, method 2"):
        function(holed)
    with pytest.raises(ValueError, match="2 tasks need 2 directions"):
        function(SCORES[:2])


def test_complete_blocks_name_what_is_left():
    holed = np.repeat(SCORES[..., None], 2, axis=2)
    holed[1, 2, 0] = np.nan
    assert complete_blocks(holed).tolist() == [True, False, True]
    with pytest.raises(ValueError, match="complete blocks"):
        friedman(np.where(np.eye(3) > 0, np.nan, SCORES))


def test_friedman_on_a_printed_example():
    """Demsar 2006, sec. 3.2.3: average ranks 3.143, 2.000, 2.893, 1.964 over 14 sets give 9.28."""
    ranks = np.array([3.143, 2.000, 2.893, 1.964])
    statistic = 12 * 14 / (4 * 5) * ((ranks**2).sum() - 4 * 25 / 4)
    assert statistic == pytest.approx(9.28, abs=0.02)
    rng = np.random.default_rng(0)
    scores = rng.normal([0, 1, 0.2, 1], size=(14, 4))
    mean = average_ranks(scores, [True] * 14).mean
    found = friedman(scores)
    assert found.statistic == pytest.approx(12 * 14 / 20 * ((mean**2).sum() - 25))
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, 3))


def test_friedman_of_ties_and_of_too_little():
    assert friedman(np.ones((4, 3))).p == 1.0
    with pytest.raises(ValueError, match="three methods"):
        friedman(SCORES[:, :2])


# Demsar 2006, table 5a: q(.05) / sqrt(2) for 2 to 10 classifiers
DEMSAR = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)


@pytest.mark.parametrize(("methods", "quantile"), list(enumerate(DEMSAR, 2)))
def test_critical_difference_of_the_printed_tables(methods, quantile):
    expected = quantile * (methods * (methods + 1) / (6 * 14)) ** 0.5
    assert critical_difference(methods, 14) == pytest.approx(expected, abs=1e-3)


def test_nemenyi_agrees_with_its_critical_difference():
    gap = critical_difference(4, 14)
    p = nemenyi(np.array([1.0, 1.0 + gap, 2.0, 4.0]), 14)
    assert p[0, 1] == pytest.approx(0.05, abs=1e-4)
    assert p == pytest.approx(p.T)
    assert np.diag(p).tolist() == [1, 1, 1, 1]
    assert p[0, 3] < 0.05 < p[0, 2]


def test_bars_are_the_largest_sets_within_reach():
    assert not_separated([3.2, 1.0, 1.9, 2.8, 5.0], 1.0) == [(1, 2), (2, 3), (3, 0)]
    assert not_separated([1.0, 1.5, 2.0], 1.0) == [(0, 1, 2)]
    assert not_separated([1.0, 3.0], 1.0) == []


def test_wins_are_counted_by_task():
    """The tie of the third task counts for neither."""
    assert win_matrix(SCORES, UP).tolist() == [[0, 2, 3], [0, 0, 2], [0, 1, 0]]
