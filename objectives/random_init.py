"""Lowest anchor: what the head alone makes of features that nobody trained."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from objectives.parts.pathways import anchor_encoders
from registries.encoder import Encoder, Modality
from registries.objective import NO_PRETEXT, Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling, View


@OBJECTIVES.register_module(name="random")
class RandomInit(Objective):
    """Lowest anchor: encoders frozen at their first draw, downstream only the head is trained.

    No formula, no source. A task on which this row is far above chance can be solved from pixel
    statistics. pathways: as in `scratch`, True by default. Differs from the paper: Ma et al. 2021
    have no such row.
    """

    paper = "none (anchor)"
    pretrains = False
    expected_failures = NO_PRETEXT
    frozen = True

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
        raise NotImplementedError("'random' has no pretext; the harness must not pretrain it")

    def encoders(self) -> dict[Modality, Encoder]:
        """The encoders as drawn."""
        return dict(self.trunks.items())
