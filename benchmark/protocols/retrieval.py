"""Finding samples of the same class, or the same sample, by frozen features."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def unit(rows: Array) -> Array:
    """Rows of length one; a row of zeros stays. (n, C) -> (n, C)."""
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.maximum(norm, 1e-12)


def first_ranks(similarity: Array, match: Array, *, allowed: Array | None = None) -> Array:
    """Rank, from 1, of each query's first match: similarity (Q, G), match (Q, G) bool -> (Q,).

    allowed (Q, G): items that a query may find at all (False: its own siblings); None is all. Where
    the best match is tied with items that are none, the mean rank over orders of the tied: one more
    than the better items, plus others / (matches + 1). Raises ValueError for a query without a
    match.
    """
    usable = np.ones_like(match) if allowed is None else allowed
    match = match & usable
    if not match.any(axis=1).all():
        missing = int((~match.any(axis=1)).sum())
        raise ValueError(f"{missing} of {len(match)} queries have no match in the gallery")
    best = np.where(match, similarity, -np.inf).max(axis=1, keepdims=True)
    better = (usable & ~match & (similarity > best)).sum(axis=1)
    tied = similarity == best
    others, matches = (usable & ~match & tied).sum(axis=1), (match & tied).sum(axis=1)
    return 1.0 + better + others / (matches + 1.0)


def chance_at_one(match: Array, *, allowed: Array | None = None) -> float:
    """R@1 of a random order, a fraction: the mean share of matches in a query's gallery."""
    usable = np.ones_like(match) if allowed is None else allowed
    return float(((match & usable).sum(axis=1) / usable.sum(axis=1)).mean())


def cosine(queries: Array, gallery: Array, *, center: bool = False) -> Array:
    """(Q, G) cosines in float64; center: each set's mean is taken away first (Han et al. 2020)."""
    queries, gallery = queries.astype(np.float64), gallery.astype(np.float64)
    if center:
        queries, gallery = queries - queries.mean(axis=0), gallery - gallery.mean(axis=0)
    return unit(queries) @ unit(gallery).T
