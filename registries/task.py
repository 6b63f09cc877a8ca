"""Contract of a downstream task: card, data, head and metrics. The harness owns the training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModule
from torch import Tensor
from torch.utils.data import Dataset

from registries.encoder import Modality
from registries.sampling import ClipSampling

Pool = Literal["clip", "step", "grid", "step_grid"]
Split = Literal["train", "val", "test"]
Inputs = Literal["v", "a", "av"]
MODALITIES: Mapping[Inputs, tuple[Modality, ...]] = {
    "v": ("video",),
    "a": ("audio",),
    "av": ("video", "audio"),
}
STEPS = 30  # spectrogram steps a second: three for each frame at 10 fps, as in pretraining
FROM_FEATURES = ("linear", "knn", "fewshot", "frozen_weighted")  # what any classifier can be asked


@dataclass(frozen=True, kw_only=True)
class TaskCard:
    """Facts about a task; every one of them is enforced by a test or used by the harness.

    scope: "local" needs fine timing, "global" does not (used to group the report). inputs: what
    encoders may be given; the first is, unless the recipe names others (`-o tasks.NAME.inputs`).
    protocols: those that suit it; the first is its own. extra_metrics: reported beside the main
    one. published_*: the names of task and metric in results/published.
    """

    name: str
    title: str
    dataset: str  # adapter that reads it: benchmark.data.adapters
    miniature: str  # its generated stand-in; empty where there is none
    reference: str
    licence: str
    main_metric: str
    unit: str
    higher_is_better: bool
    scope: Literal["local", "global"]
    version: int
    inputs: tuple[Inputs, ...] = ("v",)
    protocols: tuple[str, ...] = ("finetune", *FROM_FEATURES)
    extra_metrics: tuple[str, ...] = ()
    folds: tuple[int, ...] = (0,)
    published_task: str = ""
    published_metric: str = ""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """All that any of its inputs has."""
        return tuple(dict.fromkeys(name for found in self.inputs for name in MODALITIES[found]))


class Head(BaseModule, ABC):
    """The output layer of a task, on pooled encoder features.

    pool: what it asks for: "clip" (B, C), "step" (B, T, C), "grid" (B, C, H, W), or "step_grid"
    (B, T, C, H, W).
    """

    pool: Pool

    @abstractmethod
    def loss(self, features: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """`loss_<term>` scalars for a training batch."""

    @abstractmethod
    def predict(self, features: Tensor) -> Tensor:
        """Scores (B, classes) that are averaged over the clips of a sample."""


class TextHead(BaseModule, ABC):
    """The output layer of a task whose answer is a text, on pooled encoder features.

    samples: the batch's `data_samples`: "text" (B strings), "valid" (share of each view's span that
    lies inside the file), and what else the dataset gives.
    """

    pool: Pool

    @abstractmethod
    def loss(self, features: Tensor, samples: Mapping[str, Any]) -> dict[str, Tensor]:
        """`loss_<term>` scalars for a training batch."""

    @abstractmethod
    def read(self, features: Tensor, samples: Mapping[str, Any]) -> list[str]:
        """One text for each sample, of which nothing but its own clip decides."""


class Task(ABC):
    """One downstream task on one dataset root. `card` says what it is; nothing here trains.

    A task whose card has several inputs takes the one it is run with as the keyword `inputs`.
    notes: what must be known about its numbers, such as the decoder; every record carries them.
    """

    card: ClassVar[TaskCard]
    inputs: Inputs = "v"
    notes: tuple[str, ...] = ()
    segments: ClassVar[int] = 1  # stretches of time that a probe on frozen features keeps apart

    @abstractmethod
    def sampling(self) -> ClipSampling:
        """The views of one evaluation clip.

        "video" or "audio" is what the encoder of that name is given.
        """

    @abstractmethod
    def augment(self) -> dict[str, Any]:
        """Options of the training-time preprocessor that suit the labels of this task."""

    @abstractmethod
    def manifest(self, fold: int = 0) -> Any:  # noqa: ANN401 - a benchmark.data Manifest; the kernel is below it
        """Every sample of the task with its split; `.hash` goes into the cell key."""

    @abstractmethod
    def dataset(self, split: Split, fold: int = 0, *, clips: int = 1) -> Dataset[dict[str, Any]]:
        """Samples of a split; "val" is held out of the owners' training data, never of test.

        clips: spans per sample, spread evenly over the video ("val", "test"); training draws one
        at random.
        """

    @abstractmethod
    def head(self, channels: int) -> Head | TextHead:
        """A new head for features of `channels` channels."""

    @abstractmethod
    def metrics(self) -> list[BaseMetric]:
        """Metrics for the validation loop; the first one reports the card's `main_metric`."""

    @abstractmethod
    def chance(self) -> float:
        """Score of a guess on this data, in the unit of the main metric."""
