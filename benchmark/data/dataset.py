"""Samples of a manifest as clips of every view, decoded once.

What can be done on the training device is left to the preprocessor.
`data_samples["times"]` says when each clip was cut; no pretext label is made here.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from benchmark.data.clip_store import ClipStore
from benchmark.data.crops import CropRecipe, choose_crop
from benchmark.data.manifest import Manifest
from benchmark.data.opened import DirectClip, OpenClip, Sample
from benchmark.data.pack.read import PackedClip
from benchmark.data.reader import resample
from benchmark.data.store import StoredClip
from registries.errors import UsageError
from registries.sampling import ClipSampling, ClipTimes, View

KEPT = 50_000  # clips whose tables of contents are kept, some 2 KB each; chosen


class ClipDataset(Dataset[dict[str, Any]]):
    """Clips of every sample of `manifest`, cut as `sampling` says.

    size: pixels a side of what the encoder sees; frames come with the crop's margin for the
    preprocessor to cut: `side` = round(size * 8 / 7), or 1.09 for lips and faces.
    One item: {"inputs": {view: uint8 (N, T, side, side, 3) or float32 (N, samples)},
    "data_samples": {"index", "id", "group", "target", "text", "tag", "times": {view: ClipTimes
    (N,)}, "valid": {view: share of the clip that lies inside the file}}}.

    train: times, and the place of the square along the long side, are drawn from
    `default_rng([seed, epoch, index])`, whatever the number of workers; call `set_epoch` before
    each pass, or ask for index `k * len + index`: the sample as of k passes later. Otherwise
    `clips` spans lie evenly over the sample, overlapping where it is short (one: in the middle).
    """

    def __init__(
        self,
        manifest: Manifest,
        sampling: ClipSampling,
        *,
        size: int,
        crop: CropRecipe | str = "full",
        sample_rate: int = 16_000,
        train: bool,
        clips: int = 1,
        seed: int,
        store: ClipStore | None = None,
    ) -> None:
        if train and clips != 1:
            raise UsageError(f"clips={clips} is for testing; a training item holds one clip a view")
        if clips > 1 and any(view.num_clips > 1 for view in sampling.views.values()):
            raise UsageError(f"clips={clips} needs views of one clip; lower clips to 1")
        self.manifest, self.sampling = manifest, sampling
        self.size, self.crop, self.sample_rate = size, choose_crop(crop, manifest), sample_rate
        self.side = self.crop.side(size)
        self.train, self.clips, self.seed, self.store = train, clips, seed, store
        self._kept: dict[int, StoredClip | PackedClip] = {}
        # shared memory: workers that live on through several epochs see the change
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.manifest)

    @property
    def targets(self) -> np.ndarray:
        """Label of every sample, (len,)."""
        return self.manifest.rows["label"].to_numpy()

    def over(self, manifest: Manifest) -> ClipDataset:
        """The same reading of other samples."""
        other = copy(self)
        other.manifest, other._kept = manifest, {}
        return other

    def seeing(self, sampling: ClipSampling) -> ClipDataset:
        """The same samples with other views."""
        other = copy(self)
        other.sampling = sampling
        return other

    def set_epoch(self, epoch: int) -> None:
        """Draw anew: every epoch has its own times."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One sample. Raises MediaError, NoAudioError, ValueError (too short a video)."""
        later, index = divmod(int(index), len(self))
        rng = np.random.default_rng([self.seed, int(self._epoch) + later, index])
        with self._open(index) as clip:
            times = (
                self.sampling.draw(clip.duration, rng)
                if self.train
                else self._spread(clip.duration, index)
            )
            place = rng.random() if self.train else 0.5
            # sound first: it is read from the start of the file, pictures are jumped to
            heard = {
                name: self._audio(clip, view, times[name])
                for name, view in self.sampling.views.items()
                if view.modality == "audio"
            }
            inputs, valid = self._video(clip, times, place)
        for name, (wave, share) in heard.items():
            inputs[name], valid[name] = wave, share
        texts = ("id", "group", "text", "tag")
        facts = dict(zip(texts, self.manifest.facts(index, *texts), strict=True))
        (target,) = self.manifest.facts(index, "label")
        samples = {"index": index, **facts, "target": int(target), "times": times, "valid": valid}
        return {"inputs": inputs, "data_samples": samples}

    def _open(self, index: int) -> OpenClip:
        """The clip of a row; of stored ones the tables of contents are kept."""
        if (kept := self._kept.get(index)) is not None:
            return kept
        sample = Sample(self.manifest, index, crop=self.crop, size=self.size)
        if self.store is None:
            return DirectClip(sample, sample_rate=self.sample_rate)
        clip = self.store.open(sample, sample_rate=self.sample_rate)
        if isinstance(clip, StoredClip | PackedClip) and len(self._kept) < KEPT:
            self._kept[index] = clip
        return clip

    def _video(
        self, clip: OpenClip, times: dict[str, ClipTimes], place: float
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """All video views from one pass over the file."""
        views = {k: v for k, v in self.sampling.views.items() if v.modality == "video"}
        if not views:
            return {}, {}
        asked = {
            name: _frame_times(view, times[name]) for name, view in views.items()
        }  # (N, T) each
        frames, inside = clip.frames(np.concatenate([t.ravel() for t in asked.values()]))
        frames = _square(frames, self.side, place)
        inputs, valid, at = {}, {}, 0
        for name, moments in asked.items():
            part = slice(at, at := at + moments.size)
            shape = (*moments.shape, *frames.shape[1:])
            inputs[name] = torch.from_numpy(np.ascontiguousarray(frames[part]).reshape(shape))
            valid[name] = float(inside[part].mean())
        return inputs, valid

    def _audio(self, clip: OpenClip, view: View, times: ClipTimes) -> tuple[Tensor, float]:
        """(N, samples) of one audio view; a faster clip is a longer stretch, its pitch rises."""
        count, waves, valid = round(view.seconds * self.sample_rate), [], []
        for start, speed, backwards in zip(*(part.tolist() for part in times), strict=True):
            wave, inside = clip.wave(start, view.seconds * speed)
            if speed != 1:
                wave = resample(wave, old=int(speed), new=1)
            wave = np.pad(wave[:count], (0, count - min(len(wave), count)))
            waves.append(wave[::-1] if backwards else wave)
            valid.append(inside.mean())
        return torch.from_numpy(np.stack(waves)), float(np.mean(valid))

    def _spread(self, duration: float, index: int) -> dict[str, ClipTimes]:
        """Times for testing: evenly spread spans at normal speed, forwards.

        Views in relation to one another (an anchor after another) have no such spread: they are
        drawn, the same way in every pass.
        """
        if any(anchor.after for anchor in self.sampling.anchors.values()):
            return self.sampling.draw(duration, np.random.default_rng([self.seed, 0, index]))
        spans: dict[str, float] = {}
        for view in self.sampling.views.values():
            spans[view.anchor] = max(spans.get(view.anchor, 0.0), view.seconds * view.num_clips)
        times = {}
        for name, view in self.sampling.views.items():
            room = max(duration - spans[view.anchor], 0.0)
            first = np.linspace(0.0, room, self.clips) if self.clips > 1 else np.array([room / 2])
            steps = np.arange(view.num_clips) * view.seconds
            start = torch.from_numpy((first[:, None] + steps).ravel())
            times[name] = ClipTimes(
                start,
                torch.ones(len(start), dtype=torch.int64),
                torch.zeros(len(start), dtype=torch.bool),
            )
        return times


def _frame_times(view: View, times: ClipTimes) -> np.ndarray:
    """(N, T) seconds at which the frames are taken, in the order they are shown."""
    steps = (np.arange(view.clip_len) + 0.5) * view.seconds / view.clip_len
    moments = times.start.numpy()[:, None] + steps * times.speed.numpy()[:, None]
    backwards = times.reversed.numpy()[:, None]
    return np.where(backwards, moments[:, ::-1], moments)


def _square(frames: np.ndarray, size: int, place: float) -> np.ndarray:
    """Cut (Q, h, w, 3) to squares; place: 0 = left or top of the long side, 1 = the other end."""
    height, width = frames.shape[1:3]
    top, left = round(place * (height - size)), round(place * (width - size))
    return frames[:, top : top + size, left : left + size]
