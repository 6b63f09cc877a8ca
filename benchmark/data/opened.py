"""One sample of a manifest as an open clip: frames and sound at times from its start.

`DirectClip` decodes the file each time; `StoredClip` (store.py) answers the same questions from
memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

import numpy as np

from benchmark.data import watch
from benchmark.data.crops import CropRecipe
from benchmark.data.landmarks.places import resolve
from benchmark.data.manifest import Boxes, Manifest
from benchmark.data.media import Media
from benchmark.data.planes import Transform
from benchmark.data.reader import probe, read_wave
from benchmark.data.sound_file import SOUND_FILES

EPS = 1e-6  # s; float error of sums of seconds
INSIDE = 1e-4  # s before a segment's end that still shows its last frame


class OpenClip(Protocol):
    """What the dataset asks of a sample. Times in seconds from the sample's start."""

    duration: float

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def frames(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cropped frames (Q, h, w, 3) uint8 shown at `times` (Q,), and which are inside."""
        ...

    def wave(self, t0: float, duration: float) -> tuple[np.ndarray, np.ndarray]:
        """Mono sound in [t0, t0 + duration), and which samples are inside."""
        ...


class Sample:
    """Where one row of a manifest is, and how its frames are cropped."""

    def __init__(self, manifest: Manifest, row: int, *, crop: CropRecipe, size: int) -> None:
        texts = ("id", "tag", "path", "landmarks", "sha256", "boxes")
        self.id, self.tag, self.name, landmarks, self.sha256, boxes = manifest.facts(row, *texts)
        start, stop = manifest.facts(row, "start", "stop")
        self.path = manifest.root / self.name
        self.start = float(start)
        self.stop = None if np.isnan(stop) else float(stop)
        self.landmarks = resolve(manifest.root, landmarks) if landmarks else None
        self.box = Boxes.of(boxes) if boxes else None
        self.crop, self.size = crop, size

    def transform(self) -> Transform:
        """Crop and resize a frame."""
        return self.crop.transform(
            self.size, video=self.path, landmarks=self.landmarks, box=self.box
        )


class DirectClip:
    """A sample read from its file; a context manager."""

    def __init__(self, sample: Sample, *, sample_rate: int) -> None:
        self._sample, self._rate = sample, sample_rate
        sound = Path(sample.path).suffix.lower() in SOUND_FILES
        with watch.reading(sample.path):
            self._media = None if sound else Media(sample.path)
            info = probe(sample.path) if self._media is None else self._media.info
        self.duration = segment(sample, info.duration)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._media is not None:
            self._media.__exit__()

    def frames(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.frames`."""
        held = held_inside(times, self.duration) + self._sample.start
        if self._media is None:
            raise ValueError(f"{self._sample.path} is a sound file; the views ask for video")
        with watch.reading(self._sample.path):
            frames, valid = self._media.frames(held, transform=self._sample.transform())
        return frames, valid & inside(times, self.duration)

    def wave(self, t0: float, duration: float) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.wave`."""
        path, media = self._sample.path, self._media
        with watch.reading(path):
            wave, valid = read_wave(
                path, self._sample.start + t0, dur=duration, sr=self._rate, media=media
            )
        return silent_outside(wave, valid, t0=t0, rate=self._rate, duration=self.duration)


def inside(times: np.ndarray, duration: float) -> np.ndarray:
    """Which of the times, in seconds, lie in a sample of `duration` seconds."""
    return (times >= -EPS) & (times < duration - EPS)


def held_inside(times: np.ndarray, duration: float) -> np.ndarray:
    """The times themselves, or where they lie outside, that of the first or the last frame."""
    return np.clip(times, 0.0, max(duration - INSIDE, 0.0))


def silent_outside(
    wave: np.ndarray, valid: np.ndarray, *, t0: float, rate: int, duration: float
) -> tuple[np.ndarray, np.ndarray]:
    """Sound (N,) from `t0` seconds on, zero where it is not valid or not in the sample."""
    valid = valid & inside(t0 + np.arange(len(wave)) / rate, duration)
    return np.where(valid, wave, np.float32(0)), valid


def segment(sample: Sample, total: float) -> float:
    """Seconds of the sample in a file of `total` seconds."""
    stop = total if sample.stop is None else min(sample.stop, total)
    return max(stop - sample.start, 0.0)
