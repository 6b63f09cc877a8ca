"""Pretrains one objective once and leaves `encoders.pt` behind."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from benchmark import stopping
from benchmark.checkpoint import Checkpoint
from benchmark.data.clip_store import ClipStore
from benchmark.data.dataset import ClipDataset
from benchmark.data.manifest import Manifest
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.data.ready import headers
from benchmark.data.scan import fit
from benchmark.diagnostics import Diagnose
from benchmark.encoder_file import save_encoders
from benchmark.hooks import FractionDone, Progress, Report, standard_hooks
from benchmark.layout import lay_out
from benchmark.memory import note, within_memory
from benchmark.settings import Recipe
from benchmark.training import build_runner, precision_of, train_loader
from registries import plugins
from registries.distributed import world_size
from registries.errors import NotReadyError, unknown
from registries.objective import Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling

# keywords of an objective that the harness sets, never the user
HARNESS = {
    *("self", "video", "audio", "data_preprocessor", "init_cfg"),
    *("latents", "seconds", "one_face"),
}


@dataclass(frozen=True)
class PretrainResult:
    """Where the encoders are and what making them took."""

    encoders: Path
    steps: int
    clips: int
    hours: float  # of video in the pretraining set
    train_s: float  # seconds of training
    data_wait: float  # share of them, 0 to 1
    final: dict[str, float]  # last logged losses and accuracies
    diagnostics: dict[str, float] = field(default_factory=dict)  # of the last epoch's embeddings
    warnings: tuple[str, ...] = ()


def objective_class(name: str) -> type[Objective]:
    """The class behind a name, imported when needed."""
    plugins.load("objectives", name)
    found = OBJECTIVES.module_dict[name]
    assert issubclass(found, Objective)
    return found


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option the objective does not declare, with the nearest one."""
    allowed = set(inspect.signature(objective_class(name).__init__).parameters) - HARNESS
    for option in options:
        if option not in allowed:
            raise unknown(f"option of {name}", option, allowed)


def pretrain(
    name: str,
    options: Mapping[str, Any],
    *,
    recipe: Recipe,
    manifest: Manifest | None,
    store: ClipStore | None,
    seed: int,
    out: Path,
    report: Report,
) -> PretrainResult:
    """Train objective `name` on `manifest` and write `out/encoders.pt`; resumes an interrupted run.

    An objective that does not pretrain hands down its encoders as initialised, without a manifest.
    """
    torch.manual_seed(seed)
    found, path = objective_class(name), out / "encoders.pt"
    meta = {"objective": name, "version": found.version, "options": dict(options), "seed": seed}
    if not found.pretrains:
        if is_main_process():
            save_encoders(build(name, options, recipe=recipe).encoders(), path, meta=meta)
        return PretrainResult(path, 0, 0, 0.0, 0.0, 0.0, {})
    assert manifest is not None
    dataset = pretraining_data(name, options, recipe, manifest, store=store, seed=seed)

    def train() -> PretrainResult:
        objective = build_for(dataset, name, options, recipe=recipe, manifest=manifest, seed=seed)
        done = _train(name, objective, dataset, recipe=recipe, seed=seed, out=out, report=report)
        if is_main_process():
            save_encoders(objective.encoders(), path, meta=meta, alignment=objective.alignment())
        return done

    return within_memory(out / "work", train)


def _train(
    name: str,
    objective: Objective,
    dataset: ClipDataset,
    *,
    recipe: Recipe,
    seed: int,
    out: Path,
    report: Report,
) -> PretrainResult:
    """Train to the end, from the last checkpoint where there is one; ready for use afterwards."""
    loader = train_loader(dataset, recipe.pretrain, seed=seed, workers=recipe.workers)
    runner, progress, diagnose = trainer(
        name, objective, loader, recipe=recipe, seed=seed, out=out, report=report
    )
    with stopping.between_steps():
        runner.train()
    objective.eval()
    # an objective that relates the samples of a batch can `gather` those of all processes
    across = "gather" in inspect.signature(type(objective).__init__).parameters
    training = recipe.pretrain
    parted = note(out / "work", training.batch_size, accumulate=training.accumulate, across=across)
    return PretrainResult(
        encoders=out / "encoders.pt",
        steps=runner.max_iters,
        clips=len(dataset),
        hours=dataset.manifest.hours,
        train_s=progress.train_s,
        data_wait=progress.data_wait,
        final={key: float(value.detach()) for key, value in progress.logs.items()},
        diagnostics=diagnose.found,
        warnings=(*parted, *diagnose.warnings),
    )


