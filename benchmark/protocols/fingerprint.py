"""Who is found when a query looks for its own item: pure functions of similarities."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.protocols.retrieval import first_ranks

Array = np.ndarray[Any, Any]


def matches(similarity: Array, own: Array) -> Array:
    """What is saved of every query: similarity (Q, G), own (Q,) its item's place -> (Q, 3).

    Columns: rank of the own item, from 1, ties as in `first_ranks`; its similarity; the highest
    similarity of any other item, which is the best that the query would find were its own item not
    in the gallery. Raises ValueError for a gallery of one item.
    """
    if similarity.shape[1] < 2:
        raise ValueError("a gallery of one item: there is nothing to mistake it for")
    queries = np.arange(len(similarity))
    match = np.zeros(similarity.shape, bool)
    match[queries, own] = True
    other = np.where(match, -np.inf, similarity).max(axis=1)
    return np.column_stack([first_ranks(similarity, match), similarity[queries, own], other])


def ranks_across(similarity: Array, labels: Array) -> Array:
    """Ranks of the first match where query i and item i are of one clip: (N, N) -> (N, 2).

    Columns: rank of the own item, and of the first item of the query's class, its own included.
    labels (N,).
    """
    same = labels[:, None] == labels[None]
    own = np.eye(len(labels), dtype=bool)
    return np.column_stack([first_ranks(similarity, own), first_ranks(similarity, same)])
