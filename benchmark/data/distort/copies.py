"""Distorted copies of clips, read like the clips themselves: queries of fingerprinting.

A manifest of copies has a row for each clip, and one for each clip and distortion, whose tag is the
distortion's name; both name the same file. `CopyStore` opens such rows. Strengths are drawn by the
clip's id and the name of the distortion alone: every objective, seed and machine gets the same
queries.

What happens to time is done where clips are read: of a copy at another speed, or that begins a
second off, other moments are read. "fps" is 12 frames a second of the original's 25 or whatever it
has: a frame stays until the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from benchmark.data.clip_store import ClipStore
from benchmark.data.crops import CropRecipe
from benchmark.data.distort.sight import SIGHT
from benchmark.data.distort.sound import SOUND
from benchmark.data.manifest import Manifest
from benchmark.data.opened import DirectClip, OpenClip, Sample
from benchmark.data.reader import resample
from benchmark.data.store import BadFile
from registries.task import Inputs

SEED = 511  # of all strengths; chosen: the number of the section
SEPARATOR = "#"  # between a clip's id and the distortion's name
FEWER = 12  # frames a second; chosen
SPEEDS = ((9, 10), (11, 10))  # as ratios of whole numbers, for resampling; chosen
OFFSETS = (-1.0, 1.0)  # seconds; chosen
ONLY_SIGHT = (*SIGHT, "fps")
ONLY_SOUND = tuple(SOUND)
BOTH = ("speed", "offset")


def distortions(inputs: Inputs) -> tuple[str, ...]:
    """Names of the distortions that change what encoders with these inputs are given."""
    own = {"v": ONLY_SIGHT, "a": ONLY_SOUND, "av": (*ONLY_SIGHT, *ONLY_SOUND)}
    return (*own[inputs], *BOTH)


def applied(clip: str, name: str, inputs: Inputs) -> tuple[str, ...]:
    """What happens to a copy.

    Of sight with sound, both are distorted, or the one that is not would be found at once: beside a
    distortion of sight there is one of sound, drawn for the clip, and the other way round.
    """
    if inputs != "av" or name in BOTH:
        return (name,)
    others = ONLY_SOUND if name in ONLY_SIGHT else ONLY_SIGHT
    return (name, str(_rng(clip, f"{name} with").choice(others)))


def with_copies(clips: Manifest, names: Sequence[str]) -> Manifest:
    """The clips, then one row for each of them and each distortion; group is the clip's id."""
    rows = clips.rows.assign(group=clips.rows["id"], tag="")
    copies = [rows.assign(id=rows["id"] + SEPARATOR + name, tag=name) for name in names]
    whole = pd.concat([rows, *copies], ignore_index=True)
    return replace(clips, rows=whole, expected=len(whole))


class CopyStore:
    """Opens clips and their copies, from decoded clips where there is a store of them."""

    def __init__(self, store: ClipStore | None, inputs: Inputs) -> None:
        self.store, self.inputs = store, inputs

    def open(self, sample: Sample, *, sample_rate: int) -> OpenClip:
        """The clip, or its copy where the sample has a tag. Raises MediaError."""
        if self.store is None:
            clip: OpenClip = DirectClip(sample, sample_rate=sample_rate)
        else:
            clip = self.store.open(sample, sample_rate=sample_rate)
        if not sample.tag:
            return clip
        name = sample.id.rpartition(SEPARATOR)[0]
        return Copy(clip, name, applied(name, sample.tag, self.inputs), sample_rate=sample_rate)

    def warm(
        self,
        manifest: Manifest,
        *,
        size: int,
        crop: CropRecipe | str = "full",
        sample_rate: int = 16_000,
        jobs: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        max_bad: float = 0.01,
    ) -> list[BadFile]:
        """Decode the clips, once for all their copies, as `FrameStore.warm` does."""
        if self.store is None:
            return []
        clips = manifest.keep((manifest.rows["tag"] == "").to_numpy())
        return self.store.warm(
            clips,
            size=size,
            crop=crop,
            sample_rate=sample_rate,
            jobs=jobs,
            progress=progress,
            max_bad=max_bad,
        )


class Timing(NamedTuple):
    """Which moment of the clip a moment t of the copy shows: t * new / old + offset."""

    new: int = 1
    old: int = 1
    offset: float = 0.0


class Copy:
    """A distorted clip; a context manager like the clip that it is made of.

    clip: open, closed with this. name: its id. distorted: names of what happens to it.
    """

    def __init__(
        self, clip: OpenClip, name: str, distorted: Sequence[str], *, sample_rate: int
    ) -> None:
        self._clip, self._name, self._names = clip, name, tuple(distorted)
        self._rate = sample_rate
        self._timing = self._time()
        self.duration = clip.duration * self._timing.old / self._timing.new
        self._whole: np.ndarray | None = None

    def __enter__(self) -> Self:
        self._clip.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._clip.__exit__(*error)

    def frames(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.frames`."""
        if "fps" in self._names:
            times = (np.floor(times * FEWER + 1e-6) + 0.5) / FEWER
        speed = self._timing.new / self._timing.old
        frames, inside = self._clip.frames(times * speed + self._timing.offset)
        for name in self._names:
            if name in SIGHT:
                frames = SIGHT[name](frames, _rng(self._name, name))
        return frames, inside

    def wave(self, t0: float, duration: float) -> tuple[np.ndarray, np.ndarray]:
        """As `OpenClip.wave`; the whole sound is distorted once, then cut."""
        if self._whole is None:
            self._whole = self._sound()
        first = round((t0 + self._timing.offset) * self._rate)
        at = first + np.arange(round(duration * self._rate))
        inside = (at >= 0) & (at < len(self._whole))
        wave = np.where(inside, self._whole[np.clip(at, 0, len(self._whole) - 1)], 0.0)
        return wave.astype(np.float32), inside

    def _sound(self) -> np.ndarray:
        wave, _ = self._clip.wave(0.0, self._clip.duration)
        for name in self._names:
            if name in SOUND:
                wave = SOUND[name](wave, _rng(self._name, name), rate=self._rate)
        return resample(wave, old=self._timing.new, new=self._timing.old)

    def _time(self) -> Timing:
        if "speed" in self._names:
            new, old = _rng(self._name, "speed").choice(SPEEDS)
            return Timing(new=int(new), old=int(old))
        if "offset" in self._names:
            return Timing(offset=float(_rng(self._name, "offset").choice(OFFSETS)))
        return Timing()


def _rng(clip: str, name: str) -> np.random.Generator:
    """By what is distorted and how, whatever the order in which copies are made."""
    digest = hashlib.sha256(f"{name}:{clip}".encode()).digest()
    return np.random.default_rng([SEED, int.from_bytes(digest[:8])])
