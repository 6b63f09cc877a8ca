"""`bench perf run`: does training wait for data, and what does the framework add to a step?

Two measurements of one objective, in one process, on the preset's own data:

    waits    pretraining as `bench run` does it, for a few steps: waits.py
    turns    the Runner against a bare loop on batches that are there already: turns.py
"""

from __future__ import annotations

import io
import math
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from rich.console import Console
from torch.utils.data import DataLoader

from benchmark.data.dataset import ClipDataset
from benchmark.data.ready import decode_all
from benchmark.datasets import Datasets
from benchmark.hooks import Report
from benchmark.peak_memory import peak_memory_gb
from benchmark.perf.clock import one_thread
from benchmark.perf.turns import BareLoop, Batches, InTurns, Turn, summarise
from benchmark.perf.waits import First, Last, Ledger
from benchmark.plan_request import RunRequest
from benchmark.pretrain import build_for, check_options, pretraining_data, trainer
from benchmark.progress import RunProgress
from benchmark.settings import Recipe, load_recipe
from benchmark.training import device_name, precision_of, train_loader
from registries.errors import NotReadyError
from registries.objective import Objective

STEPS, TURNS, WARM_UP = 30, 120, 6  # that count, and before them that do not; chosen
READY, SMALL = 8, 2  # batches held in memory for the turns, and their samples; chosen
WAIT_LIMIT = 0.05  # share of the time of training
OVERHEAD_LIMIT_MS = 3.0  # of a step: 3 % of one of 100 ms


@dataclass(frozen=True)
class RunCost:
    """What one objective's training was found to spend, by steps after the warm-up.

    data_wait: share of the time, 0 to 1. step_ms: median, without the wait. overhead_ms: of a step,
    the median difference between the Runner's and a bare one. small_step: the Runner's step over
    the bare one, with batches of SMALL samples. hooks_ms: what each hook takes of a step, means.
    """

    objective: str
    data_wait: float
    step_ms: float
    steps_per_second: float
    clips_per_second: float
    peak_memory_gb: float | None
    overhead_ms: float
    small_step: float
    small_step_quartiles: tuple[float, float]
    small_step_ms: float
    hooks_ms: Mapping[str, float]
    batch: int
    workers: int
    steps: int
    turns: int
    data: str
    device: str
    precision: str

    @property
    def overhead(self) -> float:
        """The framework's share of a step of the preset, 0 to 1."""
        return self.overhead_ms / self.step_ms

    @property
    def above(self) -> tuple[str, ...]:
        """What is over its limit."""
        wait = "data wait" if self.data_wait > WAIT_LIMIT else ""
        overhead = "overhead" if self.overhead_ms > OVERHEAD_LIMIT_MS else ""
        return tuple(name for name in (wait, overhead) if name)

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        limits = {"data_wait": WAIT_LIMIT, "overhead_ms": OVERHEAD_LIMIT_MS}
        found = {"overhead": self.overhead, "above": list(self.above)}
        return asdict(self) | found | {"limits": limits}


@dataclass(frozen=True)
class Bench:
    """What all objectives of one call share: the preset's recipe and its data, decoded."""

    request: RunRequest
    recipe: Recipe
    datasets: Datasets

    @classmethod
    def prepare(cls, request: RunRequest) -> Bench:
        """Check every option, locate or generate the data."""
        recipe = load_recipe(
            request.preset, objectives=request.objectives, overrides=request.overrides
        )
        for name, options in recipe.objectives.items():
            check_options(name, options)
        return cls(request, recipe, Datasets(request, recipe))

    def clips(self, name: str) -> ClipDataset:
        """The pretraining set as an objective reads it, decoded where the recipe keeps frames."""
        dataset = pretraining_data(
            name,
            self.recipe.objectives.get(name, {}),
            self.recipe,
            self.datasets.pretraining(),
            store=self.datasets.store(),
        )
        decode_all(dataset, jobs=self.request.jobs, progress=lambda done, total: None)
        return dataset


