"""Environmental sounds: ESC-50, official five folds."""

from __future__ import annotations

from typing import Any

from benchmark.tasks.parts import SoundTask
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="esc50")
class ESC50(SoundTask):
    """Sound classification (Piczak 2015): top-1, mean of five folds.

    The audio encoder's features under a linear SVM by default, as CrissCross, AVID and XDC
    evaluate; finetuning as GLCM does. A tenth of the training sources is held out to choose the
    SVM's cost, or the epoch. Differs from the papers: CrissCross takes the best of eight costs on
    the test fold.
    """

    card = TaskCard(
        name="esc50",
        title="Sound classification (ESC-50)",
        dataset="esc50",
        miniature="mini-esc50",
        reference="Piczak, ESC: Dataset for Environmental Sound Classification, ACM MM 2015",
        licence="CC BY-NC 3.0",
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
        published_task="ESC50",
        published_metric="top1_pct",
    )  # fmt: skip
    whole, drawn = 5.0, 1.0  # CrissCross: 1 x 5 s; excerpts: chosen

    def reading(self, fold: int) -> dict[str, Any]:
        """Fold `fold` is tested, the others are trained on."""
        return {"fold": fold}
