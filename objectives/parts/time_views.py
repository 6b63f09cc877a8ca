"""Two clips of each modality whose order in time is free, and the spans they turn out to have.

video_first   [ half )[ half )     halves, because their starts say how long the clip is
audio_first   [   one clip   )     of the same seconds at speed 1, from the same start
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from objectives.parts.ordering import Spans
from registries.sampling import Anchor, ClipSampling, ClipTimes, View

PLACES = ("first", "second")
STEPS = 3  # audio steps per frame, as GLCM has them
HALVES = 2


def ordered_pair(
    *, frames: float, seconds: float, speeds: Sequence[int], reverse: float
) -> ClipSampling:
    """Views video_first, audio_first, video_second, audio_second.

    Both starts are uniform over the video: with the gap open to both sides, the second span may lie
    before, behind or over the first one. Speed and direction are each view's own. frames are
    rounded to an even number, seconds are a clip's at speed 1.
    """
    half = max(1, round(frames / HALVES))
    clip = {"speeds": tuple(speeds), "reverse": reverse}
    views = {}
    for place, letter in zip(PLACES, "ab", strict=True):
        views[f"video_{place}"] = View(
            modality="video",
            clip_len=half,
            seconds=seconds / HALVES,
            num_clips=HALVES,
            anchor=place,
            augment=letter,
            **clip,
        )
        views[f"audio_{place}"] = View(
            modality="audio",
            clip_len=STEPS * HALVES * half,
            seconds=seconds,
            anchor=place,
            augment=letter,
            **clip,
        )
    longest = seconds * max(speeds)
    anywhere = Anchor(after="first", gap=(-longest, math.inf), either_side=True)
    return ClipSampling(views=views, anchors={"second": anywhere})


def whole(halves: Tensor, times: ClipTimes) -> Tensor:
    """Put a clip's halves together: (B, 2, 3, t, H, W) -> (B, 3, 2t, H, W).

    The halves follow each other in the source; played backwards, the later one is shown first.
    """
    backwards = times.reversed[:, :1].to(halves.device)[..., None, None, None, None]
    shown = torch.where(backwards, halves.flip(1), halves)
    return shown.transpose(1, 2).flatten(2, 3)


def spans(times: Mapping[str, ClipTimes], device: torch.device) -> dict[str, Spans]:
    """Spans of each modality's first clips, then of its second ones: (2B,) each."""
    halves = times["video_first"]
    # seconds of a clip at speed 1, (B,): the same for all views
    unit = HALVES * (halves.start[:, 1] - halves.start[:, 0]) / halves.speed[:, 0]
    found = {}
    for modality in ("video", "audio"):
        start, speed = (both(times, modality, field) for field in ("start", "speed"))
        stop = start + torch.cat([unit, unit]) * speed
        found[modality] = Spans(start.to(device), stop.to(device))
    return found


def both(times: Mapping[str, ClipTimes], modality: str, field: str) -> Tensor:
    """One field of a modality's first clips, then of its second ones: (2B,)."""
    return torch.cat([getattr(times[f"{modality}_{place}"], field)[:, 0] for place in PLACES])
