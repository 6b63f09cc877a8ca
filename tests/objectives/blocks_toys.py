"""A toy encoder with a batch norm, and batches of blocks, for tests of CPC and DPC."""

from __future__ import annotations

import torch
from torch import nn
from toys import ToyVideo

from registries.registry import BACKBONES, OBJECTIVES

BLOCKS, FRAMES = 6, 2


class NormedVideo(ToyVideo):
    """The toy encoder with a batch norm, through which clips of one forward see each other."""

    def __init__(self) -> None:
        super().__init__()
        self.net.append(nn.BatchNorm3d(8))


BACKBONES.register_module(name="toy_video_normed", module=NormedVideo, force=True)


def build(name, *, normed=False, seed=0, **options):
    torch.manual_seed(seed)
    video = {"type": "toy_video_normed" if normed else "toy_video"}
    sizes = {"blocks": BLOCKS, "predict": 2, "dim": 5}
    if name == "dpc":
        sizes["dropout"] = 0.0
    return OBJECTIVES.build({"type": name, "video": video, **sizes, **options})


def video_of(batch=3, *, blocks=BLOCKS, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(batch, blocks, 3, FRAMES, 16, 24, generator=rng)


def terms(model, video):
    return {key: float(value.detach()) for key, value in model.loss({"video": video}, {}).items()}


def total(losses):
    return sum(value for key, value in losses.items() if "loss" in key)


def after(video, block, seed=1):
    """The same video, other content from `block` on."""
    changed = video.clone()
    changed[:, block:] = 3 * video_of(len(video), seed=seed)[:, block:] + 1
    return changed
