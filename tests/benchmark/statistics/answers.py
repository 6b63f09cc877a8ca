"""Invented predictions of two classes for the tests of statistics."""

import numpy as np

from benchmark.results.predictions import PredictionTable


def answers(right, groups=None):
    """One table, target 0 throughout: a sample is right where `right` is true."""
    right = np.asarray(right, dtype=bool)
    groups = np.arange(len(right)) if groups is None else groups
    return PredictionTable(
        sample_id=np.array([f"{index:05d}" for index in range(len(right))]),
        group_id=np.asarray(groups).astype(str),
        target=np.zeros(len(right), dtype=int),
        score=np.stack([right, ~right], axis=1).astype(np.float32),
    )
