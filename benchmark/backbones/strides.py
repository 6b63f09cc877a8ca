"""Total strides of a backbone, read from its layers and lowered without touching a weight's shape.

Axes count from the end: -3 time, (-2, -1) grid for video; -1 time for audio. A stage is a part of
the backbone whose strided layers lie on parallel branches (a block and its shortcut), so that its
stride is the largest one found in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from torch import nn

from registries.errors import UsageError

TIME = (-3,)
GRID = (-2, -1)
_STRIDED = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d,
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
)  # fmt: skip


def total(stages: Sequence[nn.Module], axis: int) -> int:
    """Input steps per output step along `axis`."""
    return prod(_stage_stride(stage, axis) for stage in stages)


def lower(
    stages: Sequence[nn.Module], *, axes: tuple[int, ...], wanted: int | None, option: str
) -> None:
    """Set strides to 1, from the last stage backwards, until the total along `axes` is `wanted`.

    Late stages give way first: there the maps are smallest, so that extra steps cost least. None
    leaves the backbone as its authors drew it. Raises UsageError, naming `option`, where no such
    total exists.
    """
    if wanted is None:
        return
    allowed = [total(stages[:stop], axes[0]) for stop in range(len(stages) + 1)]
    if wanted not in allowed:
        raise UsageError(
            f"{option}={wanted} cannot be had by removing strides from this backbone; "
            f"allowed: {', '.join(map(str, sorted(set(allowed))))}, or None for its own "
            f"({allowed[-1]})."
        )
    keep = allowed.index(wanted)
    for stage in stages[keep:]:
        for layer in _layers(stage):
            stride = list(_strides(layer))
            for axis in axes:
                if len(stride) >= -axis:
                    stride[axis] = 1
            layer.stride = tuple(stride)


def _stage_stride(stage: nn.Module, axis: int) -> int:
    found = [_strides(layer) for layer in _layers(stage)]
    return max((stride[axis] for stride in found if len(stride) >= -axis), default=1)


def _layers(stage: nn.Module) -> Iterator[nn.Module]:
    return (layer for layer in stage.modules() if isinstance(layer, _STRIDED))


def _strides(layer: nn.Module) -> tuple[int, ...]:
    """Stride per axis; pooling layers may carry one int for all of them."""
    rank = next(int(base.__name__[-2]) for base in type(layer).__mro__ if base in _STRIDED)
    stride = layer.stride
    return (stride,) * rank if isinstance(stride, int) else tuple(stride)
