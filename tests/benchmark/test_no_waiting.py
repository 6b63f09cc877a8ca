"""A training step asks for no number back: on a GPU the host would wait for it."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import default_collate

from benchmark.data.preprocessor import ClipPreprocessor
from benchmark.mock import MockClips
from benchmark.optimisers import ClipNorm
from benchmark.pretexts import pretexts
from benchmark.pretrain import build, sampling_for, trainer
from benchmark.settings import load_recipe
from benchmark.training import train_loader
from registries import plugins

SMALL = ("clip.clip_len=8", "clip.size=32", "video.base_channels=4", "audio.width=4")
ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim")
NAMES = pretexts(
    name for name in plugins.available("objectives") if name not in ("scratch", "random")
)


class Asked(TorchDispatchMode):
    """Collects operators that give a number, or a shape, that depends on values, and our line."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").split(".")[0]
        by_mask = name in ("index", "index_put_") and any(
            i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        )
        if name in ASKING or by_mask:
            lines = [f for f in traceback.extract_stack() if "/site-packages/" not in f.filename]
            self.found.append(f"{name} at {lines[-2].filename}:{lines[-2].lineno}")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).all()),
        lambda x: x[x > 0],
        lambda x: float(x.max()),
        lambda x: torch.equal(x, x),
        lambda x: torch.where(x > 0),
    ],
)
def test_the_mode_notices(ask):
    with Asked() as asked:
        ask(torch.ones(3))
    assert asked.found


@pytest.mark.parametrize("name", NAMES)
def test_no_objective_asks(name, tmp_path: Path):
    """Preprocessing, loss, gradients, clipping. The optimiser is another one on a GPU."""
    recipe = load_recipe(
        "demo",
        objectives=(name,),
        overrides=(*SMALL, "pretrain.epochs=1", "pretrain.batch_size=4", "pretrain.clip_grad=1"),
    )
    options = recipe.objectives.get(name, {})
    sampling = sampling_for(name, options, recipe)
    preprocessor = ClipPreprocessor(
        sampling.views, size=recipe.clip.size, augment=recipe.pretrain.augment
    )
    objective = build(name, options, recipe=recipe, preprocessor=preprocessor)
    clips = MockClips(sampling, size=recipe.clip.size, count=8)
    loader = train_loader(clips, recipe.pretrain, seed=0, workers=0)
    runner, _, _ = trainer(
        name, objective, loader, recipe=recipe, seed=0, out=tmp_path, report=lambda event: None
    )
    runner.train()  # two steps: queues hold something
    batch = default_collate([clips[i] for i in range(4)])
    with Asked() as asked:
        data = objective.data_preprocessor(batch, training=True)
        total, _ = objective.parse_losses(objective(**data, mode="loss"))
        total.backward()
        ClipNorm(1.0).clip(runner.optim_wrapper.optimizer, (), {})
    assert not asked.found
