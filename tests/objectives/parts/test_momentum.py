"""The momentum twin: exact values, what it leaves alone, and the schedule."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from objectives.parts.momentum import MomentumTwin, annealed


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()


def moved(net: nn.Module, by: float) -> nn.Module:
    """Every parameter shifted, as by an optimizer."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += by
    return net


def test_starts_as_a_copy_of_its_own():
    net = network()
    twin = MomentumTwin(net)
    assert all(torch.equal(a, b) for a, b in zip(twin.parameters(), net.parameters(), strict=True))
    mine = {p.data_ptr() for p in twin.parameters()}
    assert mine.isdisjoint({p.data_ptr() for p in net.parameters()})


def test_three_steps_have_the_exact_value():
    net = network()
    twin, m = MomentumTwin(net), 0.9
    first = copy.deepcopy(net)
    for _ in range(3):
        twin.update(moved(net, 1.0), m)
    # the source stands 1, 2, 3 above the start
    gain = (1 - m) * (m**2 * 1 + m * 2 + 3)
    for mine, start in zip(twin.parameters(), first.parameters(), strict=True):
        torch.testing.assert_close(mine, start + gain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("momentum", "follows"), [(0.0, True), (1.0, False)])
def test_zero_copies_and_one_stands_still(momentum, follows):
    net = network()
    start = copy.deepcopy(net)
    twin = MomentumTwin(net)
    twin.update(moved(net, 2.0), momentum)
    wanted = net if follows else start
    for mine, other in zip(twin.parameters(), wanted.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_buffers_come_from_the_twins_own_passes():
    net = network()
    twin = MomentumTwin(net)
    net(torch.randn(8, 3).double())
    before = twin.net[1].running_mean.clone()
    twin.update(net, 0.0)
    assert torch.equal(twin.net[1].running_mean, before)
    assert not torch.equal(net[1].running_mean, before)
    twin(torch.randn(8, 3).double())
    assert not torch.equal(twin.net[1].running_mean, before)


def test_no_gradient_reaches_it():
    net = network()
    twin, x = MomentumTwin(net), torch.randn(4, 3).double().requires_grad_()
    assert not twin(x).requires_grad
    assert not any(parameter.requires_grad for parameter in twin.parameters())
    trained = torch.optim.SGD([*net.parameters(), *twin.parameters()], lr=1.0, weight_decay=0.1)
    before = copy.deepcopy(twin.state_dict())
    (net(x).square().sum() + twin(x).sum()).backward()
    trained.step()
    assert all(
        torch.equal(twin.net.state_dict()[k.removeprefix("net.")], before[k])
        for k in before
        if "running" not in k and "num_batches" not in k
    )


def test_training_mode_reaches_the_twin():
    holder = nn.ModuleDict({"twin": MomentumTwin(network())})
    assert not holder.eval()["twin"].net[1].training
    assert holder.train()["twin"].net[1].training


def test_state_dict_round_trip():
    net = network()
    twin, other = MomentumTwin(net), MomentumTwin(network())
    twin.update(moved(net, 1.0), 0.5)
    other.load_state_dict(twin.state_dict())
    x = torch.randn(4, 3).double()
    assert torch.equal(twin(x), other(x))


@pytest.mark.parametrize(("progress", "want"), [(0.0, 0.99), (0.5, 0.995), (1.0, 1.0)])
def test_annealing_starts_at_m_and_ends_at_one(progress, want):
    assert annealed(0.99, progress) == pytest.approx(want, abs=1e-15)


def test_annealing_never_falls():
    values = [annealed(0.9, step / 50) for step in range(51)]
    assert values == sorted(values)
