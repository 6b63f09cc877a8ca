"""Accuracies logged beside contrastive losses, against plain loops and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from objectives.parts.retrieval import clips_found, windows_found


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def best(scores):
    return max(range(len(scores)), key=lambda j: scores[j])


def bag_score(anchor, bag, temperature):
    return math.log(sum(math.exp(float(anchor @ member) / temperature) for member in bag))


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_against_loops(temperature):
    audio, cells = draw(7, 4), draw(7, 3, 4, seed=1)
    hits = [
        best([bag_score(a, bag, temperature) for bag in cells]) == i for i, a in enumerate(audio)
    ]
    found = clips_found(audio, cells, temperature=temperature)
    assert float(found["retrieval_accuracy"]) == pytest.approx(sum(hits) / 7)
    assert float(found["retrieval_chance"]) == pytest.approx(1 / 7)
    steps, slices = draw(3, 5, 4), draw(3, 5, 2, 4, seed=1)
    hits = [
        best([bag_score(steps[b, t], bag, temperature) for bag in slices[b]]) == t
        for b in range(3)
        for t in range(5)
    ]
    found = windows_found(steps, slices, temperature=temperature)
    assert float(found["local_accuracy"]) == pytest.approx(sum(hits) / 15)
    assert float(found["local_chance"]) == pytest.approx(1 / 5)


def test_windows_are_sought_within_the_clip_and_shifted_ones_are_missed():
    steps = torch.eye(6).expand(2, 6, 6)  # both clips alike: in the batch each window exists twice
    slices = torch.stack([steps, torch.zeros_like(steps)], dim=2)
    assert float(windows_found(steps, slices)["local_accuracy"]) == 1.0
    assert float(windows_found(steps, slices.roll(2, dims=1))["local_accuracy"]) == 0.0
    assert float(windows_found(steps, slices.flip(0))["local_accuracy"]) == 1.0


def test_without_information_the_first_is_taken():
    found = windows_found(torch.zeros(2, 4, 3), torch.zeros(2, 4, 2, 3))
    assert float(found["local_accuracy"]) == float(found["local_chance"]) == 0.25
