"""MoCo: clips of a video find each other among keys of other videos kept in a queue.

Source: He, Fan, Wu, Xie, Girshick: "Momentum Contrast for Unsupervised Visual Representation
Learning", CVPR 2020 (v1); Chen, Fan, Girshick, He 2020 (v2: perceptron head); Feichtenhofer, Fan,
Xiong, Girshick, He: "A Large-Scale Study on Unsupervised Spatiotemporal Representation Learning",
CVPR 2021 (rho clips of a video).

    clip 1 -> encoder -> projector -> q --------------------.
                 | moves slowly                              |-- L
    clip 2 -> twin's encoder, projector -> k ----------------|
                                           '-> queue of K ---'    enqueued after the loss
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.info_nce import queue_info_nce, queue_scores, ranked_first
from objectives.parts.momentum import MomentumTwin, annealed
from objectives.parts.projector import mlp
from objectives.parts.queue import NOBODY, KeyQueue
from objectives.parts.split_norm import split_norms, spread_order
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling, View


@OBJECTIVES.register_module(name="moco")
class MoCo(Objective):
    """MoCo: a clip finds another clip of its video among the keys of earlier batches.

    L = -log( exp(q.k / T) / (exp(q.k / T) + sum_Q exp(q.Q / T)) ), q = unit(projector(encoder(x))),
    k the same of another clip by the momentum twin, Q the K keys in the queue. He et al. 2020, eq.
    1. With `symmetric` every clip is the query once, and each other clip's key a positive by
    itself, as in the code of Feichtenhofer et al. 2021.

    clip_1, clip_2, ... (B, 3, T, H, W), T frames from independent times of the same video, each
    augmented on its own.

    clips: rho. symmetric: False, as in v1 and v2, makes clip_1 the only query. same_time: all clips
    start together and differ by augmentation only. head_layers: 1 is v1's linear head, 2 v2's, 3
    that of rho-MoCo; hidden: their inner width, None the trunk's; dim: D. queue: K. temperature: T.
    momentum: m, raised to 1 along a cosine where `anneal`. reduction: "mean" over queries, or "sum"
    as in the gradient of the rho-MoCo code, which prints sum / (2 rho): `contrast_reported`.
    drop_own: a sample's own older keys are no negatives. fill_first: no gradient until the queue
    holds no random entry. splits: sub-batches of batch norm, other ones for queries than for keys
    (objectives.parts.split_norm); 1 leaves batch norm as it is, and the leak open.

    Differs from the paper: virtual sub-batches within a process take the place of shuffling across
    devices, so queries and keys never share statistics on one device either; the sub-batches are
    fixed by place, as the loader's order is random. Any batch size; K need not be a multiple of it.
    v1 and v2 see two augmentations of one image, here two clips (Feichtenhofer et al.), with the
    harness's augmentation: no blur. fill_first ends when the queue is full (their code: after K / B
    steps, rho times as late) and leaves weight decay and batch norm's running statistics alone.
    Defaults K = 4096, T = .1, m = .994: chosen for sets of some 15,000 videos, after rho-MoCo.
    """

    paper = (
        "He et al. 2020, Momentum Contrast for Unsupervised Visual Representation Learning, CVPR"
    )
    # whole batch norm: sub-batches go by place, so the order of four clips would matter
    small: ClassVar[dict[str, Any]] = {"queue": 32, "splits": 1, "drop_own": True}

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any] | None = None,
        clips: int = 2,
        symmetric: bool = False,
        same_time: bool = False,
        head_layers: int = 2,
        hidden: int | None = None,
        dim: int = 128,  # He et al. 2020, sec. 3.3
        queue: int = 4096,  # chosen
        temperature: float = 0.1,  # Feichtenhofer et al. 2021
        momentum: float = 0.994,  # Feichtenhofer et al. 2021
        anneal: bool = True,
        reduction: Literal["mean", "sum"] = "mean",
        drop_own: bool = False,
        fill_first: bool = False,
        splits: int = 8,  # the authors' single-device example
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        _check(reduction, clips=clips, head_layers=head_layers, queue=queue, splits=splits)
        if not 0 <= momentum <= 1 or temperature <= 0:
            raise ValueError(
                "momentum must lie in [0, 1] and temperature above 0, got "
                f"momentum={momentum}, temperature={temperature}"
            )
        self.names, self.symmetric = _names(clips), symmetric
        self.temperature, self.momentum, self.anneal = temperature, momentum, anneal
        self.reduction, self.drop_own, self.fill_first = reduction, drop_own, fill_first
        self.query = Embedder(BACKBONES.build(video), head_layers, hidden=hidden, dim=dim)
        self.splits = splits if splits > 1 and split_norms(self.query, splits) else 1
        self.twin = MomentumTwin(self.query)
        self.queue = KeyQueue(queue, dim)

    @classmethod
    def sampling(
        cls,
        *,
        clip_len: int = 32,
        seconds: float = 3.2,
        clips: int = 2,
        same_time: bool = False,
    ) -> ClipSampling:
        """`clips` standard clips of a video, each with its own time and augmentation."""
        return ClipSampling(
            views={
                name: View(
                    modality="video",
                    clip_len=clip_len,
                    seconds=seconds,
                    anchor="now" if same_time else name,
                    augment=name,
                )
                for name in _names(clips)
            }
        )

    def encoders(self) -> dict[Modality, Encoder]:
        """The query's encoder, without projector."""
        return {"video": self.query.encoder}

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """InfoNCE of each query. clip_1, clip_2, ... (B, 3, T, H, W)."""
        clips, index = [inputs[name] for name in self.names], data_samples["index"]
        queries = [self.query(clip) for clip in (clips if self.symmetric else clips[:1])]
        # before encoding the keys: the queue holds features of the newest twin (He et al., alg. 1)
        self.twin.update(self.query, self._momentum())
        keys = [self._key(clip) for clip in (clips if self.symmetric else clips[1:])]
        queue = self.queue.entries.clone()  # enqueueing changes it before the backward pass
        own = self.queue.sources == index[:, None] if self.drop_own else None  # (B, K)
        terms, hits = [], []
        for number, query in enumerate(queries):
            others = keys[:number] + keys[number + 1 :] if self.symmetric else keys
            positive, negative = queue_scores(
                query,
                torch.stack(others, dim=1),  # (B, P, D)
                queue,
                temperature=self.temperature,
                leave_out=own,
            )
            terms.append(queue_info_nce(positive, negative))
            hits.append(ranked_first(positive, negative))
        losses = self._reduce(torch.stack(terms)) | {
            "contrast_accuracy": torch.stack(hits).mean(),
            "contrast_chance": hits[0].new_full((), 1 / (1 + self.queue.length)),
        }
        # one after the other: in the order of one process with the whole batch (all of clip 1, ..)
        for key in keys:
            self.queue.enqueue(key, index)
        self.embeddings = {"query": queries[0].detach(), "key": keys[-1]}
        return losses

    def _reduce(self, terms: Tensor) -> dict[str, Tensor]:
        """One number of each query's loss (R,); without gradient while the queue fills."""
        total = terms.mean() if self.reduction == "mean" else terms.sum()
        if self.fill_first:
            filled = (self.queue.sources != NOBODY).all()
            total = torch.where(filled, total, total.detach())
        reported = terms.detach().sum() / (2 * len(terms))
        return {"loss_contrast": total, "contrast_reported": reported}

    def _momentum(self) -> float:
        return annealed(self.momentum, self.progress) if self.anneal else self.momentum

    def _key(self, clip: Tensor) -> Tensor:
        """Keys (B, D), batch norm over other sub-batches than the queries'."""
        if self.splits == 1:
            return self.twin(clip)
        order = spread_order(len(clip), self.splits, device=clip.device)
        return self.twin(clip[order])[order.argsort()]


class Embedder(nn.Module):
    """Unit vectors of clips: projector(mean over the map of encoder(clip)).

    (B, 3, T, H, W) -> (B, dim), float32. Maps of several pathways are concatenated.
    """

    def __init__(self, encoder: Encoder, layers: int, *, hidden: int | None, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        width = sum(encoder.channels)
        self.projector = mlp(width, *[hidden or width] * (layers - 1), dim)

    def forward(self, clip: Tensor) -> Tensor:
        """Embed a batch."""
        pooled = torch.cat([found.flatten(2).mean(dim=2) for found in self.encoder(clip)], dim=1)
        return F.normalize(self.projector(pooled).float(), dim=1)


def _names(clips: int) -> tuple[str, ...]:
    return tuple(f"clip_{number}" for number in range(1, clips + 1))


def _check(reduction: str, *, clips: int, head_layers: int, queue: int, splits: int) -> None:
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction must be 'mean' or 'sum', got {reduction!r}")
    if clips < 2:
        raise ValueError(f"clips must be at least 2, a query and its key; got {clips}")
    for name, value in (("head_layers", head_layers), ("queue", queue), ("splits", splits)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
