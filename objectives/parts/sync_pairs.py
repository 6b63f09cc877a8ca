"""What AVTS and AVSlowFast share: the two sounds of a clip, the head, and the choice of negatives.

    video      |--------- clip ---------|
    audio      |------- positive -------|
    audio_hard            gap                 |------ same video, another time ------|

A hard negative is the `audio_hard` of the same sample; an easy one another sample's positive (easy=
"now"), or its `audio_hard` (easy="apart", AVSlowFast's code). With "apart" no sound of a batch is
both positive and negative, and two starts a gap apart lie nearer to the ends of a short video than
one start does: on a few clips the loss falls to zero with one point for all positives and videos
and another for all negatives. With "now" easy negatives and positives are the same sounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.draws import Draws
from objectives.parts.synchrony import audible, negative_source
from registries.sampling import Anchor, ClipSampling, View

Easy = Literal["now", "apart"]
WINDOW = 3  # audio steps per frame, as GLCM has them
ANYWHERE = 1e6  # seconds; chosen: beyond any video, since infinity is no JSON
ORDER = 0  # key of the draws that say who stands next to whom


def two_sounds(*, clip_len: int, seconds: float, gap: float) -> ClipSampling:
    """A clip, its sound, and the sound of the same video at least `gap` seconds before or after.

    gap: from the end of one span to the beginning of the other; negative where they may overlap.
    Raises ValueError where the two sounds could be one.
    """
    if gap <= -seconds:
        raise ValueError(
            f"with a gap of {gap} s the two sounds of a {seconds} s clip could start together; "
            f"gap must be above {-seconds}"
        )
    steps = WINDOW * clip_len
    return ClipSampling(
        views={
            "video": View(modality="video", clip_len=clip_len, seconds=seconds),
            "audio": View(modality="audio", clip_len=steps, seconds=seconds),
            "audio_hard": View(modality="audio", clip_len=steps, seconds=seconds, anchor="apart"),
        },
        anchors={"apart": Anchor(after="now", gap=(gap, ANYWHERE), either_side=True)},
    )


class Negatives(NamedTuple):
    """source: which row lends each row its negative. hard: itself. valid: rows that are fair."""

    source: Tensor  # (B,) int64
    hard: Tensor  # (B,) bool
    valid: Tensor  # (B,) bool
    easy: Easy

    def pick(self, now: Tensor, apart: Tensor) -> Tensor:
        """The negatives, given every sample's positive and hard sound: (B, ...) each."""
        if self.easy == "apart":
            return apart[self.source]
        own = self.hard.view(-1, *[1] * (now.dim() - 1))
        return torch.where(own, apart, now[self.source])


@torch.no_grad()
def choose_negatives(
    audio: Tensor,
    audio_hard: Tensor,
    index: Tensor,
    *,
    draws: Draws,
    hard: float,
    masked: bool,
    easy: Easy = "now",
) -> Negatives:
    """Who lends whom a negative in this step.

    Samples stand in an order drawn from their dataset index, so that neither the place in the batch
    nor the process decides who gets a hard negative. Left out: another clip of the same video,
    which may hold the positive, and, where `masked`, sounds that nobody could tell apart. audio,
    audio_hard (B, F, T), index (B,).
    """
    order = draws.uniform(index, ORDER).argsort(stable=True)
    source = negative_source(len(index), hard, order=order)
    own = source == torch.arange(len(index), device=source.device)
    found = Negatives(source, own, own | (index[source] != index), easy)
    if not masked:
        return found
    return found._replace(valid=found.valid & audible(audio, found.pick(audio, audio_hard)))


def check_curriculum(*, switch: float, hard: float, easy: str) -> None:
    """Raise ValueError for shares that are none, and for unknown kinds of easy negatives."""
    if easy not in ("now", "apart"):
        raise ValueError(f"easy must be 'now' or 'apart', got {easy!r}")
    for name, value in (("switch", switch), ("hard", hard)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name}={value} is a share: from 0 to 1")


class SyncHead(nn.Module):
    """Means of the maps of both modalities, one linear layer each into a common space.

    seen: channels of all visual maps together. heard: of the audio maps. segments: stretches of
    time that are averaged apart and laid side by side before the layer; one mean for the whole clip
    cannot say when in it something happens.
    """

    def __init__(self, seen: int, heard: int, dim: int, *, segments: int = 1) -> None:
        super().__init__()
        if segments < 1:
            raise ValueError(f"segments must be 1 or more, got {segments}")
        self.segments = segments
        self.ref, self.query = nn.Linear(segments * seen, dim), nn.Linear(segments * heard, dim)

    def see(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (B, C, t, h, w) of all pathways -> (B, D)."""
        return self.ref(pooled(maps, self.segments))

    def hear(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (B, C, t) -> (B, D); positives and negatives alike."""
        return self.query(pooled(maps, self.segments))


def pooled(maps: Sequence[Tensor], segments: int = 1) -> Tensor:
    """Mean of each map over the grid and S stretches of time: (B, C, t, ...) -> (B, sum C * S)."""
    rows = [found.flatten(3).mean(dim=3) if found.dim() > 3 else found for found in maps]
    return torch.cat([F.adaptive_avg_pool1d(row, segments).flatten(1) for row in rows], dim=1)
