"""Open-set and class-level scores of searches, from saved columns."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.results.predictions import PredictionTable
from benchmark.results.scores import recompute


def table(score, tag=None):
    score = np.asarray(score, np.float32)
    names = np.array([f"c{i}" for i in range(len(score))])
    return PredictionTable(
        sample_id=names, group_id=names, target=np.zeros(len(score), int), score=score,
        tag=None if tag is None else np.array(tag),
    )  # fmt: skip


def searched(own, other):
    """Rows of rank (1 or 2), own and best other similarity."""
    own, other = np.asarray(own, float), np.asarray(other, float)
    return np.column_stack([1 + (other >= own), own, other])


def test_one_in_a_hundred_strangers_passes():
    """200 strangers: two may pass, so the third highest is the threshold."""
    other = np.arange(200) / 1000
    own = np.full(200, 0.1975)  # between the third and the second highest stranger
    found = recompute("tpr_at_fpr1", table(searched(own, other)))
    assert (found.unit, found.n) == ("%", 200)
    assert found.value == pytest.approx(100 * 198 / 200)  # two find a stranger first
    assert recompute("tpr_at_fpr1", table(searched(own - 0.001, other))).value == 0


def test_it_equals_a_loop_over_thresholds():
    rng = np.random.default_rng(0)
    own, other = rng.normal(1, 1, 350), rng.normal(0, 1, 350)
    own, other = own.astype(np.float32), other.astype(np.float32)
    best = 0.0
    for threshold in other:
        if (other > threshold).sum() <= 3:
            best = max(best, float(((own > threshold) & (own > other)).mean()))
    assert recompute("tpr_at_fpr1", table(searched(own, other))).value == pytest.approx(100 * best)


def test_perfect_and_constant_features():
    assert recompute("tpr_at_fpr1", table(searched(np.ones(50), np.zeros(50)))).value == 100
    assert recompute("tpr_at_fpr1", table(searched(np.ones(50), np.ones(50)))).value == 0


def test_of_one_distortion_the_threshold_is_its_own():
    rows = np.concatenate([searched([0.5] * 4, [0.1] * 4), searched([0.9] * 4, [0.8] * 4)])
    found = table(rows, ["blur"] * 4 + ["crop"] * 4)
    assert recompute("tpr_at_fpr1", found).value == 50  # all strangers stay out at 0.8
    assert recompute("tpr_at_fpr1:blur", found).value == 100
    assert recompute("r1:blur", found).value == 100


def test_recall_by_class():
    found = table([[4, 1], [9, 6], [1, 1], [30, 11]], ["v2a", "v2a", "a2v", "a2v"])
    values = {f"class_r{k}": 100 * share for k, share in ((1, 0.5), (5, 0.5), (10, 0.75), (20, 1))}
    assert {name: recompute(name, found).value for name in values} == values
    assert recompute("class_r1:v2a", found).value == 50
    assert recompute("r1", found).value == 25


def test_columns_of_another_protocol_are_refused():
    with pytest.raises(ValueError, match=r"needs 3 columns \(rank, similarity.*found 2"):
        recompute("tpr_at_fpr1", table([[1, 1]]))
    with pytest.raises(ValueError, match="needs 2 columns"):
        recompute("class_r5", table([[1, 1, 0]]))