def trainer(
    name: str,
    objective: Objective,
    loader: DataLoader[Any],
    *,
    recipe: Recipe,
    seed: int,
    out: Path,
    report: Report,
    hooks: Sequence[Hook] = (),
) -> tuple[Runner, Progress, Diagnose]:
    """The Runner with all that pretraining hangs on it, and the hooks that can be asked afterwards.

    hooks: more of them, of a caller that measures.
    """
    (progress, standard), diagnose = standard_hooks(seed, report), Diagnose(name, report)
    checkpoint = Checkpoint(report, every=recipe.checkpoint_every)
    runner = build_runner(
        lay_out(objective, recipe),
        loader,
        recipe.pretrain,
        work_dir=out / "work",
        name=f"pretrain-{out.name}",
        seed=seed,
        precision=precision_of(recipe.precision),
        hooks=[*standard, FractionDone(), diagnose, checkpoint, *hooks],
    )
    return runner, progress, diagnose


def sampling_for(name: str, options: Mapping[str, Any], recipe: Recipe) -> ClipSampling:
    """The views of an objective: the harness's clip, and those of its options that change them."""
    method = objective_class(name).sampling
    declared = inspect.signature(method).parameters
    chosen = {key: value for key, value in options.items() if key in declared}
    return method(clip_len=recipe.clip.clip_len, seconds=recipe.clip.seconds, **chosen)


def pretraining_data(
    name: str,
    options: Mapping[str, Any],
    recipe: Recipe,
    manifest: Manifest,
    *,
    store: ClipStore | None,
    seed: int = 0,
) -> ClipDataset:
    """The clips that an objective is trained on: those of `manifest` that have what it needs."""
    sampling = sampling_for(name, options, recipe)
    return ClipDataset(
        usable(manifest, sampling),
        sampling,
        size=recipe.clip.size,
        crop=recipe.pretrain.crop,
        train=True,
        seed=seed,
        store=store,
    )


def usable(manifest: Manifest, sampling: ClipSampling) -> Manifest:
    """Leave out clips without the sound an objective needs; never feed zeros in silence.

    Where views stand in relation to one another (a gap, an order), so are videos too short for it.
    Raises NotReadyError when nothing is left.
    """
    needs_audio = any(view.modality == "audio" for view in sampling.views.values())
    if any(anchor.after for anchor in sampling.anchors.values()):
        return fit(manifest, headers(manifest), seconds=sampling.min_duration, sound=needs_audio)
    if not needs_audio:
        return manifest
    heard = manifest.rows["has_audio"].fillna(True).astype(bool)  # not known: found out on reading
    if not heard.any():
        raise NotReadyError(
            f"none of the {len(manifest)} videos of {manifest.name} in {manifest.root} has sound, "
            "which this objective needs. Choose another set with --pretrain-data, or a video-only "
            "objective."
        )
    return manifest.keep(heard)


def build_for(
    dataset: ClipDataset,
    name: str,
    options: Mapping[str, Any],
    *,
    recipe: Recipe,
    manifest: Manifest | None = None,
    seed: int,
) -> Objective:
    """The objective with the preprocessor that its clips need, drawn under `seed`."""
    torch.manual_seed(seed)
    preprocessor = ClipPreprocessor(
        dataset.sampling.views, size=recipe.clip.size, augment=recipe.pretrain.augment, seed=seed
    )
    return build(name, options, recipe=recipe, manifest=manifest, preprocessor=preprocessor)


def build(
    name: str,
    options: Mapping[str, Any],
    *,
    recipe: Recipe,
    manifest: Manifest | None = None,
    preprocessor: nn.Module | None = None,
) -> Objective:
    """The objective with the recipe's backbones.

    One with `latents` is told about clips too, one with `gather` that there are other processes.
    """
    config: dict[str, Any] = {"type": name, "video": recipe.video, "audio": recipe.audio, **options}
    config["data_preprocessor"] = preprocessor
    declared = inspect.signature(objective_class(name).__init__).parameters
    if "gather" in declared and world_size() > 1:
        config["gather"] = True
    if "latents" in declared:
        assert manifest is not None
        config |= {"latents": str(manifest.root / "gt.jsonl"), "seconds": recipe.clip.seconds}
        config |= {"one_face": recipe.pretrain.crop == "speaker"}
    built: Objective = OBJECTIVES.build(config)
    return built
