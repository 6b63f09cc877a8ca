"""Mock runs: a plug-in through the harness's own path, on noise instead of media, in seconds.

An objective is pretrained for two steps with the preset's backbones, preprocessor, optimiser and
hooks, and its encoders are written to a file and read back. A task's head is trained for one step
on synthetic encoders. Nothing is learnt; what breaks here breaks a real run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor
from torch.utils.data import Dataset

from benchmark.checkpoint import Checkpoint
from benchmark.data.augment import Augment
from benchmark.data.crops import MARGINS
from benchmark.data.logmel import SAMPLE_RATE
from benchmark.data.manifest import Manifest
from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.data.rows.columns import make_rows
from benchmark.encoder_file import load_encoder, save_encoders
from benchmark.hooks import FractionDone, standard_hooks
from benchmark.pretrain import sampling_for
from benchmark.protocols import HEADLESS
from benchmark.protocols.finetune import FinetuneModel
from benchmark.protocols.pooling import feature_channels, pool_maps
from benchmark.settings import Recipe
from benchmark.training import build_runner, precision_of, train_loader
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES, TASKS
from registries.sampling import ClipSampling, View
from registries.synthetic import SECONDS
from registries.task import Task, TextHead

STEPS, BATCH = 2, 4
LABELS = ("first", "second")  # of the mock dataset; two, for tasks that have no others
POOLS = ("clip", "step", "grid", "step_grid")


class MockClips(Dataset[dict[str, Any]]):
    """Noise of the shapes that the harness's dataset gives: uint8 frames and waveforms."""

    def __init__(self, sampling: ClipSampling, *, size: int, count: int) -> None:
        self.sampling, self.side, self.count = sampling, round(size * MARGINS["full"]), count
        self.duration = max(SECONDS, sampling.min_duration)
        self.epoch = 0

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        """Draw anew."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One sample."""
        later, index = divmod(int(index), self.count)
        rng = np.random.default_rng([self.epoch + later, index])
        times = self.sampling.draw(self.duration, rng)
        inputs = {name: self._noise(view, rng) for name, view in self.sampling.views.items()}
        samples = {"index": index, "id": f"mock{index}@0.0", "group": "", "target": 0}
        return {"inputs": inputs, "data_samples": samples | {"times": times}}

    def _noise(self, view: View, rng: np.random.Generator) -> Tensor:
        if view.modality == "audio":
            shape: tuple[int, ...] = (view.num_clips, round(view.seconds * SAMPLE_RATE))
            return torch.from_numpy(0.1 * rng.standard_normal(shape, dtype=np.float32))
        shape = (view.num_clips, view.clip_len, self.side, self.side, 3)
        return torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))


def mock_pretrain(name: str, *, recipe: Recipe, out: Path) -> dict[str, float]:
    """Two steps by the recipe, then the encoders through a file; returns the last step's logs."""
    options = recipe.objectives.get(name, {})
    sampling = sampling_for(name, options, recipe)
    pretrain = recipe.pretrain.model_copy(update={"epochs": 1, "batch_size": BATCH})
    preprocessor = ClipPreprocessor(
        sampling.views, size=recipe.clip.size, augment=Augment.make(pretrain.augment)
    )
    config: dict[str, Any] = {"type": name, "video": recipe.video, "audio": recipe.audio, **options}
    objective: Objective = OBJECTIVES.build({**config, "data_preprocessor": preprocessor})
    logs: dict[str, Any] = {}
    if objective.pretrains:
        clips = MockClips(sampling, size=recipe.clip.size, count=STEPS * BATCH)
        progress, hooks = standard_hooks(0, lambda event: None)
        runner = build_runner(
            objective,
            train_loader(clips, pretrain, seed=0, workers=0),
            pretrain,
            work_dir=out / "work",
            name=f"mock-{out.name}",
            seed=0,
            precision=precision_of(recipe.precision),
            hooks=[
                *hooks,
                FractionDone(),
                Checkpoint(lambda event: None, every=recipe.checkpoint_every),
            ],
        )
        runner.train()
        logs = progress.logs
    _hand_down(objective, recipe=recipe, path=out / "encoders.pt")
    return {key: float(value.detach()) for key, value in logs.items()}


def _hand_down(objective: Objective, *, recipe: Recipe, path: Path) -> None:
    """What is read back from `encoders.pt` computes what was written."""
    objective.cpu().eval()
    encoders = objective.encoders()
    save_encoders(encoders, path, meta={}, alignment=objective.alignment())
    size, frames = recipe.clip.size, recipe.clip.clip_len
    clips = {
        "video": torch.randn(2, 3, frames, size, size),
        "audio": torch.randn(2, 80, 3 * frames),
    }
    for modality, encoder in encoders.items():
        again = load_encoder(path, modality).eval()
        with torch.no_grad():
            maps = zip(encoder(clips[modality]), again(clips[modality]), strict=True)
        if not all(torch.equal(here, there) for here, there in maps):
            raise AssertionError(
                f"the {modality} encoder computes something else after it was written to a file; "
                "keep what `forward` uses in parameters, persistent buffers or the config"
            )


class MockSource:
    """Stands in for a dataset: two labels, a few samples a split, no files."""

    def manifest(self, **options: Any) -> Manifest:  # noqa: ANN401 - a task's own
        """The same rows whatever the options."""
        rows = [
            {"id": f"{split}{i}", "path": f"{split}{i}.mp4", "split": split, "label": i % 2}
            for split in ("train", "val", "test")
            for i in range(2 * len(LABELS))
        ]
        return Manifest(
            name="mock", root=Path(), rows=make_rows(rows), labels=LABELS, kind="miniature",
            version="1", expected=len(rows), missing=(), licence="none",
        )  # fmt: skip

    def training(self, **options: Any) -> Manifest:  # noqa: ANN401 - a task's own
        """The same."""
        return self.manifest(**options)


