"""Random changes of training clips, vectorised over the batch: one draw a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from registries.errors import unknown

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma
# RGB -> YIQ (NTSC), in which a rotation of the I, Q plane turns the hue
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
HUE = 4  # strength of the others / that of the hue; chosen, after SimCLR's .8 and .2
COLUMNS = 13  # uniform numbers a sample needs


class Draw(NamedTuple):
    """Uniform numbers in [0, 1) of each sample, (B,) each; what they mean is `Augment`'s."""

    area: Tensor
    shape: Tensor
    top: Tensor
    left: Tensor
    flip: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor
    grey: Tensor
    rotate: Tensor
    zoom: Tensor
    shift: Tensor

    @classmethod
    def make(cls, count: int, generator: torch.Generator) -> Self:
        """Draw on the CPU: the same numbers on every device."""
        return cls(*torch.rand(COLUMNS, count, generator=generator))


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Strengths. Defaults: the suite's own recipe (chosen: crop .2-1, flip, jitter .4).

    scale: range of the crop's share of the frame; None: crops of the output's size at whole pixels,
    not resized (lips and faces) · ratio: range of width / height · flip, grey: chances · jitter:
    strengths of brightness, contrast, saturation (factors uniform in 1 +- x) and hue (turns,
    uniform in +- x); one number x stands for (x, x, x, x / 4) · rotate: degrees, uniform in +- x ·
    zoom: share by which the picture grows or shrinks, uniform in 1 +- x · shift: frames, a whole
    number uniform in +- x by which the clip comes early or late (its ends are repeated).
    Differs from torchvision: fixed order, hue by rotation in YIQ, contrast about the clip's mean,
    values clipped once at the end (so all of it is one affine map of the colours); a crop that does
    not fit is cut to the frame instead of being drawn again.
    """

    scale: tuple[float, float] | None = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: float | tuple[float, float, float, float] = 0.4
    grey: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    shift: int = 0

    @classmethod
    def make(cls, options: Self | Mapping[str, Any] | None) -> Self | None:
        """From the options of a config; raises UsageError for an unknown one."""
        if options is None or isinstance(options, cls):
            return options
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise unknown("option of the augmentation", name, known)
        return cls(**options)

    @property
    def strengths(self) -> tuple[float, float, float, float]:
        """Brightness, contrast, saturation, hue."""
        if isinstance(self.jitter, (int, float)):
            return self.jitter, self.jitter, self.jitter, self.jitter / HUE
        brightness, contrast, saturation, hue = self.jitter
        return brightness, contrast, saturation, hue

    def crop(self, planes: Tensor, draw: Draw, size: int) -> Tensor:
        """(B, N, 3, T, H, W) uint8 -> float (B, N, 3, T, size, size) in [0, 1].

        All that moves pixels: crop, flip, rotation, zoom, shift in time.
        """
        return self.delay(self.turn(self._crop(planes, draw, size), draw), draw)

    def _crop(self, planes: Tensor, draw: Draw, size: int) -> Tensor:
        flips = _sent(draw.flip < self.flip, planes.device)
        if self.scale is None:
            out = _shift(planes, draw, size).float() / 255
            return torch.where(flips.view(-1, 1, 1, 1, 1, 1), out.flip(-1), out)
        height, width = planes.shape[-2:]
        boxes = torch.stack(self.boxes(draw, height, width))
        high, wide, top, left = _sent(boxes, planes.device)
        theta = torch.zeros(len(planes), 2, 3, device=planes.device)
        # box in the coordinates of affine_grid: the frame is [-1, 1] on both axes
        theta[:, 0, 0] = torch.where(flips, -wide, wide) / width
        theta[:, 0, 2] = (2 * left + wide) / width - 1
        theta[:, 1, 1] = high / height
        theta[:, 1, 2] = (2 * top + high) / height - 1
        grid = F.affine_grid(theta, [len(planes), 1, size, size], align_corners=False)
        # clips, colours and frames as channels: the grid is worked out once a sample
        flat = planes.reshape(len(planes), -1, height, width).float() / 255
        out = F.grid_sample(flat, grid, padding_mode="border", align_corners=False)
        return out.reshape(*planes.shape[:-2], size, size)

    def turn(self, pixels: Tensor, draw: Draw) -> Tensor:
        """Rotate and zoom (B, N, 3, T, S, S) about the middle; the border is repeated."""
        if not (self.rotate or self.zoom):
            return pixels
        angle = (2 * draw.rotate - 1) * math.radians(self.rotate)
        grow = 1 + (2 * draw.zoom - 1) * self.zoom
        theta = torch.zeros(len(pixels), 2, 3)
        theta[:, 0, 0] = theta[:, 1, 1] = angle.cos() / grow
        theta[:, 1, 0] = angle.sin() / grow
        theta[:, 0, 1] = -theta[:, 1, 0]
        flat = pixels.flatten(1, 3)  # clips, colours and frames as channels
        shape = [len(flat), 1, *flat.shape[2:]]
        grid = F.affine_grid(_sent(theta, pixels.device), shape, align_corners=False)
        out = F.grid_sample(flat, grid, padding_mode="border", align_corners=False)
        return out.reshape(pixels.shape)

    def delay(self, pixels: Tensor, draw: Draw) -> Tensor:
        """Shift (B, N, 3, T, S, S) in time by whole frames; the first or last frame is repeated."""
        if not self.shift:
            return pixels
        frames = pixels.shape[3]
        moves = (draw.shift * (2 * self.shift + 1)).long() - self.shift  # (B,)
        source = (torch.arange(frames) - moves[:, None]).clamp(0, frames - 1)  # (B, T)
        source = _sent(source, pixels.device).view(len(pixels), 1, 1, frames, 1, 1)
        return pixels.gather(3, source.expand_as(pixels))

    def boxes(self, draw: Draw, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Height, width, top, left in pixels of each sample's crop, (B,) each."""
        low, high = self.scale or (1.0, 1.0)
        area = (low + (high - low) * draw.area) * height * width
        small, large = (math.log(value) for value in self.ratio)
        ratio = torch.exp(small + (large - small) * draw.shape)
        wide = torch.sqrt(area * ratio).clamp(max=width)
        tall = torch.sqrt(area / ratio).clamp(max=height)
        return tall, wide, draw.top * (height - tall), draw.left * (width - wide)

    def colour(self, pixels: Tensor, draw: Draw) -> Tensor:
        """Change the colours of (B, N, 3, T, S, S) in [0, 1] and clip to [0, 1]."""
        if not any((*self.strengths, self.grey)):
            return pixels
        mean = pixels.mean(dim=(1, 3, 4, 5))  # (B, 3)
        matrix, offset = self.colour_map(Draw(*_sent(torch.stack(draw), mean.device)), mean)
        batch, clips = pixels.shape[:2]
        flat = pixels.reshape(batch * clips, 3, -1)
        matrix, offset = matrix.repeat_interleave(clips, 0), offset.repeat_interleave(clips, 0)
        return torch.baddbmm(offset[..., None], matrix, flat).clamp_(0, 1).reshape(pixels.shape)

    def colour_map(self, draw: Draw, mean: Tensor) -> tuple[Tensor, Tensor]:
        """The affine map of each sample's colours, x -> matrix x + offset: (B, 3, 3), (B, 3).

        mean: of each sample's colours, (B, 3), where the numbers of `draw` are.
        """
        grey = _sent(torch.tensor(GREY), mean.device).expand(3, 3)
        eye = torch.eye(3, device=mean.device)
        by_brightness, by_contrast, by_saturation, by_hue = self.strengths

        def factor(number: Tensor, strength: float) -> Tensor:
            return (1 + strength * (2 * number - 1)).view(-1, 1, 1)

        contrast = factor(draw.contrast, by_contrast)
        matrix = factor(draw.brightness, by_brightness) * eye
        middle = torch.einsum("ij,bjk,bk->bi", grey, matrix, mean)
        matrix, offset = contrast * matrix, (1 - contrast[..., 0]) * middle
        saturation = factor(draw.saturation, by_saturation)
        turn = _hue(by_hue * (2 * draw.hue - 1))
        rest = turn @ (saturation * eye + (1 - saturation) * grey)
        rest = torch.where((draw.grey < self.grey).view(-1, 1, 1), grey, rest)
        return rest @ matrix, torch.einsum("bij,bj->bi", rest, offset)


