"""Schedules, checkpoints, and that an interrupted run ends where an undisturbed one does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.data import adapters
from benchmark.data.miniature.build import ensure
from benchmark.data.source import ClipSource
from benchmark.data.store import FrameStore
from benchmark.evaluate import evaluate
from benchmark.pretrain import pretrain
from benchmark.settings import Training, load_recipe
from benchmark.training import EpochSampler, precision_of, schedule
from objectives.glcm import GLCM
from registries.registry import TASKS

OVERRIDES = (
    "clip.clip_len=8",
    "clip.size=32",
    "video.base_channels=4",
    "audio.width=4",
    "pretrain.epochs=2",
    "finetune.epochs=3",
    "finetune.batch_size=8",
    "tasks.dfdc.clip_len=4",
    "checkpoint_every=0",  # after each step
)


class InterruptedTrainingError(Exception):
    """What a kill looks like from inside."""


@pytest.fixture(scope="module")
def parts(mini_cache, tmp_path_factory):
    """(recipe, pretraining manifest, frame store, encoders) on the ci tier."""
    recipe = load_recipe("demo", objectives=("glcm",), tasks=("dfdc",), overrides=OVERRIDES)
    root = ensure("mini-kav", tier="ci", cache=mini_cache)
    manifest = adapters.read("kav", root).take(32)
    store = FrameStore(tmp_path_factory.mktemp("frames"))
    return recipe, manifest, store


def train(parts, out, report, name="glcm"):
    recipe, manifest, store = parts
    options = recipe.objectives.get(name, {})
    return pretrain(
        name, options, recipe=recipe, manifest=manifest, store=store, seed=3, out=out, report=report
    )


def stop_at(step):
    def report(event):
        if event.get("step") == step:
            raise InterruptedTrainingError

    return report


def ignore(event):
    pass


def weights(result):
    stored = torch.load(result.encoders, weights_only=True)["encoders"]
    return {f"{m}.{k}": v for m in stored for k, v in stored[m]["weights"].items()}


@pytest.mark.parametrize("step", [2, 3, 4])
def test_interrupted_pretraining_ends_bit_for_bit_where_an_undisturbed_one_does(
    parts, tmp_path, step
):
    undisturbed = train(parts, tmp_path / "whole", ignore)
    whole, final, diagnostics = weights(undisturbed), undisturbed.final, undisturbed.diagnostics
    with pytest.raises(InterruptedTrainingError):
        train(parts, tmp_path / "cut", stop_at(step))  # of two epochs of two steps
    assert (tmp_path / "cut/work/checkpoint.pth").exists()
    steps = []
    again = train(parts, tmp_path / "cut", lambda event: steps.append(event.get("step")))
    assert steps[0] == step  # nothing was repeated
    cut = weights(again)
    assert again.final == final and again.diagnostics == diagnostics
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[key], cut[key]) for key in whole)


def test_interrupted_training_with_rates_of_its_own_ends_alike(parts, tmp_path):
    """CrissCross's optimiser (LARC, a constant part, warm-up from zero) leaves nothing behind."""
    recipe, manifest, store = parts
    rates = {"larc": 1e-2, "warmup_lr": 0.0, "final_lr": 1e-4, "warmup_epochs": 1}
    rates |= {"lr_scale": {"predictors": 10.0}, "constant_lr": ("predictors",)}
    options = {"crisscross": {"dim": 16, "hidden": 16, "bottleneck": 8, "relaxation": "extreme"}}
    changed = recipe.model_copy(
        update={"pretrain": recipe.pretrain.model_copy(update=rates), "objectives": options}
    )
    there = (changed, manifest, store)
    whole = weights(train(there, tmp_path / "whole", ignore, name="crisscross"))
    with pytest.raises(InterruptedTrainingError):
        train(there, tmp_path / "cut", stop_at(3), name="crisscross")
    cut = weights(train(there, tmp_path / "cut", ignore, name="crisscross"))
    assert all(torch.equal(whole[key], cut[key]) for key in whole)


