"""Contract of a downstream task: card, data, head and metrics. The harness owns the training."""

from __future__ import annotations

from abc import ABC, abstractmethod
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


@dataclass(frozen=True, kw_only=True)
class TaskCard:
    """Facts about a task; every one of them is enforced by a test or used by the harness.

    scope: "local" needs fine timing, "global" does not (used to group the report). published_*: the
    names of task and metric in results/published.
    """

    name: str
    title: str
    dataset: str  # adapter that reads it: benchmark.data.adapters
    miniature: str  # its generated stand-in
    reference: str
    licence: str
    modalities: tuple[Modality, ...]
    main_metric: str
    unit: str
    higher_is_better: bool
    scope: Literal["local", "global"]
    version: int
    folds: tuple[int, ...] = (0,)
    published_task: str = ""
    published_metric: str = ""


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


class Task(ABC):
    """One downstream task on one dataset root. `card` says what it is; nothing here trains."""

    card: ClassVar[TaskCard]

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
    def head(self, channels: int) -> Head:
        """A new head for features of `channels` channels."""

    @abstractmethod
    def metrics(self) -> list[BaseMetric]:
        """Metrics for the validation loop; the first one reports the card's `main_metric`."""

    @abstractmethod
    def chance(self) -> float:
        """Score of a guess on this data, in the unit of the main metric."""
