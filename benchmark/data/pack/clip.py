"""One clip as it is packed: each frame coded on its own, when it is shown, sound in blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmark.data.container import MediaError
from benchmark.data.opened import Sample
from benchmark.data.pack.codec import Codec, codec_of
from benchmark.data.reader import Decoded, probe, read_all, read_wave, shown_at
from benchmark.data.sound_file import SOUND_FILES
from benchmark.settings import Pack

BLOCK = 16_384  # samples coded together; chosen: a second at 16 kHz
BEYOND = 2  # samples kept after the end: a segment's samples are counted from a rounded start


class Packed(NamedTuple):
    """What a shard holds of a clip; times count from its start.

    times float64 (T + 1,): frame i is shown in [times[i], times[i + 1]) · heard int64 (2 R,): sound
    is there in samples [heard[0], heard[1]), [heard[2], heard[3]) ... · frames: T byte strings ·
    sound: one for each `BLOCK` samples.
    """

    duration: float
    height: int
    width: int
    has_audio: bool
    samples: int
    times: np.ndarray
    heard: np.ndarray
    frames: list[bytes]
    sound: list[bytes]


class Difference(NamedTuple):
    """How far coded frames are from what was coded, summed over their values (0 to 255)."""

    values: int = 0
    absolute: int = 0
    squared: int = 0

    def plus(self, other: Difference) -> Difference:
        """Of both."""
        return Difference(*(one + two for one, two in zip(self, other, strict=True)))

    @property
    def mean(self) -> float:
        """Mean absolute difference."""
        return self.absolute / max(self.values, 1)

    @property
    def psnr(self) -> float | None:
        """Peak signal-to-noise ratio in dB; None where nothing differs."""
        return 10 * math.log10(255**2 * self.values / self.squared) if self.squared else None


@dataclass(frozen=True)
class Job:
    """A clip to be packed, in whatever process. measured: say what coding changes."""

    sample: Sample
    how: Pack
    sample_rate: int
    measured: bool


class Done(NamedTuple):
    """A packed clip, or why there is none."""

    clip: Packed | None
    reason: str = ""
    difference: Difference = Difference()


def pack_clip(job: Job) -> Done:
    """Decode a clip once, keep the frames of the pack's rate, code them."""
    try:
        decoded = _decode(job.sample, job.sample_rate)
    except MediaError as error:
        return Done(None, str(error))
    chosen, times = thin(decoded.times, job.how.fps, duration=decoded.duration)
    images = decoded.frames[chosen]
    codec = codec_of(job.how)
    frames = [codec.frame(image) for image in images]
    blocks = range(0, len(decoded.wave), BLOCK)
    height, width = images.shape[1:3]
    clip = Packed(
        duration=float(decoded.duration),
        height=height,
        width=width,
        has_audio=bool(decoded.has_audio),
        samples=len(decoded.wave),
        times=times,
        heard=np.flatnonzero(np.diff(decoded.wave_valid, prepend=False, append=False)),
        frames=frames,
        sound=[codec.sound(decoded.wave[at : at + BLOCK]) for at in blocks],
    )
    found = _difference(images, frames, codec) if job.measured else Difference()
    return Done(clip, difference=found)


def thin(edges: np.ndarray, fps: float | None, *, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames kept at `fps` a second, those shown at (j + 0.5) / fps, and when each is shown then.

    edges (T + 1,) as `Decoded.times` -> indices (K,), edges (K + 1,). All frames where fps is None
    or no less than what the file has; one at least.
    """
    count, shown = len(edges) - 1, edges[-1] - edges[0]
    if fps is None or count < 2 or fps * shown >= count:
        return np.arange(count), edges
    first, last = max(edges[0], 0.0), min(edges[-1], duration)
    slots = np.arange(math.floor(first * fps), math.ceil(last * fps))
    middles = (slots + 0.5) / fps
    inside = (middles >= first) & (middles < last)
    if not inside.any():
        return np.zeros(1, np.int64), edges[[0, -1]]
    chosen, _ = shown_at(edges, middles[inside])
    return chosen, np.array([edges[0], *(slots[inside][1:] / fps), edges[-1]])


def _decode(sample: Sample, sample_rate: int) -> Decoded:
    """All frames and sound of a sample; the samples of the file a little beyond its end too."""
    clip = read_all(
        sample.path,
        start=sample.start,
        stop=sample.stop,
        sr=sample_rate,
        transform=sample.transform(),
        sound=False,
    )
    if not len(clip.frames) and sample.path.suffix.lower() not in SOUND_FILES:
        raise MediaError(f"{sample.path}: it has no picture; give a sound file its own suffix")
    wave, there = clip.wave, clip.wave_valid
    heard = probe(sample.path).has_audio
    if heard:
        length = clip.duration + BEYOND / sample_rate
        wave, there = read_wave(sample.path, sample.start, dur=length, sr=sample_rate)
    return Decoded(clip.frames, clip.times, wave, there, sample_rate, clip.duration, heard)


def _difference(images: np.ndarray, frames: list[bytes], codec: Codec) -> Difference:
    """Between frames and what comes back of them."""
    found, back = Difference(), np.empty(images.shape[1:], np.uint8)
    for image, data in zip(images, frames, strict=True):
        codec.image(np.frombuffer(data, np.uint8), back)
        apart = np.abs(image.astype(np.int64) - back)
        found = found.plus(Difference(apart.size, int(apart.sum()), int((apart**2).sum())))
    return found
