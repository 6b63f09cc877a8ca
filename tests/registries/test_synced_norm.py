"""Batch norm over all processes: what it does on its own; test_crisscross asks two of them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from registries import synced_norm
from registries.synced_norm import SyncedBatchNorm, sync_norms


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=rng)


@pytest.mark.parametrize(("shape", "kind"), [((), nn.BatchNorm1d), ((2, 3, 2), nn.BatchNorm3d)])
@pytest.mark.parametrize("training", [True, False])
def test_alone_it_is_batch_norm(shape, kind, training):
    norm = kind(3).double().train(training)
    synced, x = SyncedBatchNorm(copy.deepcopy(norm)), draw(8, 3, *shape)
    torch.testing.assert_close(synced(x), norm(x))
    torch.testing.assert_close(synced.state_dict(), norm.state_dict())


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_halves_see_the_whole(shape, monkeypatch):
    """One process stands in for two: what the other would send is computed from its rows."""
    kind = nn.BatchNorm2d if shape else nn.BatchNorm1d
    norm = kind(3).double()
    norm.weight.data, norm.bias.data = draw(3, seed=1), draw(3, seed=2)
    synced, x = SyncedBatchNorm(copy.deepcopy(norm)), draw(8, 3, *shape)
    want = norm(x)
    here, there = x.tensor_split(2)
    flat = there.transpose(0, 1).flatten(1)  # (C, rows)
    sent = torch.stack([flat.mean(dim=1), flat.var(dim=1, correction=0)])[None]
    monkeypatch.setattr(synced_norm, "world_size", lambda: 2)
    monkeypatch.setattr(synced_norm, "gather", lambda mine: torch.cat([mine, sent]))
    torch.testing.assert_close(synced(here), want[:4])
    torch.testing.assert_close(synced.running_mean, norm.running_mean)
    torch.testing.assert_close(synced.running_var, norm.running_var)


def test_every_norm_is_replaced_once():
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    assert (sync_norms(net), sync_norms(net)) == (2, 0)
    assert isinstance(net[1][1], SyncedBatchNorm)


def test_a_norm_without_statistics_is_refused():
    with pytest.raises(ValueError, match="running statistics"):
        SyncedBatchNorm(nn.BatchNorm1d(2, track_running_stats=False))
