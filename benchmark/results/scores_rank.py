"""Retrieval from saved ranks: the first column of `score` is the rank of a query's first match.

Ranks count from 1. A match that is tied with items that are none has the mean rank that a random
order would give it, so a constant feature scores what guessing does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmark.results.predictions import PredictionTable

AT = (1, 5, 10, 20, 50)  # chosen, the usual ones


def recall(table: PredictionTable, *, k: int) -> float:
    """Share of queries with a match among the k nearest."""
    return float((table.score[:, 0] <= k).mean())


def median_rank(table: PredictionTable) -> float:
    """Median over queries of the rank of the first match."""
    return float(np.median(table.score[:, 0].astype(np.float64)))


METRICS: dict[str, Callable[[PredictionTable], float]] = {
    **{f"r{k}": partial(recall, k=k) for k in AT},
    "median_rank": median_rank,
}
