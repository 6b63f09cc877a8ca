"""Open one media file and take from it the frames and samples that belong to given times.

Times are seconds from the start of the container. Where the first picture comes a little later than
that (an encoder's delay), the first picture is the start. AVI carries no time stamps: there, time
is counted in frames and samples. A picture is shown from its own stamp until that of the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Stream
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from benchmark.data.container import (
    Deadline,
    MediaError,
    NoAudioError,
    check_size,
    failure,
    open_container,
)
from benchmark.data.header import is_avi, origin, read_info
from benchmark.data.packets import EPS, decoded
from benchmark.data.planes import Transform, alike, mono, rgb, seconds

PREROLL = 0.5  # s of sound decoded before what is asked; chosen: codecs need one to three blocks
# s; chosen: sound before this is decoded from the start of the file. It costs milliseconds, and
# AAC's substituted noise depends on where decoding began: only so are readings equal bit for bit.
SOUND_SEEK = 30.0
SEEK_GAP = 3.0  # s; chosen: a wider gap than this is jumped, a narrower one decoded
SHORT = (0.25, 0.05)  # s, share of the duration that may be missing at the end; chosen


class Media:
    """One open video file; a context manager. Raises MediaError where it does not decode."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()
        self._avi = is_avi(self._container)
        self._origin = origin(self._container)
        self._gap = 0.0  # s between the begins of the last two pictures read
        self._converter = VideoReformatter()
        self.info = read_info(self._container, self._origin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def frames(
        self, times: np.ndarray, *, transform: Transform | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The picture shown at each of `times` (Q,), in any order: (Q, H, W, 3) uint8, valid (Q,).

        Times outside the picture get its first or last frame and valid False. A frame shown at
        several of the times is transformed once.
        """
        order = np.argsort(times, kind="stable")
        asked = np.asarray(times, np.float64)[order]
        pictures: list[np.ndarray] = []
        which, valid = np.zeros(len(asked), np.int64), np.zeros(len(asked), bool)
        breaks = np.flatnonzero(np.diff(asked) > SEEK_GAP) + 1
        for part in np.split(np.arange(len(asked)), breaks):
            shown = -1
            for position, (image, index, inside) in zip(
                part, self._shown(asked[part]), strict=True
            ):
                if index != shown:
                    pictures.append(rgb(image, index, transform, converter=self._converter))
                    shown = index
                which[position], valid[position] = len(pictures) - 1, inside
        back = np.argsort(order)
        return np.stack(pictures)[which[back]], valid[back]

    def all_frames(
        self, start: float, stop: float, *, transform: Transform | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Every picture shown in [start, stop): (T, H, W, 3) uint8, times (T + 1,) of the changes.

        The last time is the end of the last picture. times[0] may lie before `start`.
        """
        kept: list[tuple[np.ndarray, float, float]] = []
        for image, begin, finish, index in self._decode_video(start):
            if begin >= stop - EPS:
                break
            if begin <= start + EPS:  # of those that begin before `start`, the last one is shown
                kept.clear()
            kept.append((rgb(image, index, transform, converter=self._converter), begin, finish))
        if not kept:
            raise self._error(f"no picture between {start:.2f} and {stop:.2f} s")
        pictures, begins, finishes = zip(*kept, strict=True)
        self._check_end(finishes[-1], stop)
        return np.stack(pictures), np.array([*begins, finishes[-1]])

    def samples(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Mono sound at its own rate: samples [first, first + count), and which exist."""
        wave, there = np.zeros(count, np.float32), np.zeros(count, bool)
        for start, blocks in self._stretches(first, first + count):
            block = mono(blocks)
            low, high = max(start, first), min(start + len(block), first + count)
            wave[low - first : high - first] = block[low - start : high - start]
            there[low - first : high - first] = True
        return wave, there

    def check(self) -> bool:
        """Look whether the file keeps what its header says; returns whether it can be heard.

        First picture and first block of sound are decoded, the last picture is looked for: 10 ms.
        """
        if not self.info.has_video:
            raise self._error("it has no picture", "give a sound file its own suffix (.wav, .flac)")
        if next(self._decode_video(0.0), None) is None:
            raise self._error("not one picture could be decoded")
        self._check_end(self._last_packet(), self.info.duration)
        return self.info.has_audio and next(self._decode_audio(0), None) is not None

    def _open(self) -> None:
        self._container = open_container(self.path)
        self._fresh = True  # nothing was read yet

    def _shown(self, asked: np.ndarray) -> Iterator[tuple[av.VideoFrame, int, bool]]:
        """For each of the ascending times: the frame shown, its index, whether it is inside."""
        position, last, end = 0, None, 0.0
        for image, begin, finish, index in self._decode_video(float(asked[0]), asked):
            while position < len(asked) and asked[position] + EPS < begin:
                yield (*last, True) if last else (image, index, False)
                position += 1
            last, end = (image, index), finish
            if position == len(asked):
                return
        if last is None:
            raise self._error("not one picture could be decoded")
        self._check_end(end, float(asked[-1]))
        for time in asked[position:]:
            yield *last, bool(time < end - EPS)

    def _check_end(self, end: float, wanted: float) -> None:
        """Raise MediaError where pictures that were promised and asked for are not there."""
        promised = min(wanted, self.info.duration)
        # `_gap`: the last of pictures far apart may be stored without its length
        if end < promised - max(SHORT[0], SHORT[1] * self.info.duration, self._gap):
            raise self._error(
                f"truncated: {end:.2f} s of picture, the header says {self.info.duration:.2f} s"
            )

    def _decode_video(
        self, start: float, asked: np.ndarray | None = None
    ) -> Iterator[tuple[av.VideoFrame, float, float, int]]:
        """Decode from the last key frame not after `start`: frame, begin, end, index.

        asked: ascending times; pictures that are shown at none of them may be left out.
        """
        seek = start > 1.0 and not self._avi  # chosen: below one second, decoding is as quick
        self._rewind(self._video, start if seek else None)
        video, count, before, deadline = self._video(), 0, None, Deadline(self.path)
        unit = video.time_base or Fraction(1)
        wanted = None if asked is None or self._avi else asked + self._origin
        try:
            for image in decoded(self._container, video, wanted):
                deadline.check()
                if image.is_corrupt:
                    raise self._error(f"the picture after {count} others is damaged")
                check_size(self.path, image.width, image.height)
                begin = self._begin(image, count)
                if seek and count == 0 and begin > start + EPS:  # a broken index
                    yield from self._decode_video(0.0, asked)
                    return
                if wanted is not None and count == 0 and image.interlaced_frame:
                    yield from self._decode_video(start)  # two packets may make one picture
                    return
                length = seconds(image.duration or 0, unit)
                length = self._step() if self._avi or not length else length
                self._gap = 0.0 if before is None else begin - before
                yield image, begin, begin + length, round(begin * self.info.fps)
                count, before = count + 1, begin
        except av.error.FFmpegError as error:
            raise self._error(f"decoding stops with '{error}'") from error

    def _last_packet(self) -> float:
        """End, in seconds, of the last picture that is in the file."""
        near = self.info.duration - SEEK_GAP
        self._rewind(self._video, near if near > 0 and not self._avi else None)
        deadline, count, end = Deadline(self.path), 0, 0.0
        begins: list[float] = []
        try:
            for packet in self._container.demux(self._video()):
                deadline.check()
                if packet.size and packet.pts is not None:
                    begins.append(seconds(packet.pts, packet.time_base) - self._origin)
                    end = max(end, begins[-1] + seconds(packet.duration or 0, packet.time_base))
                count += bool(packet.size)
        except av.error.FFmpegError as error:
            raise self._error(f"reading stops with '{error}'") from error
        if self._avi or not begins:
            return count * self._step()
        last = sorted(begins)[-2:]
        self._gap = last[-1] - last[0]
        return end

    def _step(self) -> float:
        """Seconds a picture, where pictures have no times of their own."""
        if not self.info.fps:
            raise self._error("neither its frame rate nor the times of its pictures are known")
        return 1.0 / self.info.fps

    def _begin(self, image: av.VideoFrame, count: int) -> float:
        if self._avi or image.pts is None:  # the decoder's stamps start one frame late in an AVI
            return count * self._step()
        return seconds(image.pts, image.time_base) - self._origin

    def _stretches(self, first: int, last: int) -> Iterator[tuple[int, list[av.AudioFrame]]]:
        """Blocks that overlap samples [first, last), those without a gap between them together."""
        start, end, kept = 0, 0, list[av.AudioFrame]()
        for cursor, block in self._decode_audio(first):
            if cursor + block.samples > first and cursor < last:
                if kept and (cursor != end or not alike(kept[0], block)):
                    yield start, kept
                    kept = []
                start, end = cursor if not kept else start, cursor + block.samples
                kept.append(block)
            if cursor + block.samples >= last:
                break
        if kept:
            yield start, kept

    def _decode_audio(self, first: int) -> Iterator[tuple[int, av.AudioFrame]]:
        """Blocks with the index of their first sample, from the container's start."""
        rate = self.info.sample_rate
        unit = self._audio().time_base
        exact = not self._avi and (unit * rate).denominator == 1  # in Matroska it is 1 ms
        begin = first / rate - PREROLL
        self._rewind(self._audio, begin if exact and begin > SOUND_SEEK else None)
        stream, cursor, deadline = self._audio(), None, Deadline(self.path)
        try:
            for block in self._container.decode(stream):
                deadline.check()
                # stamps coarser than a sample are trusted once, at the start of the file
                if block.pts is not None and not self._avi and (exact or cursor is None):
                    cursor = round((seconds(block.pts, unit) - self._origin) * rate)
                cursor = cursor or 0
                yield cursor, block
                cursor += block.samples
        except av.error.FFmpegError as error:
            raise self._error(f"decoding the sound stops with '{error}'") from error

    def _rewind(self, stream: Callable[[], Stream], time: float | None) -> None:
        """Go to `time`, or, for None, to the very start: a file that was read from is opened again.

        (A seek to 0 may drop what the codec begins with.)
        """
        if time is not None:
            found = stream()
            stamp = int((time + self._origin) / float(found.time_base))
            self._container.seek(stamp, stream=found, backward=True)
        elif not self._fresh:
            self._container.close()
            self._open()
        self._fresh = False

    def _video(self) -> VideoStream:
        if not self._container.streams.video:
            raise self._error("it has no picture")
        video = self._container.streams.video[0]
        if not video.codec_context.is_open:  # after that it can no longer be set
            video.thread_count = 1  # loader workers are as many as the cores
        return video

    def _audio(self) -> AudioStream:
        if not self.info.has_audio:
            raise NoAudioError(
                f"{self.path} has no sound, and sound was asked for. Leave videos without sound "
                "out, or choose an objective or task that needs none"
            )
        return self._container.streams.audio[0]

    def _error(self, found: str, *todo: str) -> MediaError:
        return failure(self.path, found, *todo)
