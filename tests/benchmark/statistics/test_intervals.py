import numpy as np
import pytest
from scipy import stats

from benchmark.results.predictions import PredictionTable
from benchmark.statistics import bootstrap_interval, interval, wilson_interval


def predictions(hit, groups):
    """Two classes, target 0; a sample is right where `hit` is true."""
    hit = np.asarray(hit)
    return PredictionTable(
        sample_id=np.array([f"{index:05d}" for index in range(len(hit))]),
        group_id=np.asarray(groups),
        target=np.zeros(len(hit), dtype=int),
        score=np.stack([hit, ~hit], axis=1).astype(np.float32),
    )


def test_three_seeds_by_hand():
    """Mean 2, s = 1, t(.975, 2) = 4.302653 (printed tables): half = 4.302653 / sqrt(3)."""
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.302653 / 3**0.5, rel=1e-6)


def test_equals_scipy():
    values = np.random.default_rng(0).normal(60, 2, size=7)
    mean, half = interval(values.tolist())
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high))


def test_one_seed_has_no_interval():
    assert interval([61.5]) == (61.5, None)
    with pytest.raises(ValueError, match="at least one"):
        interval([])


@pytest.mark.parametrize("count", [3, 5])
def test_student_covers_what_it_claims(count):
    """2,000 sets of normal seeds: 95 % +- 1.5 % (three standard errors) hold the true mean."""
    rng = np.random.default_rng(count)
    sets = rng.normal(50.0, 3.0, size=(2000, count))
    held = [abs(mean - 50.0) <= half for mean, half in map(interval, sets.tolist())]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_bootstrap_draws_whole_groups():
    """Ten groups, each all right or all wrong: the interval of ten draws, not of 1,000."""
    hit = np.repeat([True] * 7 + [False] * 3, 100)
    groups = np.repeat([f"speaker-{index}" for index in range(10)], 100)
    low, high = bootstrap_interval(predictions(hit, groups), "top1", rounds=2000)
    expected = stats.binom.ppf([0.025, 0.975], 10, 0.7) * 10
    assert (low, high) == pytest.approx(expected, abs=1e-4)
    low, high = bootstrap_interval(predictions(hit, groups), "top1", np.arange(1000), rounds=500)
    assert 66 < low < 70 < high < 74  # as if independent: +- 2.8


def test_bootstrap_is_the_same_every_time():
    found = predictions(np.random.default_rng(3).random(60) < 0.6, [str(i % 12) for i in range(60)])
    assert bootstrap_interval(found, "top1", rounds=200) == bootstrap_interval(
        found, "top1", rounds=200
    )


def test_bootstrap_needs_groups_and_an_existing_metric():
    assert bootstrap_interval(predictions([True, False], ["a", "a"]), "top1") is None
    one_class = predictions([True, False, True], ["a", "b", "c"])
    assert bootstrap_interval(one_class, "auc", rounds=10) is None


def test_wilson_by_scipy_and_at_the_edges():
    expected = stats.binomtest(41, 100).proportion_ci(method="wilson")
    assert wilson_interval(41, 100) == pytest.approx((expected.low, expected.high))
    low, high = wilson_interval(0, 20)
    assert low == 0.0
    assert high == pytest.approx(3.841459 / 23.841459, rel=1e-6)  # z^2 / (n + z^2)
    with pytest.raises(ValueError, match="hits <= count"):
        wilson_interval(3, 2)
