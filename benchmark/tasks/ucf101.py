"""Action recognition on UCF101, official splits."""

from __future__ import annotations

from typing import Any

from mmengine.evaluator import BaseMetric

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.heads.linear import LinearHead
from benchmark.metrics import SampleMetric
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import Head, Split, Task, TaskCard


@TASKS.register_module(name="ucf101")
class UCF101(Task):
    """Action classification (Soomro et al. 2012): video top-1, mean softmax over clips, 3 splits.

    `lists` names the folder of split lists, so that a part of the classes can be evaluated under
    the official split; such a result is recorded as a subset. A tenth of the training groups is
    held out to choose the epoch. Fold k is official split k.
    """

    card = TaskCard(
        name="ucf101",
        title="Action recognition (UCF101)",
        dataset="ucf101",
        miniature="mini-ucf",
        reference="Soomro et al., UCF101: A Dataset of 101 Human Actions, CRCV-TR-12-01, 2012",
        licence="research use, video rights with their owners",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        protocols=("finetune", "linear", "knn", "fewshot", "frozen_weighted", "retrieval"),
        folds=(1, 2, 3),
        published_task="UCF101",
        published_metric="finetune_top1_pct",
    )

    def __init__(
        self,
        *,
        source: ClipSource,
        crop: str = "full",
        clip_len: int = 32,
        fps: float = 16.0,
        lists: str = "ucfTrainTestlist",
        dropout: float = 0.5,
    ) -> None:
        self.source, self.crop, self.lists, self.dropout = source, crop, lists, dropout
        self.view = View(modality="video", clip_len=clip_len, seconds=clip_len / fps)

    def sampling(self) -> ClipSampling:
        """One video view."""
        return ClipSampling({"video": self.view})

    def augment(self) -> dict[str, Any]:
        """Random resized crop, flip, colour jitter (tasks.md 6, harness default)."""
        return {"scale": (0.2, 1.0), "flip": 0.5, "jitter": 0.4}

    def manifest(self, fold: int = 1) -> Manifest:
        """Official split `fold`, 1 to 3."""
        return self.source.manifest(fold=fold, lists=self.lists)

    def dataset(self, split: Split, fold: int = 1, *, clips: int = 1) -> ClipDataset:
        """`clips` spans per video outside training."""
        return self.source.dataset(
            self.manifest(fold), split, self.sampling(), crop=self.crop, clips=clips
        )

    def head(self, channels: int) -> Head:
        """One linear layer on clip features."""
        return LinearHead(channels, len(self.manifest().labels), dropout=self.dropout)

    def metrics(self) -> list[BaseMetric]:
        """Top-1."""
        return [SampleMetric("top1")]

    def chance(self) -> float:
        """Share of the largest class of the test part, in percent: what a constant guess scores."""
        test = self.manifest().split("test").rows["label"]
        return 100.0 * float(test.value_counts(normalize=True).max())
