"""Scores of searches for one's own item that ranks alone do not give.

Of fingerprinting, three columns of `score`, one row a query:

    0  rank of the own item          2  highest similarity of any other item
    1  similarity of the own item

tpr_at_fpr1: each query is asked twice, with its own item in the gallery and without it. A threshold
lets at most 1 % of the queries without their item through, whose best similarity is column 2; of
the queries with it, those count that find their own item first, above the threshold (open-set
identification rate).

Of a search across modalities, two columns: rank of the own item (`scores_rank`), and of the first
one of its class. class_r1, ...: recall by the second. METRIC:TAG holds for one distortion, or one
direction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmark.results.predictions import PredictionTable
from benchmark.results.scores_rank import AT

STRANGERS = 100  # one in so many may pass: a false positive rate of 1 %; chosen


def accepted(table: PredictionTable) -> float:
    """Share of queries that find their item, at a threshold that 1 % of strangers pass."""
    _wide(table, 3, "rank, similarity of the own and of the best other item")
    own, other = table.score[:, 1], table.score[:, 2]
    allowed = len(other) // STRANGERS  # none of fewer than a hundred
    threshold = np.sort(other)[::-1][allowed]
    return float(((own > other) & (own > threshold)).mean())


def class_recall(table: PredictionTable, *, k: int) -> float:
    """Share of queries with an item of their class among the k nearest."""
    _wide(table, 2, "ranks of the own item and of the first of its class")
    return float((table.score[:, 1] <= k).mean())


def _wide(table: PredictionTable, columns: int, what: str) -> None:
    if table.score.shape[1] != columns:
        raise ValueError(
            f"this score needs {columns} columns ({what}), found {table.score.shape[1]}"
        )


METRICS: dict[str, Callable[[PredictionTable], float]] = {
    "tpr_at_fpr1": accepted,
    **{f"class_r{k}": partial(class_recall, k=k) for k in AT},
}
