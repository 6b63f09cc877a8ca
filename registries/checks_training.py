"""Contract checks that compute losses and train: values, gradients, state, the stock Runner."""

from __future__ import annotations

import copy
import itertools
import math
import tempfile
import uuid
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from registries.check_base import (
    BATCH,
    PHASES,
    Subject,
    check,
    select,
    step,
    total,
    values,
)
from registries.objective import Objective
from registries.synthetic import SyntheticClips

STEPS, ROUND = 60, 15  # chosen: of overfitting four clips, at most; looked at after each round
FILL = 10  # chosen: batches seen before that, so that a queue or bank holds no noise
RATE = 3e-3  # of Adam there, chosen
FALL = 0.1  # chosen: least part of its first value the loss must lose, and of that by matching
DRAWS = 4  # random draws (labels, dropout) that losses are averaged over
BF16 = 0.1  # relative; chosen: bfloat16 keeps 8 bits, a hundred operations lose some


@check
def check_losses(subject: Subject) -> None:
    """`loss` returns finite `loss_<term>` scalars; other keys are diagnostics."""
    model, batch = subject.build(), subject.batch()
    for seed, phase in enumerate(PHASES):
        losses = step(model, batch, seed=seed, progress=phase)
        assert any(key.startswith("loss_") for key in losses), (
            f"no loss among {sorted(losses)}; return at least one loss_<term>"
        )
        for key, value in losses.items():
            _check_entry(key, value)
            if key.endswith("_accuracy"):
                _check_accuracy(key, losses)
        for name, rows in model.embeddings.items():
            assert rows.dim() == 2 and len(rows) == BATCH and not rows.requires_grad, (
                f"embeddings[{name!r}] has shape {tuple(rows.shape)} and "
                f"requires_grad={rows.requires_grad}; set (B, D) rows, detached"
            )


def _check_entry(key: str, value: Tensor) -> None:
    assert isinstance(value, Tensor) and value.dim() == 0, (
        f"{key!r} is {value!r:.60}; every entry is a scalar tensor"
    )
    assert torch.isfinite(value), f"{key} is {value.item()} on ordinary clips"
    if "loss" not in key:
        assert not value.requires_grad, f"{key} is only logged: compute it under torch.no_grad()"
        return
    assert key.startswith("loss_"), (
        f"mmengine minimises every key that contains 'loss': call {key!r} loss_<term> if it is "
        "minimised, otherwise leave the word out"
    )
    assert value.requires_grad, f"{key} has no gradient; something detaches all of it"


def _check_accuracy(key: str, losses: Mapping[str, Tensor]) -> None:
    chance = key.removesuffix("_accuracy") + "_chance"
    assert chance in losses, f"log {chance} beside {key}: what guessing would reach"
    for name in (key, chance):
        assert 0 <= float(losses[name]) <= 1, f"{name} is {float(losses[name])}, not a share"


@check
def check_gradients(subject: Subject) -> None:
    """Every trainable parameter gets a gradient within a few steps."""
    model, batch = subject.build(), subject.batch()
    optimizer = _optimizer(model)
    reached: set[str] = set()
    for seed, phase in itertools.product(range(DRAWS), PHASES):
        optimizer.zero_grad()
        _backward(step(model, batch, seed=seed, progress=phase))
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                assert torch.isfinite(parameter.grad).all(), (
                    f"the gradient of {name} is not finite; look for a square root, a log or a "
                    "division at zero"
                )
                if parameter.grad.any():
                    reached.add(name)
        optimizer.step()  # a layer that starts at zero lets gradients through from then on
    still = [n for n, p in model.named_parameters() if p.requires_grad and n not in reached]
    assert not still, (
        f"no gradient reaches {', '.join(still)}; use them in the loss, or set "
        "requires_grad_(False) where they follow by other means"
    )


@check
def check_permutation(subject: Subject) -> None:
    """The order of the samples in a batch does not matter."""
    batch = subject.batch()
    moved = select(batch, [2, 0, 3, 1])
    for phase in PHASES:
        model = subject.build()
        twin = copy.deepcopy(model)
        here = values(step(model, batch, progress=phase))
        there = values(step(twin, moved, progress=phase))
        for key in here:
            assert "loss" not in key or math.isclose(
                here[key], there[key], rel_tol=1e-4, abs_tol=1e-5
            ), (
                f"{key} is {here[key]:.6g}, and {there[key]:.6g} with the same samples in another "
                "order; something depends on the place in the batch (a label, an offset, a "
                "reshape of the wrong axis)"
            )


@check
def check_learning(subject: Subject) -> None:
    """It overfits four clips; what belongs together then fits better than what does not."""
    model, batch = subject.build(), subject.varied()
    for seed in range(FILL):
        with torch.no_grad():
            step(model, batch, seed=seed)
    first = _mean_loss(model, batch)
    optimizer = _optimizer(model)
    for number in range(1, STEPS + 1):
        optimizer.zero_grad()
        _backward(step(model, batch, seed=DRAWS + number))
        optimizer.step()
        if number % ROUND == 0:
            last, apart = _mean_loss(model, batch), _mean_loss(model, mismatched(batch))
            learns = first - last > FALL * max(abs(first), FALL)
            if learns and apart - last > FALL * (first - last):
                return
    assert learns, (
        f"{STEPS} steps on the same four clips take the loss from {first:.4g} to {last:.4g} only; "
        "look for a detached path, a wrong sign, or targets that change from step to step"
    )
    raise AssertionError(
        f"training takes the loss from {first:.4g} to {last:.4g} on the clips, and to {apart:.4g} "
        "where parts of different clips are put together: what it learns is not what belongs "
        "together (collapse, or positives mixed up)"
    )


