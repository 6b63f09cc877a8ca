"""An encoder and a head, trained end to end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from benchmark.protocols.attention import Listener, attended
from benchmark.protocols.pooling import chosen_pathways, clips_of, pool_maps
from registries.encoder import Encoder, Modality
from registries.task import Head, TextHead


class FinetuneModel(BaseModel):
    """Encoders and a head, trained by the stock Runner.

    inputs: of each modality that has an encoder, video (B, 3, T, H, W) and audio (B, F, T) in
    training, (B, N, ...) elsewhere, N clips of one sample whose scores are averaged. Features of
    several modalities stand side by side. frozen: the encoders stay as they were handed down, batch
    norm included. features: "all" pathways, or the name of one. pooling: how clip features come
    about, see `pool_maps`. listener: says where in the picture to look; its sound comes as
    inputs["audio"] and goes nowhere else.
    """

    def __init__(
        self,
        encoders: Mapping[Modality, Encoder],
        head: Head | TextHead,
        *,
        data_preprocessor: nn.Module,
        frozen: bool = False,
        features: str = "all",
        pooling: str = "average",
        listener: Listener | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.pooling, self.listener = pooling, listener
        self.encoders, self.head, self.frozen = nn.ModuleDict(encoders), head, frozen
        self.chosen = {name: chosen_pathways(found, features) for name, found in encoders.items()}
        if frozen:
            self.encoders.requires_grad_(False)

    def train(self, mode: bool = True) -> FinetuneModel:
        """A frozen encoder never leaves evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoders.eval()
        return self

    def forward(
        self, inputs: dict[str, Tensor], data_samples: dict[str, Any], mode: str = "loss"
    ) -> dict[str, Tensor] | list[dict[str, Any]]:
        """Mode "loss": the head's losses.

        Mode "predict": one {"score", "target", ...} per sample.
        """
        if mode == "loss":
            features = self._features(inputs)
            if isinstance(self.head, TextHead):
                return self.head.loss(features, data_samples)
            return self.head.loss(features, data_samples["target"])
        return _rows(data_samples, self._answers(inputs, data_samples))

    def _answers(
        self, inputs: dict[str, Tensor], data_samples: dict[str, Any]
    ) -> dict[str, list[Any]]:
        """Scores (classes,) of every sample, or texts and an empty score."""
        clips = _clips(inputs)
        flat = {name: x if clips is None else x.flatten(0, 1) for name, x in inputs.items()}
        features = self._features(flat)
        if isinstance(self.head, TextHead):
            texts = self.head.read(features, data_samples)
            return {"hypothesis": texts, "score": [torch.zeros(1) for _ in texts]}
        score = self.head.predict(features)  # every clip alone: (B * N, K)
        if clips is not None:
            score = score.view(-1, clips, score.shape[1]).mean(dim=1)
        return {"score": list(score)}

    def _features(self, inputs: dict[str, Tensor]) -> Tensor:
        maps: list[Tensor] = []
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            for name, encoder in self.encoders.items():
                found = encoder(inputs[name])
                maps += [found[index] for index in self.chosen[name]]
        if self.listener is not None:
            weights = self.listener(inputs)
            maps = [attended(found, weights) if found.dim() > 3 else found for found in maps]
        return pool_maps(tuple(maps), self.head.pool, over_grid=self.pooling)


def _clips(inputs: Mapping[str, Tensor]) -> int | None:
    """How many clips each sample comes with, None where the axis is not there."""
    return clips_of(*next(iter(inputs.items())))


def _rows(
    data_samples: Mapping[str, Any], answers: Mapping[str, list[Any]]
) -> list[dict[str, Any]]:
    """One mapping a sample: its answer beside what is known about it."""
    known = {
        "target": data_samples["target"].tolist(),
        "id": data_samples["id"],
        "group": data_samples["group"],
        **{name: data_samples[name] for name in ("text", "tag") if name in data_samples},
        **answers,
    }
    return [dict(zip(known, row, strict=True)) for row in zip(*known.values(), strict=True)]
