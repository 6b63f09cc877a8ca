"""Action recognition on UCF101, official splits."""

from __future__ import annotations

from typing import Any

from benchmark.data.source import ClipSource
from benchmark.tasks.parts import ClassTask
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="ucf101")
class UCF101(ClassTask):
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
        super().__init__(source=source, crop=crop, clip_len=clip_len, fps=fps, dropout=dropout)
        self.lists = lists

    def reading(self, fold: int) -> dict[str, Any]:
        """Official split `fold`, 1 to 3."""
        return {"fold": fold, "lists": self.lists}
