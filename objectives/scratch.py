"""Lower anchor: what the downstream training alone reaches, without any pretext."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from objectives.parts.pathways import anchor_encoders
from registries.encoder import Encoder, Modality
from registries.objective import NO_PRETEXT, Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling, View


@OBJECTIVES.register_module(name="scratch")
class Scratch(Objective):
    """Lower anchor: nothing is pretrained, downstream everything is trained from its first draw.

    No formula, no source: the row "trained from scratch" of every table. pathways: True (default)
    hands down the encoder that GLCM does, so that the gap between the two rows is the pretraining;
    False hands down the plain backbone, half the size, for objectives with one video trunk.
    Differs from the paper: Ma et al. 2021 do not say how large their scratch encoder is.
    """

    paper = "none (anchor)"
    pretrains = False
    expected_failures = NO_PRETEXT

    def __init__(
        self,
        *,
        video: dict[str, Any] | None = None,
        audio: dict[str, Any] | None = None,
        pathways: bool = True,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.trunks = nn.ModuleDict(anchor_encoders(video, audio, pathways=pathways))

    @classmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2) -> ClipSampling:
        """An ordinary clip; never drawn, since nothing is pretrained."""
        return ClipSampling(
            views={"video": View(modality="video", clip_len=clip_len, seconds=seconds)}
        )

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Raises NotImplementedError: `pretrains` is False."""
        raise NotImplementedError("'scratch' has no pretext; the harness must not pretrain it")

    def encoders(self) -> dict[Modality, Encoder]:
        """The encoders as drawn."""
        return dict(self.trunks.items())
