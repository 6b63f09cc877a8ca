"""Whether the measured order of the objectives is the published one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import LEVEL


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """tau: Kendall's tau-b, 1 for the same order, -1 for the reverse; p of no association.

    low, high: its interval over other seeds, None for fewer than two.
    """

    tau: float
    p: float
    low: float | None
    high: float | None
    methods: int


def kendall(
    measured: Sequence[float] | Sequence[Sequence[float]] | NDArray[Any],
    published: Sequence[float] | NDArray[Any],
    *,
    rounds: int = 2000,
    seed: int = 0,
    level: float = LEVEL,
) -> Agreement:
    """Kendall's tau between measured scores and published ones of the same methods and metric.

    measured (M,) or (M, S) with the same S seeds for all methods; published (M,). Both in the same
    direction. The interval is a residual bootstrap: what is left of the scores after method and
    seed means, scaled to the variance it estimates, is drawn anew for every method and seed (three
    seeds alone would give ten different samples). Noise pulls tau towards 0 and its redrawn values
    once more, so the interval reaches from the lower of the percentile and the basic bootstrap's
    ends to the higher. It covers 95 % or more from three seeds on while the seeds' deviation is
    below the gaps between methods, and 85 % where it is twice as large and the orders are equal
    (simulated in the tests). It says how tau would vary over other trainings of these methods, not
    over other methods, and takes the noise of all methods for equal.
    Raises ValueError for fewer than three methods or a missing score.
    """
    scores = np.asarray(measured, dtype=np.float64)
    scores = scores[:, None] if scores.ndim == 1 else scores
    said = np.asarray(published, dtype=np.float64)
    if said.shape != scores.shape[:1] or len(said) < 3:
        raise ValueError(
            f"Kendall's tau needs the same three or more methods on both sides; "
            f"got {scores.shape[0]} measured and {said.shape[0]} published"
        )
    if not np.isfinite(scores).all() or not np.isfinite(said).all():
        raise ValueError("Kendall's tau needs every score; leave methods with missing ones out")
    from scipy.stats import kendalltau

    mean = scores.mean(axis=1)
    found = kendalltau(mean, said)
    low = high = None
    if scores.shape[1] > 1:
        taus = _taus(_redrawn(scores, rounds=rounds, seed=seed), said)
        lower, upper = np.quantile(taus, [0.5 - level / 2, 0.5 + level / 2])
        low = max(-1.0, float(min(lower, 2 * found.statistic - upper)))
        high = min(1.0, float(max(upper, 2 * found.statistic - lower)))
    return Agreement(
        tau=float(found.statistic), p=float(found.pvalue), low=low, high=high, methods=len(said)
    )


def _redrawn(scores: NDArray[Any], *, rounds: int, seed: int) -> NDArray[Any]:
    """(R, M) means over seeds whose residuals were drawn anew."""
    methods, seeds = scores.shape
    mean = scores.mean(axis=1)
    residual = scores - mean[:, None] - scores.mean(axis=0) + scores.mean()
    residual *= math.sqrt(methods * seeds / ((methods - 1) * (seeds - 1)))
    rng = np.random.default_rng(seed)
    noise = rng.choice(residual.ravel(), size=(rounds, methods, seeds)).mean(axis=2)
    drawn: NDArray[Any] = mean + noise
    return drawn


def _taus(drawn: NDArray[Any], published: NDArray[Any]) -> NDArray[Any]:
    """(R,) tau-b of each row of `drawn` (R, M) with `published` (M,)."""
    first, second = np.triu_indices(len(published), k=1)
    ours = np.sign(drawn[:, first] - drawn[:, second])
    theirs = np.sign(published[first] - published[second])
    pairs = np.sqrt((ours**2).sum(axis=1) * (theirs**2).sum())
    taus: NDArray[Any] = np.divide(ours @ theirs, pairs, out=np.zeros(len(drawn)), where=pairs > 0)
    return taus
