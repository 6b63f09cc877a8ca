"""Feature maps in the form that a head asks for, and which pathways of an encoder are used."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from registries.encoder import Encoder, Modality
from registries.errors import UsageError
from registries.task import Pool

CLIP_AXES: dict[Modality, int] = {"video": 4, "audio": 2}  # of one clip: (3, T, H, W), (F, T)


def pool_maps(maps: tuple[Tensor, ...], pool: Pool, *, over_grid: str = "average") -> Tensor:
    """Concatenate the pathways of one encoder in the form a head asks for.

    maps: (B, C, t, h, w) each, or (B, C, t) of sound, which is a grid of one cell. "clip": mean
    over time and grid, or with over_grid="max" the mean over time of each step's maximum, (B, sum
    C). "step": mean over the grid, every pathway brought to the longest one's T steps by
    repetition, (B, T, sum C). "grid": mean over time, every pathway brought to the first one's
    grid, (B, sum C, H, W). "step_grid": nothing averaged, steps and grid as above, (B, T, sum C, H,
    W).
    """
    maps = tuple(found if found.dim() > 3 else found[..., None, None] for found in maps)
    if pool == "clip" and over_grid == "max":
        return torch.cat([feature.amax(dim=(3, 4)).mean(dim=2) for feature in maps], dim=1)
    if pool == "clip":
        return torch.cat([feature.mean(dim=(2, 3, 4)) for feature in maps], dim=1)
    if pool == "step":
        steps = max(feature.shape[2] for feature in maps)
        rows = [F.interpolate(feature.mean(dim=(3, 4)), size=steps) for feature in maps]
        return torch.cat(rows, dim=1).transpose(1, 2)
    grid = maps[0].shape[3:]  # the picture's, where there is one: it comes first
    if pool == "step_grid":
        size = (max(feature.shape[2] for feature in maps), *grid)
        return torch.cat([F.interpolate(feature, size=size) for feature in maps], dim=1).transpose(
            1, 2
        )
    return torch.cat([F.adaptive_avg_pool2d(feature.mean(dim=2), grid) for feature in maps], dim=1)


def clips_of(modality: Modality, batch: Tensor) -> int | None:
    """N of a batch (B, N, ...) of several clips a sample, None where the axis is not there."""
    return batch.shape[1] if batch.dim() == CLIP_AXES[modality] + 2 else None


def chosen_pathways(encoder: Encoder, features: str) -> tuple[int, ...]:
    """Indices of the pathways that features ("all" or a name) stands for."""
    if features == "all" or encoder.pathways == ("clip",):
        return tuple(range(len(encoder.pathways)))
    if features not in encoder.pathways:
        raise UsageError(
            f"finetune.features={features!r}, but this encoder has "
            f"{encoder.pathways}; use one of them or 'all'."
        )
    return (encoder.pathways.index(features),)


def feature_channels(encoder: Encoder, features: str) -> int:
    """Channels that a head sees."""
    return sum(encoder.channels[i] for i in chosen_pathways(encoder, features))
