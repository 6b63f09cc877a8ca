"""Where an encoder from scratch has to score on each miniature: windows chosen in advance.

Below its window a set teaches nothing within the budget, above it nothing is left to gain by
pretraining. Nothing heavy is imported here: the command line checks names against this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registries.task import Inputs

GAP = 20.0  # points that pretraining on the truth must gain; chosen


@dataclass(frozen=True, kw_only=True)
class Window:
    """One row of the table. low, high: in the unit of the task's main metric; both count as inside.

    inputs: what encoders are given. options: `key=value` over the recipe, where the row is of
    another setting than the preset's. low is None where no window of a network was chosen: the gap
    still has to be there.
    """

    miniature: str
    task: str
    low: float | None = None
    high: float | None = None
    inputs: Inputs = "v"
    options: tuple[str, ...] = ()

    @property
    def setting(self) -> str:
        """The task as tables name it: `dfdc`, `kinetics_sound:a`, `lrw crop=full`."""
        inputs = f":{self.inputs}" if self.task == "kinetics_sound" else ""
        options = "".join(f" {text.removeprefix(f'tasks.{self.task}.')}" for text in self.options)
        return f"{self.task}{inputs}{options}"

    @property
    def text(self) -> str:
        """`35-60`, or `-` where there is none."""
        return "-" if self.low is None else f"{self.low:g}-{self.high:g}"

    def holds(self, score: float) -> bool | None:
        """Whether a score lies inside; None where there is no window."""
        if self.low is None or self.high is None:
            return None
        return self.low <= score <= self.high


WINDOWS: tuple[Window, ...] = (
    Window(miniature="mini-lrw", task="lrw", low=35, high=60),
    Window(miniature="mini-lrw", task="lrw", low=6, high=25, options=("tasks.lrw.crop=full",)),
    Window(miniature="mini-lrs2", task="lrs2", low=45, high=85),
    Window(miniature="mini-dfdc", task="dfdc", low=60, high=78),
    Window(miniature="mini-ucf", task="ucf101", low=30, high=65),
    Window(miniature="mini-hmdb51", task="hmdb51", low=12, high=40),
    # its window of 45-65 is one of a logistic regression on statistics: `bench data audit` has it
    Window(miniature="mini-esc50", task="esc50", inputs="a"),
    Window(miniature="mini-dcase", task="dcase", low=40, high=75, inputs="a"),
    Window(miniature="mini-ks", task="kinetics_sound", low=35, high=65, inputs="a"),
    Window(miniature="mini-ks", task="kinetics_sound", low=35, high=65, inputs="v"),
)
