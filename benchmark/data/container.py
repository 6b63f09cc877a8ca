"""Open a media file as one of the formats that data sets come in, and give up on it in time.

A file is what its content says, not its name. Formats that point to other files (playlists, lists
of files to join, addresses) are refused: a "video" of a data set must not show another one, nor
reach the network.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Stream

from registries.errors import NotReadyError

FORMATS = (
    *("mov", "matroska", "webm", "avi", "mpeg", "mpegts", "flv", "asf", "ogg"),
    *("wav", "flac", "mp3", "aac", "h264", "m4v"),
)
LIMIT = 120.0  # s for one reading of one file; chosen: a 10 s clip takes 0.1 s
MAX_PIXELS = 8192 * 4320  # of a picture; chosen: 8K. One of 30,000 x 30,000 takes 2.7 GB


class MediaError(NotReadyError):
    """A media file that cannot be read: missing, empty, truncated, or in an unknown format."""


class NoAudioError(MediaError):
    """Sound was asked of a video that has none."""


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """What the header says. duration: seconds of the picture; of the sound, if that is all."""

    duration: float
    fps: float
    frames: int
    width: int
    height: int
    has_video: bool
    has_audio: bool
    sample_rate: int


class Deadline:
    """The end of the time that one reading of a file may take."""

    def __init__(self, path: Path) -> None:
        self._path, self._limit = path, LIMIT
        self._end = time.monotonic() + self._limit

    def check(self) -> None:
        """Raise MediaError where it has passed."""
        if time.monotonic() > self._end:
            raise failure(self._path, f"reading it takes longer than {self._limit:g} s")


def open_container(path: Path) -> InputContainer:
    """The open file. Raises MediaError where it is missing, empty or of no known format."""
    if not path.is_file():
        raise failure(path, "the file is missing", "restore it, or leave it out of the list")
    if path.stat().st_size == 0:
        raise failure(path, "the file is empty (0 bytes)")
    options = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
    try:
        # absolute: "http:x.mp4" is a file here, and an address to FFmpeg
        found = av.open(
            str(path.absolute()),
            metadata_errors="ignore",
            options=options,
            timeout=(LIMIT, LIMIT),
        )
    except (av.error.FFmpegError, ValueError) as error:  # ValueError: a null byte in the name
        raise failure(path, f"it does not open as a video or sound file ({error})") from error
    try:
        _check_streams(path, found)
    except MediaError:
        found.close()
        raise
    return found


def failure(path: Path, found: str, todo: str = "fetch it again, or leave it out") -> MediaError:
    """The error for a file: what was found, and what to do."""
    return MediaError(f"{path}: {found}; {todo}")


def check_size(path: Path, width: int, height: int) -> None:
    """Raise MediaError for a picture too large to be decoded."""
    if width * height > MAX_PIXELS:
        raise failure(
            path,
            f"a picture has {width} x {height} pixels, more than {MAX_PIXELS:,} are not decoded",
            "scale it down, or leave it out",
        )


def _check_streams(path: Path, container: InputContainer) -> None:
    if not container.streams.video and not container.streams.audio:
        raise failure(path, "it holds neither picture nor sound")
    for video in container.streams.video:
        check_size(path, video.width, video.height)


def stream_seconds(stream: Stream) -> float:
    """Length of a stream by its header, 0 where it says nothing (Matroska: in a tag)."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if tag := re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", "")):
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    return 0.0
