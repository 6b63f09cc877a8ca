"""Read clips: `get_clip` is the sampling contract, `read_all` decodes a short clip once.

frame k of a clip    the frame whose presentation interval contains t0 + (k + 0.5) / fps_out
sound of a clip      exactly [t0, t0 + dur_a)
beyond the file      the first or last frame again, zeros of sound, and False in the validity masks
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torchaudio.transforms import Resample

from benchmark.data.container import MediaError, MediaInfo, NoAudioError
from benchmark.data.media import Media
from benchmark.data.planes import Transform
from benchmark.data.sound_file import SOUND_FILES, SoundFile

__all__ = [
    "Decoded",
    "Media",
    "MediaError",
    "MediaInfo",
    "NoAudioError",
    "RawClip",
    "frame_times",
    "get_clip",
    "probe",
    "read_all",
    "read_wave",
    "resample",
    "shown_at",
]

KERNEL = (
    64  # samples at the lower rate on each side of a cut; chosen: torchaudio's sinc filter needs 7
)


@dataclass(frozen=True)
class RawClip:
    """frames uint8 (T, H, W, 3), wave float32 (N,) mono, and what of them exists."""

    frames: np.ndarray
    wave: np.ndarray
    video_valid: np.ndarray
    audio_valid: np.ndarray


@dataclass(frozen=True)
class Decoded:
    """A whole decoded file, or a segment of it; times count from its start.

    frames uint8 (T, H, W, 3) · times float64 (T + 1,): frame i is shown in [times[i], times[i + 1])
    · wave float32 (N,), empty where the file has no sound · wave_valid (N,).
    """

    frames: np.ndarray
    times: np.ndarray
    wave: np.ndarray
    wave_valid: np.ndarray
    sample_rate: int
    duration: float
    has_audio: bool


def probe(path: Path) -> MediaInfo:
    """What the header of a file says. Raises MediaError where it does not open."""
    path = Path(path)
    if path.suffix.lower() in SOUND_FILES:
        return SoundFile(path).info
    with Media(path) as media:
        return media.info


def frame_times(t0: float, *, dur_v: float, fps_out: float) -> np.ndarray:
    """Middle of each of the round(dur_v * fps_out) output frames, in seconds."""
    return t0 + (np.arange(round(dur_v * fps_out)) + 0.5) / fps_out


def get_clip(
    path: Path,
    t0: float,
    *,
    dur_v: float = 0.0,
    fps_out: float = 25.0,
    dur_a: float = 0.0,
    sr: int = 16_000,
    transform: Transform | None = None,
) -> RawClip:
    """Cut one clip at `t0` seconds: round(dur_v * fps_out) frames and round(dur_a * sr) samples.

    A duration of 0 skips that stream. transform: applied to each frame, for crops and resizing.
    Raises MediaError (unreadable file) and NoAudioError (sound asked of a silent video).
    """
    path = Path(path)
    frames, valid = np.zeros((0, 0, 0, 3), np.uint8), np.zeros(0, bool)
    if dur_v:
        with Media(path) as media:
            times = frame_times(t0, dur_v=dur_v, fps_out=fps_out)
            frames, valid = media.frames(times, transform=transform)
    wave, there = np.zeros(0, np.float32), np.zeros(0, bool)
    if dur_a:
        wave, there = read_wave(path, t0, dur=dur_a, sr=sr)
    return RawClip(frames, wave, valid, there)


def read_wave(
    path: Path, t0: float, *, dur: float, sr: int, media: Media | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mono sound in [t0, t0 + dur) at `sr` Hz, and which samples exist; media: the open file.

    Equals the same stretch of the whole file resampled, whatever `t0`: the resampler's grid is the
    file's.
    """
    path = Path(path)
    if path.suffix.lower() in SOUND_FILES:
        return _cut(SoundFile(path), t0, dur=dur, sr=sr)
    if media is not None:
        return _cut(media, t0, dur=dur, sr=sr)
    with Media(path) as opened:
        return _cut(opened, t0, dur=dur, sr=sr)


def read_all(
    path: Path,
    *,
    start: float = 0.0,
    stop: float | None = None,
    sr: int = 16_000,
    transform: Transform | None = None,
    sound: bool = True,
) -> Decoded:
    """Decode a whole file, or its segment [start, stop), at its own frame rate.

    A file without picture gives no frames, one without sound (or sound=False) no samples.
    """
    path = Path(path)
    if path.suffix.lower() in SOUND_FILES:
        length = min(stop or np.inf, probe(path).duration) - start
        wave, there = read_wave(path, start, dur=length, sr=sr)
        return Decoded(np.zeros((0, 0, 0, 3), np.uint8), np.zeros(1), wave, there, sr, length, True)
    with Media(path) as media:
        end = media.info.duration if stop is None else min(stop, media.info.duration)
        frames, times = np.zeros((0, 0, 0, 3), np.uint8), np.zeros(1)
        if media.info.has_video:
            limit = np.inf if stop is None else stop
            frames, times = media.all_frames(start, limit, transform=transform)
        wave, there = np.zeros(0, np.float32), np.zeros(0, bool)
        heard = sound and media.info.has_audio
        if heard:
            wave, there = read_wave(path, start, dur=end - start, sr=sr, media=media)
    return Decoded(frames, times - start, wave, there, sr, end - start, heard)


def shown_at(edges: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the frame shown at each time, and whether one is; edges as in `Decoded.times`."""
    found = np.searchsorted(edges[:-1], times + 1e-6, side="right") - 1
    inside = (found >= 0) & (times < edges[-1] - 1e-6)
    return np.clip(found, 0, len(edges) - 2), inside


def resample(wave: np.ndarray, *, old: int, new: int) -> np.ndarray:
    """Band-limited resampling (torchaudio's windowed sinc), float32."""
    if old == new:
        return wave
    return _resampler(old, new)(torch.from_numpy(wave)).numpy()


@lru_cache(maxsize=32)
def _resampler(old: int, new: int) -> Resample:
    """Its filter is kept: that costs as much as a clip."""
    return Resample(old, new, dtype=torch.float32)


def _cut(
    media: Media | SoundFile, t0: float, *, dur: float, sr: int
) -> tuple[np.ndarray, np.ndarray]:
    """Samples [round(t0 * sr), + round(dur * sr)) of the file at `sr`."""
    old = media.info.sample_rate if media.info.has_audio else sr
    first, count = round(t0 * sr), round(dur * sr)
    if old == sr:
        return media.samples(first, count)
    ratio = Fraction(sr, old)  # `ratio.denominator` old samples become `ratio.numerator` new ones
    lead = -(-KERNEL // min(ratio.numerator, ratio.denominator))
    block = first // ratio.numerator - lead
    blocks = -(-(first + count) // ratio.numerator) + lead - block
    raw, there = media.samples(block * ratio.denominator, blocks * ratio.denominator)
    skip = first - block * ratio.numerator
    wave = resample(raw, old=old, new=sr)[skip : skip + count]
    nearest = (np.arange(skip, skip + count) / float(ratio)).astype(np.int64)
    return np.ascontiguousarray(wave), there[nearest]
