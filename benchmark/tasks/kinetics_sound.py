"""Kinetics-Sound: actions that are seen and heard."""

from __future__ import annotations

from typing import Any

from benchmark.data.source import ClipSource
from benchmark.tasks.parts import ClassTask
from registries.registry import TASKS
from registries.task import Inputs, TaskCard


@TASKS.register_module(name="kinetics_sound")
class KineticsSound(ClassTask):
    """Action classification (Arandjelovic and Zisserman 2017) from sound, sight, or both: top-1.

    Linear evaluation of frozen features; of both, each part of unit length, side by side.
    convention: "ks32" (classes of Kinetics-400), "ks34" or "ks31".
    """

    card = TaskCard(
        name="kinetics_sound",
        title="Actions by sight and sound (Kinetics-Sound)",
        dataset="kinetics_sound",
        miniature="mini-ks",
        reference="Arandjelovic and Zisserman, Look, Listen and Learn, ICCV 2017",
        licence="CC BY 4.0 for the annotation, video rights with their owners",
        main_metric="top1",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        inputs=("a", "v", "av"),
        protocols=(
            "linear", "svm", "finetune", "knn", "fewshot", "frozen_weighted", "retrieval",
            "crossmodal",
        ),
        published_task="Kinetics-Sound",
        published_metric="linear_top1_pct",
    )  # fmt: skip

    def __init__(
        self,
        *,
        source: ClipSource,
        inputs: Inputs = "a",
        convention: str = "ks32",
        clip_len: int = 32,
        fps: float = 10.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(source=source, inputs=inputs, clip_len=clip_len, fps=fps, dropout=dropout)
        self.convention = convention

    def reading(self, fold: int) -> dict[str, Any]:
        """There is one split."""
        return {"convention": self.convention}
