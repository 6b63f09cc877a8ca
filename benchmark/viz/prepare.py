"""What a picture is made from: an encoder file, and a task on its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.datasets import Datasets
from benchmark.encoder_file import read_encoders
from benchmark.plan import resolve
from benchmark.plan_request import RunRequest
from benchmark.settings import Recipe
from registries.errors import UsageError
from registries.task import Inputs, Task

NAME = "encoders.pt"


@dataclass(frozen=True)
class Ready:
    """An encoder file and the task that it is asked."""

    encoders: Path
    task: Task
    recipe: Recipe

    @property
    def title(self) -> str:
        """Who made the encoders, on what they are shown."""
        meta = read_encoders(self.encoders)["meta"]
        maker = meta.get("objective", self.encoders.name)
        data = self.task.manifest(self.fold)
        return f"{maker} on {self.task.card.name}, {data.name} ({data.kind})"

    @property
    def fold(self) -> int:
        """The first of the recipe's folds."""
        card = self.task.card
        return self.recipe.folds_for(card.name, card.folds)[0]


def prepare(
    encoders: Path,
    task: str,
    *,
    preset: str,
    overrides: tuple[str, ...] = (),
    data: Mapping[str, Path] | None = None,
    follow_links: bool = False,
    both: bool = False,
    jobs: int | None = None,
) -> Ready:
    """The task on its data, real or generated, read as the preset reads it.

    both: with sight and sound. Raises UsageError for a task that does not have both.
    """
    request = RunRequest(
        objectives=(),
        tasks=(task,),
        encoders=encoders,
        preset=preset,
        overrides=overrides,
        data=data or {},
        follow_links=follow_links,
        jobs=jobs,
    )
    recipe, (card,) = resolve(request)
    inputs: Inputs = recipe.inputs_for(task, card.inputs)[0]
    if both:
        if "av" not in card.inputs:
            raise UsageError(
                f"{task} has no inputs 'av', which this picture needs; it has "
                f"{', '.join(card.inputs)}. Try --task localise or kinetics_sound."
            )
        inputs = "av"
    return Ready(
        encoders, Datasets(request, recipe).task(task, card, seed=0, inputs=inputs), recipe
    )


def find_encoders(run_dir: Path, objective: str | None = None) -> Path:
    """The encoder file of a folder of records, or of one encoder's own folder.

    Raises UsageError where there is none, or more than one fits.
    """
    if (run_dir / NAME).is_file():
        return run_dir / NAME
    found = sorted(run_dir.glob(f"encoders/*/{NAME}"))
    makers = {path: str(read_encoders(path)["meta"].get("objective", "")) for path in found}
    fitting = [path for path in found if objective in (None, makers[path])]
    if len(fitting) == 1:
        return fitting[0]
    listing = "; ".join(f"{maker} {path}" for path, maker in makers.items()) or "none"
    raise UsageError(
        f"--run-dir {run_dir}: {len(fitting)} encoder files fit. Name one with --objective, or its "
        f"file with --encoders. Found: {listing}."
    )


def spread(total: int, count: int) -> np.ndarray:
    """Up to `count` places spread evenly over `total`, the first and the last among them."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))
