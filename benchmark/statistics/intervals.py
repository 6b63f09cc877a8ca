"""Intervals of one number: Student t over seeds, bootstrap over groups, Wilson for a share.

Why not a bootstrap over seeds: with three of them, a percentile bootstrap covers about 75 % where
it claims 95 %; Student's t covers 95 % for normal scores (simulated in the tests).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from benchmark.results.predictions import PredictionTable
from benchmark.results.scores import metric_function

LEVEL = 0.95  # chosen: the level of every interval in the reports


def interval(values: Sequence[float], *, level: float = LEVEL) -> tuple[float, float | None]:
    """Mean over seeds and half width of its interval; None for a single seed.

    half = t(1 - (1 - level) / 2, n - 1) * s / sqrt(n), s with n - 1 in the denominator.
    """
    count = len(values)
    if not count:
        raise ValueError("an interval needs at least one value")
    mean = float(np.mean(values))
    if count == 1:
        return mean, None
    from scipy.stats import t  # half a second to import; tables of published numbers need none

    spread = float(np.std(values, ddof=1))
    return mean, float(t.ppf(0.5 + level / 2, count - 1)) * spread / math.sqrt(count)


def bootstrap_interval(
    predictions: PredictionTable,
    metric: str | Callable[[PredictionTable], float],
    groups: Sequence[str] | None = None,
    *,
    rounds: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """Percentile interval of one seed over resampled groups, in percent; None below two groups.

    groups (N,): drawn as wholes, with replacement (default: the stored group_id), because samples
    of one source video or speaker are not independent. Draws for which the metric does not exist
    (an AUC with one class) are drawn again; None if that is true of more than half of them. It says
    how the result would vary over other test videos, not over other trainings.
    """
    compute = metric_function(metric) if isinstance(metric, str) else metric
    names = predictions.group_id if groups is None else np.asarray(groups)
    labels, member = np.unique(names, return_inverse=True)
    if len(labels) < 2:
        return None
    rows_of = [np.flatnonzero(member == index) for index in range(len(labels))]
    rng = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(2 * rounds):
        drawn = rng.integers(len(labels), size=len(labels))
        rows = np.concatenate([rows_of[index] for index in drawn])
        try:
            found.append(100.0 * compute(predictions.take(rows)))
        except ValueError:
            continue
        if len(found) == rounds:
            low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
            return float(low), float(high)
    return None


def wilson_interval(hits: float, count: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a share `hits` / `count`, as fractions (Wilson 1927); right also near 0 and 1.

    Assumes independent samples: where groups exist, `bootstrap_interval` is the honest one.
    """
    if count < 1 or not 0 <= hits <= count:
        raise ValueError(f"a share needs 0 <= hits <= count and count >= 1; got {hits} of {count}")
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    share, scale = hits / count, 1 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)
