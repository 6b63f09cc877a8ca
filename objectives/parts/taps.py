"""Maps of a backbone's inner stages as rows of embedded cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from registries.encoder import Encoder

GLOBAL = "global"  # the last map, pooled
LAST = "last"  # the output of a backbone whose stages are not named


class ResidualHead(nn.Module):
    """h(x) = BN( W2 relu(W1 x) + S x ), W2 zero and S an identity at first. Bachman et al. 2019."""

    def __init__(self, entering: int, leaving: int, *, norm: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(entering, leaving, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(leaving, leaving, 1, bias=False),
        )
        self.shortcut = nn.Conv1d(entering, leaving, 1, bias=False)
        self.norm = nn.BatchNorm1d(leaving) if norm else nn.Identity()
        nn.init.zeros_(self.body[2].weight)
        nn.init.dirac_(self.shortcut.weight)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, L) -> (B, D, L)."""
        return self.norm(self.body(cells) + self.shortcut(cells))


def shrink(found: Tensor, grid: Sequence[int] | None) -> Tensor:
    """(B, C, t, h, w) averaged down to at most `grid`, and its cells in a row: (B, C, L)."""
    if grid is not None:
        sizes = tuple(min(have, want) for have, want in zip(found.shape[2:], grid, strict=True))
        found = F.adaptive_avg_pool3d(found, sizes)
    return found.flatten(2)


def tap_widths(encoder: Encoder, taps: Sequence[str] | None) -> dict[str, int]:
    """Channels of each map by name; the first is the pooled last one."""
    if len(encoder.channels) != 1:
        raise ValueError(f"taps need a video backbone with one map, got {encoder.pathways}")
    wide = encoder.channels[0]
    if taps is not None and not len(taps):
        return {GLOBAL: wide, LAST: wide}
    stages = dict(encoder.stage_channels)
    if not stages:
        raise ValueError(
            f"{type(encoder).__name__} has no named stages to tap; take a backbone that has them, "
            "such as r3d_18 or resnet3d, or set taps=() for its output alone"
        )
    chosen = list(stages)[-2:] if taps is None else list(taps)
    if set(chosen) - set(stages) or len(set(chosen)) < len(chosen) or chosen[-1] != [*stages][-1]:
        raise ValueError(
            f"taps are different stages out of {list(stages)}, ending with the last; got {taps!r}"
        )
    return {GLOBAL: wide, **{name: stages[name] for name in chosen}}
