"""The same encoders computed otherwise: in less memory, compiled, channels last."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from benchmark import layout
from benchmark.layout import lay_out, outermost, recompute
from benchmark.settings import Recipe, load_recipe
from benchmark.validation import validate
from registries.check_base import Subject, step
from registries.encoder import Encoder
from registries.errors import NotReadyError, UsageError
from registries.registry import BACKBONES

VIDEO = {"type": "resnet3d", "base_channels": 4, "inflate": (0, 0, 1, 1), "temporal_stride": 1}
AUDIO = {"type": "resnet1d_18", "width": 4}
NETS = {
    "video": (VIDEO, (3, 3, 4, 32, 32)),
    "torchvision": ({"type": "r2plus1d_18_avid", "width": 4}, (2, 3, 8, 32, 32)),
    "audio": (AUDIO, (3, 80, 12)),
    "pathways": (
        {
            "type": "pathways",
            "pathways": [
                {"name": "global", "every": 2, "encoder": VIDEO},
                {"name": "local", "every": 1, "encoder": VIDEO},
            ],
        },
        (2, 3, 4, 32, 32),
    ),
}


def recipe(*overrides):
    return load_recipe("demo", objectives=("glcm",), overrides=overrides)


def trained(net, clip, *, stages=None):
    """Maps, gradients and buffers after two passes in training mode, each with its backward."""
    net.train()
    for _ in range(2):
        maps = net(clip) if stages is None else net.intermediates(clip, stages)
        sum((found.square().mean() for found in maps), start=torch.zeros(())).backward()
    grads = {f"grad {n}": p.grad for n, p in net.named_parameters() if p.grad is not None}
    outs = {f"map {n}": found.detach() for n, found in enumerate(maps)}
    return outs | grads | dict(net.named_buffers())


@pytest.mark.parametrize("name", list(NETS))
def test_less_memory_changes_no_number(name):
    """Maps, gradients, running statistics and their counts, to the last bit."""
    config, shape = NETS[name]
    torch.manual_seed(0)
    plain, clip = BACKBONES.build(config), torch.randn(shape)
    light = copy.deepcopy(plain)
    recompute(light)
    want, got = trained(plain, clip), trained(light, clip)
    assert want.keys() == got.keys() and any("num_batches" in key for key in want)
    assert all(torch.equal(want[key], got[key]) for key in want)
    assert list(plain.state_dict()) == list(light.state_dict())


def test_inner_stages_take_less_memory_too():
    torch.manual_seed(0)
    plain, clip = BACKBONES.build(VIDEO), torch.randn(2, 3, 4, 32, 32)
    light = copy.deepcopy(plain)
    recompute(light)
    stages = ("layer2", "layer4")
    want, got = trained(plain, clip, stages=stages), trained(light, clip, stages=stages)
    assert all(torch.equal(want[key], got[key]) for key in want)


def test_what_is_kept_for_the_backward_pass_is_less():
    """Bytes that autograd holds on to; what the option is for."""
    config, shape = NETS["video"]
    net, clip = BACKBONES.build(config).train(), torch.randn(shape)

    def kept():
        held = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: held.setdefault(x.untyped_storage().data_ptr(), x), lambda x: x
        ):
            net(clip)
        return sum(x.untyped_storage().nbytes() for x in held.values())

    before = kept()
    recompute(net)
    assert kept() < 0.5 * before


@pytest.mark.parametrize("name", ["glcm", "moco", "avslowfast"])
def test_objectives_lose_the_same(name):
    """Twins, pathways and inner stages included; the recipe's own way in."""
    subject = Subject.of(name)
    nets = {"video": VIDEO, "audio": AUDIO}
    torch.manual_seed(0)
    plain = subject.cls(**{**subject.options, **nets}).train()
    light = lay_out(copy.deepcopy(plain), recipe("activation_checkpointing=True"))
    batch = subject.batch()
    batch["inputs"] = {
        key: torch.randn(4, 80, value.shape[-1]) if value.dim() == 3 else value
        for key, value in batch["inputs"].items()
    }
    for model in (plain, light):
        losses = step(model, batch)
        sum(v for k, v in losses.items() if "loss" in k).backward()
    for (key, one), (_, other) in zip(
        plain.named_parameters(), light.named_parameters(), strict=True
    ):
        assert (one.grad is None) == (other.grad is None), key
        assert one.grad is None or torch.equal(one.grad, other.grad), key
    there = light.state_dict()
    assert all(torch.equal(value, there[key]) for key, value in plain.state_dict().items())


class Whole(Encoder):
    """An encoder without segments."""

    modality = "audio"

    def __init__(self):
        super().__init__()
        self.net = nn.Conv1d(2, 2, 1)

    def forward(self, clip):
        return (self.net(clip),)


def test_an_encoder_without_segments_is_refused():
    with pytest.raises(UsageError, match="Whole names no segments"):
        recompute(Whole())


def test_encoders_inside_encoders_are_left_to_them():
    net = BACKBONES.build(NETS["pathways"][0])
    assert outermost(nn.Sequential(net, nn.Linear(1, 1), Whole()))[0] is net
    assert len(outermost(nn.Sequential(net, Whole()))) == 2


def test_without_a_compiler_it_says_what_to_install(monkeypatch):
    def broken(function):
        raise RuntimeError("No working C++ compiler found\nand much more")

    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setattr(layout, "need_compiler", layout.need_compiler.__wrapped__)
    with pytest.raises(NotReadyError, match=r"\(No working C\+\+ compiler found\)"):
        lay_out(BACKBONES.build(AUDIO), recipe("compile=True"))


@pytest.mark.slow
def test_compiled_encoders_compute_the_same():
    """Maps, gradients and statistics, to the rounding of sums taken in another order."""
    config, shape = NETS["audio"]
    torch.manual_seed(0)
    plain, clip = BACKBONES.build(config), torch.randn(shape)
    fast = lay_out(copy.deepcopy(plain), recipe("compile=True"))
    want, got = trained(plain, clip), trained(fast, clip)
    assert want.keys() == got.keys()
    for key, value in want.items():
        torch.testing.assert_close(got[key], value, rtol=1e-3, atol=1e-5, msg=key)
    assert list(plain.state_dict()) == list(fast.state_dict())


def test_channels_last_changes_the_layout_alone():
    net = BACKBONES.build(VIDEO)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    lay_out(net, recipe("channels_last=True"))
    kernel = net.stages["conv1"].conv.weight
    assert kernel.is_contiguous(memory_format=torch.channels_last_3d)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_options_are_dumped_only_where_used_and_exclude_one_another():
    plain = recipe().model_dump()
    names = {"channels_last", "compile", "activation_checkpointing"}
    assert not names & plain.keys()
    used = recipe("compile=True", "channels_last=True").model_dump()
    assert used.keys() - plain.keys() == {"compile", "channels_last"}
    assert recipe("compile=True", "workers=2").changes == {"compile": True}
    assert recipe("channels_last=True").changes == {"channels_last": True}
    assert recipe("activation_checkpointing=True").changes == {}  # the same numbers
    with pytest.raises(UsageError, match="leave compile out"):
        validate(Recipe, {**plain, "compile": True, "activation_checkpointing": True}, where="x")
