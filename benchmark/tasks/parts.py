"""What tasks of a kind share: classes of sights and sounds, words; no task of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mmengine.evaluator import BaseMetric

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.heads.linear import LinearHead
from benchmark.heads.recurrent import RecurrentHead
from benchmark.metrics import SampleMetric
from registries.sampling import ClipSampling, View
from registries.task import MODALITIES, STEPS, Head, Inputs, Split, Task


class ClassTask(Task):
    """One label a sample, a linear layer on clip features, top-1. Subclasses say which data.

    clip_len, fps: frames of a clip, over clip_len / fps seconds of sight and of sound. Sound alone
    is cut into `seconds`. dropout: before the linear layer.
    """

    def __init__(
        self,
        *,
        source: ClipSource,
        inputs: Inputs = "v",
        crop: str = "full",
        clip_len: int = 32,
        fps: float = 16.0,
        seconds: float | None = None,
        dropout: float = 0.5,  # AVID's finetuning configs
    ) -> None:
        self.source, self.inputs, self.crop, self.dropout = source, inputs, crop, dropout
        self.seconds = clip_len / fps if seconds is None else seconds
        self.clip_len = clip_len

    @abstractmethod
    def reading(self, fold: int) -> Mapping[str, Any]:
        """Options of the adapter for a fold."""

    def sampling(self) -> ClipSampling:
        """One view of each modality of the inputs, over the same seconds."""
        lengths = {"video": self.clip_len, "audio": round(STEPS * self.seconds)}
        return ClipSampling(
            {
                name: View(modality=name, clip_len=lengths[name], seconds=self.seconds)
                for name in MODALITIES[self.inputs]
            }
        )

    def augment(self) -> dict[str, Any]:
        """Random resized crop, flip, colour jitter (chosen)."""
        return {"scale": (0.2, 1.0), "flip": 0.5, "jitter": 0.4}

    def manifest(self, fold: int = 0) -> Manifest:
        """Every sample, as the owners split it for this fold."""
        return self.source.manifest(**self.reading(fold))

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> ClipDataset:
        """`clips` spans a sample outside training."""
        return self.source.dataset(
            self.manifest(fold), split, self.sampling(), crop=self.crop, clips=clips
        )

    def head(self, channels: int) -> Head:
        """One linear layer on clip features."""
        classes = len(self.manifest(self.card.folds[0]).labels)
        return LinearHead(channels, classes, dropout=self.dropout)

    def metrics(self) -> list[BaseMetric]:
        """Top-1."""
        return [SampleMetric("top1")]

    def chance(self) -> float:
        """Share of the largest class of the test part, in percent: what a constant guess scores."""
        test = self.manifest(self.card.folds[0]).split("test").rows["label"]
        return 100.0 * float(test.value_counts(normalize=True).max())


class SoundTask(ClassTask):
    """A class task on sound alone. seconds: of a clip, None for `whole`, or `drawn` on a miniature.

    whole, drawn: seconds of the owners' and of the generated clips that one look takes in.
    """

    inputs: Inputs = "a"
    whole: ClassVar[float]
    drawn: ClassVar[float]

    def __init__(
        self, *, source: ClipSource, seconds: float | None = None, dropout: float = 0.5
    ) -> None:
        super().__init__(source=source, inputs="a", seconds=seconds or self.whole, dropout=dropout)
        if seconds is None and self.manifest(self.card.folds[0]).kind == "miniature":
            self.seconds = self.drawn


class WordTask(Task):
    """One word a sample, read from the lips: a BiGRU over the encoder's steps, top-1.

    width, hidden, layers: of the head. Flip and a small random crop are the only augmentation: a
    colour or scale change would be a nuisance of another task.
    """

    segments = 8  # chosen: a word is an order in time

    def __init__(
        self, *, source: ClipSource, crop: str, width: int, hidden: int, layers: int
    ) -> None:
        self.source, self.crop = source, crop
        self.width, self.hidden, self.layers = width, hidden, layers

    def augment(self) -> dict[str, Any]:
        """Small crop and flip only."""
        return {"scale": None, "flip": 0.5, "jitter": 0.0}

    def head(self, channels: int) -> Head:
        """BiGRU over steps."""
        return RecurrentHead(
            channels,
            len(self.manifest(self.card.folds[0]).labels),
            width=self.width,
            hidden=self.hidden,
            layers=self.layers,
        )

    def metrics(self) -> list[BaseMetric]:
        """Top-1."""
        return [SampleMetric("top1")]
