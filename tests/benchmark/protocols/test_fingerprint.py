"""Searches for one's own item, against plain loops and in cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.protocols.fingerprint import matches, ranks_across


def test_matches_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    similarity, own = rng.normal(size=(30, 12)), rng.integers(0, 12, 30)
    for row, (rank, mine, other) in enumerate(matches(similarity, own)):
        order = sorted(range(12), key=lambda item: -similarity[row, item])
        assert rank == 1 + order.index(own[row])
        assert mine == similarity[row, own[row]]
        assert other == max(similarity[row, item] for item in range(12) if item != own[row])


def test_identical_and_constant_features():
    own = np.arange(9)
    np.testing.assert_array_equal(
        matches(np.eye(9), own), np.column_stack([np.ones(9), np.ones(9), np.zeros(9)])
    )
    guessed = matches(np.full((9, 9), 0.3), own)
    assert (guessed[:, 0] == 5.0).all()  # the mean over orders of nine
    assert (guessed[:, 1:] == 0.3).all()


def test_a_gallery_of_one_is_refused():
    with pytest.raises(ValueError, match="nothing to mistake it for"):
        matches(np.ones((2, 1)), np.zeros(2, int))


def test_ranks_across_equal_a_plain_loop():
    rng = np.random.default_rng(1)
    similarity, labels = rng.normal(size=(20, 20)), rng.integers(0, 4, 20)
    for row, (own, same) in enumerate(ranks_across(similarity, labels)):
        order = sorted(range(20), key=lambda item: -similarity[row, item])
        assert own == 1 + order.index(row)
        assert same == 1 + next(n for n, i in enumerate(order) if labels[i] == labels[row])
