"""Batch norm over sub-batches: equal to batch norm on each part, and blind to the other parts."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from objectives.parts.split_norm import SplitBatchNorm, split_norms, spread_order, sub_batches

SHAPES = [
    ((), nn.BatchNorm1d),
    ((5,), nn.BatchNorm1d),
    ((2, 3), nn.BatchNorm2d),
    ((2, 3, 2), nn.BatchNorm3d),
]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=rng)


def plain(kind: type[nn.Module] = nn.BatchNorm1d, channels: int = 3) -> nn.Module:
    norm = kind(channels).double()
    norm.weight.data, norm.bias.data = draw(channels, seed=1), draw(channels, seed=2)
    return norm


@pytest.mark.parametrize(
    ("batch", "splits", "count"),
    [(32, 8, 8), (6, 8, 3), (5, 8, 2), (3, 8, 1), (1, 8, 1), (8, 1, 1)],
)
def test_no_part_is_a_single_clip(batch, splits, count):
    assert sub_batches(batch, splits) == count


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
@pytest.mark.parametrize("batch", [8, 7])
def test_equals_batch_norm_on_each_part(shape, kind, batch):
    norm = plain(kind)
    split, x = SplitBatchNorm(copy.deepcopy(norm), 3), draw(batch, 3, *shape)
    clones = [copy.deepcopy(norm) for _ in range(3)]
    want = torch.cat([one(part) for one, part in zip(clones, x.tensor_split(3), strict=True)])
    torch.testing.assert_close(split(x), want)
    for name in ("running_mean", "running_var"):
        mean = torch.stack([getattr(one, name) for one in clones]).mean(dim=0)
        torch.testing.assert_close(getattr(split, name), mean)
    assert int(split.num_batches_tracked) == 1


def test_one_part_is_ordinary_batch_norm():
    norm = plain()
    split, x = SplitBatchNorm(copy.deepcopy(norm), 1), draw(6, 3)
    torch.testing.assert_close(split(x), norm(x))
    torch.testing.assert_close(split.state_dict(), norm.state_dict())


def test_evaluation_and_checkpoint_are_those_of_batch_norm():
    norm = plain()
    norm(draw(8, 3))
    split = SplitBatchNorm(copy.deepcopy(norm), 4)
    x = draw(5, 3, seed=3)
    torch.testing.assert_close(split.eval()(x), norm.eval()(x))
    fresh = nn.BatchNorm1d(3).double()
    fresh.load_state_dict(split.state_dict())
    torch.testing.assert_close(fresh.eval()(x), norm(x))


def test_gradient_equals_finite_differences():
    split = SplitBatchNorm(plain(), 2)
    torch.autograd.gradcheck(split, draw(5, 3).requires_grad_())


def test_a_clip_is_seen_in_its_own_part_only():
    split, x = SplitBatchNorm(plain(), 4), draw(8, 3)
    changed = x.clone()
    changed[5] += 1.0
    same = (split(x) == split(changed)).all(dim=1)
    assert same.tolist() == [True] * 4 + [False] * 2 + [True] * 2


@pytest.mark.parametrize(("batch", "splits"), [(16, 4), (32, 8), (14, 4), (7, 8), (5, 2), (1, 8)])
def test_two_clips_never_meet_both_as_queries_and_as_keys(batch, splits):
    order = spread_order(batch, splits)
    assert order.sort().values.tolist() == list(range(batch))
    parts = sub_batches(batch, splits)
    queries = [set(part.tolist()) for part in torch.arange(batch).tensor_split(parts)]
    keys = [set(part.tolist()) for part in order.tensor_split(parts)]
    if max(map(len, queries)) <= parts:
        assert all(len(a & b) <= 1 for a in queries for b in keys)


def test_every_norm_of_a_network_is_replaced_in_place():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4))
    )
    whole, weight = copy.deepcopy(net), net[1].weight
    assert split_norms(net, 4) == 2
    assert [type(layer) for layer in (net[1], net[2][1])] == [SplitBatchNorm] * 2
    assert net[1].weight is weight
    assert net.state_dict().keys() == whole.state_dict().keys()
    assert split_norms(net, 4) == 0


def test_synchronised_norm_and_networks_without_norm_stay():
    net = nn.Sequential(nn.SyncBatchNorm(4), nn.GroupNorm(2, 4), nn.Linear(4, 4))
    assert split_norms(net, 4) == 0
    assert [type(layer) for layer in net] == [nn.SyncBatchNorm, nn.GroupNorm, nn.Linear]


@pytest.mark.parametrize("options", [{"momentum": None}, {"track_running_stats": False}])
def test_norms_that_cannot_be_split_raise(options):
    with pytest.raises(ValueError, match="running statistics and a momentum"):
        SplitBatchNorm(nn.BatchNorm1d(3, **options), 4)
