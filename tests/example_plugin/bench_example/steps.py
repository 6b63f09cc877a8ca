"""A task of somebody else: UCF101's classes, voted for step by step."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from torch import Tensor, nn

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.metrics import SampleMetric
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import Head, Split, Task, TaskCard


class VotingHead(Head):
    """One linear layer on every step, probabilities averaged. (B, T, C) -> (B, classes)."""

    pool = "step"

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.output = nn.Linear(channels, classes)

    def loss(self, features: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of the mean vote."""
        return {"loss_task": F.nll_loss(self.predict(features).log(), targets)}

    def predict(self, features: Tensor) -> Tensor:
        """Class probabilities."""
        return self.output(features).float().softmax(dim=2).mean(dim=1)


@TASKS.register_module(name="example_steps")
class Steps(Task):
    """UCF101 with a head that votes per step; a dataset that `bench` can read already."""

    card = TaskCard(
        name="example_steps",
        title="Action recognition by votes (UCF101)",
        dataset="ucf101",
        miniature="mini-ucf",
        reference="Soomro et al., UCF101, CRCV-TR-12-01, 2012",
        licence="research use, video rights with their owners",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        folds=(1,),
    )

    def __init__(self, *, source: ClipSource, clip_len: int = 8, seconds: float = 1.6) -> None:
        self.source = source
        self.view = View(modality="video", clip_len=clip_len, seconds=seconds)

    def sampling(self) -> ClipSampling:
        """One video view."""
        return ClipSampling({"video": self.view})

    def augment(self) -> dict[str, Any]:
        """Flip only."""
        return {"scale": None, "flip": 0.5, "jitter": 0.0}

    def manifest(self, fold: int = 1) -> Manifest:
        """Official split 1."""
        return self.source.manifest(fold=fold)

    def dataset(self, split: Split, fold: int = 1, *, clips: int = 1) -> ClipDataset:
        """`clips` spans per video outside training."""
        return self.source.dataset(
            self.manifest(fold), split, self.sampling(), crop="full", clips=clips
        )

    def head(self, channels: int) -> Head:
        """Votes."""
        return VotingHead(channels, len(self.manifest().labels))

    def metrics(self) -> list[BaseMetric]:
        """Top-1."""
        return [SampleMetric("top1")]

    def chance(self) -> float:
        """Balanced classes, in percent."""
        return 100.0 / len(self.manifest().labels)
