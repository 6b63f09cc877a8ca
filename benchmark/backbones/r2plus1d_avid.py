"""R(2+1)D-18 as AVID (Morgado et al. 2021) and CrissCross (Sarkar and Etemad 2023) use it.

Three differences from torchvision's: the stem is one full 3-D convolution followed by max-pooling,
the factorised convolutions are not widened in between (C -> C -> C, no "mid-planes"), and shortcuts
are bare 1x1x1 convolutions. 15,379,136 parameters at width 64; 16 x 112 x 112 -> 512 x 2 x 4 x 4.
"""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.backbones.staged import StagedVideo
from registries.registry import BACKBONES


@BACKBONES.register_module(name="r2plus1d_18_avid")
class R2Plus1D18Avid(StagedVideo):
    """R(2+1)D-18 without mid-plane widening, as in AVID; 8 * width channels, stride (8, 32, 32).

    Differs from the paper: average or max pooling at the end belongs to the objective, not to the
    encoder.
    """

    def __init__(
        self, *, width: int = 64, temporal_stride: int | None = None, grid_stride: int | None = None
    ) -> None:
        stages: dict[str, nn.Module] = {
            "conv1": _stem(width),
            "pool1": nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        }
        entering = width
        for number, planes in enumerate((width, 2 * width, 4 * width, 8 * width), start=2):
            stages[f"conv{number}x"] = nn.Sequential(
                _Block(entering, planes, stride=1 if number == 2 else 2),
                _Block(planes, planes, stride=1),
            )
            entering = planes
        super().__init__(
            stages, channels=entering, temporal_stride=temporal_stride, grid_stride=grid_stride
        )


def _stem(width: int) -> nn.Sequential:
    """(B, 3, T, H, W) -> (B, width, T, H/2, W/2)."""
    return nn.Sequential(
        nn.Conv3d(3, width, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
        nn.BatchNorm3d(width),
        nn.ReLU(inplace=True),
    )


def _factorised(entering: int, planes: int, *, stride: int) -> nn.Sequential:
    """A convolution over space, then one over time, each with its own normalisation."""
    return nn.Sequential(
        nn.Conv3d(
            entering, planes, (1, 3, 3), stride=(1, stride, stride), padding=(0, 1, 1), bias=False
        ),
        nn.BatchNorm3d(planes),
        nn.ReLU(inplace=True),
        nn.Conv3d(planes, planes, (3, 1, 1), stride=(stride, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(planes),
    )


class _Block(nn.Module):
    """Two factorised convolutions beside a shortcut."""

    def __init__(self, entering: int, planes: int, *, stride: int) -> None:
        super().__init__()
        self.first = _factorised(entering, planes, stride=stride)
        self.second = _factorised(planes, planes, stride=1)
        same = stride == 1 and entering == planes
        self.shortcut = (
            nn.Identity() if same else nn.Conv3d(entering, planes, 1, stride=stride, bias=False)
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, planes, t, h, w)."""
        return self.relu(self.second(self.relu(self.first(x))) + self.shortcut(x))
