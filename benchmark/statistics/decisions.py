"""From p values to statements: Holm's correction, and what cannot be told from the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import LEVEL
from benchmark.statistics.paired import Difference


def holm(p: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    """Holm's step-down adjusted p values of one family, in the order given.

    p (K,) -> (K,): the i-th smallest is max over j <= i of (K - j + 1) p_(j), at most 1. Rejecting
    what is below .05 keeps the chance of any false rejection below .05, under any dependence
    (Holm 1979). Raises ValueError for a value outside [0, 1].
    """
    raw = np.asarray(p, dtype=np.float64)
    if raw.ndim != 1 or not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError(f"Holm needs a list of p values between 0 and 1; got {raw.tolist()}")
    order = np.argsort(raw, kind="stable")
    steps = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def indistinguishable(from_best: Sequence[Difference], *, level: float = LEVEL) -> list[bool]:
    """Which methods cannot be told from the best one of their column.

    from_best: the paired difference of each other method to the best (`paired_difference`, or
    `seed_difference` where predictions are gone). All are one family for Holm's correction. A
    difference that could not be tested (one seed and one group) counts as indistinguishable: a
    claim needs evidence. The best was chosen by the same data, which favours finding differences;
    the marks are a reading aid, not a ranking.
    """
    tested = [entry.p for entry in from_best if entry.p is not None]
    adjusted = iter(holm(tested))
    return [entry.p is None or bool(next(adjusted) >= 1 - level) for entry in from_best]
