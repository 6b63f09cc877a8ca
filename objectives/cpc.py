"""CPC: predict the features of later blocks from a summary of the earlier ones.

Source: van den Oord, Li, Vinyals: "Representation Learning with Contrastive Predictive Coding",
2018 (arXiv 1807.03748). They define it for sound, patches and text; for video this file does.

    blocks x_1 .. x_N -> trunk, mean over time and grid -> linear -> z_1 .. z_N
    z_1 .. z_t -> GRU -> c_t -> W_1 .. W_K -> predictions of z_t+1 .. z_t+K, for every t

    L = mean over videos, t and k of -log softmax over candidates of <W_k c_t, z_t+k>
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from objectives.parts.blocks import Statistics, block_sampling, check_blocks, encode_blocks
from objectives.parts.predictive import (
    Choice,
    Negatives,
    Score,
    accuracy,
    chance,
    check_choice,
    cpc_choice,
    info_nce,
    within_video,
)
from registries.distributed import gather
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling


@OBJECTIVES.register_module(name="cpc")
class CPC(Objective):
    """CPC: tells the next blocks of a video from others, given a summary of the blocks before.

    L = (1 / K) sum_k mean_{b, t} -log softmax(s)_positive, s = <W_k c_bt, z>; Oord et al. 2018, eq.
    3 and 4. video (B, N, 3, T, H, W): N consecutive blocks of T frames.

    blocks: N; together they span the standard clip. predict: K, steps ahead. last_only: predict
    from the last possible context only. t_min: blocks seen before the first prediction. dim: width
    of z; None is the trunk's, without a linear layer. width: of the GRU. score: "dot", "mean" (dot
    / dim) or "cosine". temperature: None is 1, and .1 for cosine. negatives: "set" (the K predicted
    blocks of all videos), "other_videos", "same_video" or "all"; see `cpc_choice`. statistics: what
    batch norms in the trunk see at once, "separate" each block of the batch (with last_only: the
    observed and the future ones), "joint" all. gather: negatives from all processes. `audio` is not
    used.

    Differs from the paper: which has no video, so that the sample, the set of negatives and the
    sizes are chosen such that DPC differs in its dense grid alone. Batch norms are kept, but a
    context shares no statistics with blocks after it ("joint" does, and leaks them); others replace
    them by layer norms. "mean" is the score of a later code by other authors, as are linear maps
    without bias. Negatives are those of the batch; nothing is drawn.
    """

    paper = "van den Oord et al. 2018, Representation Learning with Contrastive Predictive Coding"

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any] | None = None,
        blocks: int = 8,  # with predict: Han et al. 2019, to compare with DPC
        predict: int = 3,
        last_only: bool = False,
        t_min: int = 1,  # chosen: every context
        dim: int | None = 256,  # Han et al. 2019
        width: int = 256,  # Oord et al. 2018, sec. 3.1
        score: Score = "dot",
        temperature: float | None = None,
        negatives: Negatives = "set",
        statistics: Statistics = "separate",
        gather: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        check_blocks(blocks=blocks, predict=predict, statistics=statistics)
        observed = blocks - predict
        if not 1 <= t_min <= observed:
            raise ValueError(
                f"t_min must be between 1 and blocks - predict = {observed}, got {t_min}"
            )
        check_choice(score=score, temperature=temperature, negatives=negatives)
        self.observed, self.predict, self.gather = observed, predict, gather
        self.start = observed if last_only else t_min
        self.contrast = {"score": score, "temperature": temperature, "negatives": negatives}
        if statistics == "joint":
            self.scopes = [blocks]
        else:
            self.scopes = [observed, predict] if last_only else [1] * blocks
        self.video = BACKBONES.build(video)
        channels = sum(self.video.channels)
        self.embed = nn.Identity() if dim is None else nn.Linear(channels, dim)
        self.summary = nn.GRU(dim or channels, width, batch_first=True)
        self.ahead = nn.Linear(width, predict * (dim or channels), bias=False)  # W_1 .. W_K

    @classmethod
    def sampling(cls, *, clip_len: int = 32, seconds: float = 3.2, blocks: int = 8) -> ClipSampling:
        """Consecutive blocks that together span the standard clip."""
        return block_sampling(clip_len=clip_len, seconds=seconds, blocks=blocks)

    def encoders(self) -> dict[Modality, Encoder]:
        """The trunk alone."""
        return {"video": self.video}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """InfoNCE of all predictions. video (B, N, 3, T, H, W)."""
        blocks = self.vectors(inputs["video"])
        predicted = self.predictions(blocks)
        self.embeddings = {
            "video": blocks[:, self.observed :].detach().mean(dim=1),
            "prediction": predicted[:, -1].detach().mean(dim=1),
        }
        choice = self._choice(predicted, blocks)
        losses = {
            "loss_prediction": info_nce(choice),
            "prediction_accuracy": accuracy(choice),
            "prediction_chance": chance(choice),
        }
        if self.contrast["negatives"] != "other_videos":
            own = within_video(choice, len(choice.positive) // predicted[0, ..., 0].numel())
            losses |= {"same_video_accuracy": accuracy(own), "same_video_chance": chance(own)}
        return losses

    def vectors(self, video: Tensor) -> Tensor:
        """z, one vector a block: (B, N, 3, T, H, W) -> (B, N, D)."""
        maps = encode_blocks(self.video, video, self.scopes)
        return self.embed(maps.mean(dim=(3, 4)))

    def predictions(self, blocks: Tensor) -> Tensor:
        """W_k c_t for t = t_min .. N - K: (B, N, D) -> (B, T, K, D)."""
        contexts = self.summary(blocks[:, : self.observed])[0][:, self.start - 1 :]
        return self.ahead(contexts).unflatten(2, (self.predict, -1))

    def _choice(self, predicted: Tensor, blocks: Tensor) -> Choice:
        if self.gather:
            predicted, blocks = gather(predicted), gather(blocks)
        return cpc_choice(predicted, blocks, start=self.start, **self.contrast)