def task_checks(name: str, *, recipe: Recipe) -> Mapping[str, Callable[[], None]]:
    """Checks of a task by name; each raises AssertionError, which says what to mend."""
    cls: type[Task] = TASKS.module_dict[name]
    card = cls.card

    def check_card() -> None:
        empty = [
            key for key in ("title", "reference", "licence", "main_metric", "unit", "dataset")
            if not getattr(card, key)
        ]  # fmt: skip
        assert card.name == name, f"the card is called {card.name!r}, the task {name!r}; agree"
        assert not empty, f"the card says nothing under {empty}; fill them in"
        assert card.modalities and card.folds, "the card needs modalities and folds"
        assert cls.__doc__, "write a docstring: reference, metric, what differs from the paper"

    def build() -> Task:
        options = recipe.task_options(name)
        if len(card.inputs) > 1:  # all that it can be given
            options = {**options, "inputs": max(card.inputs, key=len)}
        task: Task = TASKS.build({"type": name, "source": MockSource(), **options})
        return task

    def check_views() -> None:
        views = build().sampling().views
        assert set(views) <= set(card.modalities) and views, (
            f"views {list(views)} must be among the card's modalities {card.modalities}"
        )
        wrong = [key for key, view in views.items() if view.modality != key]
        assert not wrong, f"views {wrong} are not of the modality they are named after"

    def check_metrics() -> None:
        found = [getattr(metric, "name", None) for metric in build().metrics()]
        assert found[:1] == [card.main_metric], (
            f"metrics() gives {found}, the first must be the card's {card.main_metric!r}"
        )
        assert np.isfinite(build().chance()), "chance() must be a number"

    def check_head() -> None:
        _train_head(build())

    found = [check_card, check_views, check_metrics]
    if not set(card.protocols) <= HEADLESS:
        found.append(check_head)
    return {function.__name__: function for function in found}


def _train_head(task: Task) -> None:
    """One step of finetuning on synthetic clips, then predictions over several clips a sample."""
    views = task.sampling().views
    encoders = {name: BACKBONES.build({"type": f"synthetic_{name}"}) for name in views}
    head = task.head(sum(feature_channels(encoder, "all") for encoder in encoders.values()))
    assert head.pool in POOLS, f"pool {head.pool!r} is none of {POOLS}"
    model = FinetuneModel(encoders, head, data_preprocessor=BaseDataPreprocessor())
    frame = {"video": lambda steps: (3, steps, 32, 32), "audio": lambda steps: (80, steps)}
    clips = {name: torch.randn(BATCH, *frame[name](view.clip_len)) for name, view in views.items()}
    samples = {
        "target": torch.arange(BATCH) % len(LABELS),
        "id": [str(i) for i in range(BATCH)],
        "group": [""] * BATCH,
        "text": ["A", "IT", "IT'S", "A 1"],
        "valid": {name: torch.linspace(1.0, 0.5, BATCH, dtype=torch.float64) for name in views},
    }
    losses = model.train()(clips, samples, mode="loss")
    terms = [value for key, value in losses.items() if key.startswith("loss_")]
    assert terms and all(torch.isfinite(term).all() for term in terms), (
        f"the head's loss gives {losses}; return finite loss_<term> values"
    )
    sum(terms).backward()
    still = [key for key, p in head.named_parameters() if p.requires_grad and p.grad is None]
    assert not still, f"no gradient reaches {still} of the head"
    with torch.no_grad():
        (_check_texts if isinstance(head, TextHead) else _check_scores)(
            model.eval(), clips, samples
        )


def _check_scores(
    model: FinetuneModel, clips: Mapping[str, Tensor], samples: Mapping[str, Any]
) -> None:
    """A sample's score has one number a class, and is that of its clip."""
    maps = [found for name, net in model.encoders.items() for found in net(clips[name])]
    scores = model.head.predict(pool_maps(tuple(maps), model.head.pool))
    assert scores.shape == (BATCH, len(LABELS)) and torch.isfinite(scores).all(), (
        f"predict gives scores of shape {tuple(scores.shape)}; (B, classes) is needed"
    )
    twice = {name: torch.stack([clip, clip], dim=1) for name, clip in clips.items()}
    rows = model(twice, samples, mode="predict")
    assert torch.allclose(torch.stack([row["score"] for row in rows]), scores, atol=1e-5), (
        "the same clip twice is scored otherwise than once; a prediction may depend on its own "
        "clip only"
    )


def _check_texts(
    model: FinetuneModel, clips: Mapping[str, Tensor], samples: Mapping[str, Any]
) -> None:
    """Every sample has a text, the same alone as beside others."""
    together = [row["hypothesis"] for row in model(clips, samples, mode="predict")]
    alone = []
    for i in range(BATCH):
        one = {key: value[i : i + 1] for key, value in samples.items() if key != "valid"}
        one["valid"] = {name: share[i : i + 1] for name, share in samples["valid"].items()}
        clip = {name: whole[i : i + 1] for name, whole in clips.items()}
        alone += [row["hypothesis"] for row in model(clip, one, mode="predict")]
    assert all(isinstance(text, str) for text in together) and together == alone, (
        f"read gives {together} for a batch and {alone} for its samples one by one; a text may "
        "depend on its own clip only"
    )
