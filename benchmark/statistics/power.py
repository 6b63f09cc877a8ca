"""What a test could have found: a difference that was not found may only be too small to see."""

from __future__ import annotations

import math

import numpy as np

from benchmark.statistics.intervals import LEVEL

POWER = 0.8  # Cohen 1988: the customary chance of finding a difference that is there
QUANTILES = 4000  # chosen: the effect is then right to four digits, even with one degree


def minimum_detectable_effect(
    standard_error: float, degrees: float, *, level: float = LEVEL, power: float = POWER
) -> float:
    """Smallest true difference that a two-sided t test finds with probability `power`.

    Solves P(|T| > t(0.5 + level / 2, degrees)) = power for T of the noncentral t distribution with
    noncentrality effect / standard_error. standard_error: of the mean paired difference, from the
    seeds' differences (s / sqrt(n), degrees n - 1) or from a bootstrap; the effect has its unit.
    degrees may be infinite: (1.96 + 0.84) * standard_error.
    Raises ValueError for a negative standard error or degrees not above 0.
    """
    if not standard_error >= 0 or not degrees > 0:
        raise ValueError(
            f"a detectable effect needs a standard error >= 0 and degrees > 0; "
            f"got {standard_error} and {degrees}"
        )
    from scipy.optimize import brentq
    from scipy.stats import chi2, norm, t

    if math.isinf(degrees):
        limit = np.array([norm.ppf(0.5 + level / 2)])
    else:  # scipy's noncentral t is NaN far out; this is its mixture over the estimated spread
        spread = np.sqrt(chi2.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES, degrees) / degrees)
        limit = t.ppf(0.5 + level / 2, degrees) * spread

    def found(shift: float) -> float:
        return float((norm.cdf(shift - limit) + norm.cdf(-shift - limit)).mean())

    farthest = float(limit.max()) + 10.0  # found for certain
    return standard_error * float(brentq(lambda shift: found(shift) - power, 0.0, farthest))


def signed_rank_floor(pairs: int) -> float:
    """Smallest two-sided p that Wilcoxon's signed-rank test can give: 2 / 2^pairs; .0625 for five.

    It is reached where all differences have one sign. Below six pairs it never falls under .05.
    """
    if pairs < 1:
        raise ValueError(f"a signed-rank test needs at least one pair; got {pairs}")
    return float(2.0 ** (1 - pairs))
