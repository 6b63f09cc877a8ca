import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import dissociation, kendall, normalised_gain


def test_gain_between_scratch_and_supervised():
    assert normalised_gain(60.0, 40.0, 80.0) == pytest.approx(0.5)
    assert normalised_gain(30.0, 40.0, 80.0) == pytest.approx(-0.25)
    assert normalised_gain(50.0, 70.0, 30.0, higher_is_better=False) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "arguments", [(None, 40, 80), (60, None, 80), (60, 40, None), (60, 40, 40), (60, 40, 30)]
)
def test_no_gain_without_a_scale(arguments):
    assert normalised_gain(*arguments) is None


def test_dissociation_by_hand():
    """Two local tasks prefer the first method, the global one the second; z of two is +-.7071."""
    scores = np.array([[60.0, 50.0], [20.0, 30.0], [50.0, 90.0]])
    found = dissociation(scores, [True, False, True], [True, True, False])
    half = 0.5**0.5
    assert found.local == pytest.approx([half, -half])
    assert found.whole == pytest.approx([-half, half])
    assert found.index == pytest.approx([2 * half, -2 * half])
    assert found.half_width is None


def test_dissociation_is_relative_to_the_methods_compared():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(6, 5, 3))
    local = np.array([True, True, False, True, False, False])
    found = dissociation(scores, np.ones(6, dtype=bool), local)
    z = stats.zscore(scores, axis=1, ddof=1)
    by_seed = z[local].mean(axis=0) - z[~local].mean(axis=0)
    assert found.index == pytest.approx(by_seed.mean(axis=1))
    assert found.index.sum() == pytest.approx(0)
    limits = stats.t.ppf(0.975, 2) * stats.sem(by_seed, axis=1)
    assert found.half_width == pytest.approx(limits)


def test_good_everywhere_is_not_dissociated():
    ladder = np.array([[10.0, 20.0, 30.0]] * 4)
    found = dissociation(ladder, [True] * 4, [True, True, False, False])
    assert found.index == pytest.approx([0, 0, 0])
    equal = dissociation(np.ones((2, 3)), [True, True], [True, False])
    assert equal.index.tolist() == [0, 0, 0]


def test_dissociation_needs_both_kinds_and_every_score():
    with pytest.raises(ValueError, match="a local and a global"):
        dissociation(np.ones((2, 3)), [True, True], [True, True])
    with pytest.raises(ValueError, match="every score"):
        dissociation(np.array([[1, np.nan], [1, 2]]), [True, True], [True, False])
    with pytest.raises(ValueError, match="one direction"):
        dissociation(np.ones((2, 3)), [True], [True, False])


PUBLISHED = (83.7, 75.8, 70.7, 67.5, 65.3, 64.9, 61.2)  # LRW of GLCM's Table 4


def test_tau_is_scipys():
    measured = np.random.default_rng(1).normal(PUBLISHED, 8)
    found = kendall(measured, PUBLISHED)
    expected = stats.kendalltau(measured, PUBLISHED)
    assert (found.tau, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert (found.low, found.high, found.methods) == (None, None, 7)


def test_tau_of_the_same_and_the_reverse_order():
    assert kendall(np.square(PUBLISHED), PUBLISHED).tau == pytest.approx(1)
    assert kendall(np.negative(PUBLISHED), PUBLISHED).tau == pytest.approx(-1)


def test_shared_noise_of_a_seed_does_not_blur_the_order():
    seeds = np.add.outer(np.array(PUBLISHED), [0.0, 30.0, -30.0])
    found = kendall(seeds, PUBLISHED)
    assert (found.tau, found.low, found.high) == pytest.approx((1, 1, 1))
    own = seeds + np.random.default_rng(2).normal(0, 8, seeds.shape)
    wide = kendall(own, PUBLISHED)
    assert wide.high - wide.low > 0.3


def test_tau_needs_methods_and_scores():
    with pytest.raises(ValueError, match="three or more"):
        kendall([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="every score"):
        kendall([1.0, 2.0, float("nan")], [1.0, 2.0, 3.0])
