"""Looking where the sound comes from: features pooled by the attention that pretraining learnt.

    A = softmax over cells of <W_a a + b_a, W_v v[h, w] + b_v>     from the encoders as handed down
    features = sum over cells of A * map                           instead of their mean

Ma et al. 2021, table 7 ("full frame + attention"): the test clip's sound says where to look and is
otherwise not used.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from benchmark.protocols.localise import similarity
from registries.alignment import Alignment
from registries.encoder import Encoder, Modality
from registries.errors import UsageError

UNIT_TEMPERATURE = 0.07  # of unit vectors, those of the presets with `normalize`; raw products: 1


class Listener(nn.Module):
    """Frozen encoders and the linear maps into their common space.

    inputs video (B, 3, T, H, W) and audio (B, F, S) -> weights (B, h, w) that sum to one. Raises
    UsageError for encoders that come without such maps.
    """

    def __init__(self, encoders: Mapping[Modality, Encoder], alignment: Alignment | None) -> None:
        super().__init__()
        if alignment is None:
            raise UsageError(
                "finetune.pooling='attention' needs encoders that compare cells of sight with "
                "sound, such as those of glcm; these come without. Choose 'average' or 'max'."
            )
        self.encoders, self.alignment = nn.ModuleDict(encoders).requires_grad_(False), alignment
        self.places = {
            name: encoders[name].pathways.index(found["pathway"])
            for name, found in alignment.items()
        }
        self.temperature = UNIT_TEMPERATURE if alignment["video"]["unit"] else 1.0

    def train(self, mode: bool = True) -> Listener:
        """Never leaves evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Where to look, (B, h, w)."""
        seen, heard = (
            self.encoders[name](inputs[name])[self.places[name]] for name in ("video", "audio")
        )
        scores = similarity(seen, heard, self.alignment) / self.temperature
        return scores.flatten(1).softmax(dim=1).view_as(scores)


def attended(maps: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over the grid: maps (B, C, t, h, w), weights (B, h, w) -> (B, C, t, 1, 1)."""
    return torch.einsum("bcthw,bhw->bct", maps, weights.to(maps))[..., None, None]
