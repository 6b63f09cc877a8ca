"""How encoders are evaluated.

What is pooled, what is trained. So far: finetune, and frozen anchors.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from registries.encoder import Encoder
from registries.errors import UsageError
from registries.task import Head, Pool

PROTOCOLS = {
    "finetune": "encoder and head trained end to end; the epoch is chosen on held-out train",
}


def pool_maps(maps: tuple[Tensor, ...], pool: Pool, *, over_grid: str = "average") -> Tensor:
    """Concatenate the pathways of one encoder in the form a head asks for.

    maps: (B, C, t, h, w) each. "clip": mean over time and grid, or with over_grid="max" the mean
    over time of each step's maximum, (B, sum C). "step": mean over the
    grid, every pathway brought to the longest one's T steps by repetition, (B, T, sum C). "grid":
    mean over time, every pathway brought to the first one's grid, (B, sum C, H, W). "step_grid":
    nothing averaged, steps and grid as above, (B, T, sum C, H, W).
    """
    if pool == "clip" and over_grid == "max":
        return torch.cat([feature.amax(dim=(3, 4)).mean(dim=2) for feature in maps], dim=1)
    if pool == "clip":
        return torch.cat([feature.mean(dim=(2, 3, 4)) for feature in maps], dim=1)
    if pool == "step":
        steps = max(feature.shape[2] for feature in maps)
        rows = [F.interpolate(feature.mean(dim=(3, 4)), size=steps) for feature in maps]
        return torch.cat(rows, dim=1).transpose(1, 2)
    grid = maps[0].shape[3:]
    if pool == "step_grid":
        size = (max(feature.shape[2] for feature in maps), *grid)
        return torch.cat([F.interpolate(feature, size=size) for feature in maps], dim=1).transpose(
            1, 2
        )
    return torch.cat([F.adaptive_avg_pool2d(feature.mean(dim=2), grid) for feature in maps], dim=1)


class FinetuneModel(BaseModel):
    """An encoder and a head, trained end to end by the stock Runner.

    inputs["video"]: (B, 3, T, H, W) in training, (B, N, 3, T, H, W) elsewhere, N clips of one
    sample whose scores are averaged. frozen: the encoder stays as it was handed down, batch norm
    included. features: "all" pathways, or the name of one. pooling: how clip features come about,
    see `pool_maps`.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: Head,
        *,
        data_preprocessor: nn.Module,
        frozen: bool = False,
        features: str = "all",
        pooling: str = "average",
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.pooling = pooling
        self.encoder, self.head, self.frozen = encoder, head, frozen
        self.chosen = chosen_pathways(encoder, features)
        if frozen:
            encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> FinetuneModel:
        """A frozen encoder never leaves evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(
        self, inputs: dict[str, Tensor], data_samples: dict[str, Any], mode: str = "loss"
    ) -> dict[str, Tensor] | list[dict[str, Any]]:
        """Mode "loss": the head's losses.

        Mode "predict": one {"score", "target", ...} per sample.
        """
        if mode == "loss":
            return self.head.loss(self._features(inputs["video"]), data_samples["target"])
        score = self._scores(inputs["video"])
        return [
            {"score": score[i], "target": target, "id": name, "group": group}
            for i, (target, name, group) in enumerate(
                zip(
                    data_samples["target"].tolist(),
                    data_samples["id"],
                    data_samples["group"],
                    strict=True,
                )
            )
        ]

    def _scores(self, video: Tensor) -> Tensor:
        if video.ndim == 5:
            return self.head.predict(self._features(video))
        batch, clips = video.shape[:2]
        score = self.head.predict(self._features(video.flatten(0, 1)))  # every clip alone: (B*N, K)
        return score.view(batch, clips, -1).mean(dim=1)

    def _features(self, video: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            maps = self.encoder(video)
        chosen = tuple(maps[i] for i in self.chosen)
        return pool_maps(chosen, self.head.pool, over_grid=self.pooling)


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
