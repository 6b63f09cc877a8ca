import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import (
    holm,
    indistinguishable,
    minimum_detectable_effect,
    seed_difference,
    signed_rank_floor,
)


def test_holm_by_hand():
    """.01 * 4, max(.04, .013 * 3), .02 * 2 raised to .04, .4: in the order given."""
    assert holm([0.4, 0.01, 0.02, 0.013]) == pytest.approx([0.4, 0.04, 0.04, 0.04])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0


def test_holm_rejects_what_the_step_down_rule_rejects():
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = rng.beta(0.4, 4, size=rng.integers(1, 8))
        rejected = set()
        for step, index in enumerate(np.argsort(p)):
            if p[index] > 0.05 / (len(p) - step):
                break
            rejected.add(int(index))
        assert set(np.flatnonzero(holm(p) <= 0.05).tolist()) == rejected


def test_holm_keeps_the_chance_of_any_false_rejection():
    p = np.random.default_rng(1).random((4000, 6))
    assert np.mean([holm(row).min() < 0.05 for row in p]) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize("p", [[0.1, float("nan")], [1.2], [[0.1]]])
def test_holm_refuses_what_is_no_p(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(p)


def test_noise_is_indistinguishable_and_a_gap_is_not():
    best = [70.0, 71.0, 70.5]
    close = seed_difference(best, [70.2, 70.4, 71.0])
    far = seed_difference(best, [50.1, 51.0, 50.3])
    untested = seed_difference([70.0], [10.0])
    assert indistinguishable([close, far, untested]) == [True, False, True]


def test_more_comparisons_ask_for_more():
    """p = .03 alone is a difference; beside three others it is none."""
    gap = seed_difference(np.array([1.0, 3.0, 2.0, 1.2, 4.0]), np.zeros(5))
    assert 0.013 < gap.p < 0.05
    assert indistinguishable([gap]) == [False]
    assert indistinguishable([gap] * 4) == [True] * 4


def test_detectable_effect_of_known_spread():
    """Known variance: (z(.975) + z(.8)) * error = 2.8016 * error (Cohen's tables)."""
    assert minimum_detectable_effect(2.0, float("inf")) == pytest.approx(2 * 2.80158, rel=1e-4)


@pytest.mark.parametrize("degrees", [2, 4, 12])
def test_detectable_effect_has_the_power_it_says(degrees):
    effect = minimum_detectable_effect(1.0, degrees)
    limit = stats.t.ppf(0.975, degrees)
    power = stats.nct.sf(limit, degrees, effect) + stats.nct.cdf(-limit, degrees, effect)
    assert power == pytest.approx(0.8, abs=1e-3)
    rng = np.random.default_rng(degrees)
    t = rng.normal(effect, 1, 20_000) / np.sqrt(rng.chisquare(degrees, 20_000) / degrees)
    assert np.mean(np.abs(t) > limit) == pytest.approx(0.8, abs=0.01)


def test_detectable_effect_refuses_nonsense():
    with pytest.raises(ValueError, match="degrees > 0"):
        minimum_detectable_effect(1.0, 0)
    with pytest.raises(ValueError, match="standard error"):
        minimum_detectable_effect(float("nan"), 3)


@pytest.mark.parametrize("pairs", [1, 3, 5, 6, 9])
def test_floor_of_the_signed_rank_test_is_scipys(pairs):
    gaps = np.arange(1, pairs + 1, dtype=float)  # all of one sign
    assert signed_rank_floor(pairs) == pytest.approx(stats.wilcoxon(gaps, method="exact").pvalue)
    assert (signed_rank_floor(pairs) < 0.05) == (pairs > 5)