def measure(name: str, bench: Bench, *, steps: int = STEPS, seed: int = 0) -> RunCost:
    """Train objective `name` for some steps, then in turns with a bare loop.

    Raises NotReadyError where there are fewer clips than a batch.
    """
    recipe, dataset = bench.recipe, bench.clips(name)
    size = recipe.pretrain.batch_size
    if len(dataset) < size:
        raise NotReadyError(
            f"{dataset.manifest.name} has {len(dataset)} clips for {name}, less than one batch of "
            f"{size}. Take a larger set, or -o pretrain.batch_size=..."
        )
    with tempfile.TemporaryDirectory(prefix="bench-perf-") as folder, drawn() as report:
        setting = _Setting(name, dataset, recipe, seed, Path(folder), report)
        waited, memory = _train(setting, WARM_UP + steps), peak_memory_gb()
        taken = _take_turns(setting, WARM_UP + TURNS)
    seconds, counted = waited.seconds(after=WARM_UP), len(waited.steps) - WARM_UP
    return RunCost(
        objective=name,
        data_wait=waited.share(after=WARM_UP),
        step_ms=1e3 * statistics.median(waited.steps[WARM_UP:]),
        steps_per_second=counted / seconds,
        clips_per_second=size * counted / seconds,
        peak_memory_gb=memory,
        **summarise(taken[WARM_UP:]),
        hooks_ms=waited.hooks_ms(after=WARM_UP),
        batch=size,
        workers=recipe.workers,
        steps=counted,
        turns=len(taken) - WARM_UP,
        data=f"{dataset.manifest.name} ({dataset.manifest.kind})",
        device=device_name(),
        precision=precision_of(recipe.precision),
    )


@dataclass(frozen=True)
class _Setting:
    """What both measurements train on."""

    name: str
    dataset: ClipDataset
    recipe: Recipe
    seed: int
    folder: Path
    report: Report

    def with_training(self, **changes: int) -> _Setting:
        """Some numbers of the pretraining recipe changed."""
        training = self.recipe.pretrain.model_copy(update=changes)
        return replace(self, recipe=self.recipe.model_copy(update={"pretrain": training}))

    def objective(self) -> Objective:
        """Drawn anew, the same every time."""
        options = self.recipe.objectives.get(self.name, {})
        return build_for(
            self.dataset,
            self.name,
            options,
            recipe=self.recipe,
            manifest=self.dataset.manifest,
            seed=self.seed,
        )


def _train(setting: _Setting, steps: int) -> Ledger:
    """Pretrain with the preset's loader and workers, for at least so many steps."""
    ledger, recipe, dataset = Ledger(), setting.recipe, setting.dataset
    enough = dataset.manifest.take(steps * recipe.pretrain.batch_size)  # an epoch is no longer
    loader = train_loader(
        dataset.over(enough), recipe.pretrain, seed=setting.seed, workers=recipe.workers
    )
    _run(setting, loader, steps, hooks=[First(ledger), Last(ledger)])
    return ledger


def _take_turns(setting: _Setting, turns: int) -> list[Turn]:
    """The Runner and a bare loop, one step of each after the other; at least so many."""
    setting = setting.with_training(batch_size=SMALL, accumulate=1)
    training, precision = setting.recipe.pretrain, precision_of(setting.recipe.precision)
    loader = train_loader(setting.dataset, training, seed=setting.seed, workers=0)
    batches = Batches(list(islice(loader, READY)))
    taken = InTurns(batches, BareLoop(setting.objective(), training, precision=precision))
    with one_thread():
        _run(setting, taken, turns, hooks=[])
    return taken.turns


def _run(setting: _Setting, loader: DataLoader[Any], steps: int, *, hooks: list[Hook]) -> None:
    """Pretrain by a loader in whole epochs, in a folder that is thrown away."""
    runner, _, _ = trainer(
        setting.name,
        setting.objective(),
        loader,
        recipe=setting.with_training(epochs=math.ceil(steps / len(loader))).recipe,
        seed=setting.seed,
        out=Path(tempfile.mkdtemp(dir=setting.folder)),
        report=setting.report,
        hooks=hooks,
    )
    runner.train()
    runner.visualizer.close()  # it would go on writing to a folder that is gone


@contextmanager
def drawn() -> Iterator[Report]:
    """The live table of `bench run`, drawn as for a terminal, on paper that nobody sees."""
    unseen = Console(file=io.StringIO(), force_terminal=True, width=100)
    with RunProgress({"": 1.0}, unseen).running() as progress:
        progress.begin("", "perf")
        yield progress.report
