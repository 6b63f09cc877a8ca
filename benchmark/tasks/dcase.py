"""Acoustic scenes of the DCASE 2013 challenge."""

from __future__ import annotations

from typing import Any

from benchmark.tasks.parts import SoundTask
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="dcase")
class DCASE(SoundTask):
    """Scene classification (Stowell et al. 2015): ten scenes, 100 training and 100 test recordings.

    A linear classifier on frozen features by default, the mean over windows of a recording. One
    recording is one point: run several seeds. This is the set that papers call DCASE 2013 or 2014.
    Differs from CrissCross: it trains its classifier on 60 random windows a recording and chooses
    the epoch on the test part.
    """

    card = TaskCard(
        name="dcase",
        title="Acoustic scenes (DCASE 2013)",
        dataset="dcase",
        miniature="mini-dcase",
        reference="Stowell et al., Detection and Classification of Acoustic Scenes, TMM 2015",
        licence="CC BY 2.0 UK",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        inputs=("a",),
        protocols=("linear", "svm", "finetune", "knn", "fewshot", "frozen_weighted"),
        published_task="DCASE",
        published_metric="linear_top1_pct",
    )
    whole = drawn = 2.0  # chosen

    def reading(self, fold: int) -> dict[str, Any]:
        """There is one split."""
        return {}
