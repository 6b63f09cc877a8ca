"""Lip reading of single words in GRID's sentences."""

from __future__ import annotations

from typing import Any

from mmengine.evaluator import BaseMetric

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.heads.recurrent import RecurrentHead
from benchmark.metrics import SampleMetric
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import Head, Split, Task, TaskCard


@TASKS.register_module(name="grid_words")
class GridWords(Task):
    """Word classification from the lips alone, on words cut from GRID (Cooke et al. 2006): top-1.

    slots: digit (10 words), letter (25), colour (4) or all (51). window: seconds around the middle
    of a word, by the official alignments. Five folds that keep sentences whole; speakers are seen
    in training, so that a number says "GRID" and never "LRW". Head and augmentation as in `lrw`.
    """

    card = TaskCard(
        name="grid_words",
        title="Lip reading, words (GRID)",
        dataset="grid_words",
        miniature="",
        reference="Cooke et al., An audio-visual corpus for speech perception, JASA 2006",
        licence="free for research use",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="local",
        version=1,
        folds=(0, 1, 2, 3, 4),
    )
    segments = 8  # chosen: a word is an order in time

    def __init__(
        self,
        *,
        source: ClipSource,
        slots: str = "letter",
        crop: str = "lip",
        window: float = 0.6,  # chosen: letters last 0.1 to 0.5 s
        fps: float = 25.0,
        width: int = 256,
        hidden: int = 512,
        layers: int = 2,
    ) -> None:
        self.source, self.slots, self.crop, self.window = source, slots, crop, window
        self.view = View(modality="video", clip_len=round(window * fps), seconds=window)
        self.width, self.hidden, self.layers = width, hidden, layers

    def sampling(self) -> ClipSampling:
        """One video view: the window."""
        return ClipSampling({"video": self.view})

    def augment(self) -> dict[str, Any]:
        """Small crop and flip only."""
        return {"scale": None, "flip": 0.5, "jitter": 0.0}

    def manifest(self, fold: int = 0) -> Manifest:
        """Words of one kind; fold `fold` is tested, the next one chooses the epoch."""
        return self.source.manifest(slots=self.slots, fold=fold, window=self.window)

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> ClipDataset:
        """A word is one sample whatever `clips` says."""
        return self.source.dataset(self.manifest(fold), split, self.sampling(), crop=self.crop)

    def head(self, channels: int) -> Head:
        """BiGRU over steps."""
        return RecurrentHead(
            channels,
            len(self.manifest().labels),
            width=self.width,
            hidden=self.hidden,
            layers=self.layers,
        )

    def metrics(self) -> list[BaseMetric]:
        """Top-1."""
        return [SampleMetric("top1")]

    def chance(self) -> float:
        """Share of the most frequent word of the test part, in percent."""
        test = self.manifest().split("test").rows["label"]
        return 100.0 * float(test.value_counts(normalize=True).max())
