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
    for all. With * the correction G / (G - 1) of a bootstrap variance:

        over seeds  = s^2 / S of `score`, the interaction of seeds and groups in it,
        over groups = Var_r(mean over seeds)*, the interaction in it once more, so
        interaction = (mean_s Var_r(seed s)* - over groups) / (S - 1) is taken off the latter.

    variance is their sum, degrees those of Satterthwaite 1946:
    variance^2 / (seeds^2 / (S - 1) + groups^2 / (G - 1)).
    One seed: groups alone. draws None or fewer than two groups: seeds alone. Neither: None.
    """
    parts: list[tuple[float, int]] = []  # variance, degrees
    count = len(score)
    if count > 1:
        parts.append((float(np.var(score, ddof=1)) / count, count - 1))
    if draws is not None and groups > 1:
        inflate = groups / (groups - 1)
        shared = float(np.var(draws.mean(axis=1), ddof=1)) * inflate
        if count > 1:
            own = float(np.var(draws, axis=0, ddof=1).mean()) * inflate
            shared = max(shared - max(own - shared, 0.0) / (count - 1), 0.0)
        parts.append((shared, groups - 1))
    if not parts:
        return None
    variance = sum(part for part, _ in parts)
    doubt = sum(part**2 / degrees for part, degrees in parts)
    return Spread(variance=variance, degrees=variance**2 / doubt if doubt else float(parts[0][1]))
