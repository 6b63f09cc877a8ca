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


def crossed_spreads(
    score: NDArray[Any], *, draws: NDArray[Any] | None, groups: int
) -> list[Spread]:
    """Variances of the mean of `score` over other seeds and groups; the widest interval counts.

    score (S,): of each seed; draws (R, S): of each seed on R resamplings of the groups, the same
    for all. With * the correction G / (G - 1) of a bootstrap variance:

        over seeds  = s^2 / S of `score`, the interaction of seeds and groups in it,
        over groups = Var_r(mean over seeds)*, the interaction in it once more, so
        interaction = (mean_s Var_r(seed s)* - over groups) / (S - 1) is taken off the latter.

    The first is their sum, with the degrees of Satterthwaite 1946:
    variance^2 / (seeds^2 / (S - 1) + groups^2 / (G - 1)). The second is "over groups" alone, with
    G - 1: the truth is never below it, while a few seeds may agree by chance.
    One seed: groups alone. draws None or fewer than two groups: seeds alone. Neither: none.
    """
    count = len(score)
    seeds = float(np.var(score, ddof=1)) / count if count > 1 else 0.0
    if draws is None or groups < 2:
        return [Spread(variance=seeds, degrees=count - 1)] if count > 1 else []
    inflate = groups / (groups - 1)
    over_groups = float(np.var(draws.mean(axis=1), ddof=1)) * inflate
    alone = Spread(variance=over_groups, degrees=groups - 1)
    if count < 2:
        return [alone]
    own = float(np.var(draws, axis=0, ddof=1).mean()) * inflate
    interaction = max(own - over_groups, 0.0) / (count - 1)
    rest = max(over_groups - interaction, 0.0)
    doubt = seeds**2 / (count - 1) + rest**2 / (groups - 1)
    degrees = (seeds + rest) ** 2 / doubt if doubt else float(count - 1)
    return [Spread(variance=seeds + rest, degrees=degrees), alone]
