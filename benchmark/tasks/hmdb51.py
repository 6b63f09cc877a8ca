"""Action recognition on HMDB51, official splits."""

from __future__ import annotations

from typing import Any

from benchmark.tasks.parts import ClassTask
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="hmdb51")
class HMDB51(ClassTask):
    """Action classification (Kuehne et al. 2011): video top-1, mean softmax over clips, 3 splits.

    70 training and 30 test videos a class in each split. A tenth of the training films is held out
    to choose the epoch. Retrieval: test queries, training gallery.
    """

    card = TaskCard(
        name="hmdb51",
        title="Action recognition (HMDB51)",
        dataset="hmdb51",
        miniature="mini-hmdb51",
        reference="Kuehne et al., HMDB: A Large Video Database for Human Motion Recognition, 2011",
        licence="CC BY 4.0 for the annotation, video rights with their owners",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        protocols=("finetune", "linear", "knn", "fewshot", "frozen_weighted", "retrieval"),
        folds=(1, 2, 3),
        published_task="HMDB51",
        published_metric="finetune_top1_pct",
    )

    def reading(self, fold: int) -> dict[str, Any]:
        """Official split `fold`, 1 to 3."""
        return {"fold": fold}
