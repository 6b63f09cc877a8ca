"""Training data that begins easy: pieces of speech first, whole sentences later."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from benchmark.data.clip_store import ClipStore
from benchmark.data.crops import CropRecipe
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from registries.sampling import ClipSampling


class CurriculumDataset(Dataset[dict[str, Any]]):
    """`main` samples an epoch, taken from the stages in turn and from the main part at the end.

    clips: the main part in its first `main` rows, then the stages. stages: [first, last) rows of
    each, easiest first. share: of all passes over the data that is spent on the stages, in equal
    parts. An epoch is as long whatever it holds, so that a schedule by steps stays what it is; a
    stage with more samples gives others in each epoch, one with fewer repeats some.

    Which samples an epoch takes depends on (seed, epoch) alone: a resumed run sees what an
    uninterrupted one does. The trainer calls `plan` once and `set_epoch` before each pass.
    """

    def __init__(
        self,
        clips: ClipDataset,
        *,
        main: int,
        stages: Sequence[tuple[int, int]],
        share: float,
    ) -> None:
        self.clips, self.main, self.stages, self.share = clips, main, tuple(stages), share
        self.easy = 0  # passes over the stages
        # shared memory: workers that live on through several epochs see the change
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return self.main

    def plan(self, passes: int) -> None:
        """How often the trainer will go through the data in all."""
        self.easy = round(self.share * passes) if self.stages else 0

    def set_epoch(self, epoch: int) -> None:
        """Draw anew; move on to the next stage when it is time."""
        self._epoch.fill_(epoch)
        self.clips.set_epoch(epoch)

    def row(self, index: int, *, later: int = 0) -> int:
        """Row of `clips` that stands at a place of this epoch, or of one some passes later."""
        epoch = int(self._epoch) + later
        if epoch >= self.easy:
            return index
        first, last = self.stages[epoch * len(self.stages) // self.easy]
        order = _order(self.clips.seed, epoch, last - first)
        return first + int(order[index % len(order)])

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One sample, as `ClipDataset` gives it."""
        later, index = divmod(int(index), len(self))
        return self.clips[later * len(self.clips) + self.row(index, later=later)]

    def seeing(self, sampling: ClipSampling) -> CurriculumDataset:
        """The same samples with other views, before any pass over them."""
        clips = self.clips.seeing(sampling)
        return CurriculumDataset(clips, main=self.main, stages=self.stages, share=self.share)

    # what is decoded before training: all of it

    @property
    def manifest(self) -> Manifest:
        """Main part and stages."""
        return self.clips.manifest

    @property
    def store(self) -> ClipStore | None:
        """As the clips'."""
        return self.clips.store

    @property
    def size(self) -> int:
        """As the clips'."""
        return self.clips.size

    @property
    def crop(self) -> CropRecipe:
        """As the clips'."""
        return self.clips.crop

    @property
    def sample_rate(self) -> int:
        """As the clips'."""
        return self.clips.sample_rate


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    """A stage in the order of an epoch."""
    return np.random.default_rng([seed, epoch, count]).permutation(count)
