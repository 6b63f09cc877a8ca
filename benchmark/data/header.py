"""What the header of an open media file says: its length, its streams, where its time begins."""

from __future__ import annotations

import av
from av.container import InputContainer

from benchmark.data.container import MediaInfo, stream_seconds

DELAY = 0.1  # s; chosen: a later start of the picture than this is content, not encoder delay


def is_avi(container: InputContainer) -> bool:
    """Whether the file carries no time stamps, so that time is counted in frames and samples."""
    return "avi" in container.format.name.split(",")


def origin(container: InputContainer) -> float:
    """Time stamp, in seconds, that counts as 0."""
    if is_avi(container):
        return 0.0
    start = (container.start_time or 0) / av.time_base
    if video := next(iter(container.streams.video), None):
        begin = float((video.start_time or 0) * (video.time_base or 0))
        if video.start_time is not None and abs(begin - start) <= DELAY:
            return begin
    return start


def read_info(container: InputContainer, begin: float) -> MediaInfo:
    """Length, frame rate, sizes. begin: the file's `origin`."""
    video = next(iter(container.streams.video), None)
    audio = next(iter(container.streams.audio), None)
    total = (container.duration or 0) / av.time_base
    if (stream := video or audio) is not None:
        total = stream_seconds(stream) or total
    if "matroska" in container.format.name:  # it writes the end for the length
        total -= begin
    fps = float(video.average_rate or video.guessed_rate or 0) if video else 0.0
    if video and is_avi(container) and video.frames and fps:
        total = video.frames / fps
    return MediaInfo(
        duration=total,
        fps=fps,
        frames=(video.frames or round(total * fps)) if video else 0,
        width=video.width if video else 0,
        height=video.height if video else 0,
        has_video=video is not None,
        has_audio=audio is not None and bool(audio.rate),
        sample_rate=audio.rate if audio and audio.rate else 0,
    )
