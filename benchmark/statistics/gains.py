"""Scores put on a common scale: between scratch and supervised, or between objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import LEVEL, interval

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Dissociation:
    """index (M,) = local (M,) - whole (M,): mean z-scores over local and over global tasks.

    half_width (M,): of the index's t interval over seeds; None for fewer than two.
    """

    index: Array
    local: Array
    whole: Array
    half_width: Array | None


def normalised_gain(
    score: float | None,
    scratch: float | None,
    supervised: float | None,
    *,
    higher_is_better: bool = True,
) -> float | None:
    """(score - scratch) / (supervised - scratch): 0 is no pretraining, 1 is labels.

    The same for metrics that fall. None where one of the three is not measured, and where
    supervised pretraining is not better than none: then there is no scale.
    """
    if score is None or scratch is None or supervised is None:
        return None
    room = supervised - scratch
    if not (room > 0 if higher_is_better else room < 0):
        return None
    return (score - scratch) / room


def dissociation(
    scores: Array,
    higher_is_better: Sequence[bool] | NDArray[np.bool_],
    local: Sequence[bool] | NDArray[np.bool_],
    *,
    level: float = LEVEL,
) -> Dissociation:
    """Whether an objective serves local tasks (fine timing) more than global ones.

    Per task, scores become z-scores over the methods (oriented so that larger is better; s with
    M - 1); the index of a method is its mean z over the local tasks less that over the global ones.
    It is relative to the methods compared and sums to zero over them: above zero leans to local
    tasks more than its neighbours do, no matter how good it is. A task on which all methods are
    equal has z = 0.

    scores (T, M) or (T, M, S); higher_is_better (T,); local (T,): the tasks' scope. With seeds,
    z-scores are taken within each seed; the index is the mean over seeds.
    Raises ValueError for a missing score, fewer than two methods, or no task of one kind.
    """
    values = np.asarray(scores, dtype=np.float64)
    values = values[..., None] if values.ndim == 2 else values
    is_local, up = np.asarray(local, dtype=bool), np.asarray(higher_is_better, dtype=bool)
    if values.ndim != 3 or is_local.shape != values.shape[:1] or up.shape != values.shape[:1]:
        raise ValueError(
            f"a dissociation index needs scores (tasks, methods[, seeds]) and one direction and "
            f"scope a task; got {values.shape}, {up.shape}, {is_local.shape}"
        )
    if values.shape[1] < 2 or is_local.all() or not is_local.any():
        raise ValueError(
            f"a dissociation index needs two methods, a local and a global task; got "
            f"{values.shape[1]} methods, {int(is_local.sum())} local of {len(is_local)} tasks"
        )
    if not np.isfinite(values).all():
        raise ValueError("a dissociation index needs every score; keep the complete tasks only")
    centred = np.where(up[:, None, None], values, -values)
    centred = centred - centred.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, ddof=1, keepdims=True)
    z = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    near, far = z[is_local].mean(axis=0), z[~is_local].mean(axis=0)  # (M, S)
    halves = [interval(row.tolist(), level=level)[1] for row in near - far]
    return Dissociation(
        index=(near - far).mean(axis=1),
        local=near.mean(axis=1),
        whole=far.mean(axis=1),
        half_width=None if values.shape[2] < 2 else np.array(halves, dtype=np.float64),
    )
