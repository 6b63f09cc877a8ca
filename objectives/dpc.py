"""DPC: predict the feature maps of later blocks, cell by cell, each prediction from the last.

Source: Han, Xie, Zisserman: "Video Representation Learning by Dense Predictive Coding", ICCV
workshops 2019 (arXiv 1909.04656). Options turn it into MemDPC: the same authors, "Memory-augmented
Dense Predictive Coding", ECCV 2020 (arXiv 2008.01065).

    blocks x_1 .. x_N -> trunk, mean over time -> 1x1 -> F_1 .. F_N, (D, h, w) each
    ReLU(F_1) .. ReLU(F_N-P) -> ConvGRU -> h;   P times: p = phi(h), h = ConvGRU(ReLU(p), h)

    L = mean over videos, predicted blocks and cells of -log softmax over all of them of <p, F>
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from objectives.parts.blocks import Statistics, block_sampling, check_blocks, encode_blocks
from objectives.parts.convgru import ConvGRU, orthogonal, predict_ahead
from objectives.parts.predictive import (
    Choice,
    Score,
    accuracy,
    chance,
    check_choice,
    dpc_choice,
    info_nce,
    recall,
    within_video,
)
from registries.distributed import gather
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling


@OBJECTIVES.register_module(name="dpc")
class DPC(Objective):
    """DPC: tells each cell of the next blocks from all other cells, blocks and videos.

    L = mean over (b, p, cell) of -log softmax(s)_positive, s = <p, F> over the B P h w predicted
    cells of the batch; Han et al. 2019, sec. 3. Targets are F as it is; the recurrent network gets
    ReLU(F). video (B, N, 3, T, H, W): N consecutive blocks of T frames.

    blocks: N; together they span the standard clip. predict: P. dim: of F and of the ConvGRU.
    kernel, dropout: of the ConvGRU. score: "dot", "mean" (dot / dim) or "cosine". temperature: None
    is 1, and .1 for cosine. statistics: what batch norms in the trunk see at once, "separate" the
    observed and the future blocks (with both_ways: each block), "joint" all. gather: negatives from
    all processes. MemDPC: memory, the number of slots of which a prediction is a mixture,
    softmax(phi(h)) M (1024 there); both_ways, a second pass from the last block to the first with a
    ConvGRU of its own, whose loss is added. `audio` is not used.

    Differs from the paper: the trunk is the harness's; as it may end in a ReLU, F is a 1x1
    convolution of its map. Their code has one batch-norm scope for all blocks ("joint"), through
    which the context sees the targets. Colours change per clip, not per frame. Observed blocks are
    no negatives, as there. phi starts orthogonal like the ConvGRU; M starts normal: chosen.
    """

    paper = (
        "Han et al. 2019, Video Representation Learning by Dense Predictive Coding, ICCV workshops"
    )
    small: ClassVar[dict[str, Any]] = {"dim": 32, "dropout": 0.0}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any] | None = None,
        blocks: int = 8,  # these five: Han et al. 2019
        predict: int = 3,
        dim: int = 256,
        kernel: int = 1,
        dropout: float = 0.1,
        score: Score = "dot",
        temperature: float | None = None,
        memory: int | None = None,
        both_ways: bool = False,
        statistics: Statistics = "separate",
        gather: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        check_blocks(blocks=blocks, predict=predict, statistics=statistics)
        check_choice(score=score, temperature=temperature)
        self.predict, self.gather = predict, gather
        self.contrast = {"score": score, "temperature": temperature}
        if statistics == "joint":
            self.scopes = [blocks]
        else:
            self.scopes = [1] * blocks if both_ways else [blocks - predict, predict]
        self.video = BACKBONES.build(video)
        self.project = nn.Conv2d(sum(self.video.channels), dim, 1)
        gain = 1.0 if memory is None else 0.1  # Han et al. 2020's code
        ways = ("prediction", "backward") if both_ways else ("prediction",)
        self.summaries = nn.ModuleDict(
            {way: ConvGRU(dim, kernel=kernel, dropout=dropout, gain=gain) for way in ways}
        )
        self.phi = nn.Sequential(
            nn.Conv2d(dim, dim, 1), nn.ReLU(inplace=True), nn.Conv2d(dim, memory or dim, 1)
        )
        orthogonal(self.phi, gain=gain)
        self.memory = None if memory is None else nn.Parameter(torch.randn(memory, dim))

    @classmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2, blocks: int = 8) -> ClipSampling:
        """Consecutive blocks that together span the standard clip."""
        return block_sampling(clip_len=clip_len, seconds=seconds, blocks=blocks)

    def encoders(self) -> dict[Modality, Encoder]:
        """The trunk alone."""
        return {"video": self.video}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """InfoNCE over cells, of one or both ways through time. video (B, N, 3, T, H, W)."""
        maps = self.maps(inputs["video"])
        passes = {way: self.predictions(maps, way) for way in self.summaries}
        self.embeddings = {
            name: found.detach().mean(dim=(1, 3, 4))
            for name, found in zip(("prediction", "video"), passes["prediction"], strict=True)
        }
        losses = {}
        for way, (predicted, targets) in passes.items():
            choice = self._choice(predicted, targets)
            own = within_video(choice, len(choice.positive) // predicted[0, :, 0].numel())
            losses |= {
                f"loss_{way}": info_nce(choice),
                f"{way}_accuracy": accuracy(choice),
                f"{way}_top5": accuracy(choice, top=5),
                f"{way}_chance": chance(choice),
                f"{way}_same_video_accuracy": accuracy(own),
                f"{way}_same_video_chance": chance(own),
            }
        return losses

    def maps(self, video: Tensor) -> Tensor:
        """F of each block, before any ReLU: (B, N, 3, T, H, W) -> (B, N, D, h, w)."""
        found = encode_blocks(self.video, video, self.scopes)
        return self.project(found.flatten(0, 1)).unflatten(0, found.shape[:2])

    def predictions(self, maps: Tensor, way: str = "prediction") -> tuple[Tensor, Tensor]:
        """Predicted maps and their targets. (B, N, D, h, w) -> twice (B, P, D, h, w)."""
        maps = maps.flip(1) if way == "backward" else maps
        observed, targets = maps[:, : -self.predict], maps[:, -self.predict :]
        _, predicted = predict_ahead(self.summaries[way], self.read, observed, self.predict)
        return predicted, targets

    def read(self, state: Tensor) -> Tensor:
        """The prediction that a state stands for. (B, D, h, w) -> (B, D, h, w)."""
        found = self.phi(state)
        return found if self.memory is None else recall(found, self.memory)

    def _choice(self, predicted: Tensor, targets: Tensor) -> Choice:
        if self.gather:
            predicted, targets = gather(predicted), gather(targets)
        return dpc_choice(predicted, targets, **self.contrast)
