"""Ranks of first matches, against a plain loop, with ties and with siblings left out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmark.protocols import parse, shots
from benchmark.protocols.retrieval import chance_at_one, cosine, first_ranks
from registries.errors import UsageError


def test_ranks_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    similarity, match = rng.normal(size=(40, 30)), rng.random((40, 30)) < 0.2
    match[:, 0] = True
    allowed = rng.random((40, 30)) < 0.8
    allowed[:, 0] = True
    for row, rank in enumerate(first_ranks(similarity, match, allowed=allowed)):
        items = [item for item in range(30) if allowed[row, item]]
        items.sort(key=lambda item: -similarity[row, item])
        assert rank == 1 + next(n for n, item in enumerate(items) if match[row, item])


def test_ties_get_the_mean_over_their_orders():
    """Three matches and two others, all alike: every order of the five."""
    match = np.array([[True, False, True, False, True]])
    orders = [*itertools.permutations(match[0])]
    mean = np.mean([1 + order.index(True) for order in orders])
    assert first_ranks(np.zeros((1, 5)), match)[0] == pytest.approx(mean)
    better = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]])  # one other is nearer than all matches
    rest = np.mean([1 + o.index(True) for o in itertools.permutations([True, True, True, False])])
    assert first_ranks(better, match)[0] == pytest.approx(1 + rest)


def test_a_query_without_match_is_an_error():
    match = np.array([[True, False], [False, True]])
    with pytest.raises(ValueError, match="1 of 2 queries"):
        first_ranks(np.zeros((2, 2)), match, allowed=np.array([[True, True], [True, False]]))


def test_chance_is_the_share_of_matches():
    match = np.array([[True, False, False, False], [True, True, False, False]])
    assert chance_at_one(match) == pytest.approx((0.25 + 0.5) / 2)
    allowed = np.array([[True, True, False, False], [True, True, True, True]])
    assert chance_at_one(match, allowed=allowed) == pytest.approx(0.5)


def test_centering_takes_away_what_all_share():
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(2, 5, 8))
    want = cosine(queries - queries.mean(0), gallery - gallery.mean(0))
    np.testing.assert_allclose(cosine(queries + 9, gallery - 4, center=True), want)
    assert not np.allclose(cosine(queries + 9, gallery - 4), want)


@pytest.mark.parametrize(
    ("text", "found"),
    [("linear", ("linear", "")), ("knn:5", ("knn", "5")), ("fewshot:10%", ("fewshot", "10%"))],
)
def test_protocols_are_read(text, found):
    assert parse(text) == found


@pytest.mark.parametrize(
    "text", ["linaer", "linear:3", "knn:0", "knn:x", "fewshot", "fewshot:0", "fewshot:120%"]
)
def test_misspelt_protocols_are_refused(text):
    with pytest.raises(UsageError, match=r"protocol"):
        parse(text)


def test_shots_are_counts_or_shares():
    assert (shots("5"), shots("10%")) == (5, 0.1) and isinstance(shots("5"), int)