def test_every_epoch_has_its_own_order_and_clip_times(parts, tmp_path, monkeypatch):
    seen = []
    whole = GLCM.loss

    def loss(self, inputs, data_samples):
        seen.append((data_samples["index"].tolist(), data_samples["times"]["video"].start.sum()))
        return whole(self, inputs, data_samples)

    monkeypatch.setattr(GLCM, "loss", loss)
    train(parts, tmp_path, ignore)
    first, second = seen[:2], seen[2:]
    assert len(first) == len(second) == 2
    orders = [[i for batch, _ in epoch for i in batch] for epoch in (first, second)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(32))
    assert orders[0] != orders[1]
    assert sum(t for _, t in first) != sum(t for _, t in second)


def test_interrupted_finetuning_predicts_what_an_undisturbed_one_does(parts, tmp_path, mini_cache):
    recipe, _, store = parts
    encoders = train(parts, tmp_path / "e", ignore, name="scratch").encoders
    root = ensure("mini-dfdc", tier="ci", cache=mini_cache)
    source = ClipSource(adapter="dfdc", root=root, size=32, seed=3, store=store)
    task = TASKS.build({"type": "dfdc", "source": source, **recipe.task_options("dfdc")})
    options = {
        "fold": 0,
        "finetune": recipe.finetune_for("dfdc"),
        "recipe": recipe,
        "frozen": False,
        "seed": 3,
    }
    whole = evaluate(encoders, task, **options, work_dir=tmp_path / "whole", report=ignore)
    for step in (2, 4, 9):  # three steps an epoch: in its middle, at its begin, at its end
        with pytest.raises(InterruptedTrainingError):
            evaluate(encoders, task, **options, work_dir=tmp_path / "cut", report=stop_at(step))
    cut = evaluate(encoders, task, **options, work_dir=tmp_path / "cut", report=ignore)
    assert np.array_equal(whole.score, cut.score)
    assert (whole.epoch, whole.val) == (cut.epoch, cut.val)
    assert len(set(whole.sample_id)) == len(whole.sample_id) == 24


class Numbers(torch.utils.data.Dataset):
    def __init__(self, count):
        self.count, self.epochs = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return index

    def set_epoch(self, epoch):
        self.epochs.append(epoch)


def test_the_order_depends_on_seed_and_epoch_only():
    one, two = (EpochSampler(Numbers(50), seed=1) for _ in range(2))
    one.set_epoch(4), two.set_epoch(4)
    assert list(one) == list(two) == list(one)
    rest = list(one)[7:]
    one.set_epoch(4, skip=7)
    assert list(one) == rest and len(one) == 50  # what a stopped run has not seen yet
    two.set_epoch(5)
    assert set(rest) < set(two) and list(two)[7:] != rest and sorted(two) == list(range(50))


def test_several_clips_a_video_are_epochs_of_their_own():
    data = Numbers(5)
    sampler = EpochSampler(data, seed=0, repeats=3)
    sampler.set_epoch(2)
    found = list(sampler)
    assert data.epochs == [6] and len(sampler) == len(found) == 15
    for turn in range(3):  # a whole pass each, named by its number
        assert sorted(found[5 * turn : 5 * turn + 5]) == list(range(5 * turn, 5 * turn + 5))


def test_warm_up_takes_the_longer_setting_and_cosine_the_rest():
    recipe = load_recipe("paper-15k").pretrain
    warm, cosine = schedule(recipe, steps=10_000, epoch=100)
    assert (warm["end"], cosine["begin"], cosine["T_max"]) == (500, 500, 9_500)
    (constant,) = schedule(
        recipe.model_copy(update={"schedule": "constant"}), steps=10_000, epoch=100
    )
    assert constant["type"] == "LinearLR"


def test_precision_is_fp32_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert precision_of("auto") == "fp32" and precision_of("bf16") == "bf16"


def test_a_warm_up_of_one_step_leaves_the_rate_alone():
    recipe = Training(epochs=6, batch_size=2, lr=0.1, warmup_epochs=1)
    assert [part["type"] for part in schedule(recipe, steps=6, epoch=1)] == ["CosineAnnealingLR"]
    assert len(schedule(recipe, steps=60, epoch=10)) == 2
