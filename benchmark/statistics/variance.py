"""Variance of a mean over seeds that were all tested on the same groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Variance of a mean, and the degrees of freedom of a t interval with it."""

    variance: float
    degrees: float


def crossed_spread(
    score: NDArray[Any], *, draws: NDArray[Any] | None, groups: int
) -> Spread | None:
    """Variance of the mean of `score` over other seeds and other groups.

    score (S,): of each seed; draws (R, S): of each seed on R resamplings of the groups, the same
    for all. With s^2 the seeds' variance and * the correction G / (G - 1) of a bootstrap variance:

        seeds = s^2 / S                              has the interaction in it once,
        groups = Var_r(mean over seeds)*             has it in it once more, so
        both = (mean_s Var_r(seed s)* - groups) / (S - 1)   is taken off:
        variance = max(seeds + groups - both, seeds, groups).

    degrees (Satterthwaite 1946): variance^2 / (seeds^2 / (S - 1) + groups^2 / (G - 1)).
    One seed: groups alone. draws None or fewer than two groups: seeds alone. Neither: None.
    """
    count = len(score)
    by_group = draws is not None and groups > 1
    seeds = float(np.var(score, ddof=1)) / count if count > 1 else 0.0
    shared = both = 0.0
    if draws is not None and by_group:
        inflate = groups / (groups - 1)
        shared = float(np.var(draws.mean(axis=1), ddof=1)) * inflate
        if count > 1:
            own = float(np.var(draws, axis=0, ddof=1).mean()) * inflate
            both = max(own - shared, 0.0) / (count - 1)
    if count < 2 and not by_group:
        return None
    variance = max(seeds + shared - both, seeds, shared)
    terms = (seeds**2 / (count - 1) if count > 1 else 0.0) + (
        shared**2 / (groups - 1) if by_group else 0.0
    )
    floor = (count - 1 if count > 1 else 0) or groups - 1
    return Spread(variance=variance, degrees=variance**2 / terms if terms else float(floor))
