"""What the tasks of sound localisation share; no task of its own, and nothing is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from mmengine.evaluator import BaseMetric

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Boxes, Manifest
from benchmark.data.source import ClipSource
from benchmark.metrics import SampleMetric
from benchmark.protocols.maps import SUCCESS, above_median, centre_disc, ciou, truth
from registries.errors import UsageError
from registries.sampling import ClipSampling, View
from registries.task import STEPS, Inputs, Split, Task


class SoundSource(Task):
    """What both share. The whole frame is looked at, squeezed to a square, as boxes are drawn.

    clip_len frames and their sound over `seconds` around the middle of the clip, whose frame the
    boxes are of.
    """

    inputs: Inputs = "av"

    def __init__(self, *, source: ClipSource, clip_len: int = 32, seconds: float = 3.2) -> None:
        self.source, self.clip_len, self.seconds = source, clip_len, seconds

    def sampling(self) -> ClipSampling:
        """Sight and sound of the same span, as they are compared in pretraining."""
        steps = round(STEPS * self.seconds)
        return ClipSampling(
            {
                "video": View(modality="video", clip_len=self.clip_len, seconds=self.seconds),
                "audio": View(modality="audio", clip_len=steps, seconds=self.seconds),
            }
        )

    def augment(self) -> dict[str, Any]:
        """Nothing is trained."""
        return {}

    def manifest(self, fold: int = 0) -> Manifest:
        """Boxed clips; on the miniature the variant ("semantic", "sync") is the tag."""
        found = self.source.manifest()
        if found.kind != "miniature":
            return found
        names = np.array([label.partition(":")[0] for label in found.labels] or [""])
        return replace(found, rows=found.rows.assign(tag=names[found.rows["label"].to_numpy()]))

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> ClipDataset:
        """A clip is one span around its middle, whatever `clips` says."""
        return self.source.dataset(self.manifest(), split, self.sampling(), crop="whole")

    def head(self, channels: int) -> NoReturn:
        """There is none."""
        raise UsageError(
            f"{self.card.name} trains nothing, it has no head; use --protocol localise"
        )

    def metrics(self) -> list[BaseMetric]:
        """The name of the main metric; scores come from `benchmark.localise`."""
        return [SampleMetric(self.card.main_metric)]

    def chance(self) -> float:
        """cIoU@0.5, in percent, of a disc in the middle of the frame; 33.9 on all of VGG-SS."""
        marked = above_median(centre_disc())
        boxes = [Boxes.of(text) for text in self.manifest().split("test").rows["boxes"] if text]
        found = [ciou(marked, truth(one)) >= SUCCESS for one in boxes]
        return 100.0 * float(np.mean(found)) if found else 0.0