def _mean_loss(model: Objective, batch: Mapping[str, Any]) -> float:
    """The loss as in training, over a few random draws, without leaving a trace in the state."""
    found = []
    for seed in range(DRAWS):
        with torch.no_grad():
            found.append(float(total(step(copy.deepcopy(model), batch, seed=seed))))
    return sum(found) / len(found)


def mismatched(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Parts of different samples put together.

    Every view but the first comes from the next sample, its times with it; where there is one view,
    the second half of its clips, or of its frames.
    """
    inputs, samples = dict(batch["inputs"]), dict(batch["data_samples"])
    first, *others = inputs
    turned = select(batch, [*range(1, len(inputs[first])), 0])
    for name in others:
        inputs[name] = turned["inputs"][name]
    samples["times"] = {
        name: (turned if name in others else batch)["data_samples"]["times"][name]
        for name in samples["times"]
    }
    if not others:
        view = inputs[first].clone()
        several = samples["times"][first].start.shape[1] > 1
        axis = 1 if several else (2 if view.dim() == 5 else view.dim() - 1)
        half = view.shape[axis] // 2
        rest = view.shape[axis] - half
        view.narrow(axis, half, rest).copy_(turned["inputs"][first].narrow(axis, half, rest))
        inputs[first] = view
    return {"inputs": inputs, "data_samples": samples}


@check
def check_state(subject: Subject) -> None:
    """A saved and loaded objective goes on exactly where it was: queue, twin, bank, cursor."""
    model, batch = subject.build(), subject.batch()
    optimizer = _optimizer(model)
    for seed in range(3):
        optimizer.zero_grad()
        _backward(step(model, batch, seed=seed))
        optimizer.step()
    other = subject.build(seed=1)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    for seed in range(3, 6):
        here, there = (values(step(each, batch, seed=seed)) for each in (model, other))
        for key in here:
            same = here[key] == there[key] or (math.isnan(here[key]) and math.isnan(there[key]))
            assert same, (
                f"{key} is {here[key]!r}, and {there[key]!r} after saving and loading; keep all "
                "state in registered persistent buffers or parameters"
            )


@check
def check_batch_sizes(subject: Subject) -> None:
    """Batches of 1, 2, 3 samples give finite values and gradients; so does a partial last one."""
    for size in (1, 2, 3):
        model = subject.build()
        losses = step(model, subject.batch(size))
        _finite(losses, f"with a batch of {size}")
        _backward(losses)
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        assert gradients and all(torch.isfinite(g).all() for g in gradients), (
            f"a batch of {size} gives gradients that are missing or not finite"
        )
        assert any(g.any() for g in gradients), f"a batch of {size} teaches nothing: no gradient"
    model = subject.build()
    for size in (BATCH, BATCH, 3, BATCH):
        _finite(step(model, subject.batch(size)), f"with batches of {BATCH}, {BATCH}, 3, {BATCH}")


def _optimizer(model: Objective) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=RATE)


def _backward(losses: Mapping[str, Tensor]) -> None:
    total(losses).backward()  # type: ignore[no-untyped-call]


def _finite(losses: Mapping[str, Tensor], when: str) -> None:
    wrong = {key: value for key, value in values(losses).items() if not math.isfinite(value)}
    assert not wrong, f"{wrong} {when}; guard means and deviations over too few rows"


@check
def check_runner(subject: Subject) -> None:
    """The stock Runner trains it, and bfloat16 autocast leaves its losses in float32, close."""
    model = subject.build()
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    with tempfile.TemporaryDirectory() as folder:
        _train(model, SyntheticClips(subject.sampling(), count=2 * BATCH), folder)
    after = dict(model.named_parameters())
    assert all(torch.isfinite(parameter).all() for parameter in after.values()), (
        "two steps of the stock Runner leave weights that are not finite"
    )
    assert any(not torch.equal(old, after[name]) for name, old in before.items()), (
        "two steps of the stock Runner change no weight; is train_step overridden?"
    )
    _check_bfloat16(subject)


def _train(model: Objective, clips: SyntheticClips, folder: str) -> None:
    """Two steps as the harness makes them."""
    Runner(
        model=model,
        work_dir=folder,
        train_dataloader=DataLoader(clips, batch_size=BATCH),
        train_cfg={"by_epoch": True, "max_epochs": 1},
        optim_wrapper={"type": "OptimWrapper", "optimizer": {"type": "AdamW", "lr": 1e-3}},
        default_hooks={"checkpoint": None, "logger": None, "sampler_seed": None},
        log_level="ERROR",
        experiment_name=f"check-{uuid.uuid4().hex}",
        default_scope="mmengine",
    ).train()


def _check_bfloat16(subject: Subject) -> None:
    batch = subject.batch()
    wanted = values(step(subject.build(), batch))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = step(subject.build(), batch)
    for key, value in losses.items():
        if "loss" in key:
            assert value.dtype == torch.float32, (
                f"{key} is {value.dtype} under autocast; compute losses in float32 with autocast "
                "off, as objectives.parts.losses does"
            )
            got = float(value.detach())
            assert math.isclose(got, wanted[key], rel_tol=BF16, abs_tol=BF16), (
                f"{key} is {wanted[key]:.4g} in float32 and {got:.4g} under bfloat16 autocast"
            )
    _backward(losses)
