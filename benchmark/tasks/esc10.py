"""Environmental sounds: the ten classes of ESC-10, official five folds."""

from __future__ import annotations

from typing import Any

from benchmark.data.source import ClipSource
from benchmark.tasks.esc50 import MINIATURE_SECONDS, SECONDS
from benchmark.tasks.parts import ClassTask
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="esc10")
class ESC10(ClassTask):
    """Sound classification (Piczak 2015) on the 400 clips of ESC-10: top-1, mean of five folds.

    As `esc50`. Piczak's random forest has 72.7 here, people 95.7.
    """

    card = TaskCard(
        name="esc10",
        title="Sound classification (ESC-10)",
        dataset="esc50",
        miniature="mini-esc50",
        reference="Piczak, ESC: Dataset for Environmental Sound Classification, ACM MM 2015",
        licence="CC BY 3.0",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        inputs=("a",),
        protocols=(
            "svm", "finetune", "linear", "knn", "fewshot", "frozen_weighted", "retrieval",
        ),
        folds=(1, 2, 3, 4, 5),
    )  # fmt: skip
    inputs = "a"

    def __init__(
        self, *, source: ClipSource, seconds: float | None = None, dropout: float = 0.5
    ) -> None:
        super().__init__(source=source, inputs="a", seconds=seconds or SECONDS, dropout=dropout)
        if seconds is None and self.manifest(1).kind == "miniature":
            self.seconds = MINIATURE_SECONDS

    def reading(self, fold: int) -> dict[str, Any]:
        """Fold `fold` of ESC-10 is tested, the others are trained on."""
        return {"fold": fold, "esc10": True}
