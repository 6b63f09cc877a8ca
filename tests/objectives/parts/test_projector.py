"""Perceptrons: layers, widths, and where batch norm stands."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from objectives.parts.projector import mlp


def kinds(net: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in net]


@pytest.mark.parametrize(
    ("sizes", "options", "want"),
    [
        ((8, 4), {}, ["Linear"]),
        ((8, 6, 4), {}, ["Linear", "ReLU", "Linear"]),
        ((8, 6, 4), {"norm": True}, ["Linear", "BatchNorm1d", "ReLU", "Linear"]),
        ((8, 6, 4), {"last_norm": True}, ["Linear", "ReLU", "Linear", "BatchNorm1d"]),
        (
            (8, 6, 5, 4),
            {"norm": True, "last_norm": True},
            ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear", "BatchNorm1d"],
        ),
    ],
)
def test_layers(sizes, options, want):
    net = mlp(*sizes, **options)
    assert kinds(net) == want
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    widths = [linear[0].in_features, *(layer.out_features for layer in linear)]
    assert tuple(widths) == sizes
    assert net(torch.randn(3, sizes[0])).shape == (3, sizes[-1])


def test_two_layers_are_the_formula():
    net, x = mlp(5, 7, 2).double(), torch.randn(4, 5).double()
    inner = (x @ net[0].weight.T + net[0].bias).clamp_min(0)
    torch.testing.assert_close(net(x), inner @ net[2].weight.T + net[2].bias)


def test_heads_of_moco_have_the_published_size():
    count = [
        sum(p.numel() for p in mlp(*sizes).parameters()) for sizes in ((512, 128), (512, 512, 128))
    ]
    assert count == [512 * 128 + 128, 512 * 512 + 512 + 512 * 128 + 128]


@pytest.mark.parametrize("sizes", [(), (8,)])
def test_too_few_widths_raise(sizes):
    with pytest.raises(ValueError, match="input and an output width"):
        mlp(*sizes)