def _hue(turns: Tensor) -> Tensor:
    """(B, 3, 3) rotations of the hue by `turns` (B,) of the full circle."""
    to_yiq = torch.tensor(YIQ, dtype=torch.float64)
    back, to_yiq = _sent(torch.stack([torch.linalg.inv(to_yiq), to_yiq]), turns.device)
    angle = 2 * math.pi * turns.double()
    rotate = torch.eye(3, dtype=torch.float64, device=turns.device).repeat(len(turns), 1, 1)
    rotate[:, 1, 1] = rotate[:, 2, 2] = angle.cos()
    rotate[:, 1, 2], rotate[:, 2, 1] = -angle.sin(), angle.sin()
    return (back @ rotate @ to_yiq).float()


def _sent(numbers: Tensor, device: torch.device) -> Tensor:
    """On the device where they are needed, without waiting for what it does."""
    return numbers.to(device, non_blocking=True)


def _shift(planes: Tensor, draw: Draw, size: int) -> Tensor:
    """Crops of the output's size at whole pixels."""
    height, width = planes.shape[-2:]
    if min(height, width) < size:
        raise ValueError(
            f"frames of {width} x {height} pixels are smaller than the output's {size}; raise the "
            "dataset's size or lower the preprocessor's"
        )
    tops = (draw.top * (height - size + 1)).long().tolist()
    lefts = (draw.left * (width - size + 1)).long().tolist()
    cut = [
        sample[..., top : top + size, left : left + size]
        for sample, top, left in zip(planes, tops, lefts, strict=True)
    ]
    return torch.stack(cut)
