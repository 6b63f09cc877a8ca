"""Classifiers on frozen features: against plain loops, and on features that tell all or nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.protocols import probes
from benchmark.protocols.probes import Part
from benchmark.protocols.weighted import weighted


def drawn(count, *, classes=4, spread=1.0, seed=0):
    """Gaussian clouds around one corner each."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return Part(np.eye(classes)[labels] * 4 + spread * rng.normal(size=(count, classes)), labels)


@pytest.mark.parametrize("name", ["linear", "svm", "knn"])
def test_separate_classes_are_told_apart(name):
    test = drawn(80, seed=2)
    found = getattr(probes, name)(drawn(80), drawn(40, seed=1), test.features, classes=4)
    assert found.score.shape == (80, 4) and found.val > 90
    assert (found.score.argmax(axis=1) == test.labels).mean() > 0.9


@pytest.mark.parametrize("name", ["linear", "svm", "knn"])
def test_constant_features_know_nothing(name):
    train, val = (Part(np.ones((n, 3)), np.arange(n) % 4) for n in (40, 20))
    found = getattr(probes, name)(train, val, np.ones((8, 3)), classes=4)
    assert np.allclose(found.score, found.score[0])


@pytest.mark.parametrize("name", ["linear", "svm"])
def test_a_class_without_training_samples_is_never_chosen(name):
    train, val = (Part(part.features, part.labels * 2) for part in (drawn(40), drawn(20, seed=1)))
    found = getattr(probes, name)(train, val, drawn(30, seed=2).features, classes=8)
    assert set(found.score.argmax(axis=1)) <= {0, 2, 4, 6}
    assert np.isfinite(found.score).all()


def test_two_classes_have_two_scores():
    parts = drawn(40, classes=2), drawn(20, classes=2, seed=1)
    test = drawn(20, classes=2, seed=2)
    score = probes.svm(*parts, test.features, classes=2).score
    assert score.shape == (20, 2) and (score.argmax(axis=1) == test.labels).mean() > 0.9


def test_the_strength_is_chosen_on_validation_and_not_on_test():
    """Validation labels that contradict training: what does least harm there wins."""
    train, val = drawn(80), drawn(40, seed=1)
    turned = Part(val.features, (val.labels + 1) % 4)
    assert probes.linear(train, val, val.features, classes=4).val > 90
    assert probes.linear(train, turned, val.features, classes=4).val < 40


def test_votes_equal_a_plain_loop():
    train, val, test = drawn(12, spread=3), drawn(6, spread=3, seed=1), drawn(5, spread=3, seed=2)
    found = probes.knn(train, val, test.features, classes=4, neighbours=3)
    known = [*zip(train.features, train.labels, strict=True)]
    known += [*zip(val.features, val.labels, strict=True)]
    for row, score in zip(test.features, found.score, strict=True):
        cosines = [float(row @ x) / math.hypot(*row) / math.hypot(*x) for x, _ in known]
        nearest = sorted(range(len(known)), key=lambda i: -cosines[i])[:3]
        votes = np.zeros(4)
        for i in nearest:
            votes[known[i][1]] += math.exp(cosines[i] / 0.07)
        np.testing.assert_allclose(score, votes / votes.sum(), rtol=1e-6)


def test_the_mix_finds_the_stage_that_tells():
    rng, labels = np.random.default_rng(0), np.arange(240) % 4
    values = {"noise": rng.normal(size=(240, 6)), "told": np.eye(4)[labels] * 3}
    rows = np.arange(240)
    found, shares = weighted(
        values, labels, train=rows[:120], val=rows[120:180], test=rows[180:], classes=4, seed=0
    )
    assert (found.score.argmax(axis=1) == labels[180:]).mean() == 1.0
    assert found.score.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    assert shares["told"] > shares["noise"] and sum(shares.values()) == pytest.approx(1.0)
