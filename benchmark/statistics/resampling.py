"""Scores of resampled test groups, for every seed of an objective and under one set of draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.results.predictions import PredictionTable
from benchmark.results.scores import PLAIN, hits, metric_function

Array = NDArray[Any]

# metrics that are a mean over samples: a draw is one weighted mean, no new table
SAMPLE_MEANS: dict[str, Callable[[PredictionTable], Array]] = {
    "top1": hits,
    "top5": partial(hits, k=5),
}


@dataclass(frozen=True, kw_only=True)
class Draws:
    """score (S,): of each seed on its whole test set; draws (R, S): on resampled groups.

    A seed's score is the mean over folds. NaN: the metric does not exist for that draw.
    """

    score: Array
    draws: Array
    groups: int


def group_draws(
    tables: Sequence[Sequence[PredictionTable]], metric: str, *, rounds: int, seed: int
) -> Draws:
    """Resample groups with replacement, the same draw for all seeds and folds.

    tables[s][f]; the groups of all folds are drawn together. Two calls with one `seed` and the same
    groups draw alike, which is what makes a comparison paired. Values are in the unit of the
    record (percent, but for ranks).
    """
    names = [table.group_id for table in tables[0]]
    labels, member = np.unique(np.concatenate(names), return_inverse=True)
    members = np.split(member, np.cumsum([len(part) for part in names])[:-1])
    count = len(labels)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=rounds)
    scale = 1.0 if metric in PLAIN else 100.0
    score = [[metric_function(metric)(table) for table in folds] for folds in tables]
    draws = [
        [
            _resampled(table, metric, drawn, groups)
            for table, groups in zip(folds, members, strict=True)
        ]
        for folds in tables
    ]
    return Draws(
        score=scale * np.mean(score, axis=1),
        draws=scale * np.mean(draws, axis=1).T,
        groups=count,
    )


def _resampled(table: PredictionTable, metric: str, drawn: Array, member: Array) -> Array:
    """(R,) the metric where group g occurs drawn[r, g] times; member (N,): each sample's group."""
    if metric in SAMPLE_MEANS:
        size = drawn.shape[1]
        total = np.bincount(member, weights=SAMPLE_MEANS[metric](table), minlength=size)
        counted = drawn @ np.bincount(member, minlength=size)
        with np.errstate(invalid="ignore"):  # none of the fold's groups drawn: NaN
            mean: Array = (drawn @ total) / counted
        return mean
    compute = metric_function(metric)
    found = np.full(len(drawn), np.nan)
    for index, times in enumerate(drawn):
        rows = np.repeat(np.arange(len(member)), times[member])
        try:
            found[index] = compute(table.take(rows)) if len(rows) else np.nan
        except ValueError:
            continue
    return found
