"""Action recognition on Kinetics-400 from frozen features."""

from __future__ import annotations

from typing import Any

from benchmark.tasks.parts import ClassTask
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="k400")
class K400(ClassTask):
    """Action classification (Kay et al. 2017): linear evaluation, top-1 on the validation part.

    The owners' validation part is tested, as everybody does; a tenth of train is held out to choose
    the strength. Differs from AVID: pooled features of the last stage, not one classifier for each
    stage and its grid.
    """

    card = TaskCard(
        name="k400",
        title="Action recognition (Kinetics-400)",
        dataset="kinetics400",
        miniature="",
        reference="Kay et al., The Kinetics Human Action Video Dataset, 2017",
        licence="CC BY 4.0 for the annotation, video rights with their owners",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        published_task="Kinetics400",
        published_metric="linear_top1_pct",
        protocols=("linear", "knn", "finetune", "fewshot", "frozen_weighted", "retrieval"),
    )

    def reading(self, fold: int) -> dict[str, Any]:
        """There is one split; clips without sound count too."""
        return {"sound": False}
