"""Adapters: parameter counts, true channels and strides, and the stride options."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.backbones import strides
from registries.errors import UsageError
from registries.registry import BACKBONES

TINY = {"type": "resnet3d", "base_channels": 2, "conv1_kernel": (1, 5, 5), "inflate": (0, 0, 1, 1)}
NATIVE = {
    "r3d_18": (33_166_272, (8, 16, 16)),
    "mc3_18": (11_490_240, (1, 16, 16)),
    "r2plus1d_18": (31_300_125, (8, 16, 16)),
    "r2plus1d_18_avid": (15_379_136, (8, 32, 32)),
}
SMALL = {
    "avid": {"type": "r2plus1d_18_avid", "width": 2},
    "mmaction2": TINY,
    "mmaction2, registered": {
        "type": "registered",
        "model": {
            "type": "mmaction.ResNet3dSlowOnly",
            "depth": 18,
            "pretrained": None,
            "base_channels": 2,
            "with_pool2": False,
        },
    },
}


def meta(config):
    """An encoder without memory: shapes are exact and cost nothing."""
    with torch.device("meta"):
        return BACKBONES.build(config).eval()


def check_declared(encoder, clip) -> None:
    maps = encoder(clip)
    assert len(maps) == len(encoder.pathways) == len(encoder.channels) == len(encoder.strides)
    for found, channels, stride in zip(maps, encoder.channels, encoder.strides, strict=True):
        sizes = [-(-size // step) for size, step in zip(clip.shape[2:], stride, strict=True)]
        assert list(found.shape) == [len(clip), channels, *sizes]


@pytest.mark.parametrize("name", NATIVE)
def test_native_parameters_and_strides(name):
    encoder = meta({"type": name})
    parameters, stride = NATIVE[name]
    assert sum(p.numel() for p in encoder.parameters()) == parameters
    assert encoder.strides == (stride,)
    check_declared(encoder, torch.empty(1, 3, 16, 112, 112, device="meta"))


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("grid", [8, 16, 32])
@pytest.mark.parametrize("time", [1, 2, 4, 8])
def test_stride_options_change_no_weight(name, grid, time):
    options = {"type": name, "temporal_stride": time, "grid_stride": grid}
    native_time, native_grid, _ = NATIVE[name][1]
    if grid > native_grid or time > native_time:
        with pytest.raises(UsageError, match=r"_stride=\d+ cannot be had .* allowed: 1"):
            meta(options)
        return
    encoder = meta(options)
    shapes = {key: value.shape for key, value in encoder.state_dict().items()}
    assert shapes == {k: v.shape for k, v in meta({"type": name}).state_dict().items()}
    assert encoder.strides == ((time, grid, grid),)
    check_declared(encoder, torch.empty(1, 3, 16, 112, 112, device="meta"))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("time", "grid"), [(None, None), (1, 16), (1, 8)])
def test_small_backbones_run(name, time, grid):
    encoder = BACKBONES.build({**SMALL[name], "temporal_stride": time, "grid_stride": grid})
    clip = torch.randn(2, 3, 8, 64, 64)
    check_declared(encoder, clip)
    encoder(clip)[0].square().mean().backward()
    assert all(p.grad is not None for p in encoder.parameters())


@pytest.mark.parametrize("name", SMALL)
def test_config_rebuilds_the_encoder(name):
    encoder = BACKBONES.build({**SMALL[name], "temporal_stride": 1}).eval()
    again = BACKBONES.build(encoder.config).eval()
    again.load_state_dict(encoder.state_dict())
    clip = torch.randn(1, 3, 4, 32, 32)
    assert torch.equal(again(clip)[0], encoder(clip)[0])


@pytest.mark.parametrize("name", SMALL)
def test_the_runner_does_not_draw_weights_again(name):
    encoder = BACKBONES.build(SMALL[name])
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.init_weights()  # mmengine's Runner calls it before training
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


def test_every_frame_is_kept_and_late_strides_go_first():
    encoder = meta({"type": "r3d_18", "temporal_stride": 4})
    stage = encoder.stages
    assert [strides.total([stage[name]], -3) for name in ("layer2", "layer3", "layer4")] == [
        2,
        2,
        1,
    ]


def test_stages_by_name():
    encoder = meta({"type": "r2plus1d_18"})
    clip = torch.empty(1, 3, 8, 112, 112, device="meta")
    layer3, stem = encoder.intermediates(clip, ("layer3", "stem"))
    assert (layer3.shape[1:], stem.shape[1:]) == ((256, 2, 14, 14), (64, 8, 56, 56))
    with pytest.raises(UsageError, match="layer9"):
        encoder.intermediates(clip, ("layer9",))


def test_audio_trunk_of_glcm():
    encoder = meta({"type": "resnet1d_18"})
    assert sum(p.numel() for p in encoder.parameters()) == 3_887_424  # the authors' code
    (found,) = encoder(torch.empty(2, 80, 96, device="meta"))
    assert found.shape == (2, 512, 96)
    small = BACKBONES.build({"type": "resnet1d_18", "in_channels": 10, "width": 2})
    check_declared(small, torch.randn(3, 10, 24))


def test_lower_leaves_one_number_pools_alone_along_other_axes():
    stages = [nn.MaxPool3d((1, 3, 3), stride=2, padding=(0, 1, 1)), nn.Conv3d(1, 1, 1, stride=2)]
    strides.lower(stages, axes=strides.GRID, wanted=2, option="grid_stride")
    assert [stage.stride for stage in stages] == [2, (2, 1, 1)]
    strides.lower(stages, axes=strides.TIME, wanted=1, option="temporal_stride")
    assert [stage.stride for stage in stages] == [(1, 2, 2), (1, 1, 1)]


def pathways(*entries) -> dict:
    keys = ("name", "every", "encoder")
    return {
        "type": "pathways",
        "pathways": [dict(zip(keys, entry, strict=True)) for entry in entries],
    }


def test_pathways_subsample_inside():
    small = {"type": "r2plus1d_18_avid", "width": 2, "grid_stride": 16}
    encoder = BACKBONES.build(
        pathways(("global", 4, small), ("local", 1, {**small, "temporal_stride": 1}))
    )
    assert encoder.pathways == ("global", "local")
    assert encoder.strides == ((32, 16, 16), (1, 16, 16))
    clip = torch.randn(1, 3, 32, 32, 32)
    check_declared(encoder, clip)
    encoder.eval()
    changed = clip.clone()
    changed[:, :, 1::4] = 0
    before, after = encoder(clip), encoder(changed)
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_pathways_share_no_weights():
    small = {"type": "r2plus1d_18_avid", "width": 2}
    encoder = BACKBONES.build(pathways(("a", 1, small), ("b", 1, small)))
    seen = [{id(t) for t in [*b.parameters(), *b.buffers()]} for b in encoder.branches.values()]
    assert not seen[0] & seen[1]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (pathways(), "different names"),
        (pathways(("a", 1, SMALL["avid"]), ("a", 1, SMALL["avid"])), "different names"),
        (pathways(("a", 0, SMALL["avid"])), "every >= 1"),
        (pathways(("a", 1, {"type": "resnet1d_18"})), "audio encoder"),
        ({"type": "resnet3d", "depth": 19}, "depth=19"),
    ],
)
def test_impossible_configs_say_so(config, said):
    with pytest.raises(UsageError, match=said):
        BACKBONES.build(config)
