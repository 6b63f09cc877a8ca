"""Seconds, clips a second and memory of a training."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.costs import cost
from benchmark.peak_memory import OWN, forget_peak_memory, peak_memory_gb


def trained(**numbers: float) -> SimpleNamespace:
    return SimpleNamespace(**{"steps": 0, "train_s": 0.0, "data_wait": 0.0, **numbers})


def test_speed_is_of_the_training_alone() -> None:
    spent = cost(timedelta(seconds=100), trained(steps=25, train_s=40.0, data_wait=0.25), 32)
    assert (spent.wall_s, spent.phases, spent.clips_per_s) == (100.0, {"train": 40.0}, 20.0)
    assert spent.data_wait_share == 0.25


def test_a_resumed_training_counts_from_its_first_step() -> None:
    spent = cost(timedelta(seconds=30), trained(steps=460, train_s=280.0), 32)
    assert (spent.wall_s, spent.phases) == (280.0, {"train": 280.0})


def test_without_training_there_is_no_speed() -> None:
    spent = cost(timedelta(seconds=3), trained(), 32)
    assert spent.clips_per_s is None
    assert spent.phases == {}


@pytest.mark.skipif(torch.cuda.is_available(), reason="counts the memory of the GPU there")
@pytest.mark.skipif(not (OWN / "clear_refs").exists(), reason="the peak of a process is kept here")
def test_the_peak_is_forgotten_between_trainings() -> None:
    held = np.ones(100_000_000, np.uint8)
    high = peak_memory_gb()
    del held
    forget_peak_memory()
    low = peak_memory_gb()
    assert high is not None
    assert low is not None
    assert low < high - 0.08
