"""Rates of single parameters and layers, and the schedule that can start from zero."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from torch import nn

from benchmark.optimisers import Larc, larc, parameter_rates, warmed_cosine
from benchmark.paths import CHECKOUT
from benchmark.protocols import FROZEN, parse
from benchmark.settings import LATER, Recipe, Training, load_recipe
from benchmark.training import optim_wrapper, schedule
from benchmark.validation import validate
from registries.errors import UsageError


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(3, 4)
        self.heads = nn.ModuleDict({"trunk": nn.Linear(4, 2)})


def recipe(**options):
    return Training(**{"epochs": 4, "batch_size": 2, "optimizer": "SGD", "lr": 0.1, **options})


def rates(settings, *, steps=12, epoch=3):
    """Rate of each parameter at each step, as a Runner would set it: name -> (steps,)."""
    net = Net()
    wrapper = build_optim_wrapper(net, optim_wrapper(net, settings, "fp32"))
    schedulers = [
        PARAM_SCHEDULERS.build(config, default_args={"optimizer": wrapper, "epoch_length": epoch})
        for config in schedule(settings, steps=steps, epoch=epoch)
    ]
    names = {id(p): name for name, p in net.named_parameters()}
    seen = {name: [] for name in names.values()}
    for _ in range(steps):
        for group in wrapper.optimizer.param_groups:
            for p in group["params"]:
                seen[names[id(p)]].append(group["lr"])
        wrapper.step()
        for scheduler in schedulers:
            scheduler.step()
    return {name: np.array(column) for name, column in seen.items()}


def test_larc_equals_its_formula_in_plain_numbers():
    w, g = (torch.tensor([row], dtype=torch.float64) for row in ((3.0, 4.0), (0.6, -0.8)))
    lr, decay, trust = 0.1, 0.5, 0.02
    local = trust * 5 / (1 + decay * 5 + 1e-8)  # below the rate
    want = [local / lr * (0.6 + 1.5), local / lr * (-0.8 + 2.0)]
    got = larc(w, g, lr=lr, weight_decay=decay, trust=trust)
    assert got[0].tolist() == pytest.approx(want, rel=1e-12)
    clipped = larc(w, g, lr=1e-3, weight_decay=decay, trust=trust)
    assert clipped[0].tolist() == pytest.approx([2.1, 1.2], rel=1e-12)


def test_larc_at_its_limits():
    w, g = torch.randn(4, 3), torch.randn(4, 3)
    options = {"lr": 0.1, "weight_decay": 0.0, "trust": 1e-3}
    # the size of the gradient does not count where the rate is not clipped
    assert torch.allclose(larc(w, g, **options), larc(w, 100 * g, **options), rtol=1e-4)
    assert torch.equal(larc(torch.zeros(4, 3), g, **options), g)
    assert torch.equal(larc(w, g, lr=0.0, weight_decay=0.0, trust=1e-3), g)
    assert torch.equal(larc(w, 0 * g, **options), 0 * g)


def test_the_hook_rescales_before_the_step():
    net, lr = Net(), 0.5
    wrapper = OptimWrapper(torch.optim.SGD(net.parameters(), lr=lr))
    Larc(trust=0.01, weight_decay=0.1).before_train(SimpleNamespace(optim_wrapper=wrapper))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    grads = {
        name: torch.randn_like(p) for name, p in net.named_parameters() if "trunk.b" not in name
    }
    for name, p in net.named_parameters():
        p.grad = grads[name].clone() if name in grads else None
    wrapper.step()
    for name, p in net.named_parameters():
        if name in grads:
            seen = larc(before[name], grads[name], lr=lr, weight_decay=0.1, trust=0.01)
            assert torch.allclose(p, before[name] - lr * seen), name
        else:
            assert torch.equal(p, before[name])


def test_weight_decay_moves_from_the_optimiser_to_larc():
    plain = optim_wrapper(Net(), recipe(weight_decay=0.1), "fp32")
    moved = optim_wrapper(Net(), recipe(weight_decay=0.1, larc=1e-3), "fp32")
    assert (plain["optimizer"]["weight_decay"], moved["optimizer"]["weight_decay"]) == (0.1, 0.0)


def test_warmed_cosine_by_hand():
    shape = {"steps": 10, "warmup": 4, "start": 0.1, "final": 0.5}
    got = [warmed_cosine(step, **shape) for step in range(10)]
    assert got[:5] == pytest.approx([0.1, 0.4, 0.7, 1.0, 1.0])
    assert got[7] == pytest.approx(0.75)  # half-way down
    assert got[5:] == sorted(got[5:], reverse=True) and got[9] > 0.5
    flat = [warmed_cosine(step, cosine=False, **shape) for step in range(10)]
    assert flat[3:] == [1.0] * 7
    assert warmed_cosine(0, steps=5, warmup=1, start=0.0, final=0.0) == 0.0
    assert warmed_cosine(1, steps=5, warmup=1, start=0.0, final=0.0) == 1.0


def test_rates_of_parts_and_a_part_that_stands_still():
    settings = recipe(
        warmup_epochs=1,
        warmup_lr=0.0,
        final_lr=0.02,
        lr_scale={"heads": 10.0, "trunk.bias": 2.0},
        constant_lr=("heads",),
    )
    found = rates(settings)
    shape = {"steps": 12, "warmup": 3, "start": 0.0, "final": 0.2}
    want = np.array([warmed_cosine(step, **shape) for step in range(12)])
    assert found["trunk.weight"] == pytest.approx(0.1 * want)
    assert found["trunk.bias"] == pytest.approx(0.2 * want)
    # "trunk" is a part of this name, not its beginning
    assert (found["heads.trunk.weight"] == 1.0).all() and (found["heads.trunk.bias"] == 1.0).all()


def test_encoders_keep_their_own_scale_beside_it():
    net = nn.ModuleDict({"encoder": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    settings = recipe(encoder_lr_scale=0.1, lr_scale={"head": 3.0, "encoder.bias": 2.0})
    wrapper = build_optim_wrapper(net, optim_wrapper(net, settings, "fp32"))
    names = [name for name, _ in net.named_parameters()]
    found = dict(zip(names, [group["lr"] for group in wrapper.optimizer.param_groups], strict=True))
    assert found == pytest.approx(
        {"encoder.weight": 0.01, "encoder.bias": 0.02, "head.weight": 0.3, "head.bias": 0.3}
    )


def test_the_new_schedule_agrees_with_the_stock_one_where_both_can():
    stock = rates(recipe(warmup_epochs=1))["trunk.weight"]
    own = rates(recipe(warmup_epochs=1, warmup_lr=0.1 * 1e-3))["trunk.weight"]
    assert own == pytest.approx(stock, rel=1e-9)


def test_a_name_that_fits_nothing_is_refused():
    for options in ({"lr_scale": {"head": 2.0}}, {"constant_lr": ("trun",)}):
        with pytest.raises(UsageError, match=r"begin with: heads, trunk"):
            optim_wrapper(Net(), recipe(**options), "fp32")


def test_the_longest_beginning_counts():
    found = parameter_rates(["a.b.c", "a.d"], scale={"a": 2.0, "a.b": 3.0}, constant=("a.d",))
    assert found["a.b.c"] == {"lr_mult": 3.0, "constant": False}
    assert found["a.d"] == {"lr_mult": 2.0, "constant": True}


def test_fields_at_their_defaults_change_no_key():
    """Records were made before these fields existed: what they hashed stays what it was."""
    assert not set(LATER) & set(recipe().model_dump())
    changed = {"larc": 1e-3, "lr_scale": {"heads": 2.0}, "warmup_lr": 0.0}
    dumped = recipe(**changed).model_dump()
    assert {key: dumped[key] for key in LATER if key in dumped} == changed
    assert recipe(**changed) == Training(**dumped)
    preset = load_recipe("paper-15k")
    assert not set(LATER) & set(preset.model_dump()["pretrain"])
    assert not set(LATER) & set(preset.finetune_for("lrw").model_dump())


def test_keys_of_the_committed_records_are_still_met():
    folder = CHECKOUT / "results" / "runs"
    if not folder.is_dir():
        pytest.skip("records are not part of the package")
    count = 0
    for path in sorted([*folder.glob("eval/*.json"), *folder.glob("pretrain/*.json")]):
        fields = json.loads(path.read_text())["key_fields"]
        if (hashed := fields.get("recipe")) is not None:
            part = {"eval": "finetune", "pretrain": "pretrain"}[fields["kind"]]
            if parse(fields.get("protocol", "finetune"))[0] in FROZEN:
                part, shared = "probe", ("pooling", "features")  # of the finetuning recipe
                hashed = {key: value for key, value in hashed.items() if key not in shared}
            schema = Recipe.model_fields[part].annotation
            again = validate(schema, hashed, where=path.name).model_dump()
            assert json.loads(json.dumps(again)) == hashed, path.name
            count += 1
    assert count > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="mmengine's own wrapper is used there")
def test_bf16_on_a_cpu_computes_in_bf16_and_keeps_weights_in_fp32():
    net = Net()
    wrapper = build_optim_wrapper(net, optim_wrapper(net, recipe(), "bf16"))
    before = net.trunk.weight.detach().clone()
    with wrapper.optim_context(net):
        out = net.trunk(torch.ones(2, 3))
        assert out.dtype == torch.bfloat16
        wrapper.update_params(out.float().square().mean())
    assert net.trunk.weight.dtype == torch.float32
    assert not torch.equal(net.trunk.weight, before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="mmengine's own wrapper is used there")
@pytest.mark.parametrize("frames", [1, 2, 4])
def test_bf16_on_a_cpu_has_the_gradients_of_convolutions(frames):
    torch.manual_seed(0)
    conv = nn.Conv3d(16, 16, 3, padding=1, bias=False)
    clip = torch.randn(16, 16, frames, 16, 16)
    wrapper = build_optim_wrapper(conv, optim_wrapper(conv, recipe(), "bf16"))
    with wrapper.optim_context(conv):
        conv(clip).float().square().mean().backward()
    exact = copy.deepcopy(conv).double()
    exact.zero_grad()
    exact(clip.double()).square().mean().backward()
    error = (conv.weight.grad.double() - exact.weight.grad).abs().max()
    assert error < 0.02 * exact.weight.grad.abs().max()
