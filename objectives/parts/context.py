"""Sound from before and after a clip, so that a place in a feature map is no sign of a moment.

    audio   |--------------- seconds + context ---------------|    anywhere in the video
    video            |------- seconds -------|                     anywhere inside it
    map     . . . . [--- steps of the clip --] . . . . . . . .     what is kept of the audio map

Encoders pad both ends of what they are given. Where sight and sound are cut alike, a visual step
and its window of sound can be matched by their distance from those ends, without listening.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from registries.sampling import Anchor, ClipSampling, ClipTimes, View


def clip_in_sound(
    *, clip_len: int, seconds: float, context: float, steps_per_frame: int
) -> ClipSampling:
    """A clip with the sound of its span and `context` seconds more, split at random around it.

    Views "video" and "audio", with `steps_per_frame` spectrogram steps per frame's time; context 0:
    both of one span. Raises ValueError for a negative context.
    """
    if context < 0:
        raise ValueError(
            f"context={context} s: the sound cannot be shorter than the clip; 0 or more"
        )
    steps = steps_per_frame * clip_len
    video = View(modality="video", clip_len=clip_len, seconds=seconds)
    if not context:
        audio = View(modality="audio", clip_len=steps, seconds=seconds)
        return ClipSampling(views={"video": video, "audio": audio})
    audio = View(
        modality="audio",
        clip_len=steps + round(steps * context / seconds),
        seconds=seconds + context,
        anchor="sound",
    )
    # gaps count from the end of the sound
    inside = Anchor(after="sound", gap=(-audio.seconds, -seconds))
    return ClipSampling(views={"video": video, "audio": audio}, anchors={"now": inside})


def steps_of_clip(
    heard: Tensor, times: Mapping[str, ClipTimes], *, context: float, kept: int
) -> Tensor:
    """The steps of an audio map during the clip: (B, C, T_a) -> (B, C, kept).

    times: of the views "video" and "audio", whose starts lie 0 to `context` seconds apart. The
    first step is the nearest one, at most half a step from the video's start.
    """
    late = times["video"].start[:, 0] - times["audio"].start[:, 0]  # (B,) seconds
    spare = heard.shape[2] - kept
    first = (late.to(heard.device) / context * spare).round().long().clamp(0, spare)
    places = first[:, None] + torch.arange(kept, device=heard.device)
    return heard.gather(2, places[:, None].expand(-1, heard.shape[1], -1))
