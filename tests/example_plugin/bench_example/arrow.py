"""An objective of somebody else: does the clip run forwards or backwards?"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling, View


@OBJECTIVES.register_module(name="example_arrow")
class Arrow(Objective):
    """Tells forwards from backwards, after Wei et al. 2018, "Learning and Using the Arrow of Time".

    L = -log sigmoid(+-w.f(x)), + where the clip runs backwards. video (B, 3, T, H, W).
    Differs from the paper: frames instead of optical flow.
    """

    paper = "Wei et al. 2018, Learning and Using the Arrow of Time, CVPR"

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any] | None = None,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.video = BACKBONES.build(video)
        self.output = nn.Linear(sum(self.video.channels), 1)

    @classmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2) -> ClipSampling:
        """One clip, backwards every other time."""
        view = View(modality="video", clip_len=clip_len, seconds=seconds, reverse=0.5)
        return ClipSampling({"video": view})

    def encoders(self) -> dict[Modality, Encoder]:
        """The trunk."""
        return {"video": self.video}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """The label is a function of the recorded times."""
        maps = [found.mean(dim=(2, 3, 4)) for found in self.video(inputs["video"])]
        score = self.output(torch.cat(maps, dim=1))[:, 0].float()
        backwards = data_samples["times"]["video"].reversed[:, 0].float().to(score.device)
        hit = (score.detach() > 0) == (backwards > 0)
        return {
            "loss_arrow": F.binary_cross_entropy_with_logits(score, backwards),
            "arrow_accuracy": hit.float().mean(),
            "arrow_chance": torch.full_like(score.detach()[0], 0.5),
        }
