"""Numbers of the collapse diagnostics, and who is warned of what."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from benchmark.diagnostics import (
    Diagnose,
    alignment,
    collapsed,
    describe,
    rank_me,
    spread,
    uniformity,
)
from registries.objective import Objective
from registries.sampling import ClipSampling


class Still(Objective):
    """Trains nothing; carries embeddings."""

    @classmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2) -> ClipSampling:
        return ClipSampling({})

    def loss(self, inputs, data_samples):
        return {}

    def encoders(self):
        return {}


def test_spread_is_one_for_random_directions_and_zero_for_one():
    torch.manual_seed(0)
    assert float(spread(torch.randn(4000, 32))) == pytest.approx(1.0, abs=0.02)
    assert float(spread(torch.ones(10, 32))) == pytest.approx(0.0, abs=1e-6)


def test_rank_counts_equal_directions():
    axes = torch.eye(8, dtype=torch.float64)[:3]
    rows = torch.cat([axes, -axes])  # centred, three directions of equal weight
    assert float(rank_me(rows)) == pytest.approx(3.0, abs=1e-4)
    line = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None] * axes[:1]
    assert float(rank_me(line)) == pytest.approx(1.0, abs=1e-4)


def test_uniformity_and_alignment_of_hand_made_vectors():
    ends = torch.tensor([[1.0, 0.0], [-2.0, 0.0]])  # distance 2 once on the circle
    assert float(uniformity(ends)) == pytest.approx(-8.0, rel=1e-5)
    right = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert float(uniformity(right)) == 0.0
    assert float(alignment(ends, ends)) == 0.0
    assert float(alignment(ends, -ends)) == pytest.approx(4.0)
    assert float(alignment(ends, right)) == pytest.approx(2.0)


def test_double_loop_of_uniformity():
    torch.manual_seed(1)
    rows = torch.randn(6, 4, dtype=torch.float64)
    unit = [row / row.norm() for row in rows]
    pairs = [
        math.exp(-2 * float((unit[i] - unit[j]).square().sum())) for i in range(6) for j in range(i)
    ]
    assert float(uniformity(rows)) == pytest.approx(math.log(sum(pairs) / len(pairs)))


def test_alignment_is_of_pairs_of_equal_width():
    found = describe({"a": torch.eye(3), "b": torch.eye(3), "c": torch.ones(3, 2)})
    assert {key for key in found if key.endswith("alignment")} == {"a_b_alignment"}


def test_collapse_is_told_by_name():
    torch.manual_seed(0)
    good, bad = torch.randn(64, 16), torch.ones(64, 16) + 1e-4 * torch.randn(64, 16)
    told = collapsed(describe({"audio": good, "video": bad}))
    assert len(told) == 1
    assert told[0].startswith("video: std 0.000")


def run_epoch(embeddings, steps: int = 3) -> tuple[Diagnose, list[dict]]:
    reports: list[dict] = []
    hook = Diagnose("toy", reports.append)
    model = Still()
    runner = SimpleNamespace(
        model=model, iter=steps, epoch=4, visualizer=SimpleNamespace(add_scalars=lambda *_, **__: 0)
    )
    for step in range(steps):
        model.embeddings = embeddings(step)
        hook.after_train_iter(runner, step)
    hook.after_train_epoch(runner)
    return hook, reports


def test_an_epoch_is_described_from_its_last_steps():
    torch.manual_seed(0)
    rows = torch.randn(9, 8)
    hook, reports = run_epoch(lambda step: {"z": rows[3 * step : 3 * step + 3]})
    assert hook.found["z_std"] == pytest.approx(float(spread(rows)), rel=1e-5)
    assert reports == []


def test_a_collapsed_epoch_warns():
    hook, reports = run_epoch(lambda step: {"z": torch.ones(4, 8)})
    assert [report["warning"] for report in reports] == hook.warnings
    assert "collapse in toy at epoch 5: z: std 0.000" in hook.warnings[0]


def test_without_embeddings_nothing_is_said():
    hook, reports = run_epoch(lambda step: {})
    assert (hook.found, hook.warnings, reports) == ({}, [], [])
