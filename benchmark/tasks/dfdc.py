"""Deepfake detection on DFDC, in the Kaggle layout with Chugh-form lists."""

from __future__ import annotations

from typing import Any

from mmengine.evaluator import BaseMetric

from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.source import ClipSource
from benchmark.heads.linear import LinearHead
from benchmark.heads.recurrent import RecurrentHead
from benchmark.metrics import SampleMetric
from registries.registry import TASKS
from registries.sampling import ClipSampling, View
from registries.task import MODALITIES, STEPS, Head, Inputs, Split, Task, TaskCard

WIDTH, HIDDEN = 128, 64  # of the head on both modalities; chosen


@TASKS.register_module(name="dfdc")
class DFDC(Task):
    """Real or fake, by video: AUC of the mean score.

    Dolhansky et al. 2020; subset of Chugh et al. 2020. Clips of 3.2 s, several per test video,
    scores averaged, one AUC over videos (never a mean of clip AUCs). Flip and mild colour jitter
    only: compression or blur augmentation would hide the artefacts. inputs "av": sight and sound
    step by step into a BiGRU, since a sound that fits the face at another moment is no sound that
    fits. On the miniature each manipulation's AUC is reported too (auc:F1 to auc:F4).

    Differs from the paper: Chugh et al. feed thresholded decisions to the AUC; that number is
    reported beside it as `hard_auc`, and they look for the artefact by a distance between both
    modalities' features.
    """

    card = TaskCard(
        name="dfdc",
        title="Deepfake detection (DFDC)",
        dataset="dfdc",
        miniature="mini-dfdc",
        reference="Dolhansky et al., The DFDC Dataset, 2020; Chugh et al., ACM MM 2020",
        licence="DFDC terms of the owners",
        main_metric="auc",
        unit="%",
        higher_is_better=True,
        scope="local",
        version=1,
        inputs=("v", "av"),
        published_task="DFDC",
        published_metric="video_AUC_pct",
    )

    def __init__(
        self,
        *,
        source: ClipSource,
        inputs: Inputs = "v",
        crop: str = "face",
        clip_len: int = 32,
        seconds: float = 3.2,
        dropout: float = 0.5,
    ) -> None:
        self.source, self.inputs, self.crop = source, inputs, crop
        self.clip_len, self.seconds, self.dropout = clip_len, seconds, dropout

    def sampling(self) -> ClipSampling:
        """One view of each modality over 3.2 s, as in pretraining."""
        lengths = {"video": self.clip_len, "audio": round(STEPS * self.seconds)}
        return ClipSampling(
            {
                name: View(modality=name, clip_len=lengths[name], seconds=self.seconds)
                for name in MODALITIES[self.inputs]
            }
        )

    def augment(self) -> dict[str, Any]:
        """Small crop, flip, mild colour jitter."""
        return {"scale": None, "flip": 0.5, "jitter": 0.1}

    def manifest(self, fold: int = 0) -> Manifest:
        """Lists in Chugh's form; labels are ("real", "fake")."""
        return self.source.manifest()

    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> ClipDataset:
        """`clips` spans per video outside training."""
        return self.source.dataset(
            self.manifest(), split, self.sampling(), crop=self.crop, clips=clips
        )

    def head(self, channels: int) -> Head:
        """Two outputs on clip features; on steps, where both modalities are there."""
        if self.inputs == "av":
            return RecurrentHead(channels, 2, width=WIDTH, hidden=HIDDEN, layers=1, grid=1)
        return LinearHead(channels, 2, dropout=self.dropout)

    def metrics(self) -> list[BaseMetric]:
        """Area under the ROC curve over videos."""
        return [SampleMetric("auc")]

    def chance(self) -> float:
        """A constant score has an AUC of one half."""
        return 50.0
