"""Does a pretext learn what it is meant to? Its accuracy on clips that training never saw.

    clips of the set     |------- nine tenths: trained on -------|-- the last: asked about --|
    sound as it is       the pretext's own accuracy, beside what guessing reaches
    sound shifted        the same, with each clip's sound rolled by a quarter of it or more

What survives the shift was not learnt from timing. The clips are those of a generated set, or
synthetic ones (registries.synthetic), in which sight and sound share nothing but hidden levels that
move: what a pretext learns there, it learns within a minute.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from torch.utils.data import DataLoader

from benchmark.data.clip_store import ClipStore
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.ready import decode_all
from benchmark.datasets import MINIATURE_PREFIX, Datasets
from benchmark.examine import Score, Shift, examine
from benchmark.hooks import FractionDone, Report, standard_hooks
from benchmark.plan_request import RunRequest
from benchmark.pretrain import (
    build,
    build_for,
    check_options,
    pretraining_data,
    sampling_for,
)
from benchmark.settings import Recipe, load_recipe
from benchmark.training import build_runner, precision_of, train_loader
from registries.errors import BenchError, NotReadyError
from registries.objective import Objective
from registries.synthetic import SyntheticClips

DEFAULT_SET = "mini-kav"  # where the recipe names no generated set
SYNTHETIC, SYNTHETIC_CLIPS = "synthetic", 1500  # chosen: as many as mini-kav has in tier small
Clips = ClipDataset | SyntheticClips
HELD_OUT = 0.1  # share of the clips that are asked about; chosen


@dataclass(frozen=True)
class Answer:
    """One pretext task of an objective, on sound as it is and, where it hears, on shifted sound."""

    objective: str
    term: str
    clips: int
    plain: Score
    shifted: Score | None

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        found = asdict(self)
        for name, score in (("plain", self.plain), ("shifted", self.shifted)):
            if score is not None:
                found[name] |= {"z": score.z, "beats_chance": score.beats}
        return found


@dataclass(frozen=True)
class Learnt:
    """What became of one objective; `failure` says why there are no answers."""

    objective: str
    answers: tuple[Answer, ...] = ()
    steps: int = 0
    clips: int = 0  # trained on
    seconds: float = 0.0
    final: Mapping[str, float] = field(default_factory=dict)  # logs of the last training step
    failure: str = ""

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"answers": [answer.facts() for answer in self.answers]}


@dataclass(frozen=True)
class Setting:
    """What all objectives of one call share."""

    recipe: Recipe
    manifest: Manifest | None  # None: synthetic clips
    store: ClipStore | None
    steps: int | None  # at least so many, in whole epochs; None: the recipe's epochs
    seed: int

    @property
    def data(self) -> dict[str, Any]:
        """Name, kind and number of the clips."""
        if self.manifest is None:
            return {"name": SYNTHETIC, "kind": SYNTHETIC, "clips": SYNTHETIC_CLIPS}
        found = self.manifest
        return {"name": found.name, "kind": found.kind, "clips": len(found)}


def prepare(
    names: Sequence[str],
    *,
    preset: str,
    overrides: tuple[str, ...] = (),
    steps: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    synthetic: bool = False,
) -> Setting:
    """Check every option and make the generated set ready, before anything is trained.

    synthetic: clips and encoders of registries.synthetic instead; the recipe's clip, budget and
    options stay.
    """
    recipe = load_recipe(preset, objectives=tuple(names), overrides=overrides)
    for name, options in recipe.objectives.items():
        check_options(name, options)
    if synthetic:
        nets = {name: {"type": f"synthetic_{name}"} for name in ("video", "audio")}
        return Setting(recipe.model_copy(update=nets), None, None, steps, seed)
    chosen = recipe.pretrain_data
    request = RunRequest(
        objectives=tuple(names),
        tasks=(),
        preset=preset,
        pretrain_data=chosen if chosen.startswith(MINIATURE_PREFIX) else DEFAULT_SET,
        jobs=jobs,
    )
    datasets = Datasets(request, recipe)
    manifest, store = datasets.pretraining(), datasets.store()
    for name in names[:1]:  # every objective reads the same frames
        options = recipe.objectives.get(name, {})
        clips = pretraining_data(name, options, recipe, manifest, store=store)
        decode_all(clips, jobs=jobs, progress=lambda done, total: None)
    return Setting(recipe, manifest, store, steps, seed)


def learn(name: str, setting: Setting, report: Report) -> Learnt:
    """Train and ask one objective; what it raises is told, so that the others have their turn."""
    began = time.monotonic()
    try:
        found = _learn(name, setting, report)
    except Exception as error:
        text = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        found = Learnt(name, failure=text)
    return replace(found, seconds=time.monotonic() - began)


def _learn(name: str, setting: Setting, report: Report) -> Learnt:
    recipe = setting.recipe
    taught, whole = _clips(name, setting)
    held = range(len(taught), len(whole))
    if len(held) < 2:
        raise NotReadyError(
            f"{len(held)} clips of {setting.data['name']} are left to ask {name} about; take more "
            "of the set (-o pretrain_clips, -o pretrain_tier=small)."
        )
    objective, steps, final = train(name, setting, taught, report)
    taught.set_epoch(0)
    known, asked = (
        _batches(*part, recipe) for part in ((taught, range(len(taught))), (whole, held))
    )
    plain = examine(objective, known, asked)
    heard = [key for key, view in whole.sampling.views.items() if view.modality == "audio"]
    shift = Shift(heard, setting.seed)
    shifted = examine(objective, known, asked, change=shift) if heard else {}
    answers = tuple(
        Answer(name, term, len(held), score, shifted.get(term)) for term, score in plain.items()
    )
    return Learnt(name, answers, steps=steps, clips=len(taught), final=final)


def _clips(name: str, setting: Setting) -> tuple[Clips, Clips]:
    """The clips that are trained on, and the whole set, in which they come first.

    Places are those in the whole set, so that no clip that is asked about has the index of a
    trained one.
    """
    recipe, manifest, seed = setting.recipe, setting.manifest, setting.seed
    options = recipe.objectives.get(name, {})
    if manifest is None:
        sampling = sampling_for(name, options, recipe)
        counts = kept(SYNTHETIC_CLIPS), SYNTHETIC_CLIPS
        made = [SyntheticClips(sampling, count=count, seed=seed) for count in counts]
        return made[0], made[1]
    parts = manifest.take(kept(len(manifest))), manifest
    read = [
        pretraining_data(name, options, recipe, part, store=setting.store, seed=seed)
        for part in parts
    ]
    return read[0], read[1]


def _batches(dataset: Clips, places: range, recipe: Recipe) -> DataLoader[Any]:
    """These clips in order, in batches of nearly equal size, none larger than in training."""
    parts = np.array_split(places, math.ceil(len(places) / recipe.pretrain.batch_size))
    return DataLoader(
        dataset, batch_sampler=[part.tolist() for part in parts], num_workers=recipe.workers
    )


def kept(count: int) -> int:
    """How many clips are trained on."""
    return count - round(HELD_OUT * count)


def train(
    name: str, setting: Setting, dataset: Clips, report: Report
) -> tuple[Objective, int, dict[str, float]]:
    """A trained objective, its number of steps, and the logs of the last one."""
    recipe, seed, steps = setting.recipe, setting.seed, setting.steps
    options = recipe.objectives.get(name, {})
    if isinstance(dataset, ClipDataset):
        objective = build_for(dataset, name, options, recipe=recipe, seed=seed)
    else:  # made as the encoders take them
        torch.manual_seed(seed)
        objective = build(name, options, recipe=recipe, preprocessor=BaseDataPreprocessor())
    loader = train_loader(dataset, recipe.pretrain, seed=seed, workers=recipe.workers)
    training = recipe.pretrain
    if steps is not None:
        training = training.model_copy(update={"epochs": math.ceil(steps / len(loader))})
    progress, hooks = standard_hooks(seed, report)
    with tempfile.TemporaryDirectory(prefix="bench-learn-") as folder:
        runner = build_runner(
            objective,
            loader,
            training,
            work_dir=Path(folder),
            name=Path(folder).name,
            seed=seed,
            precision=precision_of(recipe.precision),
            hooks=[*hooks, FractionDone()],
        )
        runner.train()
        runner.visualizer.close()  # it would go on writing to a folder that is gone
    logs = {key: float(value.detach()) for key, value in progress.logs.items()}
    return objective, runner.max_iters, logs
