"""Perceptrons before a loss: projectors and predictors."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def mlp(*sizes: int, norm: bool = False, last_norm: bool = False) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them. (B, sizes[0]) -> (B, sizes[-1]).

    norm: batch norm before every ReLU. last_norm: batch norm, without ReLU, after the last layer
    (Chen and He 2021, sec. 4.4). MoCo v1's head is mlp(512, 128), v2's mlp(512, 512, 128).
    """
    if len(sizes) < 2:
        raise ValueError(f"a perceptron needs an input and an output width, got {sizes}")
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise(sizes), start=2):
        layers.append(nn.Linear(before, after))
        last = number == len(sizes)
        if last_norm if last else norm:
            layers.append(nn.BatchNorm1d(after))
        if not last:
            layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
